from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from neurosolve.errors import ModelError, UsageError  # noqa: E402
from neurosolve.learn import checkpoint  # noqa: E402
from neurosolve.learn.config import SolveValidation, TrainConfig  # noqa: E402
from neurosolve.learn.train import BEST, LAST, Report, learning_rate_factor, train  # noqa: E402

# Trains, and is killed by its own progress callback right after step 7.
KILLED = """
import json, os, signal, sys
sys.modules["torch.utils.tensorboard"] = None
from neurosolve.learn.config import from_dict
from neurosolve.learn.train import train
def progress(report):
    if report.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
train(from_dict(json.loads(sys.argv[1])), progress=progress)
"""


@pytest.fixture
def config(sample_directory: Path, tmp_path: Path) -> TrainConfig:
    where = [str(sample_directory)]
    return TrainConfig(
        name="tiny", out=str(tmp_path / "run"), samples=where, validation=where,
        network_options={"width": 16, "hidden": 16},
        rounds_min=2, rounds_max=4, steps=10, batch_edges=800, warm_up=5, learning_rate=5e-3,
        validate_every=5, checkpoint_every=3, seed=3,
    )  # fmt: skip


def weights(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(path)[0]


def same(a: Path, b: Path) -> bool:
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_it_learns_what_it_is_shown(config: TrainConfig) -> None:
    reports: list[Report] = []
    summary = train(replace(config, steps=80, validate_every=40), progress=reports.append)
    assert summary["step"] == len(reports) == 80
    last = json.loads((config.directory / "history.jsonl").read_text().splitlines()[-1])
    assert last["accuracy"] > 0.8
    assert last["loss"] < 0.5 < reports[0].loss
    assert reports[39].scores is not None and reports[38].scores is None
    assert (config.directory / "tensorboard").exists()


def test_seed_and_config_are_kept_beside_the_weights(config: TrainConfig) -> None:
    train(config)
    _, state = checkpoint.load(config.directory / BEST)
    assert (
        state["config"]
        == config.to_dict()
        == json.loads((config.directory / "train_config.json").read_text())
    )
    assert state["best_step"] in (5, 10) and "accuracy" in state["scores"]


def test_killed_and_resumed_gives_the_weights_of_an_uninterrupted_run(
    config: TrainConfig, tmp_path: Path
) -> None:
    whole = replace(config, out=str(tmp_path / "whole"))
    train(whole)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, json.dumps(config.to_dict())], check=False, timeout=400
    )
    assert killed.returncode == -9
    assert checkpoint.load(config.directory / LAST)[1]["step"] == 6  # checkpoints at 3, 5 (validated) and 6
    reports: list[Report] = []
    train(config, resume=True, progress=reports.append)
    assert [r.step for r in reports] == [7, 8, 9, 10]
    assert same(config.directory / LAST, whole.directory / LAST)
    assert same(config.directory / BEST, whole.directory / BEST)


def test_a_finished_run_is_not_overwritten_by_accident(config: TrainConfig) -> None:
    train(replace(config, steps=1))
    with pytest.raises(UsageError, match="resume"):
        train(config)


def test_minutes_bound_a_run(config: TrainConfig) -> None:
    shares: list[float] = []
    summary = train(replace(config, steps=0, minutes=1 / 60), progress=lambda r: shares.append(r.share))
    assert 0.9 < summary["elapsed_s"] < 5
    assert shares == sorted(shares) and shares[-1] <= 1


def test_the_best_checkpoint_is_chosen_by_solve_cost(config: TrainConfig) -> None:
    solve = SolveValidation(engine="minisat22", delivery="rename", count=2, conflicts=1000)
    train(replace(config, steps=5, solve_validation=solve))
    row = json.loads((config.directory / "history.jsonl").read_text())
    assert row["solved"] == 1 and row["stock_cost"] >= 0
    assert row["solve_ratio"] == pytest.approx((row["solve_cost"] + 10) / (row["stock_cost"] + 10))
    best = checkpoint.load(config.directory / BEST)[1]["best"]
    assert best == pytest.approx(row["solve_cost"] + 1e-3 * row["loss"])


def test_fine_tuning_starts_from_given_weights(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, steps=1))
    first = config.directory / LAST
    tuned = replace(
        config, out=str(tmp_path / "tuned"), initial_weights=str(first), steps=1, learning_rate=0.0
    )
    train(tuned)
    before = {k: v for k, v in weights(first).items() if k.startswith("weights.")}
    assert all(torch.equal(weights(tuned.directory / LAST)[k], v) for k, v in before.items())
    model = tmp_path / "model"  # a published one
    model.mkdir()
    shutil.copy(config.directory / BEST, model / "weights.safetensors")
    (model / "config.json").write_text(json.dumps({"network_options": {**config.network_options, "dropout": 0.5}}))
    train(replace(tuned, out=str(tmp_path / "again"), initial_weights=str(model), network_options={}))
    assert all(torch.equal(weights(tmp_path / "again" / LAST)[k], v) for k, v in before.items())
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match=r"cannot read the weights of .*empty"):
        train(replace(tuned, out=str(tmp_path / "never"), initial_weights=str(empty)))


def test_neurobacks_network_trains_on_the_same_samples(config: TrainConfig) -> None:
    pytest.importorskip("torch_geometric")
    losses: list[float] = []
    few = replace(config, network="neuroback", network_options={"dropout": 0.0}, loss="agreed", steps=12)
    train(replace(few, learning_rate=1e-3), progress=lambda r: losses.append(r.loss))
    assert losses[-1] < losses[0]


def test_weights_of_another_shape_are_refused_in_one_line(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, steps=1))
    again = replace(config, out=str(tmp_path / "again"), initial_weights=str(config.directory / BEST))
    with pytest.raises(ModelError, match=r" is \(16.*\) there, \(8.*\) by the config's network") as found:
        train(replace(again, network_options={"width": 8, "hidden": 16}))
    assert len(str(found.value).splitlines()) == 1 and "more differ)" in str(found.value)


def test_options_that_the_network_does_not_have_are_refused(config: TrainConfig) -> None:
    with pytest.raises(UsageError, match="tiny: network_options: unknown key 'hiden'; known: hidden, width"):
        train(replace(config, network_options={"hiden": 8}))


@pytest.mark.parametrize("device", ["foo", "cuda:99"])
def test_devices_that_are_not_here_are_refused(config: TrainConfig, device: str) -> None:
    with pytest.raises(UsageError, match=f"device '{device}' cannot be used: take cpu"):
        train(config, device)
    assert not config.directory.exists()


def test_unknown_networks_are_refused(config: TrainConfig) -> None:
    with pytest.raises(UsageError, match="unknown network"):
        train(replace(config, network="transformer"))


def test_the_learning_rate_warms_up_and_falls() -> None:
    assert learning_rate_factor(0, 0.0, 10) == pytest.approx(0.1)
    assert learning_rate_factor(10, 0.0, 10) == pytest.approx(1.0)
    assert learning_rate_factor(50, 0.5, 10) == pytest.approx(0.505)
    assert learning_rate_factor(99, 1.0, 10) == pytest.approx(0.01)
