"""LP files, read by HiGHS: a second reader beside SCIP's own."""

from __future__ import annotations

import re
import tempfile
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


def read_lp(data: bytes, name: str) -> Problem:
    """The problem in an LP file; `name` stands in the messages, which know no line.

    Raises InputError where HiGHS cannot read it, and for what is no mixed-integer linear program.
    """
    import highspy

    if not _START.match(data):  # HiGHS and SCIP read such a file as an empty program
        raise InputError(name, None, "an LP file starts with minimize or maximize")
    warnings: tuple[str, ...] = ()
    if not _END.search(data):  # SCIP reads it, HiGHS would not
        data += b"\nEnd\n"
        warnings = (f"{name}: no End at the end: a file cut short would look the same",)
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    with tempfile.TemporaryDirectory(prefix="neurosolve-") as folder:
        path = Path(folder, "problem.lp")
        path.write_bytes(data)
        status = highs.readModel(str(path))
    if status == highspy.HighsStatus.kError:
        raise InputError(name, None, _why(data))
    if highs.getModel().hessian_.dim_:
        raise InputError(name, None, "a quadratic objective: only linear programs can be read and checked here")
    return _as_problem(highs.getLp(), name, warnings)


def _why(data: bytes) -> str:
    """HiGHS does not say; the usual reasons are seen in the text."""
    for what, pattern in _BEYOND.items():
        if pattern.search(data):
            return f"{what}: only linear rows and bounds can be read and checked here"
    return "HiGHS cannot read this LP file"


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
