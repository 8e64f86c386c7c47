"""Instances as files: NAME.cnf.gz and, where something was planted, NAME.planted beside it; NAME.mps.gz for MILP.

NAME is FAMILY-SIZE-SEED, with +KNOB=VALUE after FAMILY for each knob that was set. The same family, size, seed and
knobs give the same bytes: gzip without a time or a name.  A file appears whole or not at all, and the formula last, so
that a run that was killed resumes by what it finds.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from neurosolve.errors import UsageError
from neurosolve.families.base import Family, Literals
from neurosolve.families.knobs import Value, checked, label
from neurosolve.families.milp_base import MilpFamily
from neurosolve.milp.mps import write_mps
from neurosolve.milp.problem import Problem
from neurosolve.sat.dimacs import CNF, write_dimacs

LITERALS_PER_LINE = 16


def write_instance(
    family: Family | MilpFamily, size: int, seed: int, directory: Path,
    knobs: Mapping[str, Value] = MappingProxyType({}),
) -> Path:  # fmt: skip
    """Writes one instance unless it is there; returns the path of the formula or the program.

    Raises UsageError for a size or a knob the family refuses and for a place that cannot be written.
    """
    knobs = checked(family, knobs)
    name = f"{family.name}{label(knobs)}-{size}-{seed}"
    path = directory / f"{name}.{'cnf' if family.kind == 'sat' else 'mps'}.gz"
    if path.exists():
        return path
    contents = _contents(family, size, seed, knobs)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for suffix, content in contents.items():
            _replace(directory / f"{name}{suffix}", content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    return path


def _contents(family: Family | MilpFamily, size: int, seed: int, knobs: Mapping[str, Value]) -> dict[str, bytes]:
    """The files of an instance by suffix, in the order they are written."""
    if family.kind == "milp":
        return {".mps.gz": packed_mps(family.generate(size, seed, **knobs))}
    instance = family.generate(size, seed, **knobs)
    planted = {} if instance.planted is None else {".planted": planted_text(instance.planted).encode()}
    return {**planted, ".cnf.gz": packed_dimacs(instance.cnf)}


def packed_dimacs(cnf: CNF) -> bytes:
    """DIMACS under gzip, the same bytes on every run."""
    plain = io.BytesIO()
    write_dimacs(cnf, plain)
    return gzip.compress(plain.getvalue(), compresslevel=6, mtime=0)


def packed_mps(problem: Problem) -> bytes:
    """MPS under gzip, the same bytes on every run."""
    plain = io.BytesIO()
    write_mps(problem, plain)
    return gzip.compress(plain.getvalue(), compresslevel=6, mtime=0)


def planted_text(planted: Literals) -> str:
    """Literals on lines of sixteen, closed by 0."""
    words = [*map(str, planted.tolist()), "0"]
    lines = (words[i : i + LITERALS_PER_LINE] for i in range(0, len(words), LITERALS_PER_LINE))
    return "".join(" ".join(line) + "\n" for line in lines)


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
