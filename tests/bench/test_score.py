"""Scores on a small table of runs worked out by hand, and what is printed and written of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench import glance, report, tables
from bench.rows import BenchError, Row
from bench.score import Line, Score, score

LIMIT_S = 15.0
SAT, UNSAT, UNKNOWN = "SATISFIABLE", "UNSATISFIABLE", "UNKNOWN"


def row(
    arm: str, instance: str, wall_s: float, status: str, conflicts: int | None = None, **more: Any
) -> Row:
    guided = more.pop("guided", None)
    report_: dict[str, Any] = {"stats": {"num_conflicts": conflicts}, "stages": {"solve_s": wall_s / 2}}
    report_["gate"] = None if guided is None else {"guided": guided}
    return {
        "kind": "run", "instance": instance, "family": instance[0], "split": "s", "known": "",
        "sha256": instance, "arm": arm, "engine": "e", "guidance": arm, "delivery": None, "extra": [],
        "model_hash": None, "seed": 0, "limit_s": LIMIT_S, "memory_limit": 0,
        "stock": arm in ("none", "walk"),
        "again": arm == "none-again", "wall_s": wall_s, "cpu_s": wall_s, "status": status, "wrong": None,
        "cli": report_, **more,
    }  # fmt: skip


RUNS = [
    row("none", "a1", 3.0, SAT, 90), row("none-again", "a1", 3.0, SAT, 90), row("walk", "a1", 1.0, SAT, 40),
    row("ours", "a1", 0.0, SAT, 0, guided=True),
    row("none", "a2", 7.0, UNSAT, 190), row("none-again", "a2", 7.0, UNSAT, 190),
    row("walk", "a2", 7.0, UNSAT, 190), row("ours", "a2", 7.0, UNSAT, 190, guided=False),
    row("none", "a3", 15.2, SAT, 500), row("none-again", "a3", 15.1, UNKNOWN),
    row("walk", "a3", 15.1, UNKNOWN), row("ours", "a3", 1.0, SAT, 40, guided=True),
]  # fmt: skip


def line(scored: Score, arm: str, group: str = "a, s") -> Line:
    return next(item for item in scored.lines if (item.arm, item.group) == (arm, group))


def test_the_hand_worked_table() -> None:
    scored = score(RUNS)
    assert scored.baseline == "none"
    assert scored.unsolved_by_all == 0
    none, ours = line(scored, "none"), line(scored, "ours")
    # An answer past the limit (15.2 s) is none; it counts 15 s in means and 30 s in PAR-2.
    assert (none.count, none.solved, none.timeouts, none.errors) == (3, 2, 1, 0)
    assert none.par2 == pytest.approx((3 + 7 + 30) / 3)
    assert none.geomean_s == pytest.approx((4 * 8 * 16) ** (1 / 3) - 1)
    assert ours.par2 == pytest.approx((0 + 7 + 1) / 3)
    assert none.base is None
    pair = ours.base
    assert pair is not None
    assert pair.time is not None
    assert pair.time.value == pytest.approx((1 / 4 * 8 / 8 * 2 / 16) ** (1 / 3))
    conflicts = pair.counts["conflicts"]
    assert conflicts is not None
    assert conflicts.count == 2, "the instance only one arm solved has no conflict ratio"
    assert conflicts.value == pytest.approx(math.sqrt(10 / 100 * 200 / 200))
    assert pair.sat is not None
    assert pair.unsat is not None
    assert (pair.sat.count, pair.unsat.count) == (2, 1)
    assert pair.sat.value == pytest.approx(math.sqrt(1 / 4 * 2 / 16))
    assert pair.unsat.value == pytest.approx(1.0)
    assert ours.share_guided == pytest.approx(2 / 3)
    assert pair.guided is not None
    assert pair.guided.value == pair.sat.value
    assert (pair.mcnemar.gained, pair.mcnemar.lost) == (1, 0)


def test_the_best_stock_arm_is_the_fastest_one() -> None:
    scored = score(RUNS)
    best = line(scored, "ours").best_stock
    assert best is not None
    assert best.other == "walk"
    assert best.time is not None
    assert best.time.value == pytest.approx((1 / 2 * 1 * 2 / 16) ** (1 / 3))
    assert line(scored, "walk").best_stock is None
    assert line(scored, "walk").best_name == "walk"


def test_noise_marks_figures() -> None:
    noisy = [dict(item) for item in RUNS]
    for item in noisy:
        if item["arm"] == "none-again" and item["instance"] == "a2":
            item["wall_s"] = 14.9
    scored = score(noisy)
    spread = scored.aa["a, s"].time
    assert spread is not None
    assert spread.spread == pytest.approx(15.9 / 8)
    walk = line(scored, "walk").base
    assert walk is not None
    assert "time" in walk.inside, "0.79 is nearer to 1 than the A/A pair's 1.99"
    ours = line(scored, "ours").base
    assert ours is not None
    assert "time" not in ours.inside


def test_only_complete_instances_count() -> None:
    scored = score([item for item in RUNS if (item["arm"], item["instance"]) != ("walk", "a1")])
    assert scored.num_instances == 2
    assert scored.incomplete == ["a1"]
    with pytest.raises(BenchError, match="nothing to score"):
        score([item for item in RUNS if item["arm"] != "walk"] + [row("walk", "a9", 1.0, SAT)])


def test_two_limits_do_not_mix() -> None:
    with pytest.raises(BenchError, match="limits"):
        score([*RUNS, {**RUNS[0], "limit_s": 60.0}])


def test_groups_split_family_and_total() -> None:
    more = [
        {
            **item,
            "instance": "b" + item["instance"][1:],
            "sha256": "b" + item["sha256"],
            "family": "b",
            "split": split,
        }
        for item in RUNS
        for split in ["t"]
    ]
    scored = score([*RUNS, *more])
    assert list(dict.fromkeys(item.group for item in scored.lines)) == [
        "a, s",
        "b, t",
        "all, s",
        "all, t",
        "all",
    ]
    assert line(scored, "ours", "all").count == 6
    ours, total = line(scored, "ours", "a, s").base, line(scored, "ours", "all").base
    assert ours is not None and total is not None and ours.time is not None and total.time is not None
    assert total.time.value == pytest.approx(ours.time.value)
    assert total.time.high - total.time.low < ours.time.high - ours.time.low


def test_seeds_are_averaged_not_counted_as_instances() -> None:
    seeds = [{**item, "seed": 1, "wall_s": item["wall_s"]} for item in RUNS]
    assert score([*RUNS, *seeds]).num_instances == 3
    once, twice = line(score(RUNS), "ours").base, line(score([*RUNS, *seeds]), "ours").base
    assert once is not None and twice is not None and once.time is not None and twice.time is not None
    assert (once.time.low, once.time.high) == pytest.approx((twice.time.low, twice.time.high))


def test_wrong_and_crashed_runs_are_errors_not_answers() -> None:
    runs = [dict(item) for item in RUNS]
    runs[3]["wrong"] = "a1: ours: UNSATISFIABLE, none: SATISFIABLE"
    runs[7] = {**runs[7], "status": "ERROR", "cli": None}
    scored = score(runs)
    ours = line(scored, "ours")
    assert (ours.solved, ours.errors, ours.timeouts) == (1, 2, 0)
    assert scored.wrong == ["a1: ours: UNSATISFIABLE, none: SATISFIABLE"]
    assert tables.notes(scored)[0].startswith("WRONG ANSWER: a1")


HEADER = {
    "kind": "header", "time": "2030-01-02T03:04:05Z", "commit": "c" * 40, "dirty": False, "limit_s": LIMIT_S,
    "memory_limit": 4_000_000_000, "workers": 1, "seeds": [0],
    "machine": {"cpu": "A < B", "cores": 2, "memory_bytes": 2**33, "kernel": "6", "python": "3.11",
                "packages": {}},
    "arms": [
        {"name": name, "engine": "e", "guidance": name, "delivery": None, "extra": [], "model_hash": None}
        for name in ("ours", "none", "walk", "none-again")
    ],
}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "toys.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in [HEADER, *RUNS]))
    return path


def test_markdown_report(results: Path) -> None:
    text = report.markdown(
        [report.make_section([results], None, with_plots=False)], "python -m bench report x"
    )
    assert text.startswith("<!-- Generated by `python -m bench report x`")
    assert "## toys" in text
    assert "A < B, 2 cores, 8 GiB" in text
    cells = [
        [cell.strip() for cell in item.split("|")[1:-1]] for item in text.splitlines() if item[:1] == "|"
    ]
    first = next(i for i, row in enumerate(cells) if row[:2] == ["a, s", "ours"])
    assert cells[first][:6] == ["a, s", "ours", "3", "3", "0", "0"], "arms stand in the header's order"
    assert cells[first + 1][1] == "none"
    assert "0.315 [" in cells[first][8]


def test_at_a_glance_stand_the_arms_that_ask_a_network(tmp_path: Path) -> None:
    arms = [{**arm, "guidance": "model:m" if arm["name"] == "ours" else arm["guidance"]} for arm in HEADER["arms"]]
    path = tmp_path / "toys.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in [{**HEADER, "arms": arms}, *RUNS]))
    section = report.make_section([path], None, with_plots=False)
    assert [row[:3] for row in section.glance] == [["toys", "ours", "3"]]
    shown = dict(zip(glance.COLUMNS, section.glance[0], strict=True))
    table = section.tables[0]
    ours = dict(zip(table.columns, next(row for row in table.rows if row[1] == "ours"), strict=True))
    assert shown["time over best stock"] == ours["vs best stock"] and shown["solved"] == ours["solved"]
    assert "| [toys](#toys) | ours | 3 |" in report.markdown([section], "x")
    counted = [{**one, "counts_only": one["arm"] == "ours"} for one in RUNS]
    path.write_text("".join(json.dumps(item) + "\n" for item in [{**HEADER, "arms": arms}, *counted]))
    assert report.make_section([path], None, with_plots=False).glance == [], "it was not timed"


@pytest.mark.filterwarnings("error")  # matplotlib's of a legend of nothing
def test_what_was_only_counted_is_not_drawn(tmp_path: Path) -> None:
    path = tmp_path / "counted.jsonl"
    for counted, plots in ({"ours", "walk"}, 1 + 1), ({"none", "none-again", "ours", "walk"}, 0):
        rows = [{**one, "counts_only": one["arm"] in counted} for one in RUNS]
        path.write_text("".join(json.dumps(item) + "\n" for item in [HEADER, *rows]))
        assert len(report.make_section([path], None, with_plots=True).plots) == plots


def test_html_report_is_one_escaped_page_with_plots(results: Path) -> None:
    page = report.html([report.make_section([results], None, with_plots=True)], "bench <report>")
    assert "bench &lt;report&gt;" in page
    assert "A &lt; B" in page
    # one cactus for the one group; ours and none-again against none and walk
    assert page.count("<svg") == 1 + 2 + 2
    assert "http-equiv" not in page
    assert "<script" not in page
    assert 'src="http' not in page
