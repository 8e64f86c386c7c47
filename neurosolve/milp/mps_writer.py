"""Writes a Problem as free-form MPS that SCIP, HiGHS and this package read alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from neurosolve.milp.problem import Problem

_START, _END = "    MARKER  'MARKER'  'INTORG'\n", "    MARKER  'MARKER'  'INTEND'\n"


def write_mps(problem: Problem, file: BinaryIO) -> None:
    """Free-form MPS, numbers in full (repr), every integer column's bounds spelled out.

    A row without sides becomes an N row, which readers drop.  Raises ValueError for what the format cannot
    say: a name that is empty or holds blanks, a number that is NaN, a side or bound below its counterpart.
    """
    _refuse_the_unsayable(problem)
    for part in (_rows, _columns, _sides, _bounds):
        file.writelines(line.encode() for line in part(problem))
    file.write(b"ENDATA\n")


def _refuse_the_unsayable(problem: Problem) -> None:
    for name in itertools.chain(problem.column_names, problem.row_names):
        if not name or name.split() != [name] or name[0] in "*$":
            raise ValueError(f"free-form MPS cannot hold the name {name!r}")
    if len(set(problem.column_names)) < problem.num_columns or len(set(problem.row_names)) < problem.num_rows:
        raise ValueError("two columns or two rows of one name")
    numbers = (problem.objective, problem.coefficients, problem.offset)
    if not all(np.all(np.isfinite(each)) for each in numbers):
        raise ValueError("a coefficient that is not finite")
    for low, high in ((problem.lhs, problem.rhs), (problem.lower, problem.upper)):
        if not np.all(low <= high) or np.any(low == np.inf) or np.any(high == -np.inf):
            raise ValueError("a side or bound that is NaN or above its counterpart")


def _objective_name(problem: Problem) -> str:
    taken = set(problem.row_names)
    names = itertools.chain(["OBJ"], map("OBJ{}".format, itertools.count()))
    return next(name for name in names if name not in taken)


def _rows(problem: Problem) -> Iterator[str]:
    yield f"NAME {'_'.join(problem.name.split()) or 'problem'}\n"
    yield f"OBJSENSE\n    {'MIN' if problem.minimize else 'MAX'}\nROWS\n N  {_objective_name(problem)}\n"
    no_lhs, no_rhs = np.isneginf(problem.lhs), np.isposinf(problem.rhs)
    below = no_rhs | _from_below(problem)
    kinds = np.select([no_lhs & no_rhs, no_lhs, below, problem.lhs == problem.rhs], ["N", "L", "G", "E"], "L")
    yield from (f" {kind}  {name}\n" for kind, name in zip(kinds.tolist(), problem.row_names, strict=True))


def _columns(problem: Problem) -> Iterator[str]:
    by_column = np.argsort(problem.indices, kind="stable")
    rows = problem.row_of_nonzero()[by_column].tolist()
    coefficients = problem.coefficients[by_column].tolist()
    starts = np.searchsorted(problem.indices[by_column], np.arange(problem.num_columns + 1)).tolist()
    objective, names, within = _objective_name(problem), problem.row_names, False
    columns = zip(problem.column_names, problem.objective.tolist(), problem.integer.tolist(), strict=True)
    yield "COLUMNS\n"
    for (name, cost, integer), start, end in zip(columns, starts, starts[1:], strict=False):
        if integer != within:
            yield _START if integer else _END
            within = integer
        if cost or start == end:  # a column without entries is declared by a zero
            yield f"    {name}  {objective}  {cost!r}\n"
        for i in range(start, end):
            yield f"    {name}  {names[rows[i]]}  {coefficients[i]!r}\n"
    if within:
        yield _END


def _ranged(problem: Problem) -> npt.NDArray[np.bool_]:
    """Rows of two finite sides that differ, (m,)."""
    ranged: npt.NDArray[np.bool_] = np.isfinite(problem.lhs) & np.isfinite(problem.rhs) & (problem.lhs != problem.rhs)
    return ranged


def _from_below(problem: Problem) -> npt.NDArray[np.bool_]:
    """Ranged rows whose width gives back both sides exactly when added to lhs, not when taken from rhs, (m,)."""
    with np.errstate(invalid="ignore"):
        width = problem.rhs - problem.lhs
        from_lhs: npt.NDArray[np.bool_] = (problem.rhs - width != problem.lhs) & (problem.lhs + width == problem.rhs)
        return np.logical_and(_ranged(problem), from_lhs)


def _sides(problem: Problem) -> Iterator[str]:
    """RHS and RANGES: two finite sides are written as one and a width (an ulp off where no float is exact)."""
    main = np.where(np.isposinf(problem.rhs) | _from_below(problem), problem.lhs, problem.rhs)
    yield "RHS\n"
    if problem.offset:
        yield f"    RHS  {_objective_name(problem)}  {-problem.offset!r}\n"
    for row in np.flatnonzero(np.isfinite(main) & (main != 0)).tolist():
        yield f"    RHS  {problem.row_names[row]}  {float(main[row])!r}\n"
    ranged = np.flatnonzero(_ranged(problem))
    if len(ranged):
        yield "RANGES\n"
    for row, width in zip(ranged.tolist(), (problem.rhs[ranged] - problem.lhs[ranged]).tolist(), strict=True):
        yield f"    RNG  {problem.row_names[row]}  {width!r}\n"


def _bounds(problem: Problem) -> Iterator[str]:
    yield "BOUNDS\n"
    plain = (problem.lower == 0) & np.isposinf(problem.upper) & ~problem.integer
    for column in np.flatnonzero(~plain).tolist():
        name, low, high = problem.column_names[column], float(problem.lower[column]), float(problem.upper[column])
        if low == high:
            yield f" FX BND  {name}  {low!r}\n"
        elif low == -np.inf:
            yield f" MI BND  {name}\n" if high < np.inf else f" FR BND  {name}\n"
        elif low or problem.integer[column]:
            yield f" LO BND  {name}  {low!r}\n"
        if low != high and high < np.inf:
            yield f" UP BND  {name}  {high!r}\n"
        elif high == np.inf and low > -np.inf:
            yield f" PL BND  {name}\n"
