"""What runs claim of an instance, which claims exclude one another, and reading a claim from a process."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from bench import kinds
from bench.kinds import Kind
from bench.measure import Measured
from bench.rows import BenchError, Row

TOLERANCE = 1e-6  # two optimal objectives may differ by this, relative to max(1, |objective|)
LOOSE_TOLERANCE = 1e-4  # of a suite's `OPTIMAL~VALUE`: found by a solver at a gap of that size
INFINITE = 1e20  # SCIP's
SAT_STATUSES = {"SAT": "SATISFIABLE", "UNSAT": "UNSATISFIABLE"}
OUTCOMES = {
    "SATISFIABLE": {"satisfiable"}, "UNSATISFIABLE": {"unsatisfiable"}, "OPTIMAL": {"optimum"},
    "INFEASIBLE": {"infeasible"}, "UNBOUNDED": {"unbounded"},
    "INFEASIBLE_OR_UNBOUNDED": {"infeasible", "unbounded"},
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Claim:
    """Which outcomes are left, and between which values the optimum lies if there is one."""

    status: str
    outcomes: frozenset[str]
    low: float = -math.inf
    high: float = math.inf
    tolerance: float = TOLERANCE

    def excludes(self, other: Claim) -> bool:
        """Whether no outcome is left that both allow, or no optimum that lies within both intervals."""
        common = self.outcomes & other.outcomes
        if common != {"optimum"}:
            return not common
        below, above = min(self.high, other.high), max(self.low, other.low)
        size = max([1.0, *(abs(value) for value in (below, above) if math.isfinite(value))])
        return above - below > max(self.tolerance, other.tolerance) * size

    def __str__(self) -> str:
        if self.outcomes != {"optimum"}:
            return self.status
        exact = self.low == self.high
        return f"{self.status} {self.low:.10g}" if exact else f"{self.status} in [{self.low:.10g}, {self.high:.10g}]"


def of_suite(status: str) -> Claim | None:
    """A suite's status: SAT, UNSAT, INFEASIBLE, OPTIMAL=VALUE, OPTIMAL~VALUE, or empty for not known.

    Raises BenchError for anything else.
    """
    if not status:
        return None
    if status in SAT_STATUSES:
        return Claim(SAT_STATUSES[status], frozenset(OUTCOMES[SAT_STATUSES[status]]))
    if status == "INFEASIBLE":
        return Claim(status, frozenset(OUTCOMES[status]))
    head, loose, value = status.partition("~" if "~" in status else "=")
    try:
        optimum = float(value)
        if head != "OPTIMAL" or not math.isfinite(optimum):
            raise ValueError
    except ValueError:
        raise BenchError(
            f"status {status!r} is none of SAT, UNSAT, INFEASIBLE, OPTIMAL=VALUE, OPTIMAL~VALUE and empty"
        ) from None
    tolerance = LOOSE_TOLERANCE if loose == "~" else TOLERANCE
    return Claim("OPTIMAL", frozenset({"optimum"}), optimum, optimum, tolerance)


def of_row(row: Row) -> Claim | None:
    """What a run claims.  One stopped at a limit with a solution claims that the optimum lies within its bounds."""
    status, report = row["status"], row.get("cli") or {}
    if status in OUTCOMES and status != "OPTIMAL":
        return Claim(status, frozenset(OUTCOMES[status]))
    objective, bound = report.get("objective"), report.get("dual_bound")
    if status == "OPTIMAL":
        return None if objective is None else Claim(status, frozenset({"optimum"}), objective, objective)
    bounds = [value for value in (objective, bound) if value is not None and abs(value) < INFINITE]
    if status != kinds.MILP.limit or len(bounds) < 2:
        return None  # without both bounds nobody can tell which side the optimum is on
    return Claim(status, frozenset({"optimum"}), min(bounds), max(bounds))


class Answers:
    """The claims on every instance that agree with one another, and who made them."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        """`known`: (sha256, status as a suite writes it)."""
        self._claims: dict[str, list[tuple[Claim, str]]] = defaultdict(list)
        for sha256, status in known:
            claim = of_suite(status)
            if claim and not self._claims[sha256]:
                self._claims[sha256].append((claim, "the suite"))

    def contradiction(self, row: Row) -> str | None:
        """Keeps the row's claim; says whom it contradicts, None where it contradicts nobody."""
        claim, claims = of_row(row), self._claims[row["sha256"]]
        if claim is None:
            return None
        for known, who in claims:
            if known.excludes(claim):
                return f"{row['instance']}: {row['arm']}: {claim}, {who}: {known}"
        claims.append((claim, row["arm"]))
        return None


def judged(runs: Sequence[Row]) -> list[Row]:
    """The rows, each with what it contradicts in any file: arms without learning are heard first and
    second opinions last."""
    answers = Answers((row["sha256"], row.get("known") or "") for row in runs)
    wrong = {}

    def turn(index: int) -> tuple[bool, bool]:
        row = runs[index]
        return bool(row.get("answers_only")), not (row["stock"] or row["again"])

    for index in sorted(range(len(runs)), key=turn):
        wrong[index] = runs[index].get("wrong") or answers.contradiction(runs[index])
    return [{**row, "wrong": wrong[index]} for index, row in enumerate(runs)]


def read_answer(measured: Measured, kind: Kind) -> tuple[str, str | None, dict[str, Any] | None]:
    """(status, reason, the command line's JSON); ERROR for a crash, no JSON, or an exit code that disagrees."""
    report = _last_json(measured.stdout)
    if measured.killed:
        return kind.limit, f"{measured.killed} limit, stopped from outside", report
    complaint = measured.stderr.strip()[-500:]
    if report is None:
        return "ERROR", f"exit {measured.exit_code} without JSON: {complaint}", None
    status = str(report.get("status")).upper().replace("-", "_")  # MILP statuses are written `optimal`
    if kind.exit_codes.get(status) != measured.exit_code:
        return "ERROR", f"status {status} with exit {measured.exit_code}: {complaint}", report
    if status == "OPTIMAL" and report.get("objective") is None:
        return "ERROR", "status OPTIMAL without an objective", report
    return status, report.get("reason"), report


def _last_json(stdout: bytes) -> dict[str, Any] | None:
    start = stdout.find(b"{")
    if start < 0:
        return None
    try:
        report = json.loads(stdout[start:])
    except ValueError:
        return None
    return report if isinstance(report, dict) else None
