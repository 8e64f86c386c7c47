"""LP files, read by HiGHS: a second reader beside SCIP's own."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
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

_NOT_HERE = ": only linear rows and bounds can be read and checked here"
_START = re.compile(rb"(\s|\\[^\n]*\n)*(min|max)", re.IGNORECASE)
_BEYOND = {
    "special ordered sets": re.compile(rb"^\s*sos[12]?\s*$|S[12]\s*::", re.IGNORECASE | re.MULTILINE),
    "indicator constraints": re.compile(rb"->"),
    "quadratic rows": re.compile(rb"\["),
}
_END = re.compile(rb"^\s*end\b", re.IGNORECASE | re.MULTILINE)
_RUN_ON = re.compile(rb"([<>=][ \t]*[-+]?[0-9.]+)([A-Za-z_]\w*[ \t]*:)")  # right-hand side, at once the next name
_INT = re.compile(rb"^([ \t]*)int(?=[ \t\r]*$)", re.IGNORECASE | re.MULTILINE)  # HiGHS takes this head for a column
_BINARY = re.compile(rb"^\s*bin(ary|aries)?\b(?!\s*:)", re.IGNORECASE | re.MULTILINE)
_COMMENT = re.compile(rb"\\.*")
_HEADS = re.compile(
    rb"(gen(erals?)?|int(egers?)?|bin(ary|aries)?|bounds?|semi.*|s[ei]c|sin|sos[12]?|end)\Z", re.IGNORECASE
)
_SEMI = re.compile(rb"^\s*(semi|se?c\b|sin\b)", re.IGNORECASE | re.MULTILINE)
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
    data = _INT.sub(rb"\1general", data)
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
        line = _line_of(data, _BEYOND["quadratic rows"].search(data))
        raise InputError(name, line, "a quadratic objective" + _NOT_HERE)
    if any(int(kind) > 1 for kind in highs.getLp().integrality_):
        raise InputError(name, _line_of(data, _SEMI.search(data)), "semi-continuous columns" + _NOT_HERE)
    return _with_binaries(_as_problem(highs.getLp(), name, warnings), data)


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
        if found := pattern.search(data):
            return _line_of(data, found), what + _NOT_HERE
    words = _SAID.search(said)
    return (int(words["line"]), words["what"]) if words else (None, "HiGHS cannot read this LP file")


def _line_of(data: bytes, found: re.Match[bytes] | None) -> int | None:
    """The line on which a match ends."""
    return None if found is None else data.count(b"\n", 0, found.end()) + 1


def _with_binaries(problem: Problem, data: bytes) -> Problem:
    """What stands under `binary` lies within 0 and 1, as SCIP has it; HiGHS would keep bounds that were given."""
    names = set[bytes]()
    for head in _BINARY.finditer(data):
        for word in _COMMENT.sub(b"", data[head.end() :]).split():
            if _HEADS.match(word):
                break
            names.add(word)
    if not names:
        return problem
    binary = np.array([name.encode() in names for name in problem.column_names], np.bool_)
    lower = np.where(binary, np.maximum(problem.lower, 0.0), problem.lower)
    upper = np.where(binary, np.minimum(problem.upper, 1.0), problem.upper)
    return dataclasses.replace(problem, lower=lower, upper=upper)


def _as_problem(lp: Any, name: str, warnings: tuple[str, ...]) -> Problem:
    kinds = np.array([int(kind) for kind in lp.integrality_] or [0] * lp.num_col_, np.int8)
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
