"""From a MILP file to a checked result: every format and compression, starts, solutions, and answers that are wrong."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import json
import lzma
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

import neurosolve
from neurosolve import milp_guidance
from neurosolve.errors import InputError, ModelError, SoundnessError, UsageError
from neurosolve.milp import engine
from neurosolve.milp.engine import EngineRun
from neurosolve.milp.policies import PolicySpec
from neurosolve.milp_solving import solve_milp
from neurosolve.result import Limits, MilpResult, Status
from tests.milp.tiny_policy import write_policy
from tests.milp_files import CIP, CIP_OPTIMUM, INFEASIBLE, MPS, MPS_OPTIMUM, UNBOUNDED, cover, market_split, save

VALUES = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.25}


def by_name(result: MilpResult) -> dict[str, float]:
    return dict(zip(result.column_names, result.values.tolist(), strict=True))


def test_a_checked_optimum(tmp_path: Path) -> None:
    result = solve_milp(save(MPS, tmp_path / "f.mps"))
    assert (result.status, result.objective, result.checked_by) == (Status.OPTIMAL, MPS_OPTIMUM, "neurosolve")
    assert by_name(result) == VALUES and result.gap == pytest.approx(0, abs=1e-9)
    row = result.to_json()
    assert row["status"] == "optimal" and row["guidance"] == "auto" and row["protocol"] == "default"
    assert row["stats"]["num_nodes"] is not None and row["stats"]["num_domain_reductions"] is not None
    assert row["versions"]["scip"] and row["wall_time_s"] > row["stages"]["solve_s"] > 0
    assert "values" not in row and "column_names" not in row


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
@pytest.mark.parametrize("named", [True, False])
def test_compressed(tmp_path: Path, pack: Any, named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    suffix = {"gzip": "gz", "bz2": "bz2", "lzma": "xz"}.get(pack.__module__, "zst")
    path = tmp_path / (f"f.mps.{suffix}" if named else "f.mps")
    path.write_bytes(pack(MPS.encode()))
    assert solve_milp(path, guidance="none").objective == MPS_OPTIMUM
    assert not list(copies.iterdir())


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(MPS.encode()))))
    assert solve_milp("-", format="mps").objective == MPS_OPTIMUM


def test_lp_and_cip(tmp_path: Path) -> None:
    result = solve_milp(save(INFEASIBLE.replace(">= 3", ">= 2"), tmp_path / "f.lp"))
    assert (result.objective, result.checked_by) == (1.0, "neurosolve")
    result = solve_milp(save(CIP, tmp_path / "g.cip"), solution=tmp_path / "g.sol")
    assert (result.objective, result.checked_by) == (CIP_OPTIMUM, "scip")
    assert {"a", "b"} <= set((tmp_path / "g.sol").read_text().split())


def test_a_file_under_another_name(tmp_path: Path) -> None:
    path = save(MPS, tmp_path / "a problem; $(touch x)")
    assert solve_milp(path, format="mps").objective == MPS_OPTIMUM


def test_no_solution(tmp_path: Path) -> None:
    written = tmp_path / "f.sol"
    result = solve_milp(save(INFEASIBLE, tmp_path / "f.lp"), solution=written)
    assert (result.status, result.objective, result.values, result.solution) == (Status.INFEASIBLE, None, None, None)
    result = solve_milp(save(UNBOUNDED, tmp_path / "g.lp"), solution=written)
    assert result.status in (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED) and not written.exists()


def test_a_solution_is_a_start(tmp_path: Path) -> None:
    path, written = save(cover(60, 40), tmp_path / "f.lp"), tmp_path / "f.sol"
    first = solve_milp(path, solution=written)
    again = solve_milp(path, start=written, params={"limits/bestsol": 1, "presolving/maxrounds": 0})
    assert again.objective == first.objective and not again.warnings


def test_an_infeasible_start_is_told(tmp_path: Path) -> None:
    start = save("a 1\nb 1\nc 1\n", tmp_path / "f.sol")
    result = solve_milp(save(MPS, tmp_path / "f.mps"), start=start)
    assert result.objective == MPS_OPTIMUM and "the MIP start is not feasible" in result.warnings[0]


def test_a_limit_keeps_the_best_solution(tmp_path: Path) -> None:
    path = save(market_split(5, 40), tmp_path / "f.lp")
    result = solve_milp(path, limits=Limits(time_s=2.0), solution=tmp_path / "f.sol")
    assert (result.status, result.reason, result.checked_by) == (Status.LIMIT, "time limit", "neurosolve")
    assert result.objective is not None and (tmp_path / "f.sol").is_file()
    assert solve_milp(path, limits=Limits(time_s=0.0)).reason == "time limit"


@pytest.mark.parametrize(
    "wrong", [{"a": 2.0}, {"a": 0.0}, {"d": 0.3}, {"a": 0.5}, {"d": -0.25}, {"a": float("nan")}], ids=str
)
@pytest.mark.parametrize("status", [Status.OPTIMAL, Status.LIMIT])
def test_a_wrong_solution_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, float], status: Status
) -> None:
    def lie(job: engine.Job, on_event: Any) -> EngineRun:
        assert job.column_names is not None
        values = np.array([{**VALUES, **wrong}[name] for name in job.column_names])
        return EngineRun(status, MPS_OPTIMUM, values, job.column_names)

    monkeypatch.setattr(engine, "run", lie)
    with pytest.raises(SoundnessError, match="fails the check"):
        solve_milp(save(MPS, tmp_path / "f.mps"), solution=tmp_path / "f.sol")
    assert not (tmp_path / "f.sol").exists()


@pytest.mark.parametrize("by_file", [False, True])
def test_a_looser_tolerance_of_scip_is_the_checks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_file: bool
) -> None:
    search = engine.run

    def loosely(job: engine.Job, on_event: Any) -> EngineRun:
        run = search(job, on_event)
        assert run.values is not None
        run.values = run.values - [5e-5, 0.0, 0.0, 0.0]  # of a, which is integer
        return run

    monkeypatch.setattr(engine, "run", loosely)
    path, settings = save(MPS, tmp_path / "f.mps"), save("numerics/feastol = 1e-4\n", tmp_path / "f.set")
    given: dict[str, Any] = {"settings": settings} if by_file else {"params": {"numerics/feastol": "1e-4"}}
    result = solve_milp(path, guidance="none", **given)
    assert (result.status, result.objective) == (Status.OPTIMAL, MPS_OPTIMUM) and by_name(result) == VALUES
    assert any("checked to numerics/feastol, 0.0001" in warning for warning in result.warnings)
    with pytest.raises(SoundnessError, match="fails the check: integrality a"):
        solve_milp(path, guidance="none", params={"numerics/feastol": "1e-7"})


def test_optimal_without_a_solution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "run", lambda *_: EngineRun(Status.OPTIMAL))
    with pytest.raises(SoundnessError, match="gives no solution"):
        solve_milp(save(MPS, tmp_path / "f.mps"))


def test_a_bad_file_never_reaches_scip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "run", lambda *_: pytest.fail("SCIP was started"))
    for name, text in (("f.mps", MPS.replace("4  weight  3", "2.x  weight  3")), ("f.mps.gz", "")):
        with pytest.raises(InputError, match=r"f\.mps"):
            solve_milp(save(text, tmp_path / name))
    packed = tmp_path / "g.mps.bz2"
    packed.write_bytes(bz2.compress(MPS.replace("4  weight  3", "2.x  weight  3").encode()))
    with pytest.raises(InputError, match=r"g\.mps\.bz2:12: "):
        solve_milp(packed)


def test_scip_complains_of_the_users_file(tmp_path: Path) -> None:
    packed = tmp_path / "f.cip.xz"
    packed.write_bytes(lzma.compress(b"no problem\n"))
    with pytest.raises(InputError, match=r"f\.cip\.xz:1: parse error: SCIP cannot read it"):
        solve_milp(packed)


def test_requests_that_cannot_be(tmp_path: Path) -> None:
    path = save(MPS, tmp_path / "f.mps")
    for options, told in (
        ({"guidance": "walk"}, "unknown guidance 'walk' for a MILP"),
        ({"guidance": "model"}, "model:NAME"),
        ({"protocol": "paper2"}, "unknown protocol"),
        ({"gap": -1.0}, "a gap cannot be -1"),
        ({"solution": path}, "would overwrite .*f.mps"),
        ({"solution": tmp_path / "nodir" / "f.sol"}, "no directory .*nodir"),
    ):
        with pytest.raises(UsageError, match=told):
            solve_milp(path, **options)  # type: ignore[arg-type]
    with pytest.raises(ModelError):
        solve_milp(path, guidance="model:nowhere")
    with pytest.raises(InputError, match="no such file"):
        solve_milp(path, start=tmp_path / "none.sol")


def test_a_search_is_not_lost_with_its_solution_file(tmp_path: Path) -> None:
    result = solve_milp(save(MPS, tmp_path / "f.mps"), guidance="none", solution="/dev/full")
    assert (result.objective, result.solution) == (MPS_OPTIMUM, None) and by_name(result) == VALUES
    assert "cannot write /dev/full: No space left on device" in result.warnings


def test_a_model_branches_and_says_so(tmp_path: Path) -> None:
    model, path = write_policy(tmp_path / "tiny", "mlp"), save(cover(120, 60), tmp_path / "f.lp")
    params = {"presolving/maxrounds": 0}
    guided = solve_milp(path, guidance=f"model:{model}", params=params)
    stock = solve_milp(path, guidance="none", params=params)
    assert guided.objective == stock.objective and guided.model == "tiny" and guided.model_hash
    calls, left, seconds = guided.stats.num_policy_calls, guided.stats.num_handed_over, guided.stats.policy_s
    assert calls and left == 0 and seconds and stock.stats.num_policy_calls == 0 and stock.model is None


def test_auto_without_a_model_is_stock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosolve.models.search_path", lambda: [])
    result = solve_milp(save(MPS, tmp_path / "f.mps"))
    assert result.gate == {"stage": 1, "guided": False, "reason": "no model installed"} and result.model is None


def test_auto_says_where_the_gate_had_nothing_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables count the instance as one that was not guided."""
    write_policy(tmp_path / "models" / "tiny", "mlp")
    monkeypatch.setattr("neurosolve.models.search_path", lambda: [tmp_path / "models"])
    result = solve_milp(save(MPS, tmp_path / "f.mps"))
    reason = "the search ended before its first LP"
    assert result.status is Status.OPTIMAL and result.gate == {"stage": 1, "guided": False, "reason": reason}
    assert solve_milp(save(MPS, tmp_path / "f.mps"), guidance="none").gate is None


