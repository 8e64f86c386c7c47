"""Returns of a search tree: a node's successors are its children, not the node that was searched next.

The cost of a decision i is that of its subtree, N_i.  Over n levels, V(c) being the network's estimate of log2 N_c:

    T_0(i) = 2^V(i),      T_n(i) = own(i) + sum over the children c with a decision of T_{n-1}(c)

where own(i), in nodes, is 1 and the number of children that ended without a decision.  A subtree of n levels or fewer
counts as it is, and n = infinity is Monte Carlo: T(i) = N_i.  The loss works on log2 T, as TreeDQN's (arXiv
2306.05905), whose return is the case n = 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosolve.learn.trajectories import NONE, Trajectory
from neurosolve.milp.rewards import SUBTREE_COSTS


def log2_returns(
    trajectory: Trajectory, horizon: int, values: NDArray[np.floating] | None = None
) -> NDArray[np.float32]:
    """(D,) log2 T_horizon of every decision; horizon 0: Monte Carlo.  values (D,): V, for horizon > 0.

    Where is_open the return is a lower bound, unless the estimates stand above what was not searched.
    """
    if horizon < 1:
        exact: NDArray[np.float32] = np.log2(trajectory.subtree_costs).astype(np.float32)
        return exact
    if values is None:
        raise ValueError("returns of a finite horizon need the values at its end")
    has_parent = trajectory.parent != NONE
    parents = trajectory.parent[has_parent]
    costs: NDArray[np.floating] = np.maximum(np.exp2(values.astype(np.float64)), SUBTREE_COSTS[trajectory.cost])
    for _ in range(min(horizon, int(trajectory.depth.max(initial=0)) + 1)):
        costs = trajectory.own_costs + np.bincount(parents, costs[has_parent], len(trajectory))
    estimated: NDArray[np.float32] = np.log2(costs).astype(np.float32)
    return estimated
