"""Losses of a Q that estimates log2 of a subtree's nodes, and what is read of Q node by node."""

from __future__ import annotations

import torch
from torch import Tensor

HUBER = 3.0  # log2 units, from which on an error counts linearly


def log_loss(q: Tensor, target: Tensor, is_bound: Tensor) -> tuple[Tensor, Tensor]:
    """q, target (B,) in log2 nodes -> losses and errors q - target, (B,) each: TreeDQN's squared error of logarithms,
    linear from HUBER on.  is_bound: the target is a lower bound, so a larger q is no error."""
    error = q - target
    error = torch.where(is_bound & (error > 0), torch.zeros_like(error), error)
    return torch.nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=HUBER), error


def hl_gauss(logits: Tensor, centres: Tensor, target: Tensor, is_bound: Tensor, smoothing: float) -> Tensor:
    """Logits (B, bins) over bins around `centres`, targets (B,) -> cross-entropy (B,) to a Gaussian around the target
    whose deviation is `smoothing` widths of a bin (HL-Gauss, arXiv 2403.03950).  Of a lower bound: minus the logarithm
    of the mass from the target on."""
    width = centres[1] - centres[0]
    low, high = centres - width / 2, centres + width / 2
    inside = torch.minimum(torch.maximum(target, low[0]), high[-1])[:, None]
    deviation = smoothing * width * 2**0.5
    mass = torch.erf((high - inside) / deviation) - torch.erf((low - inside) / deviation)
    wanted = mass / mass.sum(dim=1, keepdim=True)
    log_p = torch.log_softmax(logits, dim=1)
    above = torch.logsumexp(log_p.masked_fill(high < inside, -torch.inf), dim=1)
    return torch.where(is_bound, -above, -(wanted * log_p).sum(dim=1))


def double_values(online: Tensor, target: Tensor, node: Tensor, num_nodes: int) -> Tensor:
    """Q of both networks (K,), candidates' nodes (K,) -> V (num_nodes,): the target network's Q of the candidate that
    is the online network's best (double DQN, arXiv 1509.06461); the least of them where some tie."""
    infinite = online.new_full((num_nodes,), torch.inf)
    best = infinite.scatter_reduce(0, node, online, "amin")
    chosen = torch.where(online <= best[node], target, torch.full_like(target, torch.inf))
    return infinite.scatter_reduce(0, node, chosen, "amin")
