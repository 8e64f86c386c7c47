"""A plain MPS file to change, and the same file as HiGHS and as SCIP read it."""

from __future__ import annotations

from pathlib import Path

import highspy
import numpy as np
import pyscipopt

from neurosolve.milp.mps import read_mps
from neurosolve.milp.problem import Problem
from tests.milp.problems import INF

PLAIN = """NAME t
ROWS
 N  cost
 L  r
 E  e
 G  g
COLUMNS
    M1  'MARKER'  'INTORG'
    x  cost  1  r  1.5
    x  e  -2e0
    M2  'MARKER'  'INTEND'
    y  g  +.5  r  2.
RHS
    RHS  r  4  e  -3
BOUNDS
 UP BND  y  7
ENDATA
"""


def read(text: str) -> Problem:
    return read_mps(text.encode(), "t.mps")


def changed(*changes: tuple[str, str], base: str = PLAIN) -> str:
    for old, new in changes:
        assert old in base
        base = base.replace(old, new, 1)
    return base


def highs_differs(data: bytes, problem: Problem, folder: Path) -> set[str]:
    """What HiGHS reads otherwise; empty where it agrees on everything."""
    path = folder / "highs.mps"
    path.write_bytes(data)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.readModel(str(path))
    lp = highs.getLp()
    kinds = [int(kind) == 1 for kind in lp.integrality_] or [False] * lp.num_col_
    columns = np.repeat(np.arange(lp.num_col_), np.diff(np.asarray(lp.a_matrix_.start_)))
    theirs = np.array([np.asarray(lp.a_matrix_.index_), columns, np.asarray(lp.a_matrix_.value_)])
    mine = np.array([problem.row_of_nonzero(), problem.indices, problem.coefficients])
    pairs = {
        "lower": (lp.col_lower_, problem.lower),
        "upper": (lp.col_upper_, problem.upper),
        "lhs": (lp.row_lower_, problem.lhs),
        "rhs": (lp.row_upper_, problem.rhs),
        "objective": (lp.col_cost_, problem.objective),
        "offset": (lp.offset_, problem.offset),
        "sense": (int(lp.sense_) == 1, problem.minimize),
        "integer": (kinds, problem.integer),
        "matrix": (theirs[:, np.lexsort(theirs[1::-1])], mine),
        "columns": (list(lp.col_names_), list(problem.column_names)),
        "rows": (list(lp.row_names_), list(problem.row_names)),
    }
    return {what for what, (his, ours) in pairs.items() if not np.array_equal(np.asarray(his), np.asarray(ours))}


def scip_columns(data: bytes, folder: Path) -> dict[str, tuple[float, float, bool]]:
    """Bounds and integrality by name as SCIP reads them."""
    path = folder / "scip.mps"
    path.write_bytes(data)
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.readProblem(str(path))
    big = scip.infinity()

    def bound(value: float) -> float:
        return INF if value >= big else -INF if value <= -big else value

    return {
        each.name: (bound(each.getLbOriginal()), bound(each.getUbOriginal()), each.vtype() != "CONTINUOUS")
        for each in scip.getVars()
    }
