"""One bounded solve, seen as a cost: what training asks of a checkpoint."""

from __future__ import annotations

from neurosolve.result import Limits, Status
from neurosolve.sat import engines
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
    """(conflicts spent, answered?); CPU milliseconds where the engine counts none.  phases None: stock.

    A run that its time limit killed has no statistics: it counts as `conflicts`, or in milliseconds without
    them.
    """
    limits = Limits(time_s=time_s, conflicts=conflicts)
    run = engines.run(
        cnf, engine, phases=phases, delivery=delivery if phases else None, limits=limits, seed=seed
    )
    answered = run.status is not Status.UNKNOWN
    spent = run.stats.num_conflicts
    if spent is None and not answered and conflicts is not None and run.reason == "time limit":
        return float(conflicts), False
    return float(run.cpu_time_s * 1000 if spent is None else spent), answered
