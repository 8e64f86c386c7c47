"""Renaming there and back, deliveries into one's own PySAT solver, loading."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat import formula
from pysat.solvers import Solver

from neurosolve.errors import UsageError
from neurosolve.sat import inject
from neurosolve.sat.check import satisfies
from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases
from neurosolve.sat.renaming import Renaming, literals_of, opinions
from neurosolve.sat.table import ENGINES
from tests.sat.formulas import phases_of, planted, random_3sat

SCRIPT_ENGINES = ["cadical195", "cadical300", "glucose4", "minisat-gh", "kissat404", "ergo", "lingeling"]
SCRIPT_ENGINES += ["maplecm", "minisatep"]


@pytest.fixture(autouse=True)
def no_alarm() -> Iterator[None]:
    """MapleCM and MapleChrono leave an alarm behind."""
    handler = signal.getsignal(signal.SIGALRM)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)


def test_rename_negates_where_the_phase_differs_from_the_default() -> None:
    cnf = CNF.from_clauses([[1, -2, 3], [-1, 4]], 4)
    phases = phases_of(np.array([1, -1, 0, -1]))
    renamed, flips = inject.rename(cnf, phases, +1)
    assert flips.tolist() == [False, True, False, True]
    assert renamed.clauses() == [[1, 2, 3], [-1, -4]] and renamed.num_variables == 4
    renamed, flips = inject.rename(cnf, phases, -1)
    assert flips.tolist() == [True, False, False, False]
    assert renamed.clauses() == [[-1, -2, 3], [1, 4]]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_renaming_and_renumbering_undo_exactly(num_variables: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    variables = rng.integers(1, num_variables + 1, (12, 3))
    cnf = CNF.from_clauses((variables * rng.choice([-1, 1], (12, 3))).tolist(), num_variables)
    renaming = Renaming.of(rng.random(num_variables) < 0.5, rng.random(num_variables))
    image = renaming.apply(cnf)
    undone = Renaming(renaming.backward, renaming.forward).apply(image)
    assert undone == cnf
    assignment = (np.arange(1, num_variables + 1) * rng.choice([-1, 1], num_variables)).astype(np.int32)
    seen = renaming.forward[assignment + num_variables]
    assert np.array_equal(renaming.assignment(seen), assignment)
    clause = cnf.clauses()[0]
    assert renaming.back(renaming.clause(clause)) == clause
    # an assignment satisfies the image exactly if what it maps back to satisfies the formula
    ordered = seen[np.argsort(np.abs(seen))]
    assert (satisfies(image, ordered) is None) == (satisfies(cnf, assignment) is None)


def test_the_highest_priority_gets_the_last_number() -> None:
    renaming = Renaming.of(np.zeros(3, np.bool_), np.array([0.2, 0.9, np.nan]))
    assert renaming.clause([1, 2, 3]) == [2, 3, 1]


def test_map_assignment_and_map_proof_use_the_same_flips() -> None:
    flips = np.array([True, False, True])
    assert inject.map_assignment(np.array([1, -2, -3], np.int32), flips).tolist() == [-1, -2, 3]
    lines = ["1 -2 0", "d 3 -1 0", "c kept", "4 0", "0"]
    assert list(inject.map_proof(iter(lines), flips)) == ["-1 -2 0", "d -3 1 0", "c kept", "4 0", "0"]


def test_no_opinion_and_nan_confidence_are_never_injected() -> None:
    nan = Phases(np.array([1, -1, 0], np.int8), np.array([np.nan, 0.5, 0.9], np.float32), "raw")
    assert opinions(nan, 3).tolist() == [0, -1, 0]
    assert literals_of(nan, 3) == [-2]
    with pytest.raises(UsageError, match="phases of 3 variables for a formula of 4"):
        opinions(nan, 4)


def test_literals_come_most_confident_first() -> None:
    phases = phases_of(np.array([1, -1, 1]), np.array([0.1, 0.9, 0.5]))
    assert literals_of(phases, 3) == [-2, 3, 1]


@pytest.mark.parametrize("name", [name for name, row in ENGINES.items() if row.glue and name != "ergo-g42"])
def test_every_engine_holds_the_clauses_that_were_loaded(name: str) -> None:
    cnf, hidden = planted(20, 4.0, 3)
    with Solver(name=name) as solver:
        inject.load_clauses(solver.solver, ENGINES[name], cnf)
        literals = (hidden * np.arange(1, 21)).tolist()
        assert solver.solve(assumptions=literals) if name != "kissat404" else solver.solve()
        model = np.array(solver.get_model(), np.int32)
        assert satisfies(cnf, model) is None


@pytest.mark.parametrize("name", SCRIPT_ENGINES)
def test_inject_phases_fills_a_solver_and_maps_answers_back(name: str) -> None:
    cnf, hidden = planted(60, 4.0, 5)
    with Solver(name=name) as solver:
        injected = inject.inject_phases(solver, cnf, phases_of(hidden))
        assert injected.delivery == ("initial" if ENGINES[name].set_phases == "initial" else "rename")
        assert solver.solve()
        assignment = injected(solver.get_model())
        assert satisfies(cnf, np.array(assignment, np.int32)) is None
        if ENGINES[name].default_phase is not None:
            assert assignment == (hidden * np.arange(1, 61)).tolist()


@pytest.mark.parametrize("name", ["cadical195", "glucose4", "ergo", "minisat22"])
@pytest.mark.parametrize("delivery", ["rename", None])
def test_incremental_use_after_injection(name: str, delivery: str | None) -> None:
    """Clauses, assumptions and cores through the maps: as if nothing had been renamed."""
    cnf, hidden = planted(40, 3.0, 9)
    literals = (hidden * np.arange(1, 41)).tolist()
    with Solver(name=name) as solver:
        injected = inject.inject_phases(solver, cnf, phases_of(-hidden), delivery)
        assert solver.solve(assumptions=injected.map_assumptions(literals))
        assert injected(solver.get_model())[:40] == literals
        solver.add_clause(injected.map_clause([-literals[0], 41]))
        solver.add_clause(injected.map_clause([-literals[0], -41]))
        assert not solver.solve(assumptions=injected.map_assumptions(literals))
        assert injected.map_core(solver.get_core()) == [literals[0]]
        assert solver.solve(assumptions=injected.map_assumptions([-literals[0]]))
        assignment = np.array(injected(solver.get_model()), np.int32)
        assert satisfies(cnf, assignment[:40]) is None and assignment[0] == -literals[0]


@pytest.mark.parametrize("name", ["cadical195", "cadical300", "ergo", "minisatep"])
def test_decide_follows_a_true_assignment_without_a_conflict_then_steps_aside(name: str) -> None:
    cnf, hidden = planted(100, 4.1, 11)
    with Solver(name=name) as solver:
        injected = inject.inject_phases(solver, cnf, phases_of(hidden), "decide")
        assert solver.solve_limited() is True
        assert injected(solver.get_model()) == (hidden * np.arange(1, 101)).tolist()
        assert solver.accum_stats()["conflicts"] == 0
    unsat = random_3sat(80, 5.0, 1)
    with Solver(name=name) as solver:
        inject.inject_phases(solver, unsat, phases_of(np.ones(80)), "decide")
        assert solver.solve_limited() is False
        assert not solver.solver.propagator_active()


def test_first_descent_skips_what_is_assigned_and_forgets_on_backtracking() -> None:
    class Recorder:
        disabled = 0

        def disable_propagator(self) -> None:
            self.disabled += 1

    recorder = Recorder()
    descent = inject.FirstDescent(recorder, [1, -2, 3], 3)
    descent.on_new_level()
    descent.on_assignment(1)
    assert descent.decide() == -2
    descent.on_new_level()
    descent.on_assignment(3)
    descent.on_backtrack(1)
    assert descent.decide() == 3 and recorder.disabled == 0
    assert descent.decide() == 0 and recorder.disabled == 1


def test_inject_phases_takes_pysats_own_formula() -> None:
    cnf, hidden = planted(20, 3.0, 1)
    with Solver(name="cadical195") as solver:
        injected = inject.inject_phases(solver, formula.CNF(from_clauses=cnf.clauses()), phases_of(hidden))
        assert solver.solve() and satisfies(cnf, injected(solver.get_model())) is None


def test_inject_phases_refuses_what_cannot_be() -> None:
    cnf, hidden = planted(20, 3.0, 1)
    no_delivery = pytest.raises(UsageError, match="kissat404 has no delivery 'forced'")
    with Solver(name="kissat404") as solver, no_delivery:
        inject.inject_phases(solver, cnf, phases_of(hidden), "forced")
    not_empty = pytest.raises(UsageError, match="empty solver")
    with Solver(name="glucose4", bootstrap_with=[[1]]) as solver, not_empty:
        inject.inject_phases(solver, cnf, phases_of(hidden))
    with pytest.raises(UsageError, match="no engine 'list'"):
        inject.inject_phases([], cnf, phases_of(hidden))


def test_ergo_takes_an_order_as_activities() -> None:
    """Of three variables of which at most one may be false, the one first in the order is decided (false)."""
    cnf = CNF.from_clauses([[1, 2], [1, 3], [2, 3]])
    for first in (1, 2, 3):
        with Solver(name="ergo") as solver:
            inject.load_clauses(solver.solver, ENGINES["ergo"], cnf)
            inject.set_order(solver.solver, np.array([v == first for v in (1, 2, 3)], float))
            assert solver.solve() and [-v for v in solver.get_model() if v < 0] == [first]
