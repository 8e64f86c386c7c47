"""HiGHS as a second opinion: real solves of tiny files, and what its rows do in a results file."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import highs, highs_child, rows, suites
from bench.arms import HIGHS_CHILD, Limits, make_arm, settle, with_repeat
from bench.highs_child import solve
from bench.rows import BenchError
from bench.score import score
from bench.suites import Instance, Places, content_sha256
from tests.bench.conftest import Bench
from tests.bench.test_milp_tables import RUNS, row

# max 3x + 2y + 10, 2x + 2y <= 7, integers to 5: 19 at x = 3; the optimum of the relaxation is 20.5
MPS = """NAME small
* OPT {claimed}
OBJSENSE
 MAX
ROWS
 N c
 L r
COLUMNS
 M0 'MARKER' 'INTORG'
 x c 3 r 2
 y c 2 r 2
 M1 'MARKER' 'INTEND'
RHS
 RHS r 7
 RHS c -10
BOUNDS
 UP BND x 5
 UP BND y 5
ENDATA
"""


@pytest.fixture(autouse=True)
def begins_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts from the child's start, which here is this module's import, maybe minutes ago."""
    monkeypatch.setattr(highs_child, "_STARTED", time.perf_counter())


def answer(path: Path, time_s: float = 20.0) -> tuple[Any, ...]:
    found = solve(path, time_s)
    return found["status"], found["objective"], found["dual_bound"]


def test_what_highs_says(tmp_path: Path) -> None:
    (tmp_path / "small.mps.gz").write_bytes(gzip.compress(MPS.format(claimed=19).encode()))
    assert answer(tmp_path / "small.mps.gz") == ("optimal", 19.0, 19.0)
    lp = tmp_path / "a.lp"
    lp.write_text("minimize x + y\nsubject to\n x + 2 y >= 3\nend\n")
    assert answer(lp) == ("optimal", 1.5, 1.5)
    lp.write_text("minimize x\nsubject to\n x >= 3\n x <= 2\ngeneral x\nend\n")
    assert answer(lp)[0] == "infeasible"
    lp.write_text("maximize x\nsubject to\n x >= 3\nend\n")
    assert answer(lp)[0] in ("unbounded", "infeasible-or-unbounded")


def test_an_unreadable_file_is_one_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "bad.mps").write_text("ROWS\n this is no MPS\n")
    argv = [sys.executable, str(HIGHS_CHILD), str(tmp_path / "bad.mps"), "--time", "5"]
    ran = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (ran.returncode, ran.stderr) == (1, "HiGHS cannot read bad.mps\n")


def test_a_gap_of_zero_and_a_limit_that_holds_the_optimum(tmp_path: Path) -> None:
    """A knapsack with equal ratios, where HiGHS would stop at its own 1e-4: within no time its bounds are honest."""
    items = [(100_000 + 37 * i % 101, 1_000 + 53 * i % 307) for i in range(60)]
    objective = " + ".join(f"{value} x{i}" for i, (value, _) in enumerate(items))
    weight = " + ".join(f"{weight} x{i}" for i, (_, weight) in enumerate(items))
    binaries = " ".join(f"x{i}" for i in range(len(items)))
    path = tmp_path / "k.lp"
    path.write_text(f"maximize\n {objective}\nsubject to\n {weight} <= 33333\nbinaries\n {binaries}\nend\n")
    status, best, bound = answer(path)
    assert status == "optimal" and abs(best - bound) <= 1e-6 * best
    status, found, bound = answer(path, time_s=0.0)
    assert status == "limit" and (found is None or found <= best) and (bound is None or bound >= best - 1e-6 * best)


@pytest.fixture
def two(places: Places, tmp_path: Path) -> str:
    """A suite of one file of which the stand-in says the truth, and one of which it says 20."""
    assert places.data is not None
    places.data.mkdir()
    found = []
    for name, claimed in (("honest", 19.0), ("wrong", 20.0)):
        path = places.data / f"{name}.mps"
        path.write_text(MPS.format(claimed=claimed))
        found.append(Instance(name, "box", "2", "", "test", "", f"data:{name}.mps", content_sha256(path), "two"))
    suites.write_suite(tmp_path / "two.csv", found, "two")
    return "two.csv"


