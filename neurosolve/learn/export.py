"""A trained literal_clause network -> a model directory that infer.py runs without torch.

The three parts (embed, round, readout) are traced by torch.fx into straight-line programs over the vocabulary of
networks/ops.py; `network.json` holds the programs, `weights.safetensors` what they name.
"""

from __future__ import annotations

import json
import operator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import fx, nn

from neurosolve.errors import ModelError
from neurosolve.infer import FEATURE_VERSION, SCHEMA_VERSION
from neurosolve.learn.networks.ops import LEAVES

_NAMES = {torch.relu: "relu", operator.add: "add", operator.sub: "subtract", "squeeze": "squeeze"}
_NAMES.update({leaf: leaf.__name__ for leaf in LEAVES})
PARTS = ("embed", "round", "readout")


def program(part: nn.Module, prefix: str) -> dict[str, Any]:
    """One traced part: {"inputs": [...], "steps": [[op, out, arg, ...], ...], "outputs": [...]}.

    Arguments are names of earlier values, or "@key" for the weight `key`.  Raises ModelError for an operation without
    a NumPy twin.
    """
    graph = fx.Tracer(autowrap_functions=LEAVES).trace(part)
    names: dict[fx.Node, str] = {}
    inputs: list[str] = []
    steps: list[list[str]] = []
    outputs: list[str] = []
    for node in graph.nodes:
        if node.op == "placeholder":
            names[node] = node.name
            inputs.append(node.name)
        elif node.op == "get_attr":
            names[node] = f"@{prefix}.{node.target}"
        elif node.op in ("call_function", "call_method"):
            if node.target not in _NAMES:
                raise ModelError(f"no exported form of operation {node.target!r}: add it to ops.py and infer.py")
            names[node] = node.name
            arguments = [names[a] for a in node.args if isinstance(a, fx.Node)]
            steps.append([_NAMES[node.target], node.name, *arguments])
        elif node.op == "output":
            results = node.args[0] if isinstance(node.args[0], tuple) else (node.args[0],)
            outputs = [names[r] for r in results]
    return {"inputs": inputs, "steps": steps, "outputs": outputs}


def export(network: nn.Module, config: dict[str, Any], card: str, directory: Path) -> None:
    """Write weights.safetensors, network.json, config.json and card.md into `directory` (made if missing)."""
    directory.mkdir(parents=True, exist_ok=True)
    programs = {part: program(getattr(network, part), part) for part in PARTS}
    weights = {key: value.detach().cpu().contiguous().float() for key, value in network.state_dict().items()}
    packed = save(weights, metadata={"feature_version": str(FEATURE_VERSION)})
    (directory / "weights.safetensors").write_bytes(packed)  # save_file would make it the owner's alone to read
    (directory / "network.json").write_text(json.dumps(programs) + "\n")
    full = {"schema": SCHEMA_VERSION, "feature_version": FEATURE_VERSION, **config}
    (directory / "config.json").write_text(json.dumps(full, indent=2) + "\n")
    (directory / "card.md").write_text(card)
