"""The composition root: what goes in, what comes out, and that nothing wrong is ever called an answer."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pysat import formula

import neurosolve
from neurosolve import engine_runs, guidance, solving
from neurosolve.errors import InputError, SoundnessError, UsageError
from neurosolve.result import Limits, Status
from neurosolve.sat.dimacs import CNF, write_dimacs
from neurosolve.sat.phases import Phases
from neurosolve.sat.proof import check_proof
from tests.formulas import pigeons, random_3sat, save, true_in

STAGES = ("import", "read", "graph", "network", "inject", "solve", "check")
SATISFIABLE = random_3sat(80, 3.5)


def test_a_path_a_stream_and_a_formula_give_the_same(tmp_path: Path) -> None:
    path = save(SATISFIABLE, tmp_path / "f.cnf")
    memory = io.BytesIO()
    write_dimacs(SATISFIABLE, memory)
    memory.seek(0)
    for source in (path, str(path), SATISFIABLE, memory):
        result = neurosolve.solve(source, guidance="none")
        assert result.status is Status.SATISFIABLE
        assert true_in(SATISFIABLE, result.assignment.tolist())
    assert result.engine == "cadical195" and result.delivery is None and result.gate is None


def test_pysats_formula_and_a_list_of_clauses() -> None:
    for source in (formula.CNF(from_clauses=[[1, 2], [-1]]), [[1, 2], [-1]]):
        assert neurosolve.solve(source, guidance="none").assignment.tolist() == [-1, 2]
        told = neurosolve.predict_phases(source, "jw")
        assert told is not None and told.num_variables == 2
    with pytest.raises(UsageError, match="not dict"):
        neurosolve.solve({1: 2})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["none", "none-fair", "true", "false", "random", "jw", "walk", "preset:unsat"]
)
@pytest.mark.parametrize("engine", ["cadical195", "glucose4"])
def test_no_guidance_changes_an_answer(name: str, engine: str) -> None:
    if engine == "glucose4" and name.startswith("preset"):
        pytest.skip("Glucose has no presets")
    for cnf, status in ((SATISFIABLE, Status.SATISFIABLE), (pigeons(5), Status.UNSATISFIABLE)):
        result = solving.solve(cnf, engine=engine, guidance=name, seed=2)
        assert result.status is status
        assert (result.delivery == "rename") is (name in ("true", "false", "random", "jw", "walk"))


def test_an_assignment_as_phases_needs_no_conflict(tmp_path: Path) -> None:
    hard = random_3sat(150, 4.1, 3)
    stock = solving.solve(hard, guidance="none-fair")
    assert stock.status is Status.SATISFIABLE and stock.stats.num_conflicts
    phases = tmp_path / "p"
    phases.write_text(" ".join(map(str, stock.assignment.tolist())))
    for delivery in ("rename", "forced"):
        told = solving.solve(hard, guidance=f"file:{phases}", delivery=delivery)
        assert told.stats.num_conflicts == 0 and told.delivery == delivery


def test_the_json_row(tmp_path: Path) -> None:
    row = solving.solve(SATISFIABLE, guidance="jw", seed=4).to_json()
    again = json.loads(json.dumps(row))
    assert again["status"] == "SATISFIABLE" and again["seed"] == 4 and again["guidance"] == "jw"
    assert again["stats"]["num_conflicts"] >= 0 and again["memory_bytes"] > 1 << 20
    assert set(again["stages"]) == {
        f"{n}_s" for n in ["import", "read", "graph", "network", "inject", "solve", "check"]
    }
    assert again["cpu_time_s"] > 0 and sum(again["stages"].values()) <= again["wall_time_s"] * 1.1
    assert set(again["versions"]) == {"neurosolve", "python", "numpy", "pysat"}  # the solver's own among them


def test_a_time_limit() -> None:
    started = time.monotonic()
    result = solving.solve(pigeons(13), guidance="none", limits=Limits(time_s=0.5))
    assert result.status is Status.UNKNOWN and result.reason == "time limit" and result.assignment is None
    assert time.monotonic() - started < 8
    spent = solving.solve(pigeons(13), guidance="none", limits=Limits(time_s=0.0))
    assert spent.reason == "time limit" and spent.stages.solve_s == 0


def test_ctrl_c_reaches_the_caller() -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        solving.solve(pigeons(13), guidance="none", limits=Limits(time_s=10))
    assert not Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    assert solving.solve(SATISFIABLE, guidance="none").status is Status.SATISFIABLE  # told once


def test_sigterm_reaches_the_callers_handler() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        result = solving.solve(pigeons(13), guidance="none", limits=Limits(time_s=10))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM] and result.reason == "signal"


def test_sigterm_ends_a_script_without_a_handler() -> None:
    program = (
        "import os, signal, threading\nimport neurosolve\nfrom tests.formulas import pigeons\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
        "neurosolve.solve(pigeons(13), guidance='none', limits=neurosolve.Limits(time_s=10))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30).returncode == -signal.SIGTERM


def test_a_memory_and_a_conflict_limit() -> None:
    starved = solving.solve(random_3sat(300_000, 4.2), guidance="none", limits=Limits(memory_bytes=40 << 20))
    assert starved.status is Status.UNKNOWN and starved.reason == "memory limit"
    result = solving.solve(pigeons(10), guidance="none", limits=Limits(conflicts=50))
    assert result.status is Status.UNKNOWN and result.reason == "conflict limit"


@pytest.mark.parametrize(
    "asked",
    [{"engine": "x"}, {"guidance": "x"}, {"delivery": "x"}, {"engine": "kissat", "delivery": "forced"}],
)
def test_wrong_names_are_told_before_a_byte_is_read(asked: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        solving.solve("/nonexistent", **asked)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        solving.solve("/nonexistent")


def test_a_proof_of_a_renamed_formula_is_of_the_formula_as_read(tmp_path: Path) -> None:
    cnf = pigeons(5)
    for name, race in itertools.product(("none", "random"), (False, True)):
        path = tmp_path / f"{name}{race}.drat"
        result = solving.solve(cnf, guidance=name, proof=path, race=race, seed=1)
        assert result.proof == str(path)
        assert check_proof(cnf, path).verified is True
        assert not [other for other in tmp_path.iterdir() if other.suffix != ".drat"]


def test_no_proof_is_claimed_for_an_assignment(tmp_path: Path) -> None:
    assert solving.solve(SATISFIABLE, guidance="none", proof=tmp_path / "p.drat").proof is None


def test_a_race_says_who_won() -> None:
    guided = solving.solve(SATISFIABLE, guidance="walk", race=True)
    assert guided.status is Status.SATISFIABLE
    assert guided.gate is not None and guided.gate["race"] in ("guided", "stock")
    stock = solving.solve(pigeons(6), guidance="none", race=True)
    assert stock.gate is not None and stock.gate["race"] in ("stock", "stock, next seed")
    nobody = solving.solve(pigeons(13), guidance="random", race=True, limits=Limits(time_s=0.5))
    assert nobody.status is Status.UNKNOWN and nobody.gate == {"race": None} and nobody.reason == "time limit"


@pytest.mark.parametrize("damage", ["flipped", "short", "none"])
def test_a_wrong_assignment_is_no_answer(monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    real = engine_runs.engines.race

    def lie(jobs: Any) -> Any:
        winner, (run,) = real(jobs)
        right = run.assignment
        wrong = {"flipped": -right, "short": right[:-1], "none": None}[damage]
        return winner, [dataclasses.replace(run, assignment=wrong)]

    cnf = CNF.from_clauses([[1], [2, 3], [-2, 3]])
    monkeypatch.setattr(engine_runs.engines, "race", lie)
    with pytest.raises(SoundnessError):
        solving.solve(cnf, guidance="none")


def test_the_models_choice_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Phases.of(np.ones(SATISFIABLE.num_variables), "model:m")
    config = {"engine": "glucose4", "delivery": "initial"}

    def resolve(name: str, cnf: CNF, **_: Any) -> guidance.Guide:
        return guidance.Guide(name, told, model="m", model_hash="h", config=config, gate={"guided": True})

    monkeypatch.setattr(solving.guidances, "resolve", resolve)
    own = solving.solve(SATISFIABLE)
    assert (own.engine, own.delivery, own.model, own.model_hash) == ("glucose4", "initial", "m", "h")
    other = solving.solve(SATISFIABLE, engine="cadical195")
    assert (other.engine, other.delivery) == ("cadical195", "rename")
    asked = solving.solve(SATISFIABLE, engine="cadical195", delivery="forced")
    assert asked.delivery == "forced"


def test_an_unknown_delivery_is_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'order'; deliveries: auto, rename, .* \(each also with \+order\)"):
        solving.solve(SATISFIABLE, delivery="order")


def test_predict_phases() -> None:
    told = neurosolve.predict_phases(SATISFIABLE, "jw")
    assert told is not None and told.num_variables == 80
    assert neurosolve.predict_phases(SATISFIABLE, "none") is None


def test_the_version_is_the_packages() -> None:
    import tomllib

    stored = Path(neurosolve.__file__).parents[1] / "pyproject.toml"
    assert tomllib.loads(stored.read_text())["project"]["version"] == neurosolve.__version__


ARMS = [
    {"engine": "glucose42", "delivery": "initial", "guided": True, "cpu_s": 2.0},
    {"engine": "glucose42", "delivery": "rename+order", "guided": True, "cpu_s": 1.0},
    {"engine": "glucose42", "delivery": None, "guided": False, "cpu_s": 0.1},
]


@pytest.mark.parametrize(
    ("asked", "missing", "engine", "delivery"),
    [
        ("auto", "", "kissat", "rename+order"),
        ("auto", "kissat", "kissat404", "rename+order"),  # the same solver, in every base install
        ("glucose42", "", "glucose42", "rename+order"),  # what won for this engine
        ("minisat22", "", "minisat22", "rename"),
    ],
)
def test_auto_takes_what_won_for_the_engine_that_is_there(
    asked: str, missing: str, engine: str, delivery: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"engine": "kissat", "delivery": "rename+order", "validation": {"arms": ARMS}}
    guide = guidance.Guide("auto", Phases.of(np.ones(3), "test"), config=config)
    request = engine_runs.Request(asked, "auto", "auto", Limits(), 0, False, None, None)
    monkeypatch.setattr(engine_runs, "is_installed", lambda row: row.name != missing)
    chosen = engine_runs.engine_for(guide, request)
    assert (chosen, engine_runs.delivery_for(chosen, guide, request)) == (engine, delivery)


def test_a_strange_engine_of_a_model_gives_way_to_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_runs, "is_installed", lambda row: False)
    request = engine_runs.Request("auto", "auto", "auto", Limits(), 0, False, None, None)
    guide = guidance.Guide("auto", config={"engine": "cryptominisat"})
    assert engine_runs.engine_for(guide, request) == "cadical195"


@pytest.mark.parametrize(("asked", "behind"), [("auto", "glucose4"), ("cadical195", "cadical195")])
def test_wrong_phases_make_way_for_stock_at_their_bound(
    asked: str, behind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fallback = {"engine": "glucose4", "preset": None}

    def resolve(name: str, cnf: CNF, **_: object) -> guidance.Guide:
        config = {"engine": "cadical195", "delivery": "rename+order", "conflict_bound": 15, "fallback": fallback}
        coins = np.random.default_rng(1).choice([-1, 1], cnf.num_variables)
        return guidance.Guide(name, phases=Phases.of(coins.astype(np.float32), "coins"), config=config)

    monkeypatch.setattr(solving.guidances, "resolve", resolve)
    refuted = pigeons(6)
    result = solving.solve(refuted, engine=asked, proof=tmp_path / "proof")
    assert result.status is Status.UNSATISFIABLE and result.engine == behind
    assert any("stopped after 15 conflicts" in warning for warning in result.warnings)
    assert result.stats.num_conflicts and result.stats.num_conflicts > 15
    assert check_proof(refuted, tmp_path / "proof").verified
    bounded = solving.solve(refuted, engine=asked, limits=Limits(conflicts=10))
    assert bounded.status is Status.UNKNOWN and bounded.reason == "conflict limit"
