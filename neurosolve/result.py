"""What a run was asked (Limits), what it cost (Stages, Stats) and what it found (Result): one JSON object a run."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

SCHEMA_VERSION = 1


class Status(enum.StrEnum):
    """The answer; `exit_code` is the SAT competition's (10, 20, 0)."""

    SATISFIABLE = "SATISFIABLE"
    UNSATISFIABLE = "UNSATISFIABLE"
    UNKNOWN = "UNKNOWN"

    @property
    def exit_code(self) -> int:
        return {"SATISFIABLE": 10, "UNSATISFIABLE": 20, "UNKNOWN": 0}[self.value]


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a solve may use.  None: no limit."""

    time_s: float | None = None  # wall clock, from the start of the call
    memory_bytes: int | None = None  # address space of the solving child
    conflicts: int | None = None


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
        row = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "assignment"}
        row["status"] = self.status.value
        row["stages"] = dataclasses.asdict(self.stages)
        row["stats"] = dataclasses.asdict(self.stats)
        return {"schema": SCHEMA_VERSION, **row}
