"""IWRR: what is redistributed is the whole reward, on every path, and leaves the best policy the best."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from neurosolve.learn import redistribution as iwrr  # noqa: E402
from neurosolve.learn.networks.revival import RevivalNet  # noqa: E402
from neurosolve.learn.trajectories import Trajectory  # noqa: E402
from tests.learn.played import by_hand  # noqa: E402


def path_rewards(trajectory: Trajectory, shares: Any, last: int) -> Any:
    """Rewards (L,) of the decisions of the path that ends in a leaf below decision `last`; they sum to its root's
    -log2 N."""
    path = trajectory.path(last)
    left = np.append(shares[path], 0.0)
    rewards = -(left[:-1] - left[1:]) * np.log2(trajectory.subtree_costs[path[0]])
    return rewards


def with_bounds(parent: list[int], bounds: list[float], cutoff: float) -> Trajectory:
    count = len(parent)
    return dataclasses.replace(by_hand(parent), lower_bound=np.asarray(bounds), cutoff=np.full(count, cutoff))


@st.composite
def trees(draw: Any) -> Trajectory:
    """Up to 25 decisions, each with two children at most; bounds that rise along every path, below the cutoff."""
    count = draw(st.integers(1, 25))
    parent, room = [-1], {0: 2}
    for i in range(1, count):
        above = draw(st.sampled_from(sorted(room)))
        room[above] -= 1
        if not room[above]:
            del room[above]
        parent.append(above)
        room[i] = 2
    bounds = [0.0]
    for above in parent[1:]:
        bounds.append(bounds[above] + draw(st.floats(0, 3)))
    cutoff = draw(st.sampled_from([np.inf, max(bounds), max(bounds) + 1.0]))
    return with_bounds(parent, bounds, cutoff)


def leaves(trajectory: Trajectory) -> list[int]:
    """The decisions with a child that is a leaf."""
    return np.flatnonzero(trajectory.fathomed).tolist()


@settings(max_examples=80, deadline=None)
@given(trees(), st.data())
def test_rewards_sum_to_the_terminal_reward_on_every_path(trajectory: Trajectory, data: Any) -> None:
    betas = data.draw(st.lists(st.floats(0, 1), min_size=len(trajectory), max_size=len(trajectory)))
    for shares in (
        iwrr.shares_of(trajectory, "bound"),
        iwrr.shares_of(trajectory, "subtree"),
        iwrr.remaining(trajectory.parent, np.asarray(betas)),
    ):
        terminal = -np.log2(trajectory.subtree_costs[0])
        assert shares[0] == 1 and (shares >= 0).all()
        for last in leaves(trajectory):
            rewards = path_rewards(trajectory, shares, last)
            path = trajectory.path(last)
            assert rewards.sum() == pytest.approx(terminal, abs=1e-9) and (rewards <= 1e-12).all()
            # what is still to come at each decision is the sum of the rewards from it on
            to_come = np.cumsum(rewards[::-1])[::-1]
            np.testing.assert_allclose(iwrr.returns(trajectory, shares)[path], -to_come, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(trees(), st.integers(0, 5))
def test_so_do_rewards_by_attention(trajectory: Trajectory, seed: int) -> None:
    torch.manual_seed(seed)
    shape = {"num_features": trajectory.features.shape[1], "num_column_features": trajectory.column_features.shape[1],
             "num_row_features": trajectory.row_features.shape[1]}  # fmt: skip
    network = RevivalNet(**shape, hidden=8, width=4, memory=8, heads=2)
    shares = iwrr.shares_of(trajectory, "attention", network)
    below = trajectory.parent >= 0
    assert (shares[below] < shares[trajectory.parent[below]]).all()
    np.testing.assert_allclose(iwrr.taken_by_attention(network, trajectory, chunk=3),
                               iwrr.taken_by_attention(network, trajectory), atol=1e-5)  # fmt: skip
    for last in leaves(trajectory):
        rewards = path_rewards(trajectory, shares, last)
        assert rewards.sum() == pytest.approx(-np.log2(trajectory.subtree_costs[0]), abs=1e-6)


def test_importances_of_a_tree_by_hand() -> None:
    """Root with bound 0 and cutoff 10; its children at 4 and 5; the first has one child, at 9.5."""
    tree = with_bounds([-1, 0, 0, 1], [0, 4, 5, 9.5], 10.0)
    assert tree.subtree_costs.tolist() == [9, 5, 3, 3]
    np.testing.assert_allclose(iwrr.taken_by_bound(tree), [0, 0.4, 0.5, iwrr.MOST])  # 5.5 of 6 is cut
    np.testing.assert_allclose(iwrr.shares_of(tree, "bound"), [1, 0.6, 0.5, 0.06])
    np.testing.assert_allclose(iwrr.shares_of(tree, "subtree"), [1, 5 / 9, 3 / 9, 3 / 9])
    sizes = np.log2(tree.subtree_costs).astype(np.float32)
    half = iwrr.mixed(sizes, tree, iwrr.shares_of(tree, "subtree"), 0.5)
    np.testing.assert_allclose(half, 0.5 * sizes + 0.5 * tree.subtree_costs / 9 * np.log2(9), rtol=1e-6)
    np.testing.assert_allclose(iwrr.unmixed(half, tree, iwrr.shares_of(tree, "subtree"), 0.5), sizes, atol=1e-5)


def test_an_episode_that_was_cut_short_has_no_terminal_reward() -> None:
    tree = by_hand([-1, 0], is_open=[0, 1])
    sizes = np.log2(tree.subtree_costs).astype(np.float32)
    assert (iwrr.mixed(sizes, tree, np.ones(2), 0.7) == sizes).all()
    assert (iwrr.unmixed(sizes, tree, np.ones(2), 1.0) == sizes).all()
    with pytest.raises(ValueError, match="alone"):
        iwrr.unmixed(sizes, by_hand([-1, 0]), np.ones(2), 1.0)


# A small known problem: state -> action -> the children's states (None: fathomed).  Bounds rise towards the leaves.
PROBLEM: dict[str, list[tuple[str | None, str | None]]] = {
    "root": [("a", "b"), ("c", "a"), ("b", "c")],
    "a": [("d", "e"), ("d", None)],
    "b": [("e", None), ("e", "d"), ("d", "d")],
    "c": [(None, "f"), ("e", "e")],
    "d": [(None, None), ("f", None)],
    "e": [("f", "f"), (None, "f"), (None, None)],
    "f": [(None, None)],
}
BOUND = {"root": 0.0, "a": 1.0, "b": 2.0, "c": 2.5, "d": 4.0, "e": 4.5, "f": 6.0}


def play(policy: dict[str, int]) -> tuple[Trajectory, list[str]]:
    """The tree of that policy, depth first, and its decisions' states."""
    parents: list[int] = []
    states: list[str] = []

    def visit(state: str, above: int) -> None:
        states.append(state)
        parents.append(above)
        own = len(states) - 1
        for child in PROBLEM[state][policy[state]]:
            if child is not None:
                visit(child, own)

    visit("root", -1)
    return with_bounds(parents, [BOUND[s] for s in states], 7.0), states


