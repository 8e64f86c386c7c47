"""Every engine of the table, every delivery it offers: its row's facts, and that guidance is never wrong."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pysat.solvers import Solver, SolverNames

from neurosolve.result import Limits, Stats, Status
from neurosolve.sat import engines
from neurosolve.sat.check import satisfies
from neurosolve.sat.inject import load_clauses
from neurosolve.sat.phases import Phases
from neurosolve.sat.proof import check_proof
from neurosolve.sat.table import ENGINES, KNOWN_OPTIONS, Engine, find_engine, is_installed
from tests.sat.formulas import phases_of, planted, random_3sat

ROWS = [row for row in (*ENGINES.values(), find_engine("exec:cadical")) if is_installed(row)]
IN_PYSAT = [row for row in ROWS if row.glue]
PAIRS = [(row, delivery) for row in ROWS for delivery in row.deliveries]
SAT, HIDDEN = planted(90, 4.1, 1)
UNSAT = random_3sat(50, 6.5, 2)
HARD, HARD_HIDDEN = planted(200, 4.2, 7)


@pytest.fixture(autouse=True)
def no_alarm() -> Iterator[None]:
    """MapleCM and MapleChrono leave an alarm behind where they are used in this very process."""
    handler = signal.getsignal(signal.SIGALRM)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)


def _ids(value: object) -> str | None:
    return value.name if isinstance(value, Engine) else None


def _guides(num_variables: int, truth: np.ndarray) -> Iterator[Phases]:
    """Wrong in every way we could think of."""
    rng = np.random.default_rng(num_variables)
    coins = rng.choice([-1, 1], num_variables)
    yield phases_of(-truth)
    yield phases_of(coins, rng.random(num_variables))
    odd = np.where(rng.random(num_variables) < 0.5, np.nan, np.where(coins > 0, np.inf, -1e30))
    yield Phases(coins.astype(np.int8), odd.astype(np.float32), "NaN")
    adversarial = np.where(np.arange(num_variables) % 3 == 0, 0, np.where(coins > 0, 127, -128))
    yield Phases(adversarial.astype(np.int8), np.full(num_variables, 2.0, np.float32), "adversarial")


def test_the_table_has_every_engine_of_pysat() -> None:
    named = {names[-1] for key, names in vars(SolverNames).items() if not key.startswith("_")}
    aliases = {"cryptominisat5": "cryptominisat", "gluecard30": "gluecard3", "gluecard41": "gluecard4",
               "glucose30": "glucose3", "glucose41": "glucose4", "glucose421": "glucose42",
               "mergesat30": "mergesat3"}  # fmt: skip
    assert {aliases.get(name, name) for name in named} == {
        row.name for row in ENGINES.values() if row.pysat == row.name
    }
    assert len(IN_PYSAT) >= 20


@pytest.mark.parametrize("row", ROWS, ids=_ids)
def test_stock_answers_hold(row: Engine, tmp_path: Path) -> None:
    run = engines.run(SAT, row.name)
    assert run.status is Status.SATISFIABLE and satisfies(SAT, run.assignment) is None
    run = engines.run(UNSAT, row.name, proof_path=tmp_path / "p" if row.has_proof else None)
    assert run.status is Status.UNSATISFIABLE and run.assignment is None
    if run.proof is not None:
        assert check_proof(UNSAT, run.proof).verified is row.proof_checks


@pytest.mark.parametrize("order", ["", "+order"])
@pytest.mark.parametrize(("row", "delivery"), PAIRS, ids=_ids)
def test_a_true_assignment_needs_no_conflict(row: Engine, delivery: str, order: str) -> None:
    confidence = np.random.default_rng(3).random(HARD.num_variables)  # any order at all
    run = engines.run(HARD, row.name, phases=phases_of(HARD_HIDDEN, confidence), delivery=delivery + order)
    assert run.status is Status.SATISFIABLE and satisfies(HARD, run.assignment) is None
    if row.zero_conflicts:
        assert run.assignment.tolist() == (HARD_HIDDEN * np.arange(1, 201)).tolist()
        assert run.stats.num_conflicts == (0 if row.has_stats else None)


@pytest.mark.parametrize(("row", "delivery"), PAIRS, ids=_ids)
def test_bad_guidance_never_changes_an_answer(row: Engine, delivery: str, tmp_path: Path) -> None:
    for phases in _guides(SAT.num_variables, HIDDEN):
        run = engines.run(SAT, row.name, phases=phases, delivery=delivery, forced_conflicts=30)
        assert run.status is Status.SATISFIABLE and satisfies(SAT, run.assignment) is None, phases.source
    for phases in _guides(UNSAT.num_variables, np.ones(UNSAT.num_variables)):
        path = tmp_path / "p" if row.has_proof else None
        run = engines.run(
            UNSAT, row.name, phases=phases, delivery=f"{delivery}+order", proof_path=path, forced_conflicts=10
        )
        assert run.status is Status.UNSATISFIABLE, phases.source
        if run.proof is not None:
            assert check_proof(UNSAT, run.proof).verified is row.proof_checks, phases.source


@pytest.mark.parametrize("row", ROWS, ids=_ids)
def test_a_limit_is_never_an_answer(row: Engine) -> None:
    limits = Limits(conflicts=20, time_s=20)
    run = engines.run(HARD, row.name, limits=limits, lucky=row.lucky is None)
    if not row.conflict_limit:
        assert run.status is Status.SATISFIABLE and "no conflict limit" in run.notes[0]
    elif run.status is Status.SATISFIABLE:
        assert satisfies(HARD, run.assignment) is None  # found before the limit was looked at
    else:
        assert (run.status, run.reason, run.assignment) == (Status.UNKNOWN, "conflict limit", None)
        if row.exact_conflict_limit and row.has_stats:
            assert 20 <= (run.stats.num_conflicts or 0) <= 30


@pytest.mark.parametrize("row", [row for row in IN_PYSAT if row.set_phases == "initial"], ids=_ids)
def test_initial_phases_are_the_same_search_as_renaming(row: Engine) -> None:
    phases = phases_of(np.random.default_rng(3).choice([-1, 1], SAT.num_variables))
    renamed = engines.run(SAT, row.name, phases=phases, delivery="rename")
    initial = engines.run(SAT, row.name, phases=phases, delivery="initial")
    assert renamed.stats.num_conflicts and renamed.stats == initial.stats
    assert np.array_equal(renamed.assignment, initial.assignment)


@pytest.mark.parametrize("row", ROWS, ids=_ids)
def test_default_phase(row: Engine) -> None:
    """A loose formula leaves most variables to the engine's taste."""
    cnf, _ = planted(300, 3.0, 1)
    positive = float((engines.run(cnf, row.name).assignment > 0).mean())
    low, high = {+1: (0.55, 1.0), -1: (0.0, 0.45), None: (0.45, 0.55)}[row.default_phase]
    assert low <= positive <= high


