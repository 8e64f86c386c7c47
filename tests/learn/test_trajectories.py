"""Trajectories: real search trees as they were played, their sizes and paths, on disk and as a batch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from neurosolve.errors import InputError
from neurosolve.learn.trajectories import NONE, node_batch, ragged, read_trajectory, write_trajectory
from neurosolve.milp.optimum import optimum
from tests.learn.played import by_hand, fresh, real
from tests.milp.branching_env import tree


def test_sizes_and_paths_of_a_tree_drawn_by_hand() -> None:
    found = by_hand([NONE, 0, 1, 0, 3, 3])
    assert found.subtree_costs.tolist() == [13, 5, 3, 7, 3, 3] and found.fathomed.tolist() == [0, 1, 2, 0, 2, 2]
    assert [found.path(i).tolist() for i in (0, 2, 5)] == [[0], [0, 1, 2], [0, 3, 5]]


def test_lp_iterations_are_those_of_a_subtree() -> None:
    found = dataclasses.replace(
        by_hand([NONE, 0, 1, 0]), cost="lp_iterations", iterations=np.array([10, 20, 26, 46]),
        processed=np.array([1, 2, 3, 7]), num_nodes=9, lp_iterations=60,
    )  # fmt: skip
    # between 2 and 3 two leaves of 2, one of 1, and 3 itself: a quarter of the 20 is 3's own, so the root's
    assert found.own_costs.tolist() == [1 + 10 + 5, 1 + 6, 1 + 15, 1 + 14]
    assert found.subtree_costs.tolist() == [4 + 50, 7 + 16, 16, 15]
    with pytest.raises(ValueError, match="do not fit"):
        dataclasses.replace(found, iterations=found.iterations[:0])
    played = dataclasses.replace(real(0, amount=0.9), cost="lp_iterations")
    assert len(played) > 8 and (played.own_costs >= 1).all() and played.iterations[0] > 0
    spent = played.lp_iterations - played.iterations[0]
    assert played.subtree_costs[0] == pytest.approx(len(played) + spent), "all that came after the root's LP"


def test_a_search_becomes_its_tree() -> None:
    best = optimum(tree(), 60.0)
    found = real(0, optimum=best, objective_limit=True)
    assert found.is_complete and not found.is_open.any() and len(found) > 3
    assert found.parent[0] == NONE and (found.parent[1:] >= 0).all() and found.greedy.all()
    assert (found.depth[1:] == found.depth[found.parent[1:]] + 1).all()
    assert found.subtree_costs[0] == 2 * len(found) + 1 == found.num_nodes, "nothing but the found"
    assert set(found.is_up[1:].tolist()) == {0, 1} and (found.lp_objective >= found.lower_bound - 1e-9).all()
    sizes = np.diff(found.offsets)
    assert (found.chosen < sizes).all() and np.isfinite(found.features).all() and found.policy_s < found.wall_s
    for i in range(1, len(found)):  # depth first: a subtree is searched before anything else is
        assert found.parent[i] in found.path(i - 1)


def test_what_a_limit_cut_off_is_known_to_be_open() -> None:
    found = real(0, amount=1.0, node_limit=8)
    assert not found.is_complete and found.status == "totalnodelimit" and not found.greedy.all()
    assert np.flatnonzero(found.is_open).tolist() == found.path(len(found) - 1).tolist()
    best_first = real(0, amount=1.0, node_limit=8, depth_first=False)
    assert best_first.is_open.all()


def test_a_file_and_what_is_none(tmp_path: Path) -> None:
    found = by_hand([NONE, 0, 0])
    write_trajectory(found, tmp_path / "t.npz")
    back = read_trajectory(tmp_path / "t.npz")
    for field in dataclasses.fields(found):
        assert np.array_equal(getattr(back, field.name), getattr(found, field.name), equal_nan=field.name == "optimum")
    assert type(back.num_nodes) is int and type(back.is_complete) is bool and type(back.name) is str
    (tmp_path / "half.npz").write_bytes((tmp_path / "t.npz").read_bytes()[:500])
    with pytest.raises(InputError, match="not a readable"):
        read_trajectory(tmp_path / "half.npz")
    with pytest.raises(ValueError, match="do not fit"):
        dataclasses.replace(found, parent=np.array([1, -1, -1], np.int32))


def test_a_batch_says_of_each_decision_what_it_says_alone() -> None:
    trees, network = [by_hand([NONE, 0, 1, 1], seed=1), by_hand([NONE, 0], candidates=5, seed=2)], fresh()
    picks = [(trees[0], np.array([1, 3])), (trees[1], np.array([0, 1]))]
    together = network(node_batch(picks))
    alone = [network(node_batch([(found, np.array([i]))])) for found, own in picks for i in own]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5) and len(together) == 2 * 3 + 2 * 5
    assert ragged(np.array([5, 0, 2]), np.array([2, 0, 3])).tolist() == [5, 6, 2, 3, 4]
