"""What every row of SAT_FAMILIES promises, asked of each at its small size."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pysat.solvers import Solver

from neurosolve.errors import UsageError
from neurosolve.families import SAT_FAMILIES, Instance
from neurosolve.sat.check import satisfies

NAMES = sorted(SAT_FAMILIES)
PLANTED = sorted(name for name, family in SAT_FAMILIES.items() if family.satisfiable)


def small(name: str, seed: int = 0) -> Instance:
    return SAT_FAMILIES[name].generate(SAT_FAMILIES[name].sizes["small"][0], seed)


def decide(instance: Instance, assumptions: list[int]) -> list[int] | None:
    """An assignment under the assumptions, or None; cadical195 keeps no state between calls here."""
    with Solver("cadical195", bootstrap_with=instance.cnf.clauses()) as solver:
        assignment: list[int] | None = solver.get_model() if solver.solve(assumptions=assumptions) else None
        return assignment


@pytest.mark.parametrize("name", NAMES)
def test_the_status_is_the_one_claimed(name: str) -> None:
    family = SAT_FAMILIES[name]
    for seed in range(2):
        assert (decide(small(name, seed), []) is not None) == family.satisfiable


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_literals_extend_to_an_assignment(name: str) -> None:
    for seed in range(3):
        instance = small(name, seed)
        assert instance.planted is not None and instance.planted.dtype == np.int32
        variables = np.abs(instance.planted)
        assert (
            (np.diff(variables) > 0).all()
            and variables[0] >= 1
            and variables[-1] <= instance.cnf.num_variables
        )
        assignment = decide(instance, instance.planted.tolist())
        assert assignment is not None and set(instance.planted.tolist()) <= set(assignment)
        assert satisfies(instance.cnf, np.array(assignment, dtype=np.int32)) is None


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_formula_and_other_seed_another(name: str) -> None:
    first, other = small(name, 0), small(name, 1)
    np.random.seed(1)
    again = small(name, 0)
    assert first.cnf.content_hash() == again.cnf.content_hash() != other.cnf.content_hash()
    if first.planted is not None:
        assert again.planted is not None and (first.planted == again.planted).all()


def test_another_process_draws_the_same() -> None:
    code = (
        "from neurosolve.families import SAT_FAMILIES as F\n"
        "for n in sorted(F): print(F[n].generate(F[n].sizes['small'][0], 7).cnf.content_hash())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "5"}
    )
    assert run.stdout.split() == [small(name, 7).cnf.content_hash() for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_used(name: str) -> None:
    cnf = small(name).cnf
    assert (np.unique(np.abs(cnf.literals)) == np.arange(1, cnf.num_variables + 1)).all()
    assert cnf.clause_lengths.min() >= 1


@pytest.mark.parametrize("name", PLANTED)
def test_signs_and_numbers_of_the_planted_literals_leak_nothing(name: str) -> None:
    """Over seeds: half the planted literals are positive, in either half of the indices."""
    positive, places, low_positive, count = [], [], [], 0
    for seed in range(12):
        instance = small(name, seed)
        assert instance.planted is not None
        signs, place = instance.planted > 0, (np.abs(instance.planted) - 0.5) / instance.cnf.num_variables
        count += len(signs)
        positive.append(signs.mean() - 0.5)
        places.append(place.mean() - 0.5)
        low_positive.append(signs[place < 0.5].mean() - signs[place >= 0.5].mean())
    assert abs(np.mean(positive)) < 5 * 0.5 / count**0.5
    assert abs(np.mean(places)) < 5 * 0.29 / count**0.5
    assert abs(np.mean(low_positive)) < 5 / count**0.5


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_complete(name: str) -> None:
    family = SAT_FAMILIES[name]
    assert family.name == name and family.models and family.phases
    assert {"small", "train", "test", "beyond"} <= family.sizes.keys()
    assert min(family.sizes["beyond"]) > max(family.sizes["train"])
    with pytest.raises(UsageError, match=name.removesuffix("_unsat").replace("geffe", "keystream")):
        family.generate(1, 0)
