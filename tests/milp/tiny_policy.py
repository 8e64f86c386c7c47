"""Model directories of every branching network with random weights, written without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from neurosolve.milp.features import FEATURE_VERSION, NODE_FEATURES, ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES

Floats = NDArray[np.float32]


def weights_of(network: str, hidden: int = 16, width: int = 8, rounds: int = 2, seed: int = 0) -> dict[str, Any]:
    """Named and shaped as the torch state dicts of neurosolve/learn/networks/."""
    random = np.random.default_rng(seed)
    weights: dict[str, Any] = {}

    def dense(name: str, outputs: int, inputs: int, bias: bool = True) -> None:
        weights[f"{name}.weight"] = (random.normal(size=(outputs, inputs)) / inputs**0.5).astype(np.float32)
        if bias:
            weights[f"{name}.bias"] = random.normal(size=outputs).astype(np.float32) * 0.1

    def standard(name: str, size: int) -> None:
        weights[f"{name}.mean"] = np.full(size, 0.3, np.float32)
        weights[f"{name}.deviation"] = np.full(size, 0.4, np.float32)

    if network != "gcnn":
        standard("standard", len(NODE_FEATURES))
    if network in ("film", "gcnn", "revival"):
        standard("root.column_standard", len(ROOT_COLUMN_FEATURES))
        standard("root.row_standard", len(ROOT_ROW_FEATURES))
        dense("root.column", width, len(ROOT_COLUMN_FEATURES))
        dense("root.row", width, len(ROOT_ROW_FEATURES))
        for side in ("to_rows", "to_columns"):
            for i in range(rounds):
                dense(f"root.{side}.{i}.own", width, width)
                dense(f"root.{side}.{i}.heard", width, width, bias=False)
    if network in ("film", "mlp", "revival"):
        dense("first", hidden, len(NODE_FEATURES))
        dense("second", hidden, hidden)
        dense("score", 1, hidden)
    if network in ("film", "revival"):
        dense("scale", hidden, width)
        dense("shift", hidden, width)
    if network == "gcnn":
        dense("first", hidden, width)
        dense("score", 1, hidden)
    if network == "sparse":
        dense("linear", 1, len(NODE_FEATURES))
        weights["pairs"] = np.array([[0, 1], [2, 2], [3, 5]], np.int64)
        weights["products.weight"] = np.array([0.5, -0.25, 0.1], np.float32)
    if network == "revival":
        size, heads = 8, 2
        dense("summary", size, 2 * hidden)
        dense("action", size, hidden)
        dense("step_first", size, 2 * size)
        for name in ("step_second", "query", "key", "message", "merge"):
            dense(name, size, size)
        dense("context_scale", hidden, size)
        dense("context_shift", hidden, size)
        weights["direction"] = random.normal(size=(2, size)).astype(np.float32)
        weights["null"] = random.normal(size=size).astype(np.float32)
        weights["temperature"] = np.full(heads, 0.5, np.float32)
    return weights


def write_policy(directory: Path, network: str = "film", **config: Any) -> Path:
    """The directory, made if missing; `config` adds to config.json or overrides it."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file(weights_of(network), directory / "weights.safetensors")
    full = {"schema": 1, "kind": "milp", "feature_version": FEATURE_VERSION, "network": network, **config}
    (directory / "config.json").write_text(json.dumps(full))
    return directory
