"""Small search trees: one drawn by hand, and real ones that a policy of fresh weights played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurosolve.learn.networks import build
from neurosolve.learn.playing import Exploring, play
from neurosolve.learn.reinforce import SHAPE, agent
from neurosolve.learn.trajectories import NONE, Trajectory
from neurosolve.milp.episodes import SearchOptions
from neurosolve.milp.network import NETWORKS, Policy
from tests.milp.branching_env import EASY, tree


def fresh(name: str = "film-q", **options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return build(name, **SHAPE, **({"hidden": 8, "width": 8} | options))


def policy_of(network: torch.nn.Module) -> Policy:
    name, weights = agent(network).exported()
    return NETWORKS[name]({key: value.numpy() for key, value in weights.items()})


def real(seed: int = 0, amount: float = 0.0, **options: Any) -> Trajectory:
    """A small problem whose tree has some dozens of decisions."""
    search = SearchOptions(**({"depth_first": True, "validate": False, "params": EASY} | options))
    chooser = Exploring(policy_of(fresh()), "epsilon", amount, np.random.default_rng(seed))
    told = {"step": 0, "episode": seed, "family": "tree", "size": 35, "seed": seed, "name": f"t-{seed}"}
    found = play(tree(), search, chooser, **told)
    assert found is not None
    return found


def by_hand(parent: list[int], candidates: int = 3, seed: int = 0, is_open: list[int] | None = None) -> Trajectory:
    """A tree of that shape: decision i's parent is parent[i], every decision has two children."""
    random, count = np.random.default_rng(seed), len(parent)
    parents = np.asarray(parent, np.int32)
    decided = np.bincount(parents[parents != NONE], minlength=count)
    depth = np.zeros(count, np.int32)
    for i, above in enumerate(parent):
        depth[i] = 0 if above == NONE else depth[above] + 1
    opened = np.zeros(count, np.bool_)
    opened[is_open or []] = True
    n, m, size = 6, 4, count * candidates
    column_features = random.normal(size=(n, SHAPE["num_column_features"])).astype(np.float32)
    row_features = random.normal(size=(m, SHAPE["num_row_features"])).astype(np.float32)
    bounds = np.arange(count, dtype=np.float64)
    return Trajectory(
        column_features, row_features, np.arange(0, 2 * m + 1, 2, dtype=np.int32),
        np.array([0, 1, 2, 3, 4, 5, 0, 3], np.int32), np.full(2 * m, 0.5**0.5, np.float32),
        np.arange(1, count + 1), parents, np.arange(count, dtype=np.int8) % 2, depth,
        random.integers(candidates, size=count).astype(np.int32), (2 - decided).astype(np.int8), opened,
        bounds, bounds + 5, bounds + 1, np.arange(count), np.ones(count, np.bool_),
        np.arange(0, size + 1, candidates), random.integers(-1, n, size).astype(np.int32),
        random.normal(size=(size, SHAPE["num_features"])).astype(np.float16),
        1, 2 * count + 1, 10 * count, 0.1, 0.2, 0.01, float("nan"), not opened.any(), "optimal",
        episode=seed, family="made_up", size=n, seed=seed, name=f"made_up-{seed}",
    )  # fmt: skip


def tiny_run(out: Path, network: str, episodes: int, options: str) -> str:
    """A run's CONFIG.toml, of knapsacks that take no time."""
    table = 'family = "knapsack"\nsize = 2\nknobs = { items = 14 }\n'
    return (
        f'name = "tiny"\nkind = "reinforce"\nnetwork = "{network}"\nout = "{out}"\nepisodes = {episodes}\n'
        f"network_options = {{ {options} }}\n"
        f"[[instances]]\n{table}count = 50\n[[validation_instances]]\n{table}seed = 1000\ncount = 2\n"
    )
