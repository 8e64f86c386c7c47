"""SCIP as an engine: one job in a child process under limits, its incumbents and bounds streamed out.

pyscipopt is loaded in the child alone, by scip_child.py and what it imports; this module costs its caller nothing.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from neurosolve import process
from neurosolve.errors import EngineError
from neurosolve.milp.job import Answer, Floats, Incumbent, Job, Progress
from neurosolve.milp.policies import PolicyReport
from neurosolve.milp.scip_settings import PROTOCOLS
from neurosolve.process import ChildRun
from neurosolve.result import MilpStats, Status

__all__ = ["PROTOCOLS", "EngineRun", "Job", "Progress", "run"]

SOFT_S = 0.5  # what SCIP gets to end by its own time limit before it is told to

_STATUSES = {
    "optimal": Status.OPTIMAL,
    "infeasible": Status.INFEASIBLE,
    "unbounded": Status.UNBOUNDED,
    "inforunbd": Status.INFEASIBLE_OR_UNBOUNDED,
}
_REASONS = {
    "timelimit": process.TIME_LIMIT,
    "memlimit": process.MEMORY_LIMIT,
    "userinterrupt": process.SIGNAL,
    "gaplimit": "gap limit",
    "nodelimit": "node limit",
    "totalnodelimit": "node limit",
    "stallnodelimit": "stall node limit",
    "sollimit": "solution limit",
    "bestsollimit": "solution limit",
    "primallimit": "primal limit",
    "duallimit": "dual limit",
    "restartlimit": "restart limit",
}


@dataclasses.dataclass
class EngineRun:
    """What a job came to; nothing here is checked.

    objective, values: of the best solution, values by `column_names`; None without one.  dual_bound, gap: None where
    infinite.  reason: why LIMIT.  report: the policy's.  notes: words for the user.  feastol: SCIP's feasibility
    tolerance, as the settings left it.  load_s: SCIP's import and reading; search_s: its search.
    """

    status: Status = Status.LIMIT
    objective: float | None = None
    values: Floats | None = None
    column_names: tuple[str, ...] = ()
    dual_bound: float | None = None
    gap: float | None = None
    stats: MilpStats = dataclasses.field(default_factory=MilpStats)
    reason: str | None = None
    report: PolicyReport = dataclasses.field(default_factory=PolicyReport)
    notes: list[str] = dataclasses.field(default_factory=list)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    feastol: float = 1e-6
    load_s: float = 0.0
    search_s: float = 0.0
    cpu_time_s: float = 0.0
    memory_bytes: int = 0


def run(job: Job, on_event: Callable[[Progress], None] | None = None) -> EngineRun:
    """Solve `job` in a child process; on_event sees each Progress as it comes.

    A limit, SIGINT or SIGTERM ends the search and is no error: the best solution so far comes back.  Raises
    UsageError for a bad parameter, InputError for a file SCIP cannot read, EngineError when SCIP crashes.
    """
    found = _Streamed(EngineRun(column_names=job.column_names or ()), on_event)
    time_s = None if job.limits.time_s is None else job.limits.time_s + SOFT_S
    _, (child,) = process.race(
        [(_in_child, job, time.perf_counter())],
        definite=lambda _: True,
        time_s=time_s,
        memory_bytes=job.limits.memory_bytes,
        on_message=found.take,
    )
    if child.error is not None:
        raise _told(child, found.run)
    _account(found.run, child)
    return found.run


def _in_child(job: Job, started: float) -> Answer:
    from neurosolve.milp import scip_child

    return scip_child.solve(job, started)


class _Streamed:
    """The run as far as the child has told it: all there is when the child is killed."""

    def __init__(self, run: EngineRun, on_event: Callable[[Progress], None] | None) -> None:
        self.run, self.on_event = run, on_event

    def take(self, message: Any) -> None:
        run = self.run
        if isinstance(message, Progress):
            run.dual_bound, run.search_s = message.dual_bound, message.time_s
            run.stats.num_nodes = message.num_nodes
            if self.on_event is not None:
                self.on_event(message)
        elif isinstance(message, Incumbent):
            run.objective, run.values = message.objective, message.values
        elif message[0] == "columns":
            run.column_names = message[1]
        elif message[0] == "versions":
            run.versions = message[1]
        elif message[0] == "feastol":
            run.feastol = message[1]


def _account(run: EngineRun, child: ChildRun) -> None:
    """The child's answer, or for one that gave none what it had streamed, and its cost."""
    run.cpu_time_s, run.memory_bytes = child.cpu_time_s, child.memory_bytes
    run.search_s = run.search_s or child.wall_time_s
    if child.value is None:
        run.reason = child.reason
        run.notes.append(f"SCIP had to be killed ({child.reason}): its counters are lost")
        if run.objective is not None and run.dual_bound is not None:
            run.gap = _gap(run.objective, run.dual_bound)
        return
    answer: Answer = child.value
    run.status = _STATUSES.get(answer.status, Status.LIMIT)
    if run.status is Status.LIMIT:
        run.reason = child.reason or _REASONS.get(answer.status, answer.status)
    if answer.incumbent is not None:
        run.objective, run.values = answer.incumbent.objective, answer.incumbent.values
    run.dual_bound, run.gap, run.stats = answer.dual_bound, answer.gap, answer.stats
    run.report = answer.report
    run.load_s, run.search_s = answer.load_s, answer.search_s
    run.notes += answer.notes


def _gap(objective: float, bound: float) -> float | None:
    """As SCIP has it: |difference| over the smaller magnitude; None for infinite."""
    if objective == bound:
        return 0.0
    if objective * bound <= 0:
        return None
    return abs(objective - bound) / min(abs(objective), abs(bound))


def _told(child: ChildRun, run: EngineRun) -> Exception:
    """The child's error with what SCIP printed about it, and what had been found."""
    error = child.error
    assert error is not None
    said = [line.strip() for line in child.output.decode("utf-8", "replace").splitlines() if line.strip()]
    words = f"{error}; SCIP said: {' | '.join(said[-3:])}" if said and said[-1] not in str(error) else str(error)
    if type(error) is EngineError and run.objective is not None:
        words += f"; the best objective so far was {run.objective:.10g}"
    error.args = (f"SCIP: {words}" if type(error) is EngineError else words,)
    return error