def test_its_answers_join_the_file_and_are_compared(two: str, places: Places, bench: Bench, tmp_path: Path) -> None:
    cli = ["--cli", shlex.join(places.cli)]
    code, text = bench("run", two, "-c", "none=scip:none", "--limit", "30", "--out", "r.jsonl", *cli)
    assert code == 0, text
    code, text = bench("highs", "r.jsonl", "--limit", "20", *cli)
    assert code == 1 and "no such suite" not in text and "name their suite by --suite" in text
    code, text = bench("highs", "r.jsonl", "--limit", "20", "--suite", two, *cli)
    assert code == 1, text
    assert "WRONG ANSWER wrong: highs: OPTIMAL 19, none" in text and "honest: highs" not in text
    headers, found = rows.read(tmp_path / "r.jsonl")
    mine = [one for one in found if one["arm"] == "highs"]
    assert [(one["answers_only"], one["stock"], one["limit_s"], one["protocol"]) for one in mine] == [
        (True, False, 20.0, None)
    ] * 2
    assert {one["cli"]["versions"]["highs"].count(".") for one in mine} == {2}
    assert [arm["name"] for arm in headers[-1]["arms"]] == ["highs"]
    code, text = bench("highs", "r.jsonl", "--limit", "20", "--suite", two, *cli)
    assert "0 runs written" in text and code == 1
    code, text = bench("report", "r.jsonl", "--markdown", "results.md")
    assert code == 0, text
    report = (tmp_path / "results.md").read_text()
    assert "WRONG ANSWER: wrong: highs: OPTIMAL 19, none: OPTIMAL 20" in report
    assert "Answers compared with highs (gap 0, limit 20 s) on 2 instances: 2 OPTIMAL; 1 of them contradict" in report
    assert "- highs: highs none (its answers alone)" in report
    assert "| highs |" not in report, "it is in no table"


def highs_row(instance: str, status: str, objective: float, bound: float) -> rows.Row:
    made = row("highs", instance, 500.0, 3, status, objective=objective)
    made["cli"]["dual_bound"] = bound
    return {**made, "engine": "highs", "protocol": None, "limit_s": 900.0, "answers_only": True, "stock": False}


def test_bounds_at_its_limit_must_hold_the_optimum_of_the_others() -> None:
    fine = score([highs_row("a", "LIMIT", 4.0, 5.5), *RUNS])
    assert fine.wrong == [] and "highs" not in fine.arms and fine.limit_s == 100.0
    assert fine.lines == score(RUNS).lines
    off = score([highs_row("a", "LIMIT", 4.0, 4.5), *RUNS])
    assert off.wrong == ["a: highs: LIMIT in [4, 4.5], none: OPTIMAL 5"], "the last heard is the one that is told"
    assert "1 LIMIT; 0 of them contradict nobody" in off.opinions[0]


def test_it_is_never_an_opponent() -> None:
    arms = settle([make_arm("highs", "highs", "none"), make_arm("ours", "scip", "auto")], "paper")
    names = [(arm.name, arm.stock, arm.protocol) for arm in with_repeat(arms)]
    assert names == [("none", True, "paper"), ("highs", False, None), ("ours", False, "paper"),
                     ("none-again", False, "paper")]  # fmt: skip


def test_what_it_cannot_be_asked(places: Places, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="unpack it first"):
        highs.plan_of(tmp_path / "r.jsonl.xz", Limits(1.0), places)
    (tmp_path / "r.jsonl").write_text(json.dumps({"kind": "run", "engine": "cadical195", "sha256": "s"}) + "\n")
    with pytest.raises(BenchError, match="no row of a MILP"):
        highs.plan_of(tmp_path / "r.jsonl", Limits(1.0), places)
