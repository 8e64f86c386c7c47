"""One bounded solve, seen as a cost: what training asks of a checkpoint."""

from __future__ import annotations

import numpy as np

from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases


def cost(
    cnf: CNF,
    engine: str,
    phases: Phases | None,
    delivery: str | None,
    conflicts: int | None,
    time_s: float | None,
    seed: int = 0,
) -> tuple[float, bool]:
    """(conflicts spent, answered?); CPU milliseconds where the engine counts no conflicts.  phases None:
    stock."""
    try:
        from neurosolve.sat import engines
    except ImportError:
        return _renamed(cnf, engine, phases, conflicts or 100_000)
    from neurosolve.result import Limits, Status

    limits = Limits(time_s=time_s, conflicts=conflicts)
    run = engines.run(cnf, engine, phases=phases, delivery=delivery if phases else None, limits=limits,
                      seed=seed, proof_path=None, preset=None, lucky=False)  # fmt: skip
    spent = run.stats.num_conflicts
    return float(run.cpu_time_s * 1000 if spent is None else spent), run.status is not Status.UNKNOWN


def _renamed(cnf: CNF, engine: str, phases: Phases | None, conflicts: int) -> tuple[float, bool]:
    from pysat.solvers import Solver

    true_by_default = engine.startswith(("cadical", "kissat"))
    literals = cnf.literals
    if phases is not None:
        default = 1 if true_by_default else -1
        flips = (phases.values != 0) & (phases.values != default)
        literals = np.where(flips[np.abs(literals) - 1], -literals, literals)
    with Solver(name=engine) as solver:
        if true_by_default:
            solver.configure({"lucky": 0})
        for clause in CNF(cnf.num_variables, literals, cnf.offsets).clauses():
            solver.add_clause(clause)
        solver.conf_budget(conflicts)
        answer = solver.solve_limited()
        return float(solver.accum_stats()["conflicts"]), answer is not None
