"""What a search has cost so far, and rewards made of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from neurosolve.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Totals:
    """Costs of a search since it began, presolving and the root included.

    nodes: processed.  lp_iterations: of all LPs but strong branching's.  dual_integral: seconds of SCIP's CPU time,
    weighed by the dual bound's relative distance (0 to 1) to the optimum where it is told, else to the incumbent (1
    without one); 0 unless it was asked for.  cpu_time: seconds of SCIP's thread; what observing and the agent take is
    in neither.
    """

    nodes: int = 0
    lp_iterations: int = 0
    dual_integral: float = 0.0
    cpu_time: float = 0.0


Reward = Callable[[Totals, Totals], float]  # before and after a step


def _minus(name: str) -> Reward:
    def reward(before: Totals, after: Totals) -> float:
        return float(getattr(before, name) - getattr(after, name))

    return reward


# Each is minus what the step added, so an episode's rewards add up to minus what it cost after the first decision.
REWARDS: dict[str, Reward] = {field.name: _minus(field.name) for field in dataclasses.fields(Totals)}

# What a subtree can be charged with, and the least of it: a decision has two children.
SUBTREE_COSTS = {"nodes": 3.0, "lp_iterations": 1.0}


def reward_named(reward: str | Reward) -> Reward:
    """One of REWARDS by its name; a function of (before, after) is returned as it is.  Raises UsageError."""
    if callable(reward):
        return reward
    if reward not in REWARDS:
        raise UsageError(f"unknown reward '{reward}'; rewards: {', '.join(REWARDS)}")
    return REWARDS[reward]


def relative_gap(bound: float, target: float) -> float:
    """Distance of two values over the larger one's size, 0 to 1; 1 where a value is infinite or signs differ."""
    if bound == target:
        return 0.0
    if abs(bound) >= 1e20 or abs(target) >= 1e20 or bound * target < 0:
        return 1.0
    return min(abs(target - bound) / max(abs(target), abs(bound)), 1.0)
