"""MILP scores on a small table of runs worked out by hand, and how they are shown."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench import tables
from bench.rows import BenchError, Row
from bench.score import Line, Score, score

LIMIT_S = 100.0
STOCK = ("none", "pscost")


def row(arm: str, instance: str, wall_s: float, nodes: int, status: str = "OPTIMAL", **more: Any) -> Row:
    stats = {
        "num_nodes": nodes, "num_lp_iterations": 10 * nodes, "num_domain_reductions": 0, "num_cutoffs": 0,
        "num_strong_branching_lp_iterations": 0, "num_policy_calls": 0, "num_handed_over": 0, "policy_s": 0.0,
        **more.pop("stats", {}),
    }  # fmt: skip
    report = {"stats": stats, "objective": more.pop("objective", 5.0), "dual_bound": 5.0, "stages": {}}
    return {
        "kind": "run", "instance": instance, "family": "f", "split": "s", "known": "", "sha256": instance,
        "arm": arm, "engine": "scip", "guidance": arm, "delivery": None, "extra": [], "model_hash": None,
        "protocol": "paper", "counts_only": arm == "fsb", "seed": 0, "limit_s": LIMIT_S, "memory_limit": 0,
        "stock": arm in STOCK, "again": arm == "none-again", "wall_s": wall_s, "cpu_s": wall_s / 2,
        "status": status, "wrong": None, "cli": report, **more,
    }  # fmt: skip


OURS = {"num_policy_calls": 8, "num_handed_over": 2, "policy_s": 0.016}
RUNS = [
    row("none", "a", 19.0, 9, stats={"num_strong_branching_lp_iterations": 400, "num_domain_reductions": 3}),
    row("none-again", "a", 19.0, 9), row("pscost", "a", 7.0, 39), row("ours", "a", 3.0, 19, stats=OURS),
    row("none", "b", 9.0, 99), row("none-again", "b", 9.0, 99), row("pscost", "b", 19.0, 499),
    row("ours", "b", 101.0, 999, "LIMIT", stats=OURS, objective=6.0),
    row("fsb", "a", 500.0, 4), row("fsb", "b", 300.0, 49, "LIMIT", objective=None),
]  # fmt: skip


def line(scored: Score, arm: str) -> Line:
    return next(item for item in scored.lines if item.arm == arm)


def test_the_hand_worked_table() -> None:
    scored = score(RUNS)
    none, ours = line(scored, "none"), line(scored, "ours")
    assert (scored.protocol, scored.baseline, scored.counts_only) == ("paper", "none", ["fsb"])
    assert (ours.count, ours.solved, ours.timeouts, ours.errors) == (2, 1, 1, 0)
    # The run at its limit counts 100 s, and the nodes it had reached.
    assert ours.geomean_s == pytest.approx(math.sqrt(4 * 101) - 1)
    assert ours.geomean_cpu_s == pytest.approx(math.sqrt(2.5 * 101) - 1)
    assert ours.counts["nodes"] == (pytest.approx(math.sqrt(20 * 1000) - 1), 2)
    assert none.counts["fair nodes"] == (pytest.approx(math.sqrt((9 + 6 + 1) * 100) - 1), 2)
    assert none.counts["LP + SB"] == (pytest.approx(math.sqrt(491 * 991) - 1), 2)
    assert none.counts["LP"] == (pytest.approx(math.sqrt(91 * 991) - 1), 2)
    pair = ours.base
    assert pair is not None and pair.time is not None
    assert pair.time.value == pytest.approx(math.sqrt(4 / 20 * 101 / 10))
    nodes = pair.counts["nodes"]
    assert nodes is not None
    assert (nodes.count, nodes.value) == (1, pytest.approx(20 / 10)), "only what both solved"
    assert ours.policy == {
        "calls": 8, "handed over": 0.25, "ms": pytest.approx(2.0),
        "share": pytest.approx((0.016 / 3 + 0.016 / 101) / 2),
    }  # fmt: skip
    assert none.policy == {}


def test_the_reference_is_the_better_of_untouched_and_pscost() -> None:
    # none: sqrt(20 * 10) - 1 = 13.1 s; pscost: sqrt(8 * 20) - 1 = 11.6 s
    scored = score(RUNS)
    best = line(scored, "ours").best_stock
    assert best is not None and best.time is not None
    assert best.other == "pscost"
    assert best.time.value == pytest.approx(math.sqrt(4 / 8 * 101 / 20))
    assert line(scored, "fsb").best_name == "pscost", "a counted arm is no opponent"


def test_where_a_run_met_its_limit_the_integral_stands() -> None:
    def stopped(arm: str, instance: str, integral: float, dual: float, objective: float | None = 5.0) -> Row:
        made = row(arm, instance, LIMIT_S + 1, 50, "LIMIT", objective=objective)
        made["cli"]["stats"]["primal_dual_integral"] = integral
        made["cli"]["dual_bound"] = dual
        return made

    scored = score(
        [
            stopped("none", "a", 300, 4.0), stopped("none-again", "a", 300, 4.0), stopped("pscost", "a", 200, 4.0),
            stopped("ours", "a", 100, 4.5), stopped("none", "b", 9900, 1.0, None),
            stopped("none-again", "b", 9900, 1.0, None), stopped("pscost", "b", 2400, 1.0),
            stopped("ours", "b", 2400, -1.0),
        ]
    )  # fmt: skip
    ours = line(scored, "ours")
    assert ours.best_stock is not None and ours.best_stock.other == "pscost", "all times are equal"
    assert ours.integral == pytest.approx(math.sqrt(200 * 2500) - 100)
    assert ours.gap == pytest.approx((0.1 + 1.0) / 2), "bounds of two signs: nothing is known"
    assert line(scored, "none").gap == pytest.approx((0.2 + 1.0) / 2), "no incumbent: nothing is known"
    assert ours.base is not None and ours.base.integral is not None
    assert ours.base.integral.value == pytest.approx(math.sqrt(200 / 400 * 2500 / 10000))
    assert row_of(scored, "Bounds", "ours")[1][2:5] == ["2", "55.000%", "607"]
    ended = score([item for item in RUNS if item["instance"] == "a" and item["arm"] != "fsb"])
    assert not any(table.title.startswith("Bounds") for table in tables.tables(ended))


def test_wins_are_among_timed_arms_that_solved() -> None:
    scored = score(RUNS)
    wins = {item.arm: item.wins for item in scored.lines}
    assert wins == {"none": 1, "none-again": None, "pscost": 0, "ours": 1, "fsb": None}


def test_counted_arms_have_counts_alone() -> None:
    scored = score(RUNS)
    fsb = line(scored, "fsb")
    assert (fsb.geomean_s, fsb.geomean_cpu_s) == (None, None)
    assert fsb.base is not None
    assert (fsb.base.time, fsb.base.cpu) == (None, None)
    solved = score([item if item["arm"] != "fsb" else {**item, "wall_s": 50.0} for item in RUNS])
    nodes = (line(solved, "fsb").base or fsb.base).counts["nodes"]
    assert nodes is not None
    assert (nodes.count, nodes.value) == (1, pytest.approx(5 / 10))
    shown = {name: cell for name, cell in zip(*row_of(scored, "Solved", "fsb"), strict=True)}
    assert {shown[name] for name in ("wall s", "CPU s", "wall vs base", "wall vs best stock", "wins")} == {"–"}  # noqa: RUF001


def row_of(scored: Score, title: str, arm: str) -> tuple[list[str], list[str]]:
    table = next(item for item in tables.tables(scored) if item.title.startswith(title))
    return table.columns, next(cells for cells in table.rows if cells[1] == arm)


def test_a_counted_arm_may_lack_instances_and_a_timed_one_may_not() -> None:
    fewer = [item for item in RUNS if (item["arm"], item["instance"]) != ("fsb", "b")]
    scored = score(fewer)
    assert scored.num_instances == 2
    assert line(scored, "fsb").count == 1
    assert "Counted and not timed, on the instances they ran on: fsb." in tables.notes(scored)
    assert score([item for item in RUNS if (item["arm"], item["instance"]) != ("ours", "b")]).incomplete == ["b"]
    assert score([item for item in RUNS if item["arm"] == "fsb"]).baseline == "fsb", "counts alone are scored too"


def test_differing_objectives_stand_on_top() -> None:
    runs = [dict(item) for item in RUNS]
    runs[3] = row("ours", "a", 3.0, 19, objective=5.001)
    scored = score(runs)
    assert tables.notes(scored)[0] == "WRONG ANSWER: a: ours: OPTIMAL 5.001, none: OPTIMAL 5"
    assert (line(scored, "ours").solved, line(scored, "ours").errors) == (0, 1)


def test_seeds_are_folded_and_are_no_instances() -> None:
    more = [{**item, "seed": 1, "wall_s": 4 * item["wall_s"] + 3} for item in RUNS if item["wall_s"] < 20]
    scored = score([*RUNS, *more])
    assert scored.num_instances == 2
    assert line(scored, "pscost").geomean_s == pytest.approx(2 * math.sqrt(8 * 20) - 1)


def test_protocols_do_not_mix() -> None:
    with pytest.raises(BenchError, match="two protocols"):
        score([*RUNS, {**RUNS[0], "protocol": "default"}])


def test_what_is_shown() -> None:
    scored = score(RUNS)
    titles = [table.title for table in tables.tables(scored)]
    assert titles[0] == "Solved and time (protocol paper, limit 100 s, base: none)"
    names = ["Bounds", "Nodes", "LP iterations", "Policy and tests"]
    assert [title.partition(" (")[0] for title in titles[1:5]] == names
    columns, cells = row_of(scored, "Solved", "ours")
    assert columns[2:7] == ["n", "solved", "limits", "errors", "wins"]
    assert cells[2:8] == ["2", "1", "1", "0", "1", "19.1"]
    assert cells[9].endswith("] pscost")
    assert row_of(scored, "Nodes", "ours")[1][2:4] == ["140", "2.000 [2.000, 2.000] (1)"]
    assert row_of(scored, "Policy", "ours")[1][4:7] == ["8", "25%", "2.00"]
    assert "paper" in tables.legend(scored.kind)
