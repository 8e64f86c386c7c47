"""Files that are to be written: refused before any work where they cannot be, and put in place whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from neurosolve.errors import UsageError


def guard_target(what: str, target: str | Path, inputs: Iterable[str | Path | None]) -> None:
    """Refuse a file that could not be written, or that is one of `inputs`, before any work is done for it.

    what: the target in a message's words ("a proof").  inputs: what the same run reads; "-" is standard input.
    Raises UsageError.
    """
    path = Path(target)
    if str(path) == "-":
        raise UsageError(f"{what} goes to a file: standard output is for the answer")
    try:
        fault = _fault(path)
        over = next((one for one in inputs if one is not None and _is_same_file(path, one)), None)
    except OSError as error:  # a name that is too long, a directory that may not be searched
        fault, over = str(error.strerror), None
    if over is not None:
        raise UsageError(f"{what} would overwrite {'standard input' if over == '-' else over}, which this run reads")
    if fault is not None:
        raise UsageError(f"cannot write {path}: {fault}")


def _fault(path: Path) -> str | None:
    """Why a file cannot be written, as far as that can be told without writing it."""
    if path.is_dir():
        return "it is a directory"
    if not path.exists() and not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    return None if os.access(path if path.exists() else path.parent, os.W_OK) else "permission denied"


def _is_same_file(target: Path, read: str | Path) -> bool:
    """Also under another name; a device or a pipe loses nothing by being written."""
    other = Path("/dev/stdin" if read == "-" else read)
    return target.is_file() and other.exists() and target.samefile(other)


def put_in_place(finished: Path, target: Path) -> None:
    """A finished file under its real name, whole or not at all.  A link is followed; a device or a pipe is written to,
    not replaced, and `finished` is removed."""
    if not target.exists() or target.is_file():
        finished.replace(target.resolve())
        return
    with finished.open("rb") as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    finished.unlink()
