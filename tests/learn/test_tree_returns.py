"""Returns over the tree: exact below the horizon, the estimate at it."""

from __future__ import annotations

import numpy as np
import pytest

from neurosolve.learn.trajectories import NONE
from neurosolve.learn.tree_returns import log2_returns
from tests.learn.played import by_hand

TREE = [NONE, 0, 1, 0, 3, 3]  # sizes 13 5 3 7 3 3


def test_monte_carlo_is_the_size() -> None:
    assert np.exp2(log2_returns(by_hand(TREE), 0)) == pytest.approx([13, 5, 3, 7, 3, 3])


def test_n_levels() -> None:
    tree, values = by_hand(TREE), np.log2(np.array([100.0, 50, 20, 60, 30, 10]))
    assert np.exp2(log2_returns(tree, 1, values)) == pytest.approx([1 + 50 + 60, 2 + 20, 3, 1 + 30 + 10, 3, 3])
    assert np.exp2(log2_returns(tree, 2, values)) == pytest.approx([1 + 22 + 41, 2 + 3, 3, 1 + 3 + 3, 3, 3])
    for deep in (3, 99):
        assert np.exp2(log2_returns(tree, deep, values)) == pytest.approx([13, 5, 3, 7, 3, 3])


def test_estimates_below_the_smallest_tree_count_as_it() -> None:
    tree = by_hand([NONE, 0, 0])
    assert np.exp2(log2_returns(tree, 1, np.full(3, -4.0))) == pytest.approx([7, 3, 3])
    with pytest.raises(ValueError, match="values"):
        log2_returns(tree, 1)