def test_auto_under_a_protocol_asks_only_models_validated_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "one").mkdir(parents=True)
    config = {"schema": 1, "kind": "milp", "validation": {"protocol": "lean"}}
    (tmp_path / "models" / "one" / "config.json").write_text(json.dumps(config))
    spec = PolicySpec("auto", model_dirs=(tmp_path / "models" / "one",))
    assert milp_guidance.for_protocol(spec, "lean") == spec
    assert milp_guidance.for_protocol(spec, "default") == dataclasses.replace(spec, adopts=True)
    assert not milp_guidance.for_protocol(PolicySpec("pscost"), "default").adopts
    monkeypatch.setattr(milp_guidance, "resolve", lambda name: spec)
    result = solve_milp(save(MPS, tmp_path / "f.mps"), protocol="paper")
    reason = "no model was validated under protocol paper"
    assert result.gate == {"stage": 1, "guided": False, "reason": reason} and result.status is Status.OPTIMAL


def test_the_public_solve(tmp_path: Path) -> None:
    path = save(MPS, tmp_path / "f.mps")
    seen: list[Any] = []
    result = neurosolve.solve(path, guidance="none", on_event=seen.append, seed=3)
    assert isinstance(result, MilpResult) and result.objective == MPS_OPTIMUM and seen
    with pytest.raises(UsageError, match="engine: not for a MILP"):
        neurosolve.solve(path, engine="glucose4")
    with pytest.raises(UsageError, match="gap: not for a CNF"):
        neurosolve.solve(save("p cnf 1 1\n1 0\n", tmp_path / "f.cnf"), gap=0.1)