# ------------------------------------------------------------------------ facts about PySAT's engines


@pytest.mark.parametrize("row", IN_PYSAT, ids=_ids)
def test_what_set_phases_means(row: Engine) -> None:
    """Phases S1, then a solve held to S2 by assumptions: forced phases return to S1, initial ones do not."""
    rng = np.random.default_rng(5)
    first, second = (rng.choice([-1, 1], 60) for _ in range(2))
    clauses = []
    while len(clauses) < 150:
        variables, signs = rng.choice(60, 3, replace=False), rng.choice([-1, 1], 3)
        if (first[variables] == signs).any() and (second[variables] == signs).any():
            clauses.append(((variables + 1) * signs).tolist())
    one, two = ((signs * np.arange(1, 61)).tolist() for signs in (first, second))
    with Solver(name=row.pysat) as solver:
        if row.options:
            solver.configure(dict(row.options))
        if row.name == "cadical195":
            solver.configure({"ilb": 0})  # else the trail of the last call is kept, and nothing decided
        solver.append_formula(clauses, no_return=True)
        if row.set_phases is None:
            with pytest.raises(NotImplementedError):
                solver.set_phases(one)
            return
        solver.set_phases(one)
        assert solver.solve() and solver.get_model() == one
        assert solver.solve(assumptions=two) and solver.get_model() == two
        assert solver.solve()
        assert solver.get_model() == (one if row.set_phases == "forced" else two)


