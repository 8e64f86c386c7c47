"""IWRR: an episode's terminal reward, spread over the decisions of every path by how much each of them mattered.

ReviBranch (arXiv 2508.17452) redistributes the sparse terminal reward by importance; its equations are not public and
these are ours.  The terminal reward of every path from the root to a leaf is R = -log2 N_root, N a subtree's nodes.
Paths share their beginnings, so a decision must get the same reward on all of them that take the same child.  That is
had by breaking a stick: the step from decision i into its child c takes the share beta_c of what is left,

    rho_root = 1,    rho_c = rho_i (1 - beta_c),    weight of the step  w = rho_i - rho_c = rho_i beta_c >= 0,

and a step into a leaf takes all that is left.  So on every path the weights sum to 1, the rewards r = w R to R
(return-equivalence as in RUDDER, arXiv 1806.07857), and what is still to come at i is the redistributed return rho_i R.
It is also potential shaping (Ng and others, 1999) of the terminal reward, with the potential (1 - rho_i) R of node i.
The importance beta of the step into c is one of

    bound      (lower_c - lower_i) / (cutoff_c - lower_i): the part of the gap that the step closed; 0 without a cutoff
    attention  what c's decoder pays to that last step, the mean over its heads; the rest goes to earlier steps and to
               the null step of networks/revival.py
    subtree    1 - N_c / N_i: the part of i's tree that is not below c; so rho_i = N_i / N_root

the first two cut at MOST.  (1 - log2 N_c / log2 N_i would return log2 N_i: the plain target is the redistribution by
the logarithm of the subtree.)  The learner's target of decision i is the mixture

    y_i = (1 - m) log2 N_i + m rho_i log2 N_root.

Why the best policy stays the best: with depth-first search or the optimum as cutoff, N_root = C + N_i where C does not
depend on what is chosen at i.  bound and attention look at the path down to i alone, so rho_i does not depend on it
either, and y_i rises with N_i; for subtree y_i = N_i log2(C + N_i) / (C + N_i), m = 1, rises with N_i too.  As with
every return of logarithms, this is of deterministic trees; over random ones the expectations are of logarithms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurosolve.learn.trajectories import NONE, Trajectory

MOST = 0.9  # of what is left, for a step into a decision: the rest below it still has something to share
Reals = NDArray[np.float64]


def remaining(parent: NDArray[np.integer[Any]], taken: NDArray[np.floating[Any]]) -> Reals:
    """rho (D,) of parents (D,) (before their children, -1: none) and beta (D,) in [0, 1], not read at the roots."""
    left = np.ones(len(parent))
    for i, above in enumerate(parent.tolist()):
        if above != NONE:
            left[i] = left[above] * (1.0 - taken[i])
    return left


def taken_by_bound(trajectory: Trajectory) -> Reals:
    """beta (D,) from the dual bounds of a decision and its parent's; 0 at roots."""
    above = np.maximum(trajectory.parent, 0)
    lower = trajectory.lower_bound
    known = (trajectory.parent != NONE) & np.isfinite(lower) & np.isfinite(lower[above])
    gain = np.where(known, lower, 0.0) - np.where(known, lower[above], 0.0)
    gap = np.where(np.isfinite(trajectory.cutoff), trajectory.cutoff, np.inf) - np.where(known, lower[above], 0.0)
    share = np.where(gap > 0, gain / np.where(gap > 0, gap, 1.0), 1.0)
    return np.where(known, np.clip(share, 0.0, MOST), 0.0)


def taken_by_subtree(trajectory: Trajectory) -> Reals:
    """beta (D,) from the costs of the subtrees; 0 at roots."""
    costs = trajectory.subtree_costs
    shares: Reals = np.where(trajectory.parent != NONE, 1.0 - costs / costs[np.maximum(trajectory.parent, 0)], 0.0)
    return shares


@torch.no_grad()
def taken_by_attention(network: Any, trajectory: Trajectory, chunk: int = 256) -> Reals:
    """beta (D,) from a `revival` network; 0 at roots."""
    device = next(network.parameters()).device
    found = []
    for start in range(0, len(trajectory), chunk):
        decisions = np.arange(start, min(start + chunk, len(trajectory)))
        found.append(network.attention_to_last(network.collate([(trajectory, decisions)]).to(device)).cpu().numpy())
    shares = np.concatenate(found).astype(np.float64)
    return np.where(trajectory.parent != NONE, np.minimum(shares, MOST), 0.0)


def shares_of(trajectory: Trajectory, importance: str, network: Any = None) -> Reals:
    """rho (D,) by bound, attention (of that network) or subtree."""
    if importance == "attention":
        return remaining(trajectory.parent, taken_by_attention(network, trajectory))
    taken = {"bound": taken_by_bound, "subtree": taken_by_subtree}[importance](trajectory)
    return remaining(trajectory.parent, taken)


def returns(trajectory: Trajectory, shares: Reals) -> Reals:
    """-rho_i R, in log2 nodes (D,): what of its path's terminal reward is still to come at each decision."""
    root = np.arange(len(trajectory))
    for i, above in enumerate(trajectory.parent.tolist()):
        if above != NONE:
            root[i] = root[above]
    redistributed: Reals = shares * np.log2(trajectory.subtree_costs[root])
    return redistributed


def mixed(log2_costs: NDArray[np.float32], trajectory: Trajectory, shares: Reals, weight: float) -> NDArray[np.float32]:
    """y (D,) of log2 N (D,).  An episode that a limit cut short has no terminal reward: it keeps log2 N."""
    if trajectory.is_open.any():
        return log2_costs
    return ((1.0 - weight) * log2_costs + weight * returns(trajectory, shares)).astype(np.float32)


def unmixed(values: NDArray[np.float32], trajectory: Trajectory, shares: Reals, weight: float) -> NDArray[np.float32]:
    """log2 N (D,) of estimates of y (D,), as a return over n levels needs it.  Raises ValueError for weight 1."""
    if trajectory.is_open.any():
        return values
    if weight >= 1:
        raise ValueError("nothing can be told of subtrees where the redistributed return alone is learnt")
    return ((values - weight * returns(trajectory, shares)) / (1.0 - weight)).astype(np.float32)
