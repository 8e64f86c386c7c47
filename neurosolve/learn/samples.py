"""Samples: what one labelled formula is on disk.  One .npz an instance, written whole or not at all."""

from __future__ import annotations

import dataclasses
import io
import os
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurosolve.errors import InputError
from neurosolve.sat.cnf import CNF

SUFFIX = ".npz"
KIND = "sat"
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Sample:
    """A formula and what is known of its satisfying assignments.

    literals int32 (num_literals,) and offsets int64 (num_clauses + 1,): the formula, as in CNF.
    assignments int8 (k, n): diverse satisfying assignments, +1 true and -1 false; k may be 0.
    backbone int8 (n,): the value every satisfying assignment gives, 0 where there is none or it is unknown;
    backbone_complete says that 0 means "none".  status: 1 satisfiable, -1 unsatisfiable, 0 unknown.
    primary bool (n,): the variables whose values were planted; the rest follow from them and count less in
    training. Empty where nothing was planted: then all count alike.
    """

    num_variables: int
    literals: NDArray[np.int32]
    offsets: NDArray[np.int64]
    assignments: NDArray[np.int8]
    backbone: NDArray[np.int8]
    backbone_complete: bool
    status: int
    family: str = ""
    size: int = 0
    seed: int = 0
    name: str = ""
    primary: NDArray[np.bool_] = dataclasses.field(default_factory=lambda: np.zeros(0, np.bool_))

    def __post_init__(self) -> None:
        n = self.num_variables
        if self.assignments.ndim != 2 or self.assignments.shape[1] != n or self.backbone.shape != (n,):
            shapes = f"{self.assignments.shape} and {self.backbone.shape}"
            raise ValueError(f"{self.name}: labels of shape {shapes} for {n} variables")

    @property
    def num_clauses(self) -> int:
        return len(self.offsets) - 1

    @property
    def num_edges(self) -> int:
        """Literal occurrences: the cost of a formula to a network."""
        return len(self.literals)

    @property
    def cnf(self) -> CNF:
        return CNF(self.num_variables, self.literals, self.offsets)

    @property
    def tells_phases(self) -> bool:
        """Whether there is a value to learn: an assignment or a backbone."""
        return bool(len(self.assignments) or self.backbone.any())

    @property
    def is_labelled(self) -> bool:
        """Whether there is anything to learn from: a status, an assignment or a backbone."""
        return bool(self.status or self.tells_phases)

    def targets(self) -> NDArray[np.float32]:
        """(n,): the share of assignments in which each variable is true; 0 or 1 on the backbone, nan if
        unknown."""
        share = np.full(self.num_variables, np.nan, np.float32)
        if len(self.assignments):
            share = (self.assignments > 0).mean(axis=0, dtype=np.float32)
        return np.where(self.backbone != 0, (self.backbone + 1) / 2, share).astype(np.float32)

    def agreed(self) -> NDArray[np.int8]:
        """(n,): the backbone, or where assignments are all that is known the value in which all of them
        agree."""
        if not len(self.assignments):
            return self.backbone
        total = self.assignments.sum(axis=0, dtype=np.int64)
        same = np.where(np.abs(total) == len(self.assignments), np.sign(total), 0).astype(np.int8)
        rest = 0 if self.backbone_complete else same
        return np.where(self.backbone != 0, self.backbone, rest).astype(np.int8)


def write_sample(sample: Sample, path: Path, labels: str = "") -> None:
    """Write the sample whole or not at all.  labels: what `collect` was asked for, kept in the file beside it."""
    write_arrays(KIND, sample, path, labels=labels)


def labels_of(path: Path) -> str:
    """The `labels` that the sample was written with; "" where it does not say."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return str(arrays["labels"]) if "labels" in arrays else ""
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):  # whoever reads it whole says what is wrong
        return ""


def write_arrays(kind: str, sample: Any, path: Path, **more: int | str) -> None:
    """A dataclass of arrays as .npz with its `kind` and `more`: to a temporary name beside `path`, then renamed, so
    that a reader never sees half a sample."""
    fields = {f.name: np.asarray(getattr(sample, f.name)) for f in dataclasses.fields(sample)}
    fields |= {name: np.asarray(value) for name, value in more.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, kind=np.asarray(kind), **fields)  # type: ignore[arg-type]
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def read_arrays(kind: str, cls: type[T], path: Path, newest: int = 0) -> T:
    """What write_arrays wrote of a dataclass; a field that the file does not have keeps its default.

    Raises InputError for a file that is damaged, of another kind or of a format above `newest`, or whose arrays do not
    fit together.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if (found := str(arrays["kind"])) != kind:
                raise InputError(str(path), None, f"a file of kind {found!r}, not '{kind}'")
            if "format" in arrays and int(arrays["format"]) > newest:
                raise InputError(str(path), None, f"of format {int(arrays['format'])}, newer than {newest}")
            values = {f.name: arrays[f.name] for f in dataclasses.fields(cls) if f.name in arrays}  # type: ignore
        plain = {name: value.item() for name, value in values.items() if value.ndim == 0}
        return cls(**(values | plain))
    except (OSError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(str(path), None, f"not a readable {cls.__name__}: {error}") from error


def read_sample(path: Path) -> Sample:
    """Raises InputError, as read_arrays."""
    return read_arrays(KIND, Sample, path)


def find_samples(directories: list[str] | list[Path]) -> list[Path]:
    """Every sample below the directories, sorted; a path that is a sample itself counts."""
    found: set[Path] = set()
    for directory in map(Path, directories):
        if directory.is_file():
            found.add(directory)
        found.update(p for p in directory.rglob(f"*{SUFFIX}") if not p.name.startswith("."))
    return sorted(found)