@pytest.mark.parametrize("name", ["cadical153", "cadical195"])
def test_phases_before_the_clauses_are_ignored(name: str) -> None:
    row = ENGINES[name]
    literals = (HARD_HIDDEN * np.arange(1, 201)).tolist()
    conflicts = []
    for before in (True, False):
        with Solver(name=row.pysat) as solver:
            if before:
                solver.set_phases(literals)
            load_clauses(solver.solver, row, HARD)
            if not before:
                solver.set_phases(literals)
            assert solver.solve_limited()
            conflicts.append(solver.accum_stats()["conflicts"])
    assert conflicts[0] > 0 == conflicts[1]


@pytest.mark.parametrize("row", IN_PYSAT, ids=_ids)
def test_statistics(row: Engine) -> None:
    run = engines.run(UNSAT, row.name)
    if not row.has_stats:
        assert run.stats == Stats()
        with Solver(name=row.pysat) as solver, pytest.raises(NotImplementedError):
            solver.accum_stats()
        return
    assert run.stats.num_conflicts is not None and run.stats.num_decisions is not None
    assert (run.stats.num_propagations is not None) == ("propagations" in row.stats)
    if "propagations" in row.stats:
        assert run.stats.num_propagations
    else:
        with Solver(name=row.pysat, bootstrap_with=UNSAT.clauses()) as solver:
            assert solver.solve_limited() is False and solver.accum_stats()["propagations"] == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of half-made PySAT objects
@pytest.mark.parametrize("row", [row for row in IN_PYSAT if not row.has_proof], ids=_ids)
def test_no_proof_means_no_proof(row: Engine) -> None:
    with pytest.raises((NotImplementedError, TypeError)), Solver(name=row.pysat, with_proof=True) as solver:
        solver.get_proof()


@pytest.mark.parametrize("name", ["cadical153", "cadical195", "cadical300", "kissat404"])
def test_the_budget_trap_is_real_and_avoided(name: str) -> None:
    """PySAT's solve() says False when a budget ends on a satisfiable formula; run() says UNKNOWN."""
    with Solver(name=name) as solver:
        load_clauses(solver.solver, ENGINES[name], HARD)
        if ENGINES[name].lucky:
            solver.configure({"lucky": 0})
        solver.conf_budget(20)
        assert solver.solve() is False
    assert engines.run(HARD, name, limits=Limits(conflicts=20)).status is not Status.UNSATISFIABLE


def test_renaming_does_nothing_in_lingeling() -> None:
    run = engines.run(HARD, "lingeling", phases=phases_of(HARD_HIDDEN))
    assert run.stats.num_conflicts and satisfies(HARD, run.assignment) is None


def test_options_are_known_by_name() -> None:
    for row in ENGINES.values():
        wanted = set(row.options) | {key for p in row.presets.values() if isinstance(p, dict) for key in p}
        assert wanted <= KNOWN_OPTIONS
    with Solver(name="cadical195") as solver:
        solver.configure({"no_such_option": 1})  # the reason for the list: not a word


@pytest.mark.parametrize("name", ["maplecm", "maplechrono"])
def test_maple_takes_over_sigalrm_in_the_child_only(name: str) -> None:
    signal.alarm(0)
    before = signal.getsignal(signal.SIGALRM)
    engines.run(SAT, name)
    assert signal.getsignal(signal.SIGALRM) is before and signal.alarm(0) == 0
