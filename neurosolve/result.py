"""What a run was asked (Limits), what it cost (Stages, Stats) and what it found (Result): one JSON object a run."""

from __future__ import annotations

import dataclasses
import enum
import time
from typing import Any

SCHEMA_VERSION = 1


class Status(enum.StrEnum):
    """The answer, of a formula (first three) or of a MILP.

    `exit_code` is the SAT competition's (10, 20, 0); a finished MILP run is 0, whatever its answer.
    """

    SATISFIABLE = "SATISFIABLE"
    UNSATISFIABLE = "UNSATISFIABLE"
    UNKNOWN = "UNKNOWN"
    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    INFEASIBLE_OR_UNBOUNDED = "infeasible-or-unbounded"
    LIMIT = "limit"

    @property
    def exit_code(self) -> int:
        return {"SATISFIABLE": 10, "UNSATISFIABLE": 20}.get(self.value, 0)


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a solve may use.  None: no limit."""

    time_s: float | None = None  # wall clock, from the start of the call
    memory_bytes: int | None = None  # address space of the solving child
    conflicts: int | None = None

    def until(self, deadline: float | None) -> Limits:
        """With the time that is left before a deadline, in time.perf_counter() seconds; None: as they are."""
        if deadline is None:
            return self
        return dataclasses.replace(self, time_s=max(0.0, deadline - time.perf_counter()))


@dataclasses.dataclass
class Stats:
    """The engine's own counters; None where the engine keeps none."""

    num_conflicts: int | None = None
    num_decisions: int | None = None
    num_propagations: int | None = None
    num_restarts: int | None = None

    def plus(self, other: Stats) -> Stats:
        """Both runs together; None where either kept no count."""
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Stats(*(None if a is None or b is None else a + b for a, b in pairs))


@dataclasses.dataclass
class Stages:
    """Wall seconds of each stage of one run; 0 where a stage did not happen."""

    import_s: float = 0.0
    read_s: float = 0.0
    graph_s: float = 0.0
    network_s: float = 0.0
    inject_s: float = 0.0
    solve_s: float = 0.0
    check_s: float = 0.0


@dataclasses.dataclass
class Result:
    """One run.  `assignment` holds one literal a variable (numpy int32, +v or -v), None unless satisfiable."""

    status: Status
    engine: str
    guidance: str
    delivery: str | None = None
    model: str | None = None
    model_hash: str | None = None
    gate: dict[str, Any] | None = None  # {"stage": 1|2|None, "guided": bool, "reason": str, ...}
    stages: Stages = dataclasses.field(default_factory=Stages)
    wall_time_s: float = 0.0
    cpu_time_s: float = 0.0
    memory_bytes: int = 0
    stats: Stats = dataclasses.field(default_factory=Stats)
    seed: int = 0
    reason: str | None = None  # why UNKNOWN: "time limit", "memory limit", "conflict limit", "signal"
    proof: str | None = None
    warnings: list[str] = dataclasses.field(default_factory=list)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    assignment: Any = None

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON types, without the assignment."""
        return _plain(self, {"assignment"})


@dataclasses.dataclass
class MilpStats:
    """SCIP's counters over all restarts; None where the run ended before they could be asked for, or SCIP keeps none:
    the policy fsb has no num_strong_branching_lp_iterations, for idempotent trials SCIP drops them (policies.RULES).

    num_domain_reductions, num_cutoffs: those found by the branching rules alone (strong branching's side effects).
    primal_dual_integral: SCIP's own, per cent times seconds.  The last three are the policy's: its calls, how many
    of them it left to SCIP, and its seconds.
    """

    num_nodes: int | None = None
    num_lp_iterations: int | None = None  # without strong branching
    num_strong_branching_lp_iterations: int | None = None
    num_domain_reductions: int | None = None
    num_cutoffs: int | None = None
    primal_dual_integral: float | None = None
    num_policy_calls: int | None = None
    num_handed_over: int | None = None
    policy_s: float | None = None


@dataclasses.dataclass
class MilpResult:
    """One run of SCIP.  `values` is float64 (n,) by `column_names`; None without a solution that passed the check.

    objective: of `values`.  dual_bound, gap: SCIP's claim, None where infinite.  checked_by: "neurosolve" (against
    the file as read), "scip" (a CIP file, which SCIP alone reads), None without a solution.
    """

    status: Status
    guidance: str
    protocol: str = "default"
    engine: str = "scip"
    objective: float | None = None
    dual_bound: float | None = None
    gap: float | None = None
    model: str | None = None
    model_hash: str | None = None
    gate: dict[str, Any] | None = None
    adopted: str | None = None  # the protocol that SCIP went over to, because the model was validated under it
    stages: Stages = dataclasses.field(default_factory=Stages)
    wall_time_s: float = 0.0
    cpu_time_s: float = 0.0
    memory_bytes: int = 0
    stats: MilpStats = dataclasses.field(default_factory=MilpStats)
    seed: int = 0
    reason: str | None = None  # why LIMIT: "time limit", "memory limit", "signal", "gap limit", "node limit", ...
    checked_by: str | None = None
    solution: str | None = None  # the file it was written to
    warnings: list[str] = dataclasses.field(default_factory=list)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    column_names: tuple[str, ...] = ()
    values: Any = None

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON types, without the values and their names."""
        return _plain(self, {"values", "column_names"})


def _plain(run: Result | MilpResult, left_out: set[str]) -> dict[str, Any]:
    row = {f.name: getattr(run, f.name) for f in dataclasses.fields(run) if f.name not in left_out}
    row["status"] = run.status.value
    row["stages"] = dataclasses.asdict(run.stages)
    row["stats"] = dataclasses.asdict(run.stats)
    return {"schema": SCHEMA_VERSION, **row}
