"""`neurosolve compare`: both answers, and two lines that say what guidance was worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurosolve.comparison import Side, comparison, milp_comparison
from neurosolve.errors import SoundnessError
from tests.formulas import random_3sat, save
from tests.milp.tiny_policy import write_policy
from tests.milp_files import cover
from tests.test_cli import call


def side(seconds: float, status: str = "SATISFIABLE", **row: Any) -> Side:
    told = {"status": status, "engine": "cadical195", "delivery": None, "gate": None, "guidance": "none"}
    return Side({**told, "model": None, "reason": "time limit", "stats": {"num_conflicts": 7}, **row}, seconds)


GUIDED = {"delivery": "rename+order", "model": "decoding", "engine": "kissat", "guidance": "auto"}


def test_two_processes_and_two_lines(tmp_path: Path) -> None:
    path = save(random_3sat(40, 3.0), tmp_path / "f.cnf")
    run = call("compare", path, "--engine", "glucose4", "-g", "walk", "-t", 60)
    lines = run.stdout.splitlines()
    assert run.returncode == 0 and not run.stderr
    assert lines.count("s SATISFIABLE") == 2 and not [line for line in lines if line.startswith("v")]
    assert lines[-2].startswith("stock:  glucose4, ") and lines[-2].endswith(" conflicts")
    assert lines[-1].startswith("guided: glucose4, walk, ") and "of stock's time" in lines[-1]


def test_an_error_of_a_side_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f.cnf").write_text("p cnf 1 1\n1 x 0\n")
    assert call("compare", tmp_path / "f.cnf").returncode == 1
    assert "more than once" in call("compare", "-").stderr


def test_a_refutation_is_no_phases_file(tmp_path: Path) -> None:
    formula, answer = tmp_path / "u.cnf", tmp_path / "a.txt"
    formula.write_text("p cnf 1 2\n1 0\n-1 0\n")
    answer.write_text(call("solve", formula, "--guidance", "none").stdout)
    for command in ("compare", "solve"):
        run = call(command, formula, "--guidance", f"file:{answer}")
        assert run.returncode == 1 and f"{answer}: no phase in it" in run.stderr
        assert "s " not in run.stdout, "nothing was solved"


def test_what_the_lines_say() -> None:
    stock, guided = comparison(side(8.0), side(2.0, **GUIDED))
    assert stock == "stock:  cadical195, 8.00 s, 7 conflicts"
    assert guided == (
        "guided: kissat, model decoding, rename+order, 2.00 s, 7 conflicts; 0.25 of stock's time, 4.0 times as fast"
    )
    declined = side(4.0, gate={"reason": "no model fits"}, stats={"num_conflicts": None})
    assert comparison(side(2.0), declined)[1] == (
        "guided: cadical195, not guided (no model fits), 4.00 s, conflicts not counted; 2.00 of stock's time"
    )


def test_a_time_limit_only_bounds_the_ratio() -> None:
    late = side(10.0, "UNKNOWN")
    assert comparison(late, side(1.0, **GUIDED))[1].endswith("; less than 0.10 of stock's time")
    assert comparison(side(5.0), late)[1].endswith("no answer (time limit); more than 2.00 of stock's time")
    assert comparison(late, late)[1].endswith("; no answer on either side")


def test_two_answers_are_no_comparison() -> None:
    with pytest.raises(SoundnessError, match="stock says UNSATISFIABLE"):
        comparison(side(1.0, "UNSATISFIABLE"), side(1.0))


def milp(seconds: float, status: str = "optimal", objective: float | None = 12.5, **row: Any) -> Side:
    told = {"status": status, "objective": objective, "dual_bound": objective, "gate": None, "guidance": "none"}
    stats = {"num_nodes": 40, "num_lp_iterations": 900, "num_strong_branching_lp_iterations": 100}
    stats["num_policy_calls"] = 9
    return Side({**told, "model": None, "reason": "time limit", "stats": stats, **row}, seconds)


def test_a_milp_has_three_processes(tmp_path: Path) -> None:
    model, path = write_policy(tmp_path / "tiny", "mlp"), tmp_path / "f.lp"
    path.write_text(cover(120, 60))
    run = call("compare", path, "-g", f"model:{model}", "-t", 60, "--protocol", "paper")
    lines = run.stdout.splitlines()
    assert run.returncode == 0 and not run.stderr
    assert lines.count("s optimal") == 3 and len({line for line in lines if line.startswith("o ")}) == 1
    assert [line.split()[:2] for line in lines[-6:-3]] == [[name, "optimal"] for name in ("stock", "pscost", "guided")]
    assert lines[-2].startswith("stock:  SCIP, ") and lines[-2].endswith(" nodes")
    assert lines[-1].startswith("guided: SCIP, model tiny, ") and "of stock's time" in lines[-1]


def test_names_are_refused_before_anything_is_solved(tmp_path: Path) -> None:
    path = tmp_path / "f.lp"
    path.write_text(cover(10, 20))
    for words, told in (
        (["-g", "walk"], "unknown guidance 'walk' for a MILP"),
        (["-e", "glucose4"], "--engine is not for a MILP"),
        (["--relaxed"], "--relaxed is not for a MILP"),
    ):
        run = call("compare", path, *words)
        assert run.returncode == 1 and told in run.stderr and not run.stdout
    formula = save(random_3sat(40, 3.0), tmp_path / "f.cnf")
    assert "--protocol is not for a CNF" in call("compare", formula, "--protocol", "paper").stderr
    assert "unknown guidance 'pscost'" in call("compare", formula, "-g", "pscost").stderr


def test_what_the_rows_of_a_milp_say() -> None:
    guided = milp(2.0, guidance="auto", model="auctions", gate={"guided": True, "reason": "auctions fits"})
    head, stock, pscost, ours, blank, first, second = milp_comparison(
        {"stock": milp(8.0), "pscost": milp(4.0), "guided": guided}
    )
    assert head.split() == ["answer", "objective", "seconds", "nodes", "LP", "iterations"] and not blank
    assert stock.split() == ["stock", "optimal", "12.5", "8.00", "40", "1000"]
    assert pscost.split()[0] == "pscost" and ours.split()[3] == "2.00"
    assert len({len(line) for line in (head, stock, pscost, ours)}) == 1
    assert first == "stock:  SCIP, 8.00 s, 40 nodes"
    assert second == (
        "guided: SCIP, model auctions, 2.00 s, 40 nodes; 0.25 of stock's time, 4.0 times as fast; "
        "0.50 of pscost's time, 2.0 times as fast"
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"guidance": "auto", "gate": {"guided": False, "reason": "no model fits"}}, "not guided (no model fits)"),
        ({"guidance": "auto", "stats": {"num_policy_calls": 0, "num_nodes": 1}}, "model not asked"),
        ({"guidance": "relpscost"}, "relpscost"),
    ],
)
def test_why_a_model_did_not_branch(row: dict[str, Any], told: str) -> None:
    stats = {**milp(1.0).row["stats"], **row.pop("stats", {})}
    lines = milp_comparison({"stock": milp(1.0), "guided": milp(1.0, **row, stats=stats)})
    assert lines[-1].startswith(f"guided: SCIP, {told}")


def test_a_milp_at_its_limit_only_bounds_the_ratio() -> None:
    lost = {"num_nodes": None, "num_lp_iterations": None, "num_strong_branching_lp_iterations": None}
    late = milp(10.0, "limit", 11.0, dual_bound=14.0, stats=lost)
    lines = milp_comparison({"stock": late, "pscost": milp(5.0), "guided": milp(1.0, guidance="fsb")})
    assert lines[1].split() == ["stock", "limit", "11", "10.00", "-", "-"]
    assert lines[-2].endswith("nodes not counted, no answer (time limit)")
    assert "; less than 0.10 of stock's time; 0.20 of pscost's time" in lines[-1]
    assert milp_comparison({"stock": late, "pscost": late, "guided": late})[-1].endswith("; no answer on either side")


AGREE = [
    (milp(1.0), milp(1.0, objective=12.5 + 1e-6)),
    (milp(1.0), milp(1.0, "limit", 12.0, dual_bound=13.0)),
    (milp(1.0), milp(1.0, "limit", None, dual_bound=13.0)),
    (milp(1.0, "infeasible", None), milp(1.0, "infeasible-or-unbounded", None)),
    (milp(1.0, "infeasible", None), milp(1.0, "limit", None)),
    (milp(1.0, "unbounded", None), milp(1.0, "limit", 3.0)),
]
CLASH = [
    (milp(1.0), milp(1.0, objective=12.6)),
    (milp(1.0), milp(1.0, "infeasible", None)),
    (milp(1.0), milp(1.0, "limit", 12.6, dual_bound=13.0)),
    (milp(1.0), milp(1.0, "infeasible-or-unbounded", None)),
    (milp(1.0, "unbounded", None), milp(1.0, "infeasible", None)),
    (milp(1.0, "infeasible", None), milp(1.0, "limit", 3.0)),
]


@pytest.mark.parametrize(("one", "two"), AGREE)
def test_answers_of_milps_that_agree(one: Side, two: Side) -> None:
    assert milp_comparison({"stock": one, "guided": two}) and milp_comparison({"stock": two, "guided": one})


@pytest.mark.parametrize(("one", "two"), CLASH)
def test_answers_of_milps_that_exclude_one_another(one: Side, two: Side) -> None:
    for sides in ({"stock": one, "guided": two}, {"stock": two, "guided": one}):
        with pytest.raises(SoundnessError, match=r"stock says .*, guided says "):
            milp_comparison(sides)
