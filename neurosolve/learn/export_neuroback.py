"""A trained NeuroBack network -> a model directory that neurosolve/neuroback.py runs without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from neurosolve.infer import FEATURE_VERSION, SCHEMA_VERSION


def export(network: nn.Module, config: dict[str, Any], card: str, directory: Path) -> None:
    """Write weights.safetensors, network.json, config.json and card.md into `directory` (made if missing)."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = {key: value.detach().cpu().contiguous().float() for key, value in network.state_dict().items()}
    packed = save(weights, metadata={"feature_version": str(FEATURE_VERSION)})
    (directory / "weights.safetensors").write_bytes(packed)  # save_file would make it the owner's alone to read
    (directory / "network.json").write_text('{"network": "neuroback"}\n', encoding="utf-8")
    full = {"schema": SCHEMA_VERSION, "feature_version": FEATURE_VERSION, **config, "network": "neuroback"}
    (directory / "config.json").write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
    (directory / "card.md").write_text(card, encoding="utf-8")
