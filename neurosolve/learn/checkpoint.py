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

from neurosolve import model_files
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
    fill(network, _weights_in(tensors), str(path))
    return state


def weights_of(given: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights of a model directory or of a run's .safetensors of either kind, and a directory's network options but
    dropout, which is no shape.  Raises ModelError."""
    try:
        weights = load_file(given / "weights.safetensors" if given.is_dir() else given)
    except Exception as error:  # safetensors has no one class for what may be wrong
        raise ModelError(f"cannot read the weights of {given}: {error}") from error
    config = model_files.read_json(given / "config.json") if given.is_dir() else {}
    return _weights_in(weights), {k: v for k, v in config.get("network_options", {}).items() if k != "dropout"}


def begin_from(network: nn.Module, given: Path) -> None:
    """Fill the network from what `weights_of` reads.  Raises ModelError also for weights of another shape."""
    fill(network, weights_of(given)[0], str(given))


def fill(network: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    """Take over the weights that `name` has.  Raises ModelError that tells the first of those that do not fit."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"{name} does not fit this network: {mismatch(network, weights)}") from error


def mismatch(network: nn.Module, weights: dict[str, Tensor]) -> str:
    """Sizes that differ; what one of the two lacks only where no size does."""
    own = network.state_dict()
    wrong = [key for key in weights if key in own and own[key].shape != weights[key].shape] or sorted(
        own.keys() ^ weights.keys()
    )
    theirs, ours = (tuple(some[wrong[0]].shape) if wrong[0] in some else "absent" for some in (weights, own))
    more = f" ({len(wrong) - 1} more differ)" if len(wrong) > 1 else ""
    return f"{wrong[0]} is {theirs} there, {ours} by the config's network and network_options{more}"


def _weights_in(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of a file of weights all, of a checkpoint for resuming its weights alone."""
    return {n.removeprefix(WEIGHTS): t for n, t in tensors.items() if n.startswith(WEIGHTS)} or tensors


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
