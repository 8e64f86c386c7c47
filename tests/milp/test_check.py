"""The check: SCIP's optimal points pass, and whatever is moved off them is caught and named."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyscipopt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosolve.milp.check import Violation, rounded, verify
from neurosolve.milp.mps import read_mps
from neurosolve.milp.problem import Floats, Problem
from tests.milp.problems import mps_of, real_instance, small


def solved(data: bytes, problem: Problem) -> tuple[Floats, float]:
    """SCIP's best values by the problem's columns, and its objective."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.mps")
        path.write_bytes(data)
        scip = pyscipopt.Model()
        scip.hideOutput()
        scip.setParam("limits/time", 20.0)
        scip.readProblem(str(path))
        scip.optimize()
        best = scip.getBestSol()
        by_name = {variable.name: scip.getSolVal(best, variable) for variable in scip.getVars()}
        return np.array([by_name[name] for name in problem.column_names]), scip.getObjVal()


def test_scips_optimum_of_a_small_problem_holds() -> None:
    problem = small()
    values, objective = solved(mps_of(problem), problem)
    assert verify(problem, values, objective) is None
    assert objective == pytest.approx(10 + 3 * 1 + 2 * 2.5)  # x is 1 where y is 2.5 and z is 0
    assert verify(problem, rounded(problem, values), objective) is None


@pytest.mark.parametrize("name", ["miplib3/egout", "miplib3/flugpl", "miplib3/p0033"])
def test_scips_optimum_of_a_real_instance_holds_and_moved_it_does_not(name: str) -> None:
    path, data = real_instance(name)
    problem = read_mps(data, str(path))
    values, objective = solved(data, problem)
    assert verify(problem, values, objective) is None
    assert verify(problem, values, objective + 1e-3 * max(1.0, abs(objective))) is not None
    random = np.random.default_rng(0)
    for column in random.choice(problem.num_columns, 10):
        moved = values.copy()
        moved[column] += 0.5
        violation = verify(problem, moved, objective)
        integer, beyond = problem.integer[column], moved[column] > problem.upper[column]
        costs = problem.objective[column] != 0
        if integer or beyond or costs:
            assert violation is not None
        if integer and not beyond:
            assert violation is not None and violation.what == "integrality"
            assert violation.name == problem.column_names[column]


@settings(max_examples=40)
@given(st.integers(0, 2), st.floats(1e-5, 1e6), st.booleans())
def test_a_value_beyond_its_bound_is_caught(column: int, by: float, above: bool) -> None:
    problem = small(upper=np.array([3.0, 5.0, 1.0]))
    values = np.array([1.0, 2.5, 0.0])
    by *= 10
    values[column] = problem.upper[column] + by if above else problem.lower[column] - by
    violation = verify(problem, values)
    assert violation is not None and violation.what == "bound" and violation.name == problem.column_names[column]
    assert violation.amount == pytest.approx(by, rel=1e-3)


@settings(max_examples=40)
@given(st.sampled_from([0, 2]), st.floats(2e-6, 0.5))
def test_a_fraction_is_caught(column: int, by: float) -> None:
    values = np.array([1.0, 2.5, 0.0])
    values[column] += by
    violation = verify(small(), values)
    assert violation is not None and violation.what == "integrality" and violation.name == "xyz"[column]
    assert violation.amount == pytest.approx(by, rel=1e-6)


@settings(max_examples=40)
@given(st.floats(1e-4, 1e3))
def test_a_row_is_caught_on_either_side(by: float) -> None:
    for change, name in (
        ({"rhs": np.array([4.0, 1.0 - by, 2.5]), "lhs": np.array([-np.inf, -np.inf, 2.5])}, "c2"),
        ({"lhs": np.array([-np.inf, 1.0 + by, 2.5]), "rhs": np.array([4.0, np.inf, 2.5])}, "c2"),
        ({"rhs": np.array([3.5 - by * 3, 3.0, 2.5])}, "c1"),
    ):
        violation = verify(small(**change), np.array([1.0, 2.5, 0.0]))
        assert violation is not None and violation.what == "row" and violation.name == name


@settings(max_examples=40)
@given(st.floats(1e-4, 1e6), st.booleans())
def test_a_wrong_objective_is_caught(by: float, more: bool) -> None:
    values = np.array([1.0, 2.5, 0.0])
    assert verify(small(), values, 18.0) is None
    violation = verify(small(), values, 18.0 + (by if more else -by))
    assert violation is not None and violation.what == "objective"
    assert violation.amount == pytest.approx(by)
    wrong = verify(small(), values, float("nan"))
    assert wrong is not None and wrong.what == "objective"


def test_what_is_no_number_is_caught() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        violation = verify(small(), np.array([1.0, bad, 0.0]))
        assert violation is not None and (violation.what, violation.name) == ("value", "y")
    with pytest.raises(ValueError, match="values for 3 columns"):
        verify(small(), np.zeros(2))


def test_the_tolerance_is_scips() -> None:
    """Relative to the side: 1e-6 of a million is 1; just beyond it is caught."""
    big = small(rhs=np.array([1e6, 3.0, 2.5]), coefficients=np.array([1e6, 1.0, 1.0, 1.0, -2.0, 1.0, 1.0]))
    values = np.array([1.0, 2.5, 0.0])
    assert verify(big, values) is not None  # 1,000,002.5 against 1,000,000
    assert verify(small(**{**vars(big), "rhs": np.array([1e6 + 1.6, 3.0, 2.5])}), values) is None
    assert verify(small(upper=np.array([3.0, 2.5 - 9e-7, 1.0])), values) is None
    assert verify(small(upper=np.array([3.0, 2.5 - 9e-6, 1.0])), values) is not None
    assert verify(small(), np.array([1.0 + 9e-7, 2.5, 0.0])) is None
    assert verify(small(), np.array([1.0 + 1.1e-6, 2.5, 0.0])) is not None


def test_rounding_shows_what_the_tolerance_hid() -> None:
    """y <= 1e6 z with z = 1e-6: within the tolerance y is 1; with z rounded it may not be."""
    problem = small(
        indptr=np.array([0, 2, 2, 2]),
        indices=np.array([1, 2], np.int32),
        coefficients=np.array([1.0, -1e6]),
        lhs=np.full(3, -np.inf),
        rhs=np.array([0.0, 0.0, 0.0]),
    )
    values = np.array([0.0, 1.0, 1e-6])
    assert verify(problem, values) is None
    hidden = verify(problem, rounded(problem, values))
    assert hidden is not None and hidden.what == "row"


def test_the_worst_is_named() -> None:
    values = np.array([3.1, -2.0, 1.5])
    assert verify(small(), values) == Violation("bound", "y", 2.0, "-2.0 is not in [0.0, inf]")
    assert str(verify(small(), values)) == "bound y: -2.0 is not in [0.0, inf], off by 2"


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_random_points_are_judged_as_the_definition_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.round(random.uniform(-1, 4, 3) * 2) / 2
    problem = small()
    inside = bool(np.all((values >= problem.lower) & (values <= problem.upper)))
    integral = bool(np.all(values[problem.integer] == np.round(values[problem.integer])))
    dense = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, -2.0], [0.0, 1.0, 1.0]]) @ values
    holds = inside and integral and bool(np.all((dense >= problem.lhs) & (dense <= problem.rhs)))
    assert (verify(problem, values) is None) == holds
