"""Claims of runs and suites: which exclude one another, and how a process's output is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench import kinds
from bench.answers import Answers, judged, of_row, of_suite, read_answer
from bench.measure import Measured
from bench.rows import BenchError, Row


def row(status: str, objective: float | None = None, bound: float | None = None, arm: str = "x") -> Row:
    return {
        "sha256": "s", "instance": "i", "arm": arm, "status": status, "known": "", "stock": arm == "none",
        "again": False, "wrong": None, "cli": {"objective": objective, "dual_bound": bound},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "excluded"),
    [
        (row("OPTIMAL", 10.0), row("OPTIMAL", 10.0), False),
        (row("OPTIMAL", 1e6), row("OPTIMAL", 1e6 + 0.5), False),
        (row("OPTIMAL", 1e6), row("OPTIMAL", 1e6 + 1.5), True),
        (row("OPTIMAL", -10.0), row("OPTIMAL", 10.0), True),
        (row("OPTIMAL", 0.0), row("OPTIMAL", 5e-7), False),
        (row("OPTIMAL", 0.0), row("OPTIMAL", 5e-6), True),
        (row("OPTIMAL", 10.0), row("INFEASIBLE"), True),
        (row("OPTIMAL", 10.0), row("INFEASIBLE_OR_UNBOUNDED"), True),
        (row("INFEASIBLE"), row("INFEASIBLE_OR_UNBOUNDED"), False),
        (row("INFEASIBLE"), row("UNBOUNDED"), True),
        (row("OPTIMAL", 10.0), row("LIMIT", 12.0, 8.0), False),
        (row("OPTIMAL", 10.0), row("LIMIT", 8.0, 12.0), False),
        (row("OPTIMAL", 10.0), row("LIMIT", 9.0, 5.0), True),
        (row("LIMIT", 12.0, 8.0), row("LIMIT", 7.0, 5.0), True),
        (row("INFEASIBLE"), row("LIMIT", 9.0, 5.0), True),
    ],
)
def test_claims_of_runs(one: Row, other: Row, excluded: bool) -> None:
    first, second = of_row(one), of_row(other)
    assert first is not None
    assert second is not None
    assert first.excludes(second) is excluded
    assert second.excludes(first) is excluded


@pytest.mark.parametrize(
    "silent", [row("LIMIT"), row("LIMIT", 3.0), row("LIMIT", 3.0, -1e20), row("UNKNOWN"), row("ERROR", 3.0)]
)
def test_runs_that_claim_nothing(silent: Row) -> None:
    assert of_row(silent) is None


def test_what_a_suite_knows() -> None:
    assert of_suite("") is None
    exact, loose, run = of_suite("OPTIMAL=1000"), of_suite("OPTIMAL~1000"), of_row(row("OPTIMAL", 1000.05))
    assert exact is not None and loose is not None and run is not None
    assert exact.excludes(run)
    assert not loose.excludes(run)
    infeasible = of_suite("INFEASIBLE")
    assert infeasible is not None and infeasible.excludes(run)
    for bad in ("MAYBE", "OPTIMAL", "OPTIMAL=", "OPTIMAL=nan", "LIMIT=3", "OPTIMAL=x"):
        with pytest.raises(BenchError, match="is none of SAT"):
            of_suite(bad)


def test_the_first_claim_stands_and_is_quoted() -> None:
    answers = Answers([("s", "")])
    assert answers.contradiction(row("OPTIMAL", 10.0, arm="none")) is None
    text = answers.contradiction(row("OPTIMAL", 10.1, arm="ours"))
    assert text == "i: ours: OPTIMAL 10.1, none: OPTIMAL 10"
    text = answers.contradiction(row("LIMIT", 9.0, 7.0, arm="slow"))
    assert text == "i: slow: LIMIT in [7, 9], none: OPTIMAL 10"
    assert answers.contradiction(row("OPTIMAL", 10.0, arm="again")) is None
    known = Answers([("s", "OPTIMAL=11")])
    assert known.contradiction(row("OPTIMAL", 10.0)) == "i: x: OPTIMAL 10, the suite: OPTIMAL 11"


def test_rows_of_several_files_are_judged_with_stock_arms_first() -> None:
    runs = [row("OPTIMAL", 9.0, arm="ours"), row("OPTIMAL", 10.0, arm="none")]
    assert [item["wrong"] for item in judged(runs)] == ["i: ours: OPTIMAL 9, none: OPTIMAL 10", None]
    assert [item["wrong"] for item in runs] == [None, None], "the rows themselves are left as they are"


def measured(report: Any, exit_code: int = 0, killed: str | None = None) -> Measured:
    text = report if isinstance(report, str) else json.dumps(report)
    return Measured(exit_code, 1.0, 1.0, 1, killed, text.encode(), "said so")


@pytest.mark.parametrize(
    ("output", "status", "reason"),
    [
        (measured({"status": "OPTIMAL", "objective": 3.0}), "OPTIMAL", None),
        (measured({"status": "LIMIT", "reason": "time limit"}), "LIMIT", "time limit"),
        (measured({"status": "INFEASIBLE"}), "INFEASIBLE", None),
        (measured({"status": "infeasible-or-unbounded"}), "INFEASIBLE_OR_UNBOUNDED", None),
        (measured({"status": "OPTIMAL", "objective": None}), "ERROR", "without an objective"),
        (measured({"status": "OPTIMAL", "objective": 3.0}, exit_code=1), "ERROR", "with exit 1: said so"),
        (measured({"status": "SATISFIABLE"}), "ERROR", "status SATISFIABLE"),
        (measured("no json", exit_code=1), "ERROR", "exit 1 without JSON"),
        (measured({"status": "LIMIT"}, exit_code=-9, killed="memory"), "LIMIT", "memory limit, stopped"),
    ],
)
def test_reading_a_milp_answer(output: Measured, status: str, reason: str | None) -> None:
    found, why, _ = read_answer(output, kinds.MILP)
    assert found == status
    assert why is None if reason is None else reason in str(why)
