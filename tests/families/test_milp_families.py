"""What every row of MILP_FAMILIES promises, and what the shuffle hides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import UsageError
from neurosolve.families import MILP_FAMILIES
from neurosolve.families.milp_base import Draft
from neurosolve.families.write import write_instance
from neurosolve.milp.problem import Problem
from tests.families.milp_matrix import dense

NAMES = sorted(MILP_FAMILIES)


def small(name: str, seed: int = 0) -> Problem:
    return MILP_FAMILIES[name].generate(MILP_FAMILIES[name].sizes["small"][0], seed)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_complete(name: str) -> None:
    family = MILP_FAMILIES[name]
    assert family.name == name and family.models and family.knob and family.kind == "milp"
    assert {"small", "train", "test", "beyond"} <= family.sizes.keys()
    assert min(family.sizes["beyond"]) > max(family.sizes["train"])
    with pytest.raises(UsageError, match=name):
        family.generate(1, 0)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_program_and_other_seed_another(name: str) -> None:
    first, other = small(name), small(name, 1)
    np.random.seed(1)
    assert first == small(name) and first != other
    assert first.name == f"{name}-{MILP_FAMILIES[name].sizes['small'][0]}-0"


def test_another_process_draws_the_same() -> None:
    code = (
        "from neurosolve.families import MILP_FAMILIES as F\n"
        "for n in sorted(F): print(F[n].generate(F[n].sizes['small'][0], 7).content_hash())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "5"}
    )
    assert run.stdout.split() == [small(name, 7).content_hash() for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_programs_are_well_formed(name: str) -> None:
    """No empty row or column, no zero, no crossed bounds; ascending columns in each row; coefficients at one scale."""
    problem = small(name)
    matrix = dense(problem)
    assert (np.count_nonzero(matrix, axis=0) > 0).all() and (np.count_nonzero(matrix, axis=1) > 0).all()
    assert problem.coefficients.all() and (problem.lower <= problem.upper).all() and (problem.lhs <= problem.rhs).all()
    assert (np.isfinite(problem.lhs) | np.isfinite(problem.rhs)).all()
    assert all((np.diff(row) > 0).all() for row in np.split(problem.indices, problem.indptr[1:-1]))
    assert np.abs(problem.coefficients).max() < 1e5


@pytest.mark.parametrize("name", NAMES)
def test_scip_solves_the_small_size(name: str, tmp_path: Path) -> None:
    """From the file that is written, to optimality; what it finds satisfies the arrays and is not the null plan."""
    pyscipopt = pytest.importorskip("pyscipopt")
    problem = small(name)
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.setParam("limits/time", 20.0)
    size = MILP_FAMILIES[name].sizes["small"][0]
    scip.readProblem(str(write_instance(MILP_FAMILIES[name], size, 0, tmp_path)))
    scip.optimize()
    assert scip.getStatus() == "optimal"
    assert (scip.getObjectiveSense() == "minimize") == problem.minimize
    values = {variable.name: scip.getVal(variable) for variable in scip.getVars()}
    found = np.array([values[column] for column in problem.column_names])
    found[problem.integer] = np.round(found[problem.integer])
    slack = 1e-5 * np.maximum(1.0, np.where(np.isfinite(problem.rhs), np.abs(problem.rhs), np.abs(problem.lhs)))
    activity = problem.activities(found)
    assert (activity >= problem.lhs - slack).all() and (activity <= problem.rhs + slack).all()
    assert problem.objective_of(found) == pytest.approx(scip.getObjVal(), rel=1e-6) and scip.getObjVal() > 0


def test_bytes_are_reproducible_and_existing_files_stay(tmp_path: Path) -> None:
    family = MILP_FAMILIES["auctions"]
    first, again = (write_instance(family, 20, 3, tmp_path / folder) for folder in "ab")
    assert first.name == "auctions-20-3.mps.gz" and first.read_bytes() == again.read_bytes()
    again.write_bytes(b"kept")
    assert write_instance(family, 20, 3, tmp_path / "b").read_bytes() == b"kept"
    assert [path.name for path in (tmp_path / "a").iterdir()] == [first.name]


def drafted() -> Draft:
    draft = Draft(minimize=True)
    x = draft.columns(np.arange(1.0, 201.0))
    y = draft.columns(np.arange(201.0, 301.0), integer=False, upper=9.0)
    draft.rows(np.column_stack((x[:100], y)), np.array([1.0, -2.0]), rhs=np.arange(100.0))
    draft.rows(np.concatenate((x, y)), 3.0, lhs=7.0, of=np.repeat(np.arange(100), 3))
    return draft


def test_the_shuffle_is_a_renaming() -> None:
    """Sorted by what identifies them, rows and columns are those of the draft."""
    problem = drafted().problem("p", np.random.default_rng(0))
    old = np.argsort(problem.objective)  # the draft's column i cost i + 1
    assert (problem.objective[old] == np.arange(1, 301)).all()
    assert (problem.integer[old] == (np.arange(300) < 200)).all()
    assert (problem.upper[old] == np.where(np.arange(300) < 200, 1.0, 9.0)).all()
    matrix = dense(problem)[:, old]
    pairs = np.isfinite(problem.rhs)
    assert (np.isneginf(problem.lhs) == pairs).all() and (problem.lhs[~pairs] == 7.0).all()
    first = matrix[pairs][np.argsort(problem.rhs[pairs])]
    assert (first[:, :100] == np.eye(100)).all() and (first[:, 200:] == -2 * np.eye(100)).all()
    assert not first[:, 100:200].any()
    second = matrix[~pairs]
    second = second[np.argsort(second.argmax(axis=1))]
    assert (second == 3 * np.repeat(np.eye(100), 3, axis=1)).all()


def test_the_shuffle_leaks_nothing() -> None:
    """Places of columns and rows are uncorrelated with what they were, types are mixed, names say only the place."""
    problem = drafted().problem("p", np.random.default_rng(0))
    assert abs(np.corrcoef(np.arange(300), problem.objective)[0, 1]) < 0.2
    assert 0.4 < problem.integer[:150].mean() / problem.integer[150:].mean() < 2.5
    assert 30 < np.isfinite(problem.rhs[:100]).sum() < 70
    assert problem.column_names == tuple(f"x{i}" for i in range(1, 301))
    assert problem.row_names == tuple(f"r{i}" for i in range(1, 201))


@pytest.mark.parametrize("name", ["facilities", "lot_sizing"])
def test_kinds_of_columns_are_mixed_in_real_programs(name: str) -> None:
    """Over seeds the binary columns' mean place is the middle."""
    places = [np.flatnonzero(small(name, s).integer).mean() / (small(name, s).num_columns - 1) for s in range(20)]
    assert np.mean(places) == pytest.approx(0.5, abs=0.06) and np.std(places) > 0
