"""A MILP file, plain, compressed or on standard input, as a file on disk that SCIP can read and we have read first."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from neurosolve.errors import UsageError
from neurosolve.files import open_decompressed
from neurosolve.milp.instance import kind_of, read_problem
from neurosolve.milp.problem import Problem

FORMATS = ("mps", "lp", "cip")
_SCIP_READS = ("file", "gzip")  # compressions


@dataclasses.dataclass(frozen=True)
class MilpFile:
    """A file that SCIP can read.  name: as the user gave it, for messages.  path: what SCIP reads, the same bytes."""

    name: str
    path: Path
    format: str

    def read(self) -> Problem | None:
        """The validated problem; None for a CIP file."""
        if str(self.path) == self.name:
            return read_problem(self.path, format=self.format)
        with self.path.open("rb") as file:
            return read_problem(_Named(self.name, file), format=self.format)


class _Named:
    """An open file under another name, so that messages tell the one the user knows."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.read = name, file.read


@contextlib.contextmanager
def as_file(source: str | Path, format: str | None) -> Iterator[MilpFile]:
    """The user's own file where SCIP can read it, else a decompressed copy that is gone afterwards.

    source: a path, or "-" for standard input.  Raises UsageError for a file of another kind, InputError for one that
    cannot be read.
    """
    kind = kind_of(source, format)
    if kind not in FORMATS:
        raise UsageError(f"{source} is no MILP file; formats: {', '.join(FORMATS)}")
    with open_decompressed(str(source)) as stream:
        first = stream.read()
        if str(source) != "-" and stream.compression in _SCIP_READS:
            yield MilpFile(str(source), Path(source), kind)
            return
        import tempfile

        with tempfile.TemporaryDirectory(prefix="neurosolve-") as folder:
            path = Path(folder, f"problem.{kind}")
            with path.open("wb") as copy:
                copy.write(first)
                copy.writelines(stream)
            yield MilpFile(stream.name, path, kind)
