"""What training wants to know of a formula: its status, diverse satisfying assignments, its backbone.

`label` reports each finding at once through `emit`, so that a child process killed at its time limit has
not worked in vain.  Every answer comes from solve_limited: plain solve() calls a formula unsatisfiable when
its budget ends.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pysat.solvers import Solver

from neurosolve.errors import InputError, SoundnessError
from neurosolve.sat.check import satisfies
from neurosolve.sat.cnf import CNF

Emit = Callable[[tuple[str, Any]], None]
Values = NDArray[np.int8]  # (num_variables,) of +1 and -1

DIVERSE = ("cadical195", "glucose42", "cadical153", "maplechrono", "minisat22")  # taken in turn
WALK = "cadical195-walk"  # CaDiCaL as a local search: a walk every 50 conflicts; near-threshold random formulas' best
WALK_OPTIONS = {"rephaseint": 50, "walkmineff": 10**6, "walkmaxeff": 10**8, "walkreleff": 10**5}
WALK_CONFLICTS = 2_000
INCREMENTAL = "glucose42"
GIVE_UP = 25  # backbone queries without any answer after which the rest is left alone
REPORT_S = 1.0  # between two partial backbones


@dataclasses.dataclass(frozen=True)
class LabelOptions:
    """planted, models, backbone: what to look for.  conflicts bound one solve, backbone_conflicts one query.

    engines: asked in turn for assignments; WALK is one.
    num_completions: how often planted literals are completed, each time with other signs, so that variables
    which they leave free (auxiliary ones, mostly) get soft targets instead of one arbitrary value. time_s:
    when to stop by itself; the caller's hard limit stands behind it.
    """

    planted: bool = True
    models: bool = True
    backbone: bool = True
    num_assignments: int = 12
    num_completions: int = 8
    engines: tuple[str, ...] = DIVERSE
    conflicts: int = 500_000
    backbone_conflicts: int = 1_000
    time_s: float = 60.0
    seed: int = 0


def label(cnf: CNF, planted: NDArray[np.int32] | None, options: LabelOptions, emit: Emit) -> None:
    """Emits ('status', 1 or -1), ('assignment', Values) for each found, ('backbone', (Values or 0,
    complete)).

    Raises InputError if the planted literals contradict the formula.
    """
    deadline = time.monotonic() + options.time_s
    found: list[Values] = []
    if planted is not None and options.planted:
        for i in range(options.num_completions):
            completed = complete(cnf, planted, options.conflicts, options.seed + i)
            if completed is not None:
                _add(found, completed, emit)
    wanted = options.num_assignments if options.models else min(1, options.num_assignments)
    if len(found) < wanted and _sample(cnf, found, wanted, options, deadline, emit) == -1:
        emit(("status", -1))
        return
    if options.backbone and found:
        _backbone(cnf, found, options, deadline, emit)


def complete(cnf: CNF, planted: NDArray[np.int32], conflicts: int, seed: int) -> Values | None:
    """A satisfying assignment with these literals, free variables as the seed's signs fall; None past the
    budget.

    Raises InputError if there is none.
    """
    flips = np.random.default_rng(seed).integers(0, 2, cnf.num_variables).astype(bool)
    with Solver(name=INCREMENTAL, bootstrap_with=_renamed(cnf, flips).clauses()) as solver:
        solver.conf_budget(conflicts)
        answer = solver.solve_limited(
            assumptions=np.where(flips[np.abs(planted) - 1], -planted, planted).tolist()
        )
        if answer is False:
            raise InputError("planted", None, "the planted literals contradict the formula")
        if answer is None:
            return None
        signs = np.ones(cnf.num_variables, np.int8)
        _set(signs, solver.get_model())
    return _checked(cnf, np.where(flips, -signs, signs).astype(np.int8))


def _renamed(cnf: CNF, flips: NDArray[np.bool_]) -> CNF:
    renamed = np.where(flips[np.abs(cnf.literals) - 1], -cnf.literals, cnf.literals).astype(np.int32)
    return CNF(cnf.num_variables, renamed, cnf.offsets)


def solve_diverse(cnf: CNF, engine: str, conflicts: int, seed: int) -> tuple[int, Values | None]:
    """(status, assignment) of one solve with random signs: what an engine takes for granted differs every
    time."""
    flips = np.random.default_rng(seed).integers(0, 2, cnf.num_variables).astype(bool)
    walk = engine == WALK
    with Solver(name="cadical195" if walk else engine) as solver:
        if engine.startswith("cadical"):
            # lucky would find the same all-true assignment over and over
            solver.configure({"lucky": 0, **(WALK_OPTIONS if walk else {})})
        solver.append_formula(_renamed(cnf, flips).clauses())
        solver.conf_budget(min(conflicts, WALK_CONFLICTS) if walk else conflicts)
        answer = solver.solve_limited()
        if answer is None:
            return 0, None
        if answer is False:
            return -1, None
        signs = np.ones(cnf.num_variables, np.int8)
        _set(signs, solver.get_model())
    values = np.where(flips, -signs, signs).astype(np.int8)
    return 1, _checked(cnf, values)


def _sample(
    cnf: CNF, found: list[Values], wanted: int, options: LabelOptions, deadline: float, emit: Emit
) -> int:
    """Grow `found` to `wanted`; -1 if the formula is unsatisfiable.  Stops when tries bring nothing new."""
    fruitless = 0
    for i in range(2 * wanted):
        if len(found) >= wanted or fruitless >= 3 or time.monotonic() > deadline:
            break
        engine = options.engines[i % len(options.engines)]
        status, values = solve_diverse(cnf, engine, options.conflicts, options.seed + i)
        if status == -1:
            return -1
        fruitless = 0 if values is not None and _add(found, values, emit) else fruitless + 1
    return 1 if found else 0


def _add(found: list[Values], values: Values, emit: Emit) -> bool:
    """Keep and emit an assignment that is new."""
    if any(np.array_equal(values, other) for other in found):
        return False
    if not found:
        emit(("status", 1))
    found.append(values)
    emit(("assignment", values))
    return True


def _backbone(cnf: CNF, found: Sequence[Values], options: LabelOptions, deadline: float, emit: Emit) -> None:
    """Ask of every literal that all known assignments share whether its negation is possible."""
    shared = np.where(np.abs(np.sum(found, axis=0, dtype=np.int64)) == len(found), found[0], 0)
    used = np.bincount(np.abs(cnf.literals) - 1, minlength=cnf.num_variables)
    shared[used == 0] = 0
    bone, complete_, unanswered, answered = np.zeros(cnf.num_variables, np.int8), True, 0, 0
    reported = time.monotonic()
    with Solver(name=INCREMENTAL, bootstrap_with=cnf.clauses()) as solver:
        for variable in np.argsort(-used, kind="stable").tolist():
            value = int(shared[variable])
            if not value:
                continue
            if time.monotonic() > deadline or (unanswered >= GIVE_UP and not answered):
                complete_ = False
                break
            literal = (variable + 1) * value
            solver.conf_budget(options.backbone_conflicts)
            answer = solver.solve_limited(assumptions=[-literal])
            if answer is None:
                complete_, unanswered = False, unanswered + 1
                continue
            answered += 1
            if answer:
                shared[shared != _values(cnf, solver.get_model())] = 0
            else:
                bone[variable] = value
                solver.add_clause([literal])
            if time.monotonic() - reported > REPORT_S:
                emit(("backbone", (bone.copy(), False)))
                reported = time.monotonic()
    emit(("backbone", (bone, complete_)))


def _set(values: Values, literals: Sequence[int]) -> None:
    given = np.asarray(literals, dtype=np.int64)
    given = given[np.abs(given) <= len(values)]
    values[np.abs(given) - 1] = np.sign(given)


def _values(cnf: CNF, literals: Sequence[int]) -> Values:
    values = np.ones(cnf.num_variables, np.int8)
    _set(values, literals)
    return _checked(cnf, values)


def _checked(cnf: CNF, values: Values) -> Values:
    """The assignment itself.  Raises SoundnessError if it falsifies a clause."""
    literals = np.arange(1, cnf.num_variables + 1) * values
    if satisfies(cnf, literals) is not None:
        raise SoundnessError("a labelling solver returned an assignment that falsifies a clause")
    return values
