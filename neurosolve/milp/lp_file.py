"""LP files, read by HiGHS: a second reader beside SCIP's own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurosolve.errors import InputError
from neurosolve.milp.mps_lines import INFINITY
from neurosolve.milp.problem import Floats, Problem

_START = re.compile(rb"(\s|\\[^\n]*\n)*(min|max)", re.IGNORECASE)
_BEYOND = {
    "special ordered sets": re.compile(rb"^\s*sos[12]?\s*$|S[12]\s*::", re.IGNORECASE | re.MULTILINE),
    "indicator constraints": re.compile(rb"->"),
    "quadratic rows": re.compile(rb"\["),
}
_END = re.compile(rb"^\s*end\b", re.IGNORECASE | re.MULTILINE)
_RUN_ON = re.compile(rb"([<>=][ \t]*[-+]?[0-9.]+)([A-Za-z_]\w*[ \t]*:)")  # right-hand side, at once the next name
_SAID = re.compile(r"^ERROR: +(?P<what>.+)\n +--> .*:(?P<line>\d+):\d+$", re.MULTILINE)  # HiGHS's log


def read_lp(data: bytes, name: str) -> Problem:
    """The problem in an LP file; `name` stands in the messages.

    Raises InputError where HiGHS cannot read it, and for what is no mixed-integer linear program.
    """
    import highspy

    if not _START.match(data):  # HiGHS and SCIP read such a file as an empty program
        raise InputError(name, None, "an LP file starts with minimize or maximize")
    warnings: tuple[str, ...] = ()  # of what SCIP reads and HiGHS would not
    if not _END.search(data):
        data += b"\nEnd\n"
        warnings += (f"{name}: no End at the end: a file cut short would look the same",)
    data, num_broken = _RUN_ON.subn(rb"\1\n\2", data)
    if num_broken:
        warnings += (f"{name}: {num_broken} rows begin where the one before ends, without a line break",)
    with _silent():
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("log_to_console", False)
    with tempfile.TemporaryDirectory(prefix="neurosolve-") as folder:
        path, log = Path(folder, "problem.lp"), Path(folder, "log")
        path.write_bytes(data)
        highs.setOptionValue("log_file", str(log))
        status = highs.readModel(str(path))
        highs.setOptionValue("log_file", "")
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if status == highspy.HighsStatus.kError:
        line, what = _why(data, said)
        raise InputError(name, None if num_broken else line, what)
    if highs.getModel().hessian_.dim_:
        raise InputError(name, None, "a quadratic objective: only linear programs can be read and checked here")
    return _as_problem(highs.getLp(), name, warnings)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """HiGHS greets on standard output when it is made, where the answer goes."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)


def _why(data: bytes, said: str) -> tuple[int | None, str]:
    """Line and reason: the usual reasons are seen in the text, others mostly in HiGHS's log."""
    for what, pattern in _BEYOND.items():
        if pattern.search(data):
            return None, f"{what}: only linear rows and bounds can be read and checked here"
    found = _SAID.search(said)
    return (int(found["line"]), found["what"]) if found else (None, "HiGHS cannot read this LP file")


def _as_problem(lp: Any, name: str, warnings: tuple[str, ...]) -> Problem:
    kinds = np.array([int(kind) for kind in lp.integrality_] or [0] * lp.num_col_, np.int8)
    if np.any(kinds > 1):
        raise InputError(name, None, "semi-continuous columns cannot be read and checked here")
    matrix = lp.a_matrix_  # by columns
    starts = np.asarray(matrix.start_, np.int64)
    columns = np.repeat(np.arange(lp.num_col_, dtype=np.int32), np.diff(starts))
    rows = np.asarray(matrix.index_, np.int64)
    by_row = np.argsort(rows, kind="stable")
    indptr = np.zeros(lp.num_row_ + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=lp.num_row_), out=indptr[1:])
    numbers = np.asarray(matrix.value_, np.float64)
    if not (np.all(np.isfinite(numbers)) and np.all(np.isfinite(lp.col_cost_))):
        raise InputError(name, None, "a coefficient that is not finite")
    return Problem(
        lp.model_name_,
        int(lp.sense_) == 1,
        np.array(lp.col_cost_, np.float64),
        float(lp.offset_),
        indptr,
        columns[by_row],
        numbers[by_row],
        _unbounded(lp.row_lower_),
        _unbounded(lp.row_upper_),
        _unbounded(lp.col_lower_),
        _unbounded(lp.col_upper_),
        kinds == 1,
        tuple(lp.col_names_),
        tuple(lp.row_names_),
        warnings,
    )


def _unbounded(side: Any) -> Floats:
    """Bounds with whatever SCIP takes for infinite made so."""
    bounds = np.array(side, np.float64)
    return np.where(np.abs(bounds) >= INFINITY, np.copysign(np.inf, bounds), bounds)
