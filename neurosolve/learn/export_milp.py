"""A trained branching network -> a model directory that milp/network.py runs without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from neurosolve.milp.features import FEATURE_VERSION
from neurosolve.milp.network import SCHEMA_VERSION


def export(network: nn.Module, config: dict[str, Any], card: str, directory: Path) -> None:
    """Write weights.safetensors, config.json and card.md into `directory` (made if missing)."""
    export_weights(network.state_dict(), config, card, directory)


def export_weights(given: Mapping[str, Tensor], config: dict[str, Any], card: str, directory: Path) -> None:
    """The same of a network that is no module, by the names that milp/network.py reads."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = {key: value.detach().cpu().contiguous() for key, value in given.items()}
    packed = save(weights, metadata={"feature_version": str(FEATURE_VERSION)})
    (directory / "weights.safetensors").write_bytes(packed)  # save_file would make it the owner's alone to read
    full = {"schema": SCHEMA_VERSION, "feature_version": FEATURE_VERSION, "kind": "milp", **config}
    (directory / "config.json").write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
    (directory / "card.md").write_text(card, encoding="utf-8")
