"""MILP runs and reports as a user types them, on the stand-in command line; last, one real solve by SCIP."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from pathlib import Path

import pytest

from bench import arms, rows, runner, suites
from bench.arms import Limits, parse_arm, settle, with_repeat
from bench.rows import BenchError
from bench.runner import Plan
from bench.suites import Instance, Places
from tests.bench.conftest import Bench

LIMITS = Limits(30.0)


@pytest.fixture
def suite(problems: list[Instance], tmp_path: Path) -> str:
    suites.write_suite(tmp_path / "boxes.csv", problems, "boxes")
    return "boxes.csv"


def plan_of(instances: list[Instance], places: Places, *specs: str) -> Plan:
    settled = settle([parse_arm(spec) for spec in specs], "paper")
    return Plan(instances, with_repeat(settled), LIMITS, places)


def test_run_score_and_report(suite: str, places: Places, bench: Bench, tmp_path: Path) -> None:
    cli = ["--cli", shlex.join(places.cli), "--limit", "30", "--protocol", "paper", "--out", "boxes.jsonl"]
    words = ["-c", "none=scip:none", "-c", "pscost=scip:pscost", "-c", "ours=scip:model:cuts"]
    code, text = bench("run", suite, *words, *cli)
    assert code == 0, text
    assert "12 runs written" in text
    code, text = bench("run", suite, "-c", "fsb=scip:fsb", "--counts", "fsb", "--first", "2", *cli)
    assert code == 0, text
    assert "2 runs written" in text, "rows of counted arms accumulate beside the timed ones"
    code, text = bench("score", "boxes.jsonl")
    assert code == 0, text
    assert "3 instances run on every timed arm; 0 of them solved by no arm." in text
    assert "protocol paper" in text
    (tmp_path / "boxes.md").write_text("A busy machine.\n")
    code, text = bench("report", "boxes.jsonl", "--html", "r.html", "--markdown", "results.md")
    assert code == 0, text
    markdown = (tmp_path / "results.md").read_text()
    assert "Protocol `paper`" in markdown and "PAR-2" not in markdown
    assert "- fsb: scip fsb --protocol paper (counted, not timed)" in markdown
    assert markdown.index("A busy machine.") < markdown.index("### Solved and time (protocol paper")
    assert "<svg" in (tmp_path / "r.html").read_text()


def test_rows_of_a_run(problems: list[Instance], places: Places, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    outcome = runner.run(plan_of(problems, places, "none=scip:none", "ours=scip:auto"), out)
    headers, found = rows.read(out)
    assert (outcome.written, outcome.wrong, outcome.missing) == (9, [], [])
    assert Counter((row["arm"], row["protocol"], row["status"]) for row in found) == {
        ("none", "paper", "OPTIMAL"): 3, ("none-again", "paper", "OPTIMAL"): 3, ("ours", "paper", "OPTIMAL"): 3,
    }  # fmt: skip
    known = next(row for row in found if (row["arm"], row["instance"]) == ("none", "known"))
    assert (known["cli"]["objective"], known["cli"]["stats"]["num_nodes"], known["exit_code"]) == (12.5, 10, 0)
    assert {arm["protocol"] for arm in headers[0]["arms"]} == {"paper"}
    default = [arms.dataclasses.replace(arm, protocol="default") for arm in plan_of([], places, "n=scip:none").arms]
    assert runner.run(Plan(problems, default, LIMITS, places), out).written == 6, "another protocol, another run"


def test_differing_objectives_are_said_at_once(problems: list[Instance], places: Places, tmp_path: Path) -> None:
    plan = plan_of(problems[:1], places, "none=scip:none", "liar=scip:random")
    outcome = runner.run(plan, tmp_path / "r.jsonl")
    assert outcome.wrong == ["known: liar: OPTIMAL 13.5, the suite: OPTIMAL 12.5"]
    plan = plan_of(problems[1:2], places, "none=scip:none", "slow=scip:mostinf")
    assert runner.run(plan, tmp_path / "s.jsonl").wrong == [], "a limit whose bounds hold the optimum is no lie"


def test_arms_and_files_of_one_half(
    problems: list[Instance], instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    outcome = runner.run(plan_of([*problems[:1], *instances[:1]], places, "none=scip:none"), tmp_path / "r.jsonl")
    assert outcome.written == 2
    assert outcome.missing == ["sat: arm none is for MILP, not for sat.cnf"] or outcome.missing == [
        "sat: arm none-again is for MILP, not for sat.cnf"
    ]
    with pytest.raises(BenchError, match=r"arm x: ERROR on one\.mps"):
        runner.run(plan_of(problems, places, "x=scip:badarm"), tmp_path / "s.jsonl")


def test_a_family_of_mps_files_is_a_suite(places: Places, bench: Bench, tmp_path: Path) -> None:
    words = ["--family", "boxes", "--sizes", "medium=7", "--count", "2", "--out", "b.csv"]
    code, text = bench("suite", "b", *words, "--cli", shlex.join(places.cli))
    assert code == 0, text
    first, second = suites.read_suite(tmp_path / "b.csv")
    assert (first.name, first.source, first.split) == ("boxes-s7-k5000000", "generate:boxes", "medium")
    assert first.sha256 != second.sha256
    out = Path("runs") / "instances"
    assert suites.locate(first, Places(places.cli, tmp_path / out)).name == "one.mps.gz"
    code, text = bench("run", "b.csv", "-c", "none=scip:none", "--cli", shlex.join(places.cli), "--limit", "30")
    assert code == 0, text
    lines = (tmp_path / "bench" / "results" / "b-default.jsonl").read_text().splitlines()
    assert {json.loads(line).get("protocol") for line in lines[1:]} == {"default"}


KNAPSACK = """NAME knapsack
OBJSENSE
 MAX
ROWS
 N value
 L weight
COLUMNS
 M0 'MARKER' 'INTORG'
{columns} M1 'MARKER' 'INTEND'
RHS
 RHS weight 250
BOUNDS
{bounds}ENDATA
"""


def test_a_real_run_of_scip(tmp_path: Path) -> None:
    items = [(7 * i % 23 + 10, 11 * i % 37 + 10) for i in range(1, 31)]
    columns = "".join(f" x{i} value {value} weight {weight}\n" for i, (value, weight) in enumerate(items))
    bounds = "".join(f" UP BND x{i} 1\n" for i in range(len(items)))
    (tmp_path / "knapsack.mps").write_text(KNAPSACK.format(columns=columns, bounds=bounds))
    places = Places(runner.default_cli(), data=tmp_path)
    found = suites.directory_suite(tmp_path, "test")
    plan = plan_of(found, places, "none=scip:none", "pscost=scip:pscost")
    outcome = runner.run(plan, tmp_path / "r.jsonl")
    assert (outcome.written, outcome.wrong, outcome.missing) == (3, [], [])
    runs = rows.read(tmp_path / "r.jsonl")[1]
    best = [0] * 251
    for value, weight in items:
        for room in range(250, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    assert [(row["status"], row["cli"]["objective"], row["cli"]["protocol"]) for row in runs] == [
        ("OPTIMAL", best[250], "paper")
    ] * 3
    for row in runs:
        counts = arms.kinds.MILP.counts(row["cli"]["stats"])
        assert all(value >= 0 for value in counts.values()), "every count is kept, none is nan"
        assert counts["LP + SB"] >= counts["LP"]
