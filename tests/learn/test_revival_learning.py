"""The learner with `revival`: it learns from paths under every redistribution, and a whole run of it is a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from neurosolve.errors import UsageError  # noqa: E402
from neurosolve.learn.checkpoint import weights_of  # noqa: E402
from neurosolve.learn.export_milp import export  # noqa: E402
from neurosolve.learn.networks.revival import RevivalNet  # noqa: E402
from neurosolve.learn.redistribution import mixed, shares_of  # noqa: E402
from neurosolve.learn.train import train  # noqa: E402
from neurosolve.learn.trajectories import read_trajectory  # noqa: E402
from neurosolve.milp.network import load_policy  # noqa: E402
from tests.learn.played import fresh, real  # noqa: E402
from tests.learn.test_reinforce import TREES, config_of, descend, learning  # noqa: E402


@pytest.mark.parametrize(
    ("redistribution", "loss", "horizon"),
    [("", "log", 0), ("bound", "log", 2), ("attention", "log", 0), ("subtree", "hl_gauss", 0)],
)
def test_q_learns_redistributed_returns(tmp_path: Path, redistribution: str, loss: str, horizon: int) -> None:
    config = config_of(tmp_path, network="revival", loss=loss, horizon=horizon, redistribution=redistribution,
                       redistribution_weight=0.5, priority=0.3, max_log2=8.0)  # fmt: skip
    bins = {"bins": 32, "max_log2": 8.0} if loss == "hl_gauss" else {}
    network = fresh("revival", hidden=16, memory=16, **bins)
    one = learning(network, config)
    descend(network, one, 120)
    for tree in TREES[:2]:
        wanted = np.log2(tree.subtree_costs).astype(np.float32)
        if redistribution:
            shares = shares_of(tree, redistribution, one.target)
            wanted = mixed(wanted, tree, shares, 0.5)
            assert np.abs(wanted - np.log2(tree.subtree_costs)).max() > 0.2
        batch = one._collated([(tree, np.arange(len(tree)))])
        q = network(batch).detach().numpy()[tree.offsets[:-1] + tree.chosen]
        assert np.abs(q - wanted).mean() < 0.5


def test_a_run_is_a_model_that_branches(tmp_path: Path) -> None:
    config = config_of(tmp_path / "run", network="revival", episodes=14, redistribution="attention",
                       cost="lp_iterations",
                       network_options={"hidden": 8, "width": 8, "memory": 8, "heads": 2})  # fmt: skip
    summary = train(config)
    assert summary["episodes"] >= 14 and summary["step"] > 0
    rows = [json.loads(line) for line in (config.directory / "history.jsonl").read_text().splitlines()]
    assert summary["best"] == min(row["solve_lp_iterations"] for row in rows)
    played = [read_trajectory(path) for path in sorted((config.directory / "episodes").glob("0*.npz"))]
    assert all(one.cost == "lp_iterations" and one.subtree_costs[0] > 2 * len(one) for one in played)
    weights, _ = weights_of(config.directory / "best.safetensors")
    network = RevivalNet(52, weights["root.column_standard.mean"].numel(), weights["root.row_standard.mean"].numel(),
                         **config.network_options)  # fmt: skip
    network.load_state_dict(weights)
    name, kept = network.exported()
    assert name == "revival" and not any(key.startswith("value_") for key in kept)
    export(network, {"network": name}, "", tmp_path / "model")
    assert load_policy(tmp_path / "model").follows_tree


def test_a_played_tree_is_revived(tmp_path: Path) -> None:
    """Directions and parents of a real episode: every decision but the root's has its parent's step as its last."""
    tree = real(amount=0.9)
    batch = fresh("revival").collate([(tree, np.arange(len(tree)))])  # type: ignore[operator]
    assert len(tree) > 8 and tree.depth.max() > 2
    lengths = (batch.paths >= 0).sum(dim=1)
    assert lengths.tolist() == tree.depth.tolist()
    last = batch.paths[torch.arange(1, len(tree)), lengths[1:] - 1]
    assert batch.step_state[last].tolist() == tree.parent[1:].tolist()
    assert batch.step_is_up[last].tolist() == tree.is_up[1:].tolist()


def test_configs_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="revival"):
        config_of(tmp_path, redistribution="attention")
    with pytest.raises(UsageError, match="below 1"):
        config_of(tmp_path, redistribution="bound", redistribution_weight=1.0, horizon=3)
    with pytest.raises(UsageError, match="unknown redistribution"):
        config_of(tmp_path, redistribution="luck")
