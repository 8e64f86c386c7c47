"""One agent over several families: instances of all are played, counted apart, and published by name only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from neurosolve.learn.episode_store import EpisodeStore  # noqa: E402
from neurosolve.learn.publish_reinforce import are_several, publish  # noqa: E402
from neurosolve.learn.replay import Replay  # noqa: E402
from neurosolve.learn.train import train  # noqa: E402
from neurosolve.milp.network import load_policy  # noqa: E402
from tests.learn.test_reinforce import config_of  # noqa: E402

KNAPSACK = {"family": "knapsack", "size": 2, "knobs": {"items": 14}}
STABLE = {"family": "independent_set", "size": 100, "objective_limit": True}


def test_what_counts_as_several() -> None:
    assert are_several(["auctions", "knapsack"]) and are_several(["auctions", "mine"])
    assert not are_several(["auctions"]) and not are_several(["mine-large", "mine-small"])


def test_one_agent_over_two_families(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(
        tmp_path / "run", episodes=8, network="revival", redistribution="bound", protocol="lean",
        network_options={"hidden": 8, "width": 8, "memory": 8, "heads": 2},
        instances=[{**KNAPSACK, "count": 50}, {**STABLE, "count": 50, "weight": 2.0}],
        validation_instances=[{**KNAPSACK, "seed": 1000, "count": 2}, {**STABLE, "seed": 1000, "count": 1}],
        solve_validation={"protocol": "lean"},
    )  # fmt: skip
    summary = train(config)
    replay = Replay(config.capacity, 0.0)
    EpisodeStore(config.directory, keep=True).fill(replay)
    assert summary["step"] > 0 and {s.trajectory.family for s in replay.slots} == {"knapsack", "independent_set"}
    (optima,) = (config.directory / "optima").iterdir()
    assert optima.name == "independent_set-100.jsonl"
    rows = [json.loads(line) for line in (config.directory / "history.jsonl").read_text().splitlines()]
    knapsack, stable, both = (rows[0][key] for key in (
        "solve_nodes_knapsack", "solve_nodes_independent_set", "solve_nodes"))  # fmt: skip
    assert (1 + both) ** 3 == pytest.approx((1 + knapsack) ** 2 * (1 + stable))
    assert list((config.directory / "tensorboard").glob("events*")), "curves for TensorBoard as well"
    monkeypatch.setattr("neurosolve.learn.finished.read_config", lambda _: config)
    written = publish("run.toml", tmp_path / "model", ["any:0:pscost"], count=1, time_s=20.0)
    assert written["families"] == ["independent_set", "knapsack"] and "fingerprint" not in written
    assert "`auto` never picks it" in (tmp_path / "model" / "card.md").read_text()
    assert load_policy(tmp_path / "model").follows_tree
