"""One bounded solve, seen as a cost: what training asks of a checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosolve.errors import UsageError
from neurosolve.result import Limits, Status
from neurosolve.sat import engines
from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases
from neurosolve.sat.pysat_child import solve_with_pysat


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


def solve_here(
    cnf: CNF, engine: str, phases: Phases, delivery: str, conflicts: int, seed: int = 0
) -> tuple[float, npt.NDArray[np.int32] | None]:
    """(conflicts spent, the assignment that was found) in this process where PySAT has the engine: for workers that
    solve thousands.

    Nothing can stop such a solve but its `conflicts`, so engines that count none are refused (UsageError).
    """
    limits = Limits(conflicts=conflicts)
    wishes: dict[str, Any] = {"phases": phases, "delivery": delivery, "limits": limits, "seed": seed}
    job = engines.Job(cnf, engine, **wishes)
    row = job.request.engine
    if not row.conflict_limit or "conflicts" not in row.stats:
        raise UsageError(f"{row.name} has no conflict limit or counts no conflicts: its cost is no reward")
    outcome = engines.run(cnf, engine, **wishes) if row.is_binary else solve_with_pysat(job.request)
    return float(outcome.stats.num_conflicts or 0), outcome.assignment
