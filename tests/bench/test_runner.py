"""Whole runs with the stand-in command line: interleaving, resuming, wrong answers, limits."""

from __future__ import annotations

import dataclasses
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from bench import rows, runner, suites
from bench.arms import Arm, Limits, parse_arm, with_repeat
from bench.rows import BenchError
from bench.runner import Plan
from bench.suites import Instance, Places

LIMITS = Limits(30.0)


def plan_of(instances: list[Instance], places: Places, *specs: str, limits: Limits = LIMITS) -> Plan:
    return Plan(instances, with_repeat([parse_arm(spec) for spec in specs]), limits, places)


def test_every_arm_runs_on_every_instance(instances: list[Instance], places: Places, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    outcome = runner.run(plan_of(instances, places, "none=e:none", "ours=e:auto:rename"), out)
    headers, runs = rows.read(out)
    assert (outcome.written, outcome.skipped, outcome.wrong, outcome.missing) == (9, 0, [], [])
    assert Counter(row["arm"] for row in runs) == {"none": 3, "ours": 3, "none-again": 3}
    assert len({rows.key(row) for row in runs}) == 9
    assert [row["instance"] for row in runs] == [
        name for name in dict.fromkeys(r["instance"] for r in runs) for _ in "123"
    ]
    assert len(headers) == 1
    assert {row["session"] for row in runs} == {headers[0]["session"]}
    assert headers[0]["machine"]["cores"] == os.cpu_count()
    ours = next(row for row in runs if (row["arm"], row["instance"]) == ("ours", "unsat"))
    assert (ours["status"], ours["exit_code"], ours["delivery"]) == ("UNSATISFIABLE", 20, "rename")
    assert ours["cli"]["stats"]["num_conflicts"] == 25
    assert ours["wall_s"] > 0.01
    assert ours["cpu_s"] > 0.005
    assert ours["family"] == "toy"


def test_arms_are_interleaved_in_a_seeded_order(
    instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    plan = plan_of(instances, places, "none=e:none", "a=e:a", "b=e:b")
    orders = []
    for name in ("1.jsonl", "2.jsonl"):
        runner.run(plan, tmp_path / name)
        orders.append([(row["instance"], row["arm"]) for row in rows.read(tmp_path / name)[1]])
    assert orders[0] == orders[1]
    assert (
        len({tuple(arm for inst, arm in orders[0] if inst == name) for name in ("sat", "unsat", "easy")}) > 1
    )


def test_a_finished_run_is_not_repeated(
    instances: list[Instance], places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, log = tmp_path / "r.jsonl", tmp_path / "log"
    runner.run(plan_of(instances[:2], places, "none=e:none"), out)
    before = out.read_bytes()
    assert runner.run(plan_of(instances[:2], places, "none=e:none"), out).skipped == 4
    assert out.read_bytes() == before
    monkeypatch.setenv("LOG", str(log))
    outcome = runner.run(plan_of(instances, places, "none=e:none", "ours=e:auto"), out)
    assert (outcome.written, outcome.skipped) == (5, 4)
    timed = Counter(line for line in log.read_text().splitlines() if not line.startswith("one.cnf"))
    assert timed == {"easy.cnf none": 2, "easy.cnf auto": 1, "sat.cnf auto": 1, "unsat.cnf auto": 1}


RUN = """
import sys
from pathlib import Path
from bench import runner
from bench.arms import Limits, parse_arm, with_repeat
from bench.suites import Places, read_suite
places = Places((sys.executable, "-S", "-E", sys.argv[1]), data=Path(sys.argv[2]))
arms = with_repeat([parse_arm("none=e:none"), parse_arm("slow=e:slow0.05")])
runner.run(runner.Plan(read_suite(Path(sys.argv[3])), arms, Limits(30.0), places), Path(sys.argv[4]))
"""


def test_kill_minus_nine_loses_and_repeats_nothing(
    instances: list[Instance], places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.suites import write_suite

    suite, out, log = tmp_path / "toys.csv", tmp_path / "r.jsonl", tmp_path / "log"
    write_suite(suite, instances, "toys")
    monkeypatch.setenv("LOG", str(log))
    argv = [sys.executable, "-c", RUN, places.cli[-1], str(places.data), str(suite), str(out)]
    kills = 0
    for number in range(1, 40):
        process = subprocess.Popen(argv, cwd=Path(__file__).parents[2])
        target = len(rows.read(out)[1]) + 2 if out.exists() else 2
        while process.poll() is None and (not out.exists() or len(rows.read(out)[1]) < min(target, 9)):
            time.sleep(0.005)
        if process.poll() is None and number < 6:
            process.send_signal(signal.SIGKILL)
            kills += 1
        if process.wait() == 0:
            break
    runs = rows.read(out)[1]
    assert kills >= 2
    assert len(runs) == 9
    assert len({rows.key(row) for row in runs}) == 9
    started = Counter(line for line in log.read_text().splitlines() if not line.startswith("one.cnf"))
    # A run in flight at a kill is started again; a finished one never is.
    assert sum(started.values()) <= 9 + kills


def test_an_interrupt_ends_the_solve_in_flight_and_starts_no_other(
    instances: list[Instance], places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, log = tmp_path / "r.jsonl", tmp_path / "log"
    monkeypatch.setenv("LOG", str(log))
    suites.write_suite(tmp_path / "toys.csv", instances, "toys")
    words = ["run", str(tmp_path / "toys.csv"), "-c", "none=e:slow4", "--limit", "30", "--out", str(out)]
    argv = [sys.executable, "-m", "bench", *words, "--cli", shlex.join(places.cli)]
    environment = {**os.environ, "NEUROSOLVE_DATA": str(places.data)}
    process = subprocess.Popen(argv, cwd=Path(__file__).parents[2], env=environment)
    while "slow4" not in "".join(_solved(log)):
        assert process.poll() is None
        time.sleep(0.02)
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert time.monotonic() - interrupted < 4
    assert _solved(log)[-1].endswith("slow4")
    assert len(rows.read(out)[1]) == len(_solved(log)) - 1


def _solved(log: Path) -> list[str]:
    """The solves begun, without those of the smallest instance."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if not line.startswith("one.cnf")]


def test_a_failure_of_the_harness_starts_no_other_solve(
    instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    seen: list[rows.Row | None] = []

    def full(row: rows.Row | None) -> None:
        seen.append(row)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        runner.run(plan_of(instances * 4, places, "none=e:slow0.2"), tmp_path / "r.jsonl", full)
    assert len(seen) <= 2


def test_a_wrong_answer_is_flagged(instances: list[Instance], places: Places, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    seen: list[rows.Row | None] = []
    outcome = runner.run(plan_of(instances[:1], places, "none=e:none", "liar=e:lie"), out, seen.append)
    assert len(seen) == 3
    assert outcome.wrong == ["sat: liar: UNSATISFIABLE, the suite: SATISFIABLE"]
    assert [row["arm"] for row in rows.read(out)[1] if row["wrong"]] == ["liar"]
    assert runner.run(plan_of(instances[:1], places, "none=e:none", "liar=e:lie"), out).wrong == outcome.wrong


def test_disagreement_without_a_known_status(
    instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    outcome = runner.run(plan_of(instances[1:2], places, "none=e:none", "liar=e:lie"), tmp_path / "r.jsonl")
    assert outcome.wrong, "somebody is wrong, and it is said"
    assert all("liar" in text for text in outcome.wrong)


@pytest.mark.parametrize(
    ("guidance", "status", "reason"),
    [("crash", "ERROR", "boom"), ("wrongexit", "ERROR", "with exit 0"), ("giveup", "UNKNOWN", None)],
)
def test_what_is_no_answer(
    guidance: str, status: str, reason: str | None, instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    arm = Arm("x", "e", guidance)
    runner.run(Plan(instances[:1], [arm], LIMITS, places), tmp_path / "r.jsonl")
    row = rows.read(tmp_path / "r.jsonl")[1][0]
    assert row["status"] == status
    assert row["reason"] is None if reason is None else reason in row["reason"]


def test_the_time_limit_is_enforced_from_outside(
    instances: list[Instance], places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "OUTSIDE_GRACE_S", 0.2)
    runner.run(Plan(instances[:1], [Arm("x", "e", "hang")], Limits(1.5), places), tmp_path / "r.jsonl")
    row = rows.read(tmp_path / "r.jsonl")[1][0]
    assert (row["status"], row["killed"]) == ("UNKNOWN", "time")
    assert 1.7 <= row["wall_s"] < 30


def test_the_memory_limit_is_enforced_from_outside(
    instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    runner.run(
        Plan(instances[:1], [Arm("x", "e", "hog")], Limits(50, 200 << 20), places), tmp_path / "r.jsonl"
    )
    row = rows.read(tmp_path / "r.jsonl")[1][0]
    assert (row["status"], row["killed"]) == ("UNKNOWN", "memory")
    assert row["peak_bytes"] > 200 << 20


def test_a_misspelt_arm_stops_the_run_before_it_starts(
    instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    with pytest.raises(BenchError, match=r"arm x: ERROR on one\.cnf, the smallest .*no such guidance"):
        runner.run(Plan(instances, [Arm("x", "e", "badarm")], LIMITS, places), tmp_path / "r.jsonl")
    assert not (tmp_path / "r.jsonl").exists()


def test_a_missing_file_is_reported_and_the_rest_runs(
    instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    assert places.data is not None
    (places.data / "easy.cnf").write_text("p cnf 1 0\n")
    (places.data / "unsat.cnf").unlink()
    outcome = runner.run(plan_of(instances, places, "none=e:none"), tmp_path / "r.jsonl")
    assert outcome.written == 2
    assert sorted(text.split(":")[0] for text in outcome.missing) == ["easy", "unsat"]


def test_two_workers_write_the_same_rows(instances: list[Instance], places: Places, tmp_path: Path) -> None:
    plan = Plan(instances, with_repeat([parse_arm("none=e:none")]), LIMITS, places, seeds=(0, 1), workers=2)
    outcome = runner.run(plan, tmp_path / "r.jsonl")
    assert outcome.written == 12
    assert {row["workers"] for row in rows.read(tmp_path / "r.jsonl")[1]} == {2}


def test_errors_are_kept_unless_asked_to_run_again(
    instances: list[Instance], places: Places, tmp_path: Path
) -> None:
    out, plan = tmp_path / "r.jsonl", Plan(instances[:1], [Arm("x", "e", "crash")], LIMITS, places)
    assert runner.run(plan, out).written == 1
    assert runner.run(plan, out).written == 0
    assert runner.run(dataclasses.replace(plan, retry_errors=True), out).written == 1


def test_counts_by_arm(instances: list[Instance], places: Places, tmp_path: Path) -> None:
    runner.run(plan_of(instances, places, "none=e:none"), tmp_path / "r.jsonl")
    expected = {"SATISFIABLE": 2, "UNSATISFIABLE": 1}
    assert runner.count_by_arm(tmp_path / "r.jsonl") == {"none": expected, "none-again": expected}