@pytest.mark.parametrize("importance", ["bound", "subtree"])
@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_the_optimal_policy_of_a_small_known_tree_is_unchanged(importance: str, weight: float) -> None:
    """Under every policy, changing one decision's action lowers the redistributed target of that decision exactly
    where it lowers the nodes; so every improvement is one of the nodes, and the optimum is the same."""
    names = list(PROBLEM)
    policies = [dict(zip(names, choice, strict=True))
                for choice in itertools.product(*(range(len(PROBLEM[name])) for name in names))]  # fmt: skip

    def judged(policy: dict[str, int]) -> dict[str, tuple[int, float]]:
        """Of each state that occurs once: nodes of its subtree, redistributed target."""
        trajectory, states = play(policy)
        sizes = trajectory.subtree_costs
        shares = iwrr.shares_of(trajectory, importance)
        y = iwrr.mixed(np.log2(sizes).astype(np.float32), trajectory, shares, weight)
        return {s: (int(sizes[i]), float(y[i])) for i, s in enumerate(states) if states.count(s) == 1}

    known = {tuple(policy.values()): judged(policy) for policy in policies}

    def targets(policy: dict[str, int]) -> dict[str, tuple[int, float]]:
        return known[tuple(policy.values())]

    compared, by_root = 0, []
    for policy in policies:
        here = targets(policy)
        by_root.append(here["root"])
        for state, (size, y) in here.items():
            for action in range(len(PROBLEM[state])):
                there = targets(policy | {state: action}).get(state)
                if there is not None and there[0] != size:
                    assert (there[0] < size) == (there[1] < y), (policy, state, action)
                    compared += 1
    best = min(size for size, _ in by_root)
    least = min(y for _, y in by_root)
    assert {i for i, (size, _) in enumerate(by_root) if size == best} == {
        i for i, (_, y) in enumerate(by_root) if y == pytest.approx(least)
    }
    assert compared > 1000
