"""Small branching environments, and how to play them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from pyscipopt import Model

pytest.importorskip("gymnasium")

from neurosolve.families import set_cover
from neurosolve.milp.env import BranchingEnv
from neurosolve.milp.problem import Problem

# Branching and nothing else: a tiny instance has a tree.
EASY = {name: -1 for name in Model().getParams() if name.startswith("heuristics/") and name.endswith("/freq")}
EASY |= {"presolving/maxrounds": 0, "separating/maxroundsroot": 0}


def cover(seed: int) -> Problem:
    """Half of these have a handful of branchings."""
    return set_cover.generate(60, seed, columns=60, density=0.1, max_cost=5)


def tree() -> Problem:
    """One with some forty."""
    return set_cover.generate(120, 5, columns=100, density=0.07, max_cost=5)


def make(**options: Any) -> BranchingEnv:
    return BranchingEnv(options.pop("instances", cover), **{"max_candidates": 100, "params": EASY, **options})


def first(info: dict[str, Any]) -> int:
    return int(info["action_mask"].argmax())


Step = tuple[dict[str, Any], float, dict[str, Any]]


def play(env: BranchingEnv, seed: int | None = None, options: Any = None, choose: Any = first) -> list[Step]:
    """(observation, reward, info) from reset to the end of an episode."""
    observation, info = env.reset(seed=seed, options=options)
    steps, is_over = [(observation, 0.0, info)], False
    while not is_over:
        observation, reward, terminated, truncated, info = env.step(choose(info))
        steps.append((observation, reward, info))
        is_over = terminated or truncated
    return steps


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(np.array_equal(one, other))


def threads() -> int:
    return sum(thread.name == "scip" for thread in threading.enumerate())
