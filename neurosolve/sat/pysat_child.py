"""What runs inside the child: rename, load, deliver, solve, and only then answer."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosolve import process
from neurosolve.result import Stats, Status
from neurosolve.sat.cnf import CNF
from neurosolve.sat.dimacs import write_dimacs
from neurosolve.sat.drat import copy_proof
from neurosolve.sat.inject import DELIVERIES, load_clauses, set_order
from neurosolve.sat.phases import Phases
from neurosolve.sat.renaming import Int32, Renaming, flips_of
from neurosolve.sat.table import KNOWN_OPTIONS, Engine


@dataclasses.dataclass(frozen=True)
class Request:
    """One solve, as the child gets it.  proof_path: where to write; the parent moves it when all is well."""

    cnf: CNF
    engine: Engine
    phases: Phases | None = None
    delivery: str | None = None
    seed: int = 0
    preset: str | None = None
    lucky: bool = True
    conflicts: int | None = None
    forced_conflicts: int = 0
    fallback: str | None = "rename"
    priority: npt.NDArray[np.floating[Any]] | None = None
    proof_path: Path | None = None

    @property
    def delivery_name(self) -> str | None:
        parts = [part for part in (self.delivery, "order" if self.priority is not None else None) if part]
        return "+".join(parts) or None

    def renaming(self) -> Renaming | None:
        """The signed permutation the engine works under; None where it sees the formula as read."""
        renumbered = None if self.engine.activities else self.priority
        if self.delivery != "rename" and renumbered is None:
            return None
        phases = self.phases if self.delivery == "rename" else None
        return Renaming.of(flips_of(phases, self.cnf.num_variables, self.engine.default_phase), renumbered)

    def complete(self, literals: Int32, renaming: Renaming | None) -> Int32:
        """The engine's literals as one a variable of the formula as read; those it never saw become true."""
        assignment = np.arange(1, self.cnf.num_variables + 1, dtype=np.int32)
        known = literals[np.abs(literals) <= self.cnf.num_variables]
        assignment[np.abs(known) - 1] = known
        return assignment if renaming is None else renaming.assignment(assignment)


@dataclasses.dataclass
class Answer:
    """What a child returns: plain values and arrays."""

    status: str = Status.UNKNOWN.value
    assignment: Int32 | None = None
    stats: Stats = dataclasses.field(default_factory=Stats)
    solve_s: float = 0.0
    notes: list[str] = dataclasses.field(default_factory=list)


def solve_with_binary(request: Request, formula: Path, argv: list[str], memory_bytes: int | None) -> Answer:
    """Write the renamed formula and become the binary; returns only where no search is needed."""
    started = time.perf_counter()
    if _has_empty_clause(request.cnf):
        return _refuted(request)
    renaming = request.renaming()
    with formula.open("wb") as file:
        write_dimacs(request.cnf if renaming is None else renaming.apply(request.cnf), file)
    spent = time.perf_counter() - started
    process.send({"inject_s": spent, "load_s": spent})
    process.execute(argv, memory_bytes)


def solve_with_pysat(request: Request) -> Answer:
    """Solve with an engine of PySAT.  A forced run that reaches its bound is followed by a fresh one."""
    if _has_empty_clause(request.cnf):
        return _refuted(request)
    if request.delivery != "forced":
        return _attempt(request, request.conflicts)
    bound = request.forced_conflicts
    first = _attempt(request, bound if request.conflicts is None else min(bound, request.conflicts))
    left = None if request.conflicts is None else request.conflicts - (first.stats.num_conflicts or bound)
    if first.status != Status.UNKNOWN.value or (left is not None and left <= 0):
        return first
    behind = dataclasses.replace(request, delivery=request.fallback)
    second = _attempt(behind, left)
    second.stats = first.stats.plus(second.stats)
    second.solve_s += first.solve_s
    behind_it = request.fallback or "stock"
    second.notes = [*first.notes, f"forced stopped after {bound} conflicts; {behind_it} ran behind it"]
    return second


