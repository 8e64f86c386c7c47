"""Weights and training state as one safetensors file each: whole or not there, and nothing pickled.

The file's own metadata holds a JSON object: step, epoch, position, elapsed seconds, best cost, and the
whole config.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from neurosolve.errors import ModelError

SCHEMA = 1
WEIGHTS, OPTIMIZER = "weights.", "optimizer."


def save_atomically(tensors: dict[str, Tensor], state: dict[str, Any], path: Path) -> None:
    """Write beside `path`, flush to disk, rename over it."""
    metadata = {"state": json.dumps({"schema": SCHEMA, **state})}
    data = save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, metadata=metadata)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name and the state object.  Raises ModelError for a file that is missing, damaged or of
    another schema."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {}).get("state", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise ModelError(f"cannot read checkpoint {path}: {error}") from error
    if state.get("schema") != SCHEMA:
        raise ModelError(f"{path} has checkpoint schema {state.get('schema')}, this version reads {SCHEMA}")
    return tensors, state


def save_weights(network: nn.Module, state: dict[str, Any], path: Path) -> None:
    """The network's weights under their own names, ready for export."""
    save_atomically(dict(network.state_dict()), state, path)


def load_weights(network: nn.Module, path: Path) -> dict[str, Any]:
    """Fill the network from either kind of file and return the file's state.  Raises ModelError on a
    mismatch."""
    tensors, state = load(path)
    inner = {n.removeprefix(WEIGHTS): t for n, t in tensors.items() if n.startswith(WEIGHTS)}
    try:
        network.load_state_dict(inner or tensors)
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit this network: {error}") from error
    return state


def load_published(network: nn.Module, model: Path) -> None:
    """Fill the network from a model directory.  Raises ModelError for weights that are missing or of another shape."""
    try:
        network.load_state_dict(load_file(model / "weights.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"{model} does not fit this network: {error}") from error


def save_training(
    network: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any], path: Path
) -> None:
    """Everything a resumed run needs: weights, optimiser moments, counters, config."""
    tensors = {f"{WEIGHTS}{name}": value for name, value in network.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"{OPTIMIZER}{index}.{name}": value for name, value in moments.items()}
    save_atomically(tensors, state, path)


def load_training(network: nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> dict[str, Any]:
    """Restore what `save_training` kept and return its state."""
    state = load_weights(network, path)
    tensors, _ = load(path)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(OPTIMIZER):
            index, key = name.removeprefix(OPTIMIZER).split(".", 1)
            moments.setdefault(int(index), {})[key] = value
    whole = optimizer.state_dict()
    whole["state"] = moments
    optimizer.load_state_dict(whole)
    return state
