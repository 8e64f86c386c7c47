"""What may lie beside a formula: NAME.planted (literals of a known assignment) and DataBack's
NAME.backbone.xz."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosolve.errors import InputError
from neurosolve.files import read_decompressed

CNF_NAME = re.compile(r"\.(cnf|dimacs)(\.(gz|bz2|xz|lzma|zst))?$", re.IGNORECASE)
BACKBONE_CAP = 1 << 30  # bytes


def read_planted(path: Path, num_variables: int) -> NDArray[np.int32] | None:
    """The literals of NAME.planted, None without one.  Raises InputError for anything else in it."""
    beside = path.with_name(CNF_NAME.sub("", path.name) + ".planted")
    if not beside.exists():
        return None
    return _literals(beside, beside.read_bytes(), num_variables)


def find_backbone(path: Path, root: Path) -> Path | None:
    """A DataBack label: CNFFILE.backbone.xz or the same less one suffix, beside it or with cnf/ turned to
    backbone/."""
    folders = [path.parent]
    parts = list(path.parts)
    if "cnf" in parts:
        last = len(parts) - 1 - parts[::-1].index("cnf")
        folders.append(Path(*parts[:last], "backbone", *parts[last + 1 : -1]))
    names = [path.name, path.name.rsplit(".", 1)[0], CNF_NAME.sub("", path.name)]
    for folder in folders:
        for name in names:
            for suffix in (".backbone.xz", ".backbone"):
                if (folder / f"{name}{suffix}").is_file():
                    return folder / f"{name}{suffix}"
    return None


def read_backbone(path: Path, num_variables: int) -> NDArray[np.int8]:
    """(num_variables,) of +1, -1 and 0 from CadiBack's output: lines `b LITERAL`, ended by `b 0`, or bare
    literals."""
    values = np.zeros(num_variables, np.int8)
    literals = _literals(path, read_decompressed(path, BACKBONE_CAP), num_variables)
    values[np.abs(literals) - 1] = np.sign(literals)
    return values


def _literals(path: Path, data: bytes, num_variables: int) -> NDArray[np.int32]:
    """Literals of a text file; `c` and `s` lines, a leading letter and zeros are skipped."""
    words: list[bytes] = []
    for line in data.splitlines():
        parts = line.split()
        if parts and parts[0] not in (b"c", b"s"):
            words += parts[1:] if parts[0].isalpha() else parts
    try:
        literals: NDArray[np.int64] = np.asarray([int(word) for word in words], np.int64)
    except ValueError as error:
        raise InputError(str(path), None, f"not a list of literals: {error}") from error
    literals = literals[literals != 0]
    if literals.size and np.abs(literals).max() > num_variables:
        raise InputError(str(path), None, f"a literal beyond {num_variables} variables")
    narrow: NDArray[np.int32] = literals.astype(np.int32)
    return narrow
