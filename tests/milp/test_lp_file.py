"""LP files: where HiGHS, which reads them for the check, and SCIP, which solves them, have words of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import InputError
from neurosolve.milp.check import verify
from neurosolve.milp.lp_file import read_lp
from neurosolve.milp_solving import solve_milp
from neurosolve.result import Status

LP = """Maximize
 obj: x + 0.5 y + 3 z
Subject To
 c1: x + y + z <= 20.5
Bounds
 x <= 7.5
 z <= 9
int
 x
Binaries
 z \\ not w
End
"""


@pytest.mark.parametrize("head", ["int", "  INT  ", "Integers", "gen", "General"])
def test_every_head_of_integers(head: str) -> None:
    problem = read_lp(LP.replace("int\n", head + "\n").encode(), "a.lp")
    assert problem.column_names == ("x", "y", "z") and problem.integer.tolist() == [True, False, True]


def test_a_binary_is_one_whatever_its_bounds_say() -> None:
    problem = read_lp(LP.encode(), "a.lp")
    assert problem.upper.tolist() == [7.5, float("inf"), 1.0] and problem.lower.tolist() == [0.0] * 3
    freed = read_lp(LP.replace(" z <= 9\n", " z free\n").encode(), "a.lp")
    assert (freed.lower[2], freed.upper[2]) == (0.0, 1.0)
    violation = verify(problem, np.array([7.0, 12.0, 2.0]))
    assert violation is not None and (violation.what, violation.name) == ("bound", "z")


def test_the_solver_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.lp"
    path.write_text(LP)
    result = solve_milp(path, guidance="none")
    assert result.status is Status.OPTIMAL and result.objective == pytest.approx(7 + 0.5 * 12.5 + 3)


def test_a_column_that_solver_and_check_read_in_two_ways_is_refused(tmp_path: Path) -> None:
    """SCIP would keep the upper bound."""
    path = tmp_path / "a.lp"
    path.write_text(LP.replace(" x <= 7.5\n", " x <= -7.5\n x free\n"))
    with pytest.raises(InputError, match=r"a\.lp:.*column x is read in two ways .*for HiGHS, .*-7\.5.*for SCIP"):
        solve_milp(path, guidance="none")


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("End", "SOS\n s1: S1:: x:1 y:2\nEnd", 12, "special ordered sets"),
        (" c1: x", " c1: z = 1 -> x", 4, "indicator constraints"),
        ("3 z\n", "3 z + [ x ^2 ] / 2\n", 2, "a quadratic objective"),
        ("End", "Semi-continuous\n y\nEnd", 12, "semi-continuous columns"),
    ],
)
def test_what_is_beyond_a_linear_program_is_told_with_its_line(old: str, new: str, line: int, what: str) -> None:
    with pytest.raises(InputError, match=rf"a\.lp:{line}: parse error: {what}: only linear rows"):
        read_lp(LP.replace(old, new).encode(), "a.lp")
