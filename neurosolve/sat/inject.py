"""The deliveries: how phases reach an engine, each a function.

rename   before the clauses, any engine: negate every variable whose phase differs from the engine's default;
         the prediction is the initial phase and returns at every "original" rephase; see renaming.py
initial  set_phases after the clauses, where the engine takes them as initial phases (same search as rename)
forced   set_phases after the clauses, where the engine obeys them for ever; only under a conflict bound
decide   an external propagator that decides the predicted literals on the first descent, then steps aside
order    beside any of them: variable priority, by renumbering (or activities in Ergo)

A user's own PySAT script takes `inject_phases`.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosolve.errors import UsageError
from neurosolve.sat.cnf import CNF, HasClauses
from neurosolve.sat.phases import Phases
from neurosolve.sat.renaming import Renaming, flips_of, literals_of, map_assignment, map_proof, rename
from neurosolve.sat.table import Engine, find_engine

__all__ = ["DELIVERIES", "Injected", "Renaming", "decide", "forced", "initial", "inject_phases"]
__all__ += ["load_clauses", "map_assignment", "map_proof", "rename", "set_order"]

LOAD_CLAUSES = 1 << 16  # clauses that are Python lists at one time
_CLASS_NAMES = {"MinisatGH": "minisat-gh", "MinisatEP": "minisatep"}


# ------------------------------------------------------------------- initial, forced, decide, order


def forced(solver: Any, phases: Phases, cnf: CNF) -> None:
    """set_phases where the engine obeys at every decision.  The caller bounds the conflicts."""
    solver.set_phases(literals_of(phases, cnf.num_variables))


def initial(solver: Any, phases: Phases, cnf: CNF) -> None:
    """set_phases where the engine takes them as initial phases and saves its own afterwards."""
    solver.set_phases(literals_of(phases, cnf.num_variables))


def decide(solver: Any, phases: Phases, cnf: CNF) -> None:
    """Predicted literals as the first decisions, most confident first; each at most once, then the engine
    alone.

    Observed variables are not eliminated, and while the propagator is on the search runs 1.3 to 2.8 times
    slower.
    """
    used = np.zeros(cnf.num_variables + 1, np.bool_)
    used[np.abs(cnf.literals)] = True
    literals = [literal for literal in literals_of(phases, cnf.num_variables) if used[abs(literal)]]
    if not literals:
        return
    solver.connect_propagator(FirstDescent(solver, literals, cnf.num_variables))
    for literal in literals:
        solver.observe(abs(literal))


class FirstDescent:
    """The external propagator behind `decide`: it never propagates, never adds a clause, never rejects."""

    def __init__(self, solver: Any, literals: list[int], num_variables: int) -> None:
        self.solver, self.literals, self.next = solver, literals, 0
        self.assigned = bytearray(num_variables + 1)
        self.trail: list[list[int]] = [[]]

    def decide(self) -> int:
        # An assigned literal would make the engine fall back on its own choice for this decision.
        while self.next < len(self.literals):
            literal = self.literals[self.next]
            self.next += 1
            if not self.assigned[abs(literal)]:
                return literal
        self.solver.disable_propagator()
        return 0

    def on_assignment(self, literal: int, fixed: bool = False) -> None:
        if not self.assigned[abs(literal)]:
            self.assigned[abs(literal)] = 1
            self.trail[0 if fixed else -1].append(abs(literal))

    def on_new_level(self) -> None:
        self.trail.append([])

    def on_backtrack(self, to: int) -> None:
        for level in self.trail[to + 1 :]:
            for variable in level:
                self.assigned[variable] = 0
        del self.trail[to + 1 :]

    def check_model(self, model: list[int]) -> bool:
        return True

    def propagate(self) -> list[int]:
        return []

    def provide_reason(self, literal: int) -> list[int]:
        return []

    def has_clause(self) -> bool:
        return False

    def add_clause(self) -> list[int]:
        return []


DELIVERIES: dict[str, Callable[[Any, Phases, CNF], None]] = {
    "forced": forced, "initial": initial, "decide": decide,
}  # fmt: skip


def set_order(solver: Any, priority: npt.NDArray[np.floating[Any]]) -> None:
    """Variable priority in Ergo, as activities; in other engines `Renaming.of(flips, priority)` does it."""
    ranks = np.argsort(np.argsort(np.nan_to_num(priority), kind="stable")) + 1
    solver.set_activities(dict(enumerate((ranks / max(1, len(ranks))).tolist(), start=1)))


# ------------------------------------------------------------------------------------- loading


def load_clauses(solver: Any, engine: Engine, cnf: CNF) -> None:
    """The clauses into an engine of PySAT by the cheapest route it has.

    That is its own C function mapped over lists, without the method call a clause that add_clause costs,
    65,536 clauses at a time.  The caller switches the garbage collector off: it would walk those lists for
    nothing.
    """
    if engine.glue is None:
        solver.append_formula(cnf.clauses(), no_return=True)
        return
    import pysolvers

    add = getattr(pysolvers, f"{engine.glue}_add_cl")
    handle = next(value for value in vars(solver).values() if type(value).__name__ == "PyCapsule")
    for first in range(0, cnf.num_clauses, LOAD_CLAUSES):
        offsets = cnf.offsets[first : first + LOAD_CLAUSES + 1]
        flat = cnf.literals[offsets[0] : offsets[-1]].tolist()
        ends = (offsets - offsets[0]).tolist()
        lists = (flat[start:end] for start, end in itertools.pairwise(ends))
        collections.deque(map(add, itertools.repeat(handle), lists), maxlen=0)


# ----------------------------------------------------------------------- one's own PySAT script


@dataclasses.dataclass(frozen=True)
class Injected:
    """What `inject_phases` did, as a callable: injected(solver.get_model()) is an assignment of the formula.

    Incremental use: solving again, under assumptions and after adding clauses works, as long as everything
    that goes in passes map_clause or map_assumptions and everything that comes out (assignments, cores, proof
    lines) passes the callable or map_core: the engine only knows the renamed variables.  New variables keep
    their names and get the engine's default phase.  `initial` phases are history after the first conflict,
    `forced` ones stay for the life of the solver (PySAT cannot unforce them), `decide` acts in the first call
    only.
    """

    engine: str
    delivery: str
    renaming: Renaming | None

    def __call__(self, assignment: Sequence[int]) -> list[int]:
        if self.renaming is None:
            return list(assignment)
        return sorted(self.renaming.back(assignment), key=abs)

    def map_clause(self, literals: Sequence[int]) -> list[int]:
        return list(literals) if self.renaming is None else self.renaming.clause(literals)

    map_assumptions = map_clause

    def map_core(self, literals: Sequence[int]) -> list[int]:
        return list(literals) if self.renaming is None else self.renaming.back(literals)


def engine_of(solver: Any) -> tuple[Engine, Any]:
    """The table's row for a PySAT solver object, and the engine object inside.  UsageError for a stranger."""
    inner = getattr(solver, "solver", None) or solver
    kind = type(inner).__name__
    return find_engine(_CLASS_NAMES.get(kind, kind.lower())), inner


