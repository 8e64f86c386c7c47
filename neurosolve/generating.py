"""Instances of a family as files: what `neurosolve generate` writes, the same bytes for the same seed."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from neurosolve.errors import UsageError
from neurosolve.families import Family
from neurosolve.sat.dimacs import write_dimacs
from neurosolve.sat.phases import Phases, write_phases


def write_instance(family: Family, size: int, seed: int, directory: Path) -> Path:
    """FAMILY-SIZE-SEED.cnf.gz, and .planted (literals) beside it where one is known; returns the CNF's path.

    A file appears whole or not at all.  Raises UsageError for a size that the family refuses.
    """
    instance = family.generate(size, seed)
    directory.mkdir(parents=True, exist_ok=True)
    name = f"{family.name}-{size}-{seed}"
    path, unfinished = directory / f"{name}.cnf.gz", directory / f".{name}.{os.getpid()}"
    try:
        with unfinished.open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as packed:
            write_dimacs(instance.cnf, packed)  # type: ignore[arg-type]
        unfinished.replace(path)
        if instance.planted is not None:
            with unfinished.open("w") as file:
                write_phases(
                    Phases.of_literals(instance.planted, instance.cnf.num_variables, "planted"), file
                )
            unfinished.replace(directory / f"{name}.planted")
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    return path
