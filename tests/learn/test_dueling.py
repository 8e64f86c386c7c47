"""film-q: a dueling Q whose deployed half is a plain film."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosolve.learn.networks import build
from neurosolve.learn.networks.dueling import FilmQNet
from neurosolve.learn.reinforce import SHAPE, agent
from neurosolve.learn.trajectories import NONE, Trajectory, node_batch
from neurosolve.milp.features import Candidates
from neurosolve.milp.root import RootGraph
from tests.learn.played import by_hand, fresh, policy_of

TREE = by_hand([NONE, 0, 0, 1], candidates=6, seed=3)


def scores_of(network: torch.nn.Module, tree: Trajectory, decision: int) -> np.ndarray:
    policy, own = policy_of(network), tree.candidates(decision)
    policy.at_root(RootGraph(tree.column_features, tree.row_features, tree.indptr, tree.indices, tree.coefficients))
    features = tree.features[own].astype(np.float32)
    return policy.scores(Candidates(tree.columns[own], features, list(range(len(features)))))


def shaken(**options: int) -> FilmQNet:
    """Fresh weights, none of them at the zero that some begin with."""
    network = fresh(**options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    assert isinstance(network, FilmQNet)
    return network


@pytest.mark.parametrize("bins", [0, 8])
def test_the_numpy_twin_ranks_as_minus_q(bins: int) -> None:
    network = shaken(bins=bins)
    for decision in range(len(TREE)):
        with torch.no_grad():
            q = network(node_batch([(TREE, np.array([decision]))])).numpy()
        scores = scores_of(network, TREE, decision)
        shift = -q.mean() - scores.mean() if not bins else 0.0
        assert np.abs(scores + shift + q).max() < 1e-4 and np.ptp(q) > 1e-2


def test_the_value_is_the_mean_and_knows_nothing_of_the_order() -> None:
    network, batch = shaken(), node_batch([(TREE, np.arange(4))])
    before = network(batch).view(4, 6)
    with torch.no_grad():
        network.value_second.bias += 2.0
    after = network(batch).view(4, 6)
    assert torch.allclose(after - before, torch.full((4, 6), 2.0), atol=1e-5)
    assert torch.allclose(before - before.mean(1, keepdim=True), -(network.score(network.hidden(batch)).view(4, 6)
                          - network.score(network.hidden(batch)).view(4, 6).mean(1, keepdim=True)), atol=1e-5)


def test_it_begins_from_an_imitation_policy() -> None:
    torch.manual_seed(5)
    film = build("film", **SHAPE, hidden=8, width=8)
    network, batch = fresh(), node_batch([(TREE, np.arange(4))])
    agent(network).begin_from(dict(film.state_dict()), 0.1)
    q, scores = network(batch).view(4, 6), film(batch).view(4, 6)
    assert torch.allclose(q - q.mean(1, keepdim=True), -0.1 * (scores - scores.mean(1, keepdim=True)), atol=1e-5)
    again = fresh()
    agent(again).begin_from(dict(network.state_dict()), 0.1)
    assert torch.allclose(again(batch), q.flatten()), "an agent's own weights are taken as they are"


@pytest.mark.parametrize("name", ["film-q", "revival"])
def test_with_bins_too_it_ranks_as_the_imitation_policy(name: str) -> None:
    torch.manual_seed(5)
    film, network = build("film", **SHAPE, hidden=8, width=8), fresh(name, bins=32)
    agent(network).begin_from(dict(film.state_dict()), 0.1)
    batch = agent(network).collate([(TREE, np.arange(len(TREE)))])
    q, scores = network(batch).view(-1, 6), film(node_batch([(TREE, np.arange(len(TREE)))])).view(-1, 6)
    assert (q.argsort(1) == scores.argsort(1, descending=True)).all()
    off = (q - q.mean(1, keepdim=True)) + 0.1 * (scores - scores.mean(1, keepdim=True))
    assert off.abs().max() < 0.15 * q.std(1).max(), "so near to where all bins are alike the scale is the same"
    again = fresh(name, bins=32)
    agent(again).begin_from(dict(network.state_dict()), 0.1)
    assert torch.allclose(again(batch), q.flatten())