def _attempt(request: Request, conflicts: int | None) -> Answer:
    """One engine object from empty to its verdict: True, False, or None for unknown."""
    started = time.perf_counter()
    renaming = request.renaming()
    renamed = request.cnf if renaming is None else renaming.apply(request.cnf)
    wrapper, solver = _new_solver(request)
    loading = time.perf_counter()
    load_clauses(solver, request.engine, renamed)
    loaded = time.perf_counter()
    if request.phases is not None and request.delivery in DELIVERIES:
        told = request.phases if renaming is None else renaming.phases(request.phases)
        DELIVERIES[request.delivery](solver, told, renamed)
    if request.priority is not None and request.engine.activities:
        set_order(solver, request.priority)
    solving = time.perf_counter()
    process.send({"inject_s": solving - started, "load_s": loaded - loading})
    verdict = _search(solver, request.engine, conflicts)
    answer = Answer(solve_s=time.perf_counter() - solving, stats=_stats(wrapper, request.engine))
    if verdict is True:
        answer.status = Status.SATISFIABLE.value
        answer.assignment = request.complete(np.array(solver.get_model() or [], dtype=np.int32), renaming)
    elif verdict is False:
        answer.status = Status.UNSATISFIABLE.value
        _write_proof(request, solver, renaming)
    wrapper.delete()
    return answer


def _new_solver(request: Request) -> tuple[Any, Any]:
    """PySAT's wrapper and the engine inside it, configured; options must be set before the clauses."""
    import pysat
    from pysat.solvers import Solver

    process.send({"versions": {"pysat": str(pysat.__version__)}})
    row = request.engine
    wrapper = Solver(name=row.pysat, **({"with_proof": True} if request.proof_path is not None else {}))
    options: dict[str, int | str] = dict(row.options)
    if request.preset is not None:
        preset = row.presets[request.preset]
        assert isinstance(preset, Mapping)  # a binary's are arguments
        options |= dict(preset)
    if request.seed and row.seed:
        options["seed"] = request.seed
    if not request.lucky and row.lucky:
        options["lucky"] = 0
    assert KNOWN_OPTIONS.issuperset(options)  # an unknown name would be ignored without a word
    if options:
        wrapper.configure(options)
    return wrapper, wrapper.solver


def _search(solver: Any, row: Engine, conflicts: int | None) -> bool | None:
    """The verdict.  After a budget plain solve() says False for "ran out": solve_limited is asked instead."""
    verdict: bool | None
    if not row.conflict_limit:
        verdict = solver.solve()  # Lingeling and CryptoMiniSat have no limited call, and no budget to run out
        return verdict
    if conflicts is not None:
        solver.conf_budget(conflicts)
    verdict = solver.solve_limited()
    return verdict


def _stats(wrapper: Any, row: Engine) -> Stats:
    if not row.has_stats:
        return Stats()
    counted = wrapper.accum_stats()
    names = ("conflicts", "decisions", "propagations", "restarts")
    return Stats(*(counted.get(name) if name in row.stats else None for name in names))


def _write_proof(request: Request, solver: Any, renaming: Renaming | None) -> None:
    """The engine's own proof file, text or binary, to text for the formula as read."""
    if request.proof_path is None:
        return
    import pysolvers

    pysolvers.flushpr(solver.prfp)
    solver.prfile.seek(0)
    with request.proof_path.open("wb") as target:
        copy_proof(solver.prfile, target, renaming)


def _has_empty_clause(cnf: CNF) -> bool:
    return bool((cnf.offsets[1:] == cnf.offsets[:-1]).any())


def _refuted(request: Request) -> Answer:
    """The formula holds the empty clause; engines differ in what they make of that."""
    if request.proof_path is not None:
        request.proof_path.write_bytes(b"0\n")
    return Answer(status=Status.UNSATISFIABLE.value, notes=["the formula holds an empty clause"])
