"""The files of a model directory, of either kind: read, parsed, and refused with a word of what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosolve.errors import ModelError

CONFIG_FILE = "config.json"


def read(path: Path) -> bytes:
    """Raises ModelError for a file that is missing or cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; `neurosolve models` lists the models that are there") from error


def parse_json(path: Path, data: bytes) -> Any:
    """Raises ModelError for what is not JSON; `path` is for its words alone."""
    try:
        return json.loads(data)
    except ValueError as error:
        raise ModelError(f"{path} is not JSON ({error}): fetch the model again") from error


def read_json(path: Path) -> Any:
    """Both of them."""
    return parse_json(path, read(path))


def unpack_weights(directory: Path, packed: bytes) -> dict[str, NDArray[np.float32]]:
    """The arrays of weights.safetensors by name.  Raises ModelError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        weights: dict[str, NDArray[np.float32]] = load(packed)
    except SafetensorError as error:
        raise ModelError(f"{directory}/weights.safetensors is damaged ({error}): fetch the model again") from error
    return weights


def refuse_version(directory: Path, config: dict[str, Any], expected: dict[str, int]) -> None:
    """Raises ModelError where the config's numbers (schema, features) are not those that this version reads."""
    for key, number in expected.items():
        if config.get(key) != number:
            raise ModelError(
                f"{directory} has {key} {config.get(key)!r}, this neurosolve reads {number}: "
                "export the model again with this version, or install the version that made it"
            )
