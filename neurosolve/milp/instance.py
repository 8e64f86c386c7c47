"""Which kind of file it is, and a MILP file as a Problem."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from neurosolve.errors import InputError, UsageError
from neurosolve.files import DEFAULT_CAP, Source, looked_at, open_decompressed
from neurosolve.milp.problem import Problem

_KINDS = {".cnf": "cnf", ".dimacs": "cnf", ".mps": "mps", ".lp": "lp", ".cip": "cip"}
FORMATS = tuple(dict.fromkeys(_KINDS.values()))
_COMPRESSED = (".gz", ".bz2", ".xz", ".lzma", ".zst")
_HEAD_BYTES = 1 << 16
# The first line that tells; DIMACS last, since `c` and `p` may start names elsewhere.  *+: without a way back, which is
# exponential in the blank lines.
_LOOKS = (
    ("mps", re.compile(rb"(\*.*\n|\s*\n)*+NAME(\s|$)")),
    ("cip", re.compile(rb"(#.*\n|\s*\n)*+STATISTICS\s*\n")),
    ("lp", re.compile(rb"(\\.*\n|\s*\n)*+\s*(min|max)(imi[sz]e|imum)?\s*(\n|\\|[\w-]+\s*:|[-+\d])", re.IGNORECASE)),
)
_TELLS = re.compile(rb"([*#\\].*\n|\s*\n)*+.+\n")  # a whole line that is neither blank nor anybody's comment


def kind_of(source: str | Path, format: str | None = None) -> str:
    """cnf, mps, lp or cip: as `format` says, by the suffix (beneath one of compression), else by the first lines.

    What tells nothing is cnf.  Of standard input ("-") as much is awaited as tells; open_decompressed gives it again.
    Raises UsageError for an unknown format.
    """
    if format is not None:
        if format.lower() not in FORMATS:
            raise UsageError(f"unknown format '{format}'; formats: {', '.join(FORMATS)}")
        return format.lower()
    kind = None if source == "-" else kind_by_suffix(str(source))
    return kind or _kind_by_content(_head(source))


def read_problem(
    source: str | Path | Source, *, format: str | None = None, max_bytes: int = DEFAULT_CAP
) -> Problem | None:
    """The problem in an MPS or LP file, plain or compressed; None for a CIP file, which SCIP alone reads.

    source: a path, "-" or an open binary file, whose `name` stands in messages and tells the format.
    Raises InputError for a malformed file, UsageError for a file of another kind.
    """
    name = str(source) if isinstance(source, str | Path) else str(getattr(source, "name", ""))
    with open_decompressed(source, max_bytes) as stream:
        kind = None if format is None and name in ("", "-") else (format or kind_by_suffix(name))
        data = b"" if kind == "cip" else b"".join(stream)
        kind = kind or _kind_by_content(data[:_HEAD_BYTES])
        if kind == "mps":
            from neurosolve.milp.mps import read_mps

            return read_mps(data, stream.name)
        if kind == "lp":
            from neurosolve.milp.lp_file import read_lp

            return read_lp(data, stream.name)
    if kind != "cip":
        raise UsageError(f"{name or 'the input'} is no MILP file; formats: mps, lp, cip")
    return None


def kind_by_suffix(name: str) -> str | None:
    """What a file's name says it is, beneath a suffix of compression; None where it says nothing."""
    path = Path(name)
    if path.suffix.lower() in _COMPRESSED:
        path = path.with_suffix("")
    return _KINDS.get(path.suffix.lower())


def _kind_by_content(head: bytes) -> str:
    return next((kind for kind, look in _LOOKS if look.match(head)), "cnf")


def _head(source: str | Path) -> bytes:
    """The first decompressed bytes, up to a line that tells; none where the file cannot be read, which its reader will
    tell of."""
    head = b""
    with contextlib.suppress(InputError), looked_at(source) as stream:
        while len(head) < _HEAD_BYTES and not _TELLS.match(head) and (more := stream.read(1024)):
            head += more
    return head
