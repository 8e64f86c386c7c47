"""A solve that a signal ended is no measurement: what measures stops."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from neurosolve.learn import contest, milp_solve_cost
from tests import milp_files
from tests.formulas import pigeons


@pytest.fixture
def interrupted() -> Iterator[None]:
    """SIGINT comes soon, in the middle of what the test solves."""
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    yield
    timer.cancel()


@pytest.mark.usefixtures("interrupted")
def test_a_milp_run(tmp_path: Path) -> None:
    path = milp_files.save(milp_files.market_split(5, 40), tmp_path / "hard.lp")
    with pytest.raises(KeyboardInterrupt):
        milp_solve_cost.solve(path, milp_solve_cost.BASELINE, 20.0, "paper")


@pytest.mark.usefixtures("interrupted")
def test_a_sat_run() -> None:
    judge = contest.Contest.__new__(contest.Contest)
    judge.samples, judge.time_s = [SimpleNamespace(cnf=pigeons(13))], 20.0  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        judge._run({"engine": "cadical195", "guided": False, "delivery": None, "preset": None}, [])
