"""Perturbed opinions: what is drawn around a network's logits, its log-probability, and which tries were better.

Each variable's logit l gets Gaussian noise, l' = l + sigma e.  One draw is the sampled phase, true
with probability Phi(l / sigma), and the sampled confidence |tanh(l' / 2)|, which a threshold or an order reads.

Credit goes to what the engine saw, not to the draw behind it.  With threshold c (in logits) a variable is told true,
told false or not told, with probabilities Phi((l - c) / sigma), Phi((-c - l) / sigma) and the rest; the log-probability
of the outcome is that of the category, the draw within it being summed out (Rao-Blackwell: same mean, less noise), and
a variable that no draw could move has no gradient.  Where the delivery orders variables by confidence the engine
sees l' itself of those told: they count with the Gaussian density.

Draws come in antithetic pairs e, -e.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LEAST = 1e-6  # no probability counts as smaller


def antithetic(half: int, *shape: int) -> Tensor:
    """Standard normal noise (2 half, *shape) from torch's own stream, the second half the first one's negative."""
    noise = torch.randn(half, *shape)
    return torch.cat([noise, -noise])


def threshold_logit(confidence: float) -> float:
    """The |logit| at which |2 sigmoid - 1| is `confidence`."""
    return 2 * math.atanh(min(confidence, 1 - 1e-7))


def log_probability(mean: Tensor, drawn: Tensor, sigma: float, threshold: float, ordered: bool) -> Tensor:
    """Log-probability (G, n) of what the engine saw of `drawn` (G, n) when logits have mean `mean` (n,).

    threshold: in logits; 0: every variable is told.  Differentiable in `mean`.
    """
    told_true, told_false = drawn >= threshold, drawn <= -threshold
    true = _normal_cdf((mean - threshold) / sigma)
    false = _normal_cdf((-threshold - mean) / sigma)
    silent = 1 - true - false
    category = torch.where(told_true, true, torch.where(told_false, false, silent)).clamp(min=LEAST).log()
    if not ordered:
        return category
    density = -((drawn - mean) ** 2) / (2 * sigma**2)
    return torch.where(told_true | told_false, density, category)


def advantages(rewards: Tensor) -> Tensor:
    """Rewards (B, G) minus their group's mean, over its standard deviation; 0 where all of a group are alike."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    spread = rewards.std(dim=1, keepdim=True, correction=0)
    return torch.where(spread > 1e-9, centred / spread.clamp(min=1e-9), torch.zeros_like(centred))


def better(advantage: NDArray[np.float32], found: Sequence[NDArray[np.int8] | None]) -> NDArray[np.int8]:
    """The assignments (k, n) of the tries that were no worse than their group's mean; (0, 0) where none was found.

    advantage (G,), found: G assignments of +1 and -1 (n,), None without one.
    """
    kept = [a for gain, a in zip(advantage, found, strict=True) if a is not None and gain >= 0]
    return np.stack(kept) if kept else np.zeros((0, 0), np.int8)


def _normal_cdf(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(-x / math.sqrt(2))
