"""Multiple knapsack: pack the most valuable items into several knapsacks, each item into one at most.

Fukunaga's scheme as Scavuzzo and others (2022) and TreeDQN (2023) draw it: weights uniform in 10..19, profit equal
to weight (`scheme` subset-sum; the others are Fukunaga's uncorrelated, weakly and strongly correlated), capacities
uniform in 0.4..0.6 of the total weight over the number of knapsacks, the last one what is missing to half the total
weight (drawn anew where nothing would be left for it).

The knapsacks differ little and items of one weight and profit not at all, so trees are large next to the relaxation.

Knobs: `size` knapsacks, `items`, `scheme`.  The literature's sizes: 100 items x 6 and x 12 knapsacks.

References: Fukunaga, A branch-and-bound algorithm for hard multiple knapsack problems (2011), section 2.1; Scavuzzo
and others, Learning to branch with tree MDPs (2022); Sorokin and Kostin, TreeDQN (2023).

SCIP 10.0.2 untouched, CPU seconds and nodes on a busy two-core machine:
6 knapsacks: 0.3/1, 0.5/81, 0.6/122, median 0.5; 12: 2.4/311, 2.7/359, 1.6/179, median 2.4; 18: 2.4/122; 24: 3.5/120,
1.4/2.  No size with 100 items was found that takes SCIP 10 s.
"""

from __future__ import annotations

import numpy as np

from neurosolve.families.base import family_rng, require
from neurosolve.families.milp_base import Draft, Ints, MilpFamily
from neurosolve.milp.problem import Problem

LOWEST, ABOVE = 10, 20  # of weights: 10..19
SCHEMES = ("subset-sum", "uncorrelated", "weakly correlated", "strongly correlated")


def profits(weights: Ints, scheme: str, rng: np.random.Generator) -> Ints:
    """One for each item, by the scheme."""
    spread = ABOVE - LOWEST
    if scheme == "uncorrelated":
        return rng.integers(LOWEST, ABOVE, len(weights))
    if scheme == "weakly correlated":
        return rng.integers(np.maximum(weights - spread, 1), weights + spread)
    return weights + (spread // 10 if scheme == "strongly correlated" else 0)


def capacities(total: int, knapsacks: int, rng: np.random.Generator) -> Ints:
    """Capacities that add up to half of `total`, all positive."""
    while True:
        share = rng.integers(2 * total // (5 * knapsacks), 3 * total // (5 * knapsacks), knapsacks - 1)
        last = total // 2 - int(share.sum())
        if last > 0:
            return np.append(share, last)


def generate(size: int, seed: int, *, items: int = 100, scheme: str = "subset-sum") -> Problem:
    """One instance.  Raises UsageError for knapsacks that would hold less than one item, and unknown schemes."""
    require(scheme in SCHEMES, f"knapsack: unknown scheme '{scheme}'; schemes: {', '.join(SCHEMES)}")
    require(2 <= size <= items // 4, f"knapsack: {size} knapsacks for {items} items: want 2..{items // 4}")
    rng = family_rng("knapsack", size, seed)
    weights = rng.integers(LOWEST, ABOVE, items)
    worth = profits(weights, scheme, rng)

    draft = Draft(minimize=False)
    packed = draft.columns(np.broadcast_to(worth, (size, items)))
    draft.rows(packed, weights, rhs=capacities(int(weights.sum()), size, rng))
    draft.rows(packed.T, rhs=1.0)
    return draft.problem(f"knapsack-{size}-{seed}", rng)


KNAPSACK = MilpFamily(
    name="knapsack",
    models="multiple knapsack: the most valuable packing of 100 items, each in one knapsack at most",
    knob="knapsacks, for 100 items",
    generate=generate,
    sizes={"small": (3,), "train": (6,), "test": (12,), "beyond": (18,)},
)
