"""Paths of a batch: every decision and every step once, and the same numbers however decisions are batched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from neurosolve.learn.path_batches import path_batch  # noqa: E402
from tests.learn.played import by_hand, fresh  # noqa: E402

#       0
#     1   2        2's children are 3 and 5, 3's are 4 and a leaf
TREE = by_hand([-1, 0, 0, 2, 3, 2], candidates=4, seed=1)
OTHER = by_hand([-1, 0, 1], candidates=3, seed=2)


def steps_of(batch: Any, target: int) -> list[tuple[int, int]]:
    """(number of the decision in its batch, is_up) of a target's path."""
    own = batch.paths[target][batch.paths[target] >= 0]
    return list(zip(batch.step_state[own].tolist(), batch.step_is_up[own].tolist(), strict=True))


def test_common_decisions_and_steps_are_there_once() -> None:
    batch = path_batch([(TREE, np.array([4, 5]))])
    # decisions 0, 2, 3, 4, 5: decision 1 is on no path
    assert batch.states.num_nodes == 5 and batch.depth.tolist() == [0, 1, 2, 3, 2]
    assert batch.state.tolist() == [3, 4] and batch.num_nodes == 2
    up = [int(TREE.is_up[i]) for i in (2, 3, 4, 5)]
    assert steps_of(batch, 0) == [(0, up[0]), (1, up[1]), (2, up[2])]
    assert steps_of(batch, 1) == [(0, up[0]), (1, up[3])]
    assert len(batch.step_state) == len({*steps_of(batch, 0), *steps_of(batch, 1)})
    assert batch.paths.tolist()[1][2:] == [-1]


def test_a_whole_path_is_encoded_once() -> None:
    deep = by_hand([-1, *range(59)])
    batch = path_batch([(deep, np.arange(60))])
    assert batch.states.num_nodes == 60 and len(batch.step_state) == 59 and batch.paths.shape == (60, 59)
    short = path_batch([(deep, np.array([59]))], max_length=7)
    assert short.states.num_nodes == 8 and short.paths.shape == (1, 7)
    assert short.depth[short.step_state].tolist() == list(range(52, 59))


def test_chosen_and_candidates_are_places_of_the_batch() -> None:
    picks = [(TREE, np.array([3])), (OTHER, np.array([1, 2]))]
    batch = path_batch(picks)
    assert batch.node.tolist() == [0] * 4 + [1] * 3 + [2] * 3
    wanted = np.concatenate([t.features[t.candidates(int(i))] for t, own in picks for i in own]).astype(np.float32)
    assert (batch.states.features[batch.candidates].numpy() == wanted).all()
    starts = torch.cumsum(torch.bincount(batch.states.node), 0) - torch.bincount(batch.states.node)
    chosen = [*TREE.chosen[[0, 2, 3]], *OTHER.chosen]
    assert (batch.chosen - starts).tolist() == [int(c) for c in chosen]


def test_how_decisions_are_batched_says_nothing() -> None:
    network = fresh("revival")
    torch.nn.init.normal_(network.context_scale.weight)  # type: ignore[arg-type]
    with torch.no_grad():
        together = network(network.collate([(OTHER, np.arange(3)), (TREE, np.arange(6))])).numpy()  # type: ignore[operator]
        alone = [network(network.collate([(t, np.array([i]))])).numpy()  # type: ignore[operator]
                 for t in (OTHER, TREE) for i in range(len(t))]  # fmt: skip
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)