def inject_phases(
    solver: Any, cnf: CNF | HasClauses | Sequence[Sequence[int]], phases: Phases, delivery: str | None = None
) -> Injected:
    """Fill an empty PySAT solver with `cnf` so that it tries `phases` first; see `Injected` for what comes back.

    solver: pysat.solvers.Solver(name=...) or one of its engine classes.  cnf: what `CNF.of` takes.  delivery:
    rename, initial, forced or decide; None takes initial where the engine's set_phases means that, and rename
    elsewhere.  Raises UsageError for a solver that holds clauses already and for a delivery that the engine lacks.
    """
    cnf = CNF.of(cnf)
    engine, inner = engine_of(solver)
    chosen: str = delivery or ("initial" if engine.set_phases == "initial" else "rename")
    if chosen not in {*engine.deliveries, engine.set_phases}:
        raise UsageError(f"{engine.name} has no delivery '{chosen}': {', '.join(engine.deliveries)}")
    if getattr(inner, "nof_vars", lambda: 0)() > 0:  # an empty MiniSat says -1
        raise UsageError("inject_phases fills an empty solver, and this one holds clauses")
    renaming = None
    if chosen == "rename":
        renaming = Renaming.of(flips_of(phases, cnf.num_variables, engine.default_phase))
    load_clauses(inner, engine, cnf if renaming is None else renaming.apply(cnf))
    if chosen != "rename":
        DELIVERIES[chosen](inner, phases, cnf)
    return Injected(engine.name, chosen, renaming)
