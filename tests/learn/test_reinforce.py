"""A reinforcement run: it plays, learns, survives kill -9, and is published as a model that branches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurosolve.errors import ModelError, UsageError
from neurosolve.learn import checkpoint
from neurosolve.learn.config import from_dict
from neurosolve.learn.config_reinforce import ReinforceConfig
from neurosolve.learn.episode_store import EpisodeStore
from neurosolve.learn.export_milp import export
from neurosolve.learn.instance_tables import Draw
from neurosolve.learn.loop import BEST, LAST
from neurosolve.learn.networks import build
from neurosolve.learn.placing import FEW, LOST, by_name_only
from neurosolve.learn.q_learning import QLearning
from neurosolve.learn.reinforce import SHAPE, expert_of
from neurosolve.learn.replay import Replay
from neurosolve.learn.rollouts import Played, Pool, Task
from neurosolve.learn.train import train
from neurosolve.learn.trajectories import NONE, read_trajectory, write_trajectory
from neurosolve.milp.episodes import SearchOptions
from neurosolve.milp.network import load_policy
from tests.learn.played import by_hand, fresh, policy_of, tiny_run
from tests.test_cli import call

TREES = [by_hand([NONE, 0, 1, 0, 3, 3], candidates=4, seed=1), by_hand([NONE, 0, 0, 2], candidates=3, seed=2),
         by_hand([NONE, 0, 1, 2, 3], seed=3, is_open=[0, 1])]  # fmt: skip


def config_of(out: Path, **changes: Any) -> ReinforceConfig:
    small = {"family": "knapsack", "size": 2, "knobs": {"items": 14}}
    given = {
        "name": "tiny", "kind": "reinforce", "out": str(out), "episodes": 6, "validate_every": 8, "checkpoint_every": 2,
        "steps_per_episode": 2, "warm_up_episodes": 2, "batch_nodes": 16, "batch_episodes": 4, "node_limit": 60,
        "network_options": {"hidden": 8, "width": 8}, "target_every": 3, "optima": str(out / "optima"),
        "instances": [{**small, "count": 50}], "validation_instances": [{**small, "seed": 1000, "count": 2}],
    }  # fmt: skip
    config = from_dict(given | changes)
    assert isinstance(config, ReinforceConfig)
    return config


def learning(network: torch.nn.Module, config: ReinforceConfig, **more: Any) -> QLearning:
    replay = Replay(1000, config.priority)
    for tree in TREES:
        replay.add(tree)
    return QLearning(network, replay, config, torch.device("cpu"), **more)


def descend(network: torch.nn.Module, one: QLearning, steps: int) -> list[float]:
    torch.set_num_threads(1)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for step in range(steps):
        loss = one.loss(step, 0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 19:
            one.synchronise()
    return losses


@pytest.mark.parametrize(("loss", "horizon"), [("log", 0), ("log", 2), ("hl_gauss", 0)])
def test_q_learns_the_sizes_of_subtrees(tmp_path: Path, loss: str, horizon: int) -> None:
    config = config_of(tmp_path, loss=loss, horizon=horizon, priority=0.3, max_log2=8.0)
    bins = {"bins": 32, "max_log2": 8.0} if loss == "hl_gauss" else {}
    network = fresh("film-q", hidden=24, **bins)
    one = learning(network, config)
    descend(network, one, 220)
    for tree in TREES[:2]:
        batch = one._collated([(tree, np.arange(len(tree)))])
        q = network(batch).detach().numpy()[tree.offsets[:-1] + tree.chosen]
        assert np.abs(q - np.log2(tree.subtree_costs)).mean() < 0.4


def test_a_lower_bound_is_no_target_from_above(tmp_path: Path) -> None:
    config, network = config_of(tmp_path), fresh()
    replay = Replay(1000, 0.0)
    replay.add(by_hand([NONE, 0, 1], is_open=[0, 1, 2]))
    torch.nn.init.constant_(network.value_second.bias, 12.0)  # type: ignore[arg-type, union-attr]
    assert QLearning(network, replay, config, torch.device("cpu")).loss(0, 0.0).item() == 0.0


def test_the_expert_holds_the_ranking(tmp_path: Path) -> None:
    torch.manual_seed(5)
    film = build("film", **SHAPE, hidden=8, width=8)
    with torch.no_grad():
        film.score.weight *= 20  # type: ignore[operator, union-attr]
    export(film, {"network": "film", "network_options": {"hidden": 8, "width": 8}}, "", tmp_path / "film")
    config = config_of(tmp_path, initial_weights=str(tmp_path / "film"), imitation_weight=5.0, imitation_end=5.0)
    network = fresh()
    expert = expert_of(tmp_path / "film")
    batch = learning(network, config)._collated([(TREES[0], np.arange(6))])

    def agreement() -> float:
        ours, theirs = -network(batch).detach().view(6, 4), expert(batch).detach().view(6, 4)
        return float((ours.argmax(1) == theirs.argmax(1)).float().mean())

    losses = descend(network, learning(network, config, expert=expert), 150)
    assert losses[-1] < losses[0] and agreement() > 0.8
    with pytest.raises(ModelError, match="is no film"):
        torch_weights = tmp_path / "other"
        export(build("mlp", num_features=3), {"network": "mlp"}, "", torch_weights)
        expert_of(torch_weights)


def test_an_episode_in_a_child_and_one_that_fails(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    draw, pool = Draw(config.instances), Pool()
    for number in range(9):  # not every instance needs branching
        task = Task(3, draw(0, number), SearchOptions(depth_first=True, node_limit=60), policy_of(fresh()), "boltzmann",
                    0.5, 0, 17, tmp_path, tmp_path / "t.npz")  # fmt: skip
        pool.submit(task)
        (row,) = pool.ended()
        if row.decisions:
            break
    trajectory = read_trajectory(tmp_path / "t.npz")
    assert row.error is None and row.decisions == len(trajectory) > 0 and row.cpu_s > 0 and trajectory.step == 17
    assert (trajectory.family, trajectory.episode, pool.num_flying) == ("knapsack", 3, 0)
    pool.submit(replace(task, drawn=replace(task.drawn, path=tmp_path / "none.mps.gz")))
    assert "none.mps.gz" in (pool.ended()[0].error or "")


def test_train_publish_and_the_model_branches(tmp_path: Path) -> None:
    config = config_of(tmp_path / "run", workers=2, episodes=24)  # many are solved without a decision
    summary = train(config)
    assert summary["episodes"] >= 24 and summary["step"] > 0 and summary["decisions"] > 0
    episodes = map(json.loads, (config.directory / "episodes.jsonl").read_text().splitlines())
    taught = sum(row["decisions"] > 0 for row in episodes)
    assert summary["step"] >= 2 * (taught - 2), "two steps an episode, but for those that warmed up; the last one too"
    rows = [json.loads(line) for line in (config.directory / "history.jsonl").read_text().splitlines()]
    assert rows[0]["step"] == 0 and rows[-1]["env_steps"] == summary["decisions"] and rows[-1]["cores"] == 3
    assert all(row["solve_nodes"] > 0 and row["cpu_s"] > 0 and row["wall_h"] > 0 for row in rows)
    assert summary["best"] == min(row["solve_nodes"] for row in rows)
    toml = tmp_path / "tiny.toml"
    toml.write_text(tiny_run(config.directory, "film-q", 6, "hidden = 8, width = 8"))
    out = tmp_path / "model"
    run = call("publish", toml, "--out", out, "--candidates", "any:0:relpscost", "--count", 1, "--time", 20)
    assert run.returncode == 0, run.stderr
    written = json.loads((out / "config.json").read_text())
    assert written["network"] == "film" and written["families"] == ["knapsack"]
    assert "fingerprint" not in written and by_name_only(written) in (LOST, FEW)
    assert written["training"]["env_steps"] == summary["decisions"]
    assert "validation nodes" in (out / "card.md").read_text() and load_policy(out).config == written
    with pytest.raises(UsageError, match="resume"):
        train(config)


KILLED = """
import json, sys
sys.modules["torch.utils.tensorboard"] = None
from neurosolve.learn.config import from_dict
from neurosolve.learn.train import train
train(from_dict(json.loads(sys.argv[1])))
"""


def test_killed_it_goes_on_with_every_episode_that_had_ended(tmp_path: Path) -> None:
    config = config_of(tmp_path / "run", episodes=400)
    rows, last = config.directory / "episodes.jsonl", config.directory / LAST
    process = subprocess.Popen([sys.executable, "-c", KILLED, json.dumps(config.to_dict())])
    deadline = time.monotonic() + 240
    while not (last.exists() and len(rows.read_text().splitlines()) > 4) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    step = checkpoint.load(last)[1]["step"]
    lines = rows.read_text().splitlines(keepends=True)
    rows.write_text("".join(lines[:-1]) + lines[-1][:20])  # the last row was being written
    played = len(list((config.directory / "episodes").glob("0*.npz")))
    summary = train(replace(config, episodes=len(lines) + 12), resume=True)
    again = [json.loads(line) for line in rows.read_text().splitlines() if line.endswith("}")]
    assert step > 0 and summary["step"] > step and len(again) >= len(lines) + 12
    assert len({row["episode"] for row in again}) == len(again), "each episode once"
    kept = {int(path.stem) for path in (config.directory / "episodes").glob("0*.npz")}
    assert kept == {row["episode"] for row in again if row["decisions"]} and len(kept) > played
    assert (config.directory / BEST).exists()


def test_what_left_the_replay_leaves_the_disk(tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path, keep=False)
    for seed in range(4):
        write_trajectory(by_hand([NONE, 0, 0], seed=seed), store.path(seed))
    again = EpisodeStore(tmp_path, keep=False)
    assert (again.num_episodes, again.num_decisions, again.next) == (4, 12, 4), "rows are made up for those without"
    replay = Replay(7, 0.5)
    again.fill(replay)
    assert [slot.trajectory.episode for slot in replay.slots] == [2, 3]
    store.drop(replay.add(by_hand([NONE, 0, 0], seed=9)))
    assert not store.path(2).exists() and store.path(3).exists()
    again.add(Played(8, "nothing"))
    assert EpisodeStore(tmp_path, keep=True).next == 9
