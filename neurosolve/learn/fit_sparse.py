"""Fits `sparse`: lasso over all features and products by coordinate descent on the Gram matrix, then least squares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurosolve.learn.milp_batches import MilpSamples
from neurosolve.learn.networks.film import CLIP
from neurosolve.learn.networks.sparse import SparseNet

Reals = NDArray[np.float64]
PENALTIES = 40  # steps of the path, from nothing chosen to `num_terms`
SWEEPS = 30  # of coordinate descent at each step
RIDGE = 1e-3  # of the last fit, over the mean diagonal


def fit(network: SparseNet, samples: MilpSamples) -> None:
    """Fill linear, pairs and products: at most as many terms in all as the network has pairs.

    The target is the expert's score over the node's best; terms and target are centred in each node, for only order
    within a node matters, and every node weighs the same.
    """
    num_features = network.linear.in_features
    first, second = np.triu_indices(num_features)
    mean, deviation = network.standard.mean.numpy(), network.standard.deviation.numpy()
    size = num_features + len(first)
    gram, moment = np.zeros((size, size)), np.zeros(size)
    for features, target in _nodes(samples):
        z = np.clip((features - mean) / deviation, -CLIP, CLIP)
        terms = np.concatenate([z, z[:, first] * z[:, second]], axis=1)
        terms -= terms.mean(axis=0)
        gram += terms.T @ terms / len(terms)
        moment += terms.T @ (target - target.mean()) / len(terms)
    chosen = select(gram, moment, network.products.weight.numel())
    weights = _least_squares(gram, moment, chosen)
    _fill(network, chosen, weights, first, second)


def select(gram: Reals, moment: Reals, num_terms: int) -> NDArray[np.int64]:
    """Indices of the terms that the lasso holds just before it would take more than `num_terms`."""
    scale = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    gram, moment = gram / np.outer(scale, scale).astype(np.float64), moment / scale
    weights: Reals = np.zeros(len(moment))
    best = np.zeros(0, np.int64)
    largest = float(np.abs(moment).max())
    for penalty in largest * np.geomspace(0.9, 1e-4, PENALTIES):
        weights = _descend(gram, moment, weights, penalty)
        chosen = np.flatnonzero(weights)
        if len(chosen) > num_terms:
            return best
        best = chosen
    return best


def _descend(gram: Reals, moment: Reals, start: Reals, penalty: float) -> Reals:
    """Coordinate descent on w' G w / 2 - m' w + penalty |w|, G with a diagonal of ones (0 for an empty term).  Sweeps
    go over the active terms; all are looked at between them."""
    weights = start.copy()
    residual = moment - gram @ weights
    active = np.flatnonzero(weights)
    for _ in range(SWEEPS):
        before = weights.copy()
        for j in active.tolist():
            old = weights[j]
            full = residual[j] + old * gram[j, j]
            new = np.sign(full) * max(abs(full) - penalty, 0.0) / max(gram[j, j], 1e-12)
            if new != old:
                residual -= gram[:, j] * (new - old)
                weights[j] = new
        grown = np.flatnonzero((np.abs(residual) > penalty) | (weights != 0))
        if len(grown) == len(active) and np.abs(weights - before).max(initial=0.0) < 1e-6:
            break
        active = grown
    return weights


def _least_squares(gram: Reals, moment: Reals, chosen: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
    inner = gram[np.ix_(chosen, chosen)]
    ridge = RIDGE * float(np.diag(inner).mean()) if len(chosen) else 0.0
    return np.asarray(np.linalg.solve(inner + ridge * np.eye(len(chosen)), moment[chosen]))


def _fill(
    network: SparseNet,
    chosen: NDArray[np.int64],
    weights: NDArray[np.floating[Any]],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> None:
    num_features = network.linear.in_features
    linear = np.zeros(num_features)
    own = chosen < num_features
    linear[chosen[own]] = weights[own]
    places = chosen[~own] - num_features
    count = len(places)
    with torch.no_grad():
        network.linear.weight.copy_(torch.from_numpy(linear)[None])
        network.linear.bias.zero_()
        network.pairs.zero_()
        network.products.weight.zero_()
        network.pairs[:count] = torch.from_numpy(np.stack([first[places], second[places]], axis=1))
        network.products.weight[:count] = torch.from_numpy(weights[~own]).float()


def _nodes(samples: MilpSamples) -> Iterator[tuple[Reals, Reals]]:
    """Features (k, F) and targets (k,) of every node that teaches."""
    for sample, nodes in zip(samples.samples, samples.nodes, strict=True):
        for node in map(sample.node, nodes):
            scores = sample.scores[node].astype(np.float64)
            yield sample.features[node].astype(np.float64), scores / scores.max()
