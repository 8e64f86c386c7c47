"""A renamed formula for somebody else's solver, with what undoes the renaming: `neurosolve predict --cnf`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosolve.errors import InputError, UsageError
from neurosolve.files import unreadable
from neurosolve.guidance import Guide
from neurosolve.result import SCHEMA_VERSION
from neurosolve.sat.cnf import CNF
from neurosolve.sat.dimacs import write_dimacs
from neurosolve.sat.inject import rename
from neurosolve.sat.table import find_engine
from neurosolve.targets import put_in_place

Flips = npt.NDArray[np.bool_]


def describe(cnf: CNF, guide: Guide, engine: str) -> tuple[CNF, dict[str, Any]]:
    """The formula renamed for an engine's default phase, and the prediction as plain JSON types.

    `phases` lists literals, `confidence` one number for each of them, `flipped` the variables that the
    renamed formula has with the other sign.  Without phases the formula stays as it is.  Raises UsageError
    for an engine whose default phase no renaming reaches.
    """
    default_phase = find_engine(engine).default_phase
    if default_phase is None:
        raise UsageError(f"renaming does nothing in {engine}: it picks its phases by a heuristic")
    flips, renamed = np.zeros(cnf.num_variables, dtype=np.bool_), cnf
    literals, confidence = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
    if guide.phases is not None:
        renamed, flips = rename(cnf, guide.phases, default_phase)
        literals = guide.phases.literals()
        confidence = guide.phases.confidence[np.abs(literals) - 1]
    row = {
        "schema": SCHEMA_VERSION,
        "guidance": guide.name,
        "model": guide.model,
        "model_hash": guide.model_hash,
        "gate": guide.gate,
        "num_variables": cnf.num_variables,
        "phases": literals.tolist(),
        "confidence": np.round(confidence.astype(np.float64), 4).tolist(),
        "engine": engine,
        "default_phase": default_phase,
        "flipped": (np.flatnonzero(flips) + 1).tolist(),
        "graph_s": guide.graph_s,
        "network_s": guide.network_s,
    }
    return renamed, row


def write(cnf: CNF, target: str) -> None:
    """The formula as DIMACS to a file, through a temporary name beside it, or to standard output for `-`."""
    if target == "-":
        write_dimacs(cnf, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            write_dimacs(cnf, file)
        put_in_place(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise UsageError(f"cannot write {target}: {error.strerror}") from error


def read_flips(path: Path, num_variables: int) -> Flips:
    """Which variables a `predict` JSON says were flipped.  InputError when it is of another formula."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        flipped, stored = np.array(row["flipped"], dtype=np.int64), int(row["num_variables"])
    except OSError as error:
        raise unreadable(path, error.strerror) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(str(path), None, f"not a prediction: {error}") from error
    if (
        stored != num_variables
        or flipped.min(initial=1) < 1
        or flipped.max(initial=1) > max(num_variables, 1)
    ):
        raise InputError(str(path), None, f"made for {stored} variables, the formula has {num_variables}")
    flips = np.zeros(num_variables, dtype=np.bool_)
    flips[flipped - 1] = True
    return flips
