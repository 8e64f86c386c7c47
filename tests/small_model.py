"""A literal-clause model with random weights as a directory, written without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from neurosolve.infer import FEATURE_VERSION, SCHEMA_VERSION

PROGRAMS = {
    "embed": {
        "inputs": ["features"],
        "steps": [
            ["affine", "a", "features", "@embed.weight", "@embed.bias"],
            ["rms_norm", "n", "a"],
        ],
        "outputs": ["n"],
    },
    "round": {
        "inputs": ["h", "edges"],
        "steps": [
            ["affine", "said", "h", "@round.message.weight", "@round.message.bias"],
            ["to_clauses", "sums", "edges", "said"],
            ["relu", "clauses", "sums"],
            ["to_literals", "back", "edges", "clauses"],
            ["rms_norm", "heard", "back"],
            ["affine", "in", "heard", "@round.heard.weight", "@round.heard.bias"],
            ["negate", "not_h", "h"],
            ["affine", "other", "not_h", "@round.other.weight", "@round.other.bias"],
            ["add", "both", "in", "other"],
            ["relu", "hidden", "both"],
            ["affine", "update", "hidden", "@round.out.weight", "@round.out.bias"],
            ["add", "next", "h", "update"],
            ["rms_norm", "out", "next"],
        ],
        "outputs": ["out"],
    },
    "readout": {
        "inputs": ["h"],
        "steps": [
            ["affine", "score", "h", "@readout.score.weight", "@readout.score.bias"],
            ["negate", "not_score", "score"],
            ["subtract", "difference", "score", "not_score"],
            ["positive", "first", "difference"],
            ["squeeze", "logit", "first"],
            ["negate", "not_h", "h"],
            ["add", "both", "h", "not_h"],
            ["positive", "pairs", "both"],
            ["affine", "share", "pairs", "@readout.sat.weight", "@readout.sat.bias"],
            ["squeeze", "sat", "share"],
        ],
        "outputs": ["logit", "sat"],
    },
}


def write_model(directory: Path, width: int = 8, hidden: int = 16, **config: Any) -> Path:
    """The directory, made if missing; `config` adds to config.json or overrides it."""
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    shapes = {
        "embed": (width, 2), "round.message": (width, width), "round.heard": (hidden, width),
        "round.other": (hidden, width), "round.out": (width, hidden), "readout.score": (1, width),
        "readout.sat": (1, width),
    }  # fmt: skip
    weights = {}
    for name, (rows, columns) in shapes.items():
        weights[f"{name}.weight"] = (random.normal(size=(rows, columns)) / columns**0.5).astype(np.float32)
        weights[f"{name}.bias"] = random.normal(size=rows).astype(np.float32)
    save_file(weights, directory / "weights.safetensors")
    (directory / "network.json").write_text(json.dumps(PROGRAMS))
    full = {"schema": SCHEMA_VERSION, "feature_version": FEATURE_VERSION, "kind": "sat", "rounds": 12, "min_rounds": 4}
    full |= {"network": "literal_clause", "engine": "cadical195", "delivery": "rename", **config}
    (directory / "config.json").write_text(json.dumps(full))
    return directory
