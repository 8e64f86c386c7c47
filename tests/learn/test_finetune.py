"""Fine-tuning from solver feedback, on formulas and a network small enough for seconds."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from neurosolve.errors import UsageError  # noqa: E402
from neurosolve.infer import load_model  # noqa: E402
from neurosolve.learn import checkpoint  # noqa: E402
from neurosolve.learn import publish as publishing  # noqa: E402
from neurosolve.learn.config import SolveValidation, from_dict  # noqa: E402
from neurosolve.learn.config_finetune import FinetuneConfig  # noqa: E402
from neurosolve.learn.export import export  # noqa: E402
from neurosolve.learn.loop import BEST, LAST  # noqa: E402
from neurosolve.learn.networks import build  # noqa: E402
from neurosolve.learn.train import train  # noqa: E402
from neurosolve.sat.graph import literal_clause_graph  # noqa: E402

OPTIONS = {"width": 16, "hidden": 16}

# Trains, and is killed by its own progress callback right after step 5.
KILLED = """
import json, os, signal, sys
sys.modules["torch.utils.tensorboard"] = None
from neurosolve.learn.config import from_dict
from neurosolve.learn.train import train
def progress(report):
    if report.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
train(from_dict(json.loads(sys.argv[1])), progress=progress)
"""


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A model directory with fresh weights."""
    torch.manual_seed(0)
    directory = tmp_path / "start"
    config = {
        "kind": "sat", "network": "literal_clause", "network_options": OPTIONS, "engine": "minisat22",
        "delivery": "rename", "rounds": 4, "confidence_threshold": 0.0,
    }  # fmt: skip
    export(build("literal_clause", **OPTIONS), config, "# start\n", directory)
    return directory


@pytest.fixture
def config(start: Path, tmp_path: Path) -> FinetuneConfig:
    return FinetuneConfig(
        name="tuned", out=str(tmp_path / "run"), start=str(start), samples=["none"], validation=["none"],
        network_options=OPTIONS, rounds_min=2, rounds_max=4, family="diagnosis", sizes=[20, 24],
        validation_sizes=[24], formulas=2, group=4, sigma=0.5, conflicts=400, grow_below=1e6, learning_rate=1e-3,
        steps=6, validate_every=3, checkpoint_every=2, seed=3,
        solve_validation=SolveValidation(engine="minisat22", delivery="rename", conflicts=400, count=3),
    )  # fmt: skip


def same(a: Path, b: Path) -> bool:
    first, second = checkpoint.load(a)[0], checkpoint.load(b)[0]
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_killed_and_resumed_gives_the_weights_of_an_uninterrupted_run(
    config: FinetuneConfig, tmp_path: Path
) -> None:
    whole = dataclasses.replace(config, out=str(tmp_path / "whole"))
    summary = train(whole)
    assert summary["step"] == 6 and not same(whole.directory / LAST, whole.directory / BEST)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, json.dumps(config.to_dict())], check=False, timeout=400
    )
    assert killed.returncode == -9
    assert checkpoint.load(config.directory / LAST)[1]["step"] == 4  # checkpoints at 2, 3 (validated) and 4
    assert train(config, resume=True)["step"] == 6
    assert same(config.directory / LAST, whole.directory / LAST)
    assert same(config.directory / BEST, whole.directory / BEST)
    kept = [checkpoint.load(c.directory / LAST)[1]["curriculum"] for c in (config, whole)]
    assert kept[0] == kept[1] and kept[0]["level"] == 1  # every size is cheap below a million conflicts


@pytest.mark.parametrize("update", ["expert", "grpo"])
def test_every_update_moves_the_weights_and_repeats(config: FinetuneConfig, tmp_path: Path, update: str) -> None:
    runs = [dataclasses.replace(config, update=update, steps=2, out=str(tmp_path / name)) for name in ("a", "b")]
    for run in runs:
        train(run)
    first, second = (run.directory / LAST for run in runs)
    assert same(first, second) and not same(first, runs[0].directory / BEST)


def test_the_start_is_the_first_candidate_and_an_improvement_replaces_it(config: FinetuneConfig) -> None:
    train(config)
    rows = [json.loads(line) for line in (config.directory / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 3, 6]
    assert rows[0]["solve_cost"] == rows[0]["start_cost"] and rows[0]["solve_ratio"] == 1
    state = checkpoint.load(config.directory / BEST)[1]
    costs = {row["step"]: row["solve_cost"] for row in rows}
    assert state["best"] == min(costs.values()) == costs[state["best_step"]]


def test_the_tuned_network_exports_as_the_start_did(config: FinetuneConfig, start: Path, tmp_path: Path) -> None:
    summary = train(dataclasses.replace(config, steps=1, validate_every=5))
    network = build("literal_clause", **OPTIONS)
    checkpoint.load_weights(network, config.directory / LAST)
    export(network, {k: v for k, v in load_model(start).config.items() if "version" not in k}, "", tmp_path / "new")
    graph = literal_clause_graph(from_planted())
    before, after = load_model(start), load_model(tmp_path / "new")
    assert before.cost(graph, 4) == after.cost(graph, 4)
    assert (before.predict(graph).logit != after.predict(graph).logit).any()
    assert summary["num_parameters"] == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("succeeds", [True, False])
def test_published_it_is_used_as_its_start_and_by_auto_where_it_succeeds_it(
    succeeds: bool, config: FinetuneConfig, start: Path, tmp_path: Path, sample_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told = json.loads((start / "config.json").read_text()) | {"conflict_bound": 77, "fingerprint": {"of": "the start"}}
    (start / "config.json").write_text(json.dumps(told))
    labelled = [str(sample_directory)]
    config = dataclasses.replace(config, steps=3, samples=labelled, validation=labelled, succeeds=succeeds)
    train(config)
    monkeypatch.setattr("neurosolve.learn.finished.read_config", lambda _: config)
    written = publishing.publish("tuned.toml", tmp_path / "new")
    assert written["conflict_bound"] == 77 and written["engine"] == "minisat22"
    assert written.get("succeeds") == ("start" if succeeds else None)
    assert written.get("fingerprint") == ({"of": "the start"} if succeeds else None)
    card = (tmp_path / "new" / "card.md").read_text()
    assert "before tuning" in card and f"{config.workers} cores" in card
    curve = written["validation"]["curve"]
    assert [(row["step"], row["solves"]) for row in curve] == [(0, 0), (3, 3 * config.formulas * config.group)]
    assert all(f"| {row['step']} | {row['solves']} | {row['wall_h']:.2f} |" in card for row in curve)


def test_a_config_that_contradicts_its_start_is_refused(config: FinetuneConfig) -> None:
    other = SolveValidation(engine="minisat22", delivery="rename", confidence=0.8)
    with pytest.raises(UsageError, match=r"confidence_threshold is 0.8, the model's 0.0"):
        train(dataclasses.replace(config, solve_validation=other))


def test_test_seeds_and_odd_groups_are_refused(config: FinetuneConfig) -> None:
    for wrong in ({"seeds_from": 5_000_000}, {"validation_seeds_from": 5_000_000}, {"group": 3}, {"sizes": [3, 2]}):
        with pytest.raises(UsageError):
            dataclasses.replace(config, **wrong)
    table = config.to_dict() | {"group": 3}
    with pytest.raises(UsageError, match="pairs"):
        from_dict(table)


def from_planted():  # type: ignore[no-untyped-def]
    from tests.learn.examples import planted_sample

    return planted_sample(0).cnf
