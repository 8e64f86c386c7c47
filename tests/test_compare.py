"""`neurosolve compare`: both answers, and two lines that say what guidance was worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurosolve.cli_compare import Side, comparison
from neurosolve.errors import SoundnessError
from tests.formulas import random_3sat, save
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
    assert lines[-1].startswith("guided: cadical195, walk, rename, ") and "of stock's time" in lines[-1]


def test_an_error_of_a_side_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f.cnf").write_text("p cnf 1 1\n1 x 0\n")
    assert call("compare", tmp_path / "f.cnf").returncode == 1
    assert "twice" in call("compare", "-").stderr


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
