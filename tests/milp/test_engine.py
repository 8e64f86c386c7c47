"""SCIP in its child: answers, limits, signals, crashes, parameters, and a search that being watched does not change."""

from __future__ import annotations

import faulthandler
import gzip
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosolve import process
from neurosolve.errors import EngineError, InputError, UsageError
from neurosolve.milp import engine, scip_child
from neurosolve.milp.engine import Job, Progress
from neurosolve.milp.policies import PolicySpec
from neurosolve.milp.scip_settings import PROTOCOLS, set_from_file, set_protocol
from neurosolve.result import Limits, Status
from tests.milp_files import CIP, CIP_OPTIMUM, INFEASIBLE, MPS, MPS_OPTIMUM, UNBOUNDED, cover, market_split, save

COLUMNS = ("d", "c", "b", "a")  # another order than the file's


def job(path: Path, **options: Any) -> Job:
    return Job(path, path.name.split(".")[1], **{"policy": PolicySpec("none"), **options})


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(market_split(5, 40), tmp_path_factory.mktemp("hard") / "hard.lp")


def test_optimal_by_our_columns(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = engine.run(job(save(MPS, tmp_path / "f.mps"), column_names=COLUMNS))
    assert run.status is Status.OPTIMAL and run.reason is None and run.objective == MPS_OPTIMUM
    assert run.dual_bound == pytest.approx(MPS_OPTIMUM) and run.gap == pytest.approx(0, abs=1e-9)
    assert run.values is not None and run.values.tolist() == [0.25, 0.0, 1.0, 1.0]
    assert run.stats.num_nodes is not None and run.stats.num_policy_calls == 0
    assert run.cpu_time_s > 0 and run.memory_bytes > 1 << 20 and run.versions["scip"].count(".") == 2
    assert capfd.readouterr() == ("", "")


def test_gzip_and_cip(tmp_path: Path) -> None:
    packed = tmp_path / "f.mps.gz"
    packed.write_bytes(gzip.compress(MPS.encode()))
    assert engine.run(job(packed, column_names=COLUMNS)).objective == MPS_OPTIMUM
    path, start = save(CIP, tmp_path / "g.cip"), save("objective value: 3\nc 1\n", tmp_path / "g.sol")
    run = engine.run(job(path, start=start))
    assert (run.objective, run.column_names) == (CIP_OPTIMUM, ("a", "b", "c")) and run.values is not None
    assert run.values.tolist() == [1.0, 1.0, 0.0]


def test_infeasible_and_unbounded(tmp_path: Path) -> None:
    run = engine.run(job(save(INFEASIBLE, tmp_path / "f.lp")))
    assert (run.status, run.values, run.objective) == (Status.INFEASIBLE, None, None)
    run = engine.run(job(save(UNBOUNDED, tmp_path / "g.lp")))
    assert run.status in (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED)


def bare_nodes(path: Path, seed: int) -> tuple[int, int]:
    import pyscipopt

    scip = pyscipopt.Model()
    scip.hideOutput()
    set_protocol(scip, "default", seed)
    scip.readProblem(str(path))
    scip.optimize()
    return scip.getNTotalNodes(), scip.getNLPIterations()


@pytest.mark.parametrize("seed", [0, 7])
def test_being_watched_changes_nothing(tmp_path: Path, seed: int) -> None:
    path, seen = save(cover(120, 60), tmp_path / "f.lp"), []
    run = engine.run(job(path, seed=seed), seen.append)
    found = (run.stats.num_nodes, run.stats.num_lp_iterations)
    assert found == process.run_in_child(bare_nodes, path, seed).value
    best = [progress.objective for progress in seen if progress.is_incumbent]
    assert best == sorted(best, reverse=True) and all(isinstance(one, Progress) for one in seen)


@pytest.mark.parametrize("name", ["relpscost", "pscost", "mostinf", "random", "fsb"])
def test_stock_rules_agree(tmp_path: Path, name: str) -> None:
    path = save(cover(60, 40), tmp_path / "f.lp")
    run = engine.run(job(path, policy=PolicySpec(name), protocol="paper", params={"presolving/maxrounds": 0}))
    assert run.status is Status.OPTIMAL and run.objective == engine.run(job(path)).objective
    counted = run.stats.num_strong_branching_lp_iterations
    assert (counted is None) == (name == "fsb")  # idempotent: SCIP does not count them


def test_time_limit(hard: Path) -> None:
    started = time.perf_counter()
    run = engine.run(job(hard, limits=Limits(time_s=2.0)))
    assert time.perf_counter() - started < 10
    assert (run.status, run.reason) == (Status.LIMIT, process.TIME_LIMIT)
    assert run.objective is not None and run.values is not None and run.stats.num_lp_iterations is not None


def test_a_signal_brings_the_best_solution(hard: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.objective is not None and not asked:
            asked.append(progress.objective)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

    asked: list[float] = []
    run = engine.run(job(hard, limits=Limits(time_s=60)), stop)
    assert (run.status, run.reason) == (Status.LIMIT, process.SIGNAL)
    assert run.objective is not None and run.objective <= asked[0] and run.values is not None


def test_other_limits(hard: Path, tmp_path: Path) -> None:
    run = engine.run(job(hard, params={"limits/totalnodes": "1"}))
    assert (run.status, run.reason) == (Status.LIMIT, "node limit")
    run = engine.run(job(save(cover(120, 60), tmp_path / "f.lp"), gap=10.0))
    assert (run.status, run.reason) == (Status.LIMIT, "gap limit") and run.gap is not None and run.gap <= 10


def test_a_start_is_the_first_incumbent(hard: Path) -> None:
    names = tuple(sorted(set(re.findall(r"[xst]\d+", hard.read_text())), key=lambda one: (one[0], int(one[1:]))))
    start = np.zeros(len(names))
    rows = re.findall(r"r(\d+):.*= (\d+)", hard.read_text())
    for row, half in rows:
        start[names.index(f"s{row}")] = int(half)
    params = {"limits/bestsol": 1, "presolving/maxrounds": 0}
    run = engine.run(job(hard, column_names=names, start=start, params=params))
    assert run.objective == sum(int(half) for _, half in rows) and run.values is not None
    assert run.values == pytest.approx(start)


# -- what goes wrong


def test_a_crash_is_an_engine_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(scip: Any) -> None:
        scip.optimize()
        faulthandler.disable()  # pytest's, which would tell of it at length
        os.abort()

    monkeypatch.setattr(scip_child, "search", crash)
    with pytest.raises(EngineError, match=r"SIGABRT.*the best objective so far was 9.25"):
        engine.run(job(save(MPS, tmp_path / "f.mps"), column_names=COLUMNS))


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(scip: Any) -> None:
        scip.optimize()
        time.sleep(60)

    monkeypatch.setattr(scip_child, "search", stuck)
    run = engine.run(job(save(MPS, tmp_path / "f.mps"), column_names=COLUMNS, limits=Limits(time_s=1.5)))
    assert (run.status, run.reason, run.objective) == (Status.LIMIT, process.TIME_LIMIT, MPS_OPTIMUM)
    assert run.values is not None and "killed" in run.notes[0] and run.stats.num_lp_iterations is None


def test_memory_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scip_child, "search", lambda scip: (scip.optimize(), bytearray(4 << 30)))
    run = engine.run(job(save(MPS, tmp_path / "f.mps"), limits=Limits(memory_bytes=1 << 30)))
    assert (run.status, run.reason, run.objective) == (Status.LIMIT, process.MEMORY_LIMIT, MPS_OPTIMUM)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"limits/nodse": "3"}, "no parameter 'limits/nodse'"),
        ({"limits/nodes": "many"}, "limits/nodes does not take 'many'"),
        ({"limits/gap": "-1"}, "limits/gap does not take '-1'"),
        ({"misc/catchctrlc": "perhaps"}, "TRUE or FALSE"),
    ],
)
def test_bad_parameters(tmp_path: Path, params: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        engine.run(job(save(MPS, tmp_path / "f.mps"), params=params))


def test_a_settings_file(tmp_path: Path) -> None:
    import pyscipopt

    text = "# SCIP 10\n\nlimits/nodes = 12 # twelve\nmisc/catchctrlc = FALSE\nvisual/vbcfilename = \"a # b\"\n"
    path = save(text + "branching/scorefunc = 's'\nother/version = 3\n", tmp_path / "f.set")
    scip = pyscipopt.Model()
    assert set_from_file(scip, path) == [f"{path}:7: this SCIP has no parameter 'other/version': ignored"]
    names = ("limits/nodes", "misc/catchctrlc", "visual/vbcfilename", "branching/scorefunc")
    assert [scip.getParam(name) for name in names] == [12, False, "a # b", "s"]
    for bad in ("limits/nodes 12", "limits/nodes = ", "limits/nodes = x"):
        with pytest.raises(InputError, match=r"f\.set:2: "):
            set_from_file(scip, save(f"\n{bad}\n", path))


def test_the_paper_protocol() -> None:
    import pyscipopt

    scip = pyscipopt.Model()
    set_protocol(scip, "paper", 5)
    assert {name: scip.getParam(name) for name in PROTOCOLS["paper"]} == PROTOCOLS["paper"]
    assert scip.getParam("lp/threads") == 1 and scip.getParam("randomization/randomseedshift") == 5


def test_files_that_scip_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SCIP cannot read it"):
        engine.run(job(save("no problem\n", tmp_path / "f.cip")))
    with pytest.raises(EngineError, match="SCIP read 4 columns where the file has 1"):
        engine.run(job(save(MPS, tmp_path / "f.mps"), column_names=("a",)))
