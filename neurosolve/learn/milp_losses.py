"""Losses over ragged nodes: flat arrays of candidates, and the node of each."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def soft_targets(
    scores: NDArray[np.float32], node: NDArray[np.int64], num_nodes: int, temperature: float
) -> NDArray[np.float32]:
    """(K,) weights that sum to 1 in each node: a softmax of log(score / best) / temperature.  Ties share."""
    best = np.full(num_nodes, -np.inf)
    np.maximum.at(best, node, scores)
    ratio = np.maximum(scores, 1e-30) / best[node]
    weight = np.exp(np.log(ratio) / temperature)
    total = np.bincount(node, weight, num_nodes)
    target: NDArray[np.float32] = (weight / total[node]).astype(np.float32)
    return target


def segment_log_softmax(scores: Tensor, node: Tensor, num_nodes: int) -> Tensor:
    """(K,) -> (K,): log-softmax within each node; node (K,) int64."""
    largest = torch.full((num_nodes,), -torch.inf, device=scores.device, dtype=scores.dtype)
    largest = largest.scatter_reduce(0, node, scores.detach(), "amax")
    moved = scores - largest[node]
    total = torch.zeros_like(largest).index_add(0, node, moved.exp())
    return moved - total.log()[node]


def soft_cross_entropy(scores: Tensor, target: Tensor, node: Tensor, num_nodes: int) -> Tensor:
    """The mean over nodes of the cross-entropy between a node's targets and the softmax of its scores."""
    return -(target * segment_log_softmax(scores, node, num_nodes)).sum() / max(num_nodes, 1)
