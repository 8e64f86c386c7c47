"""Capacitated facility location: which facilities to open and whom to serve from where, at least cost.

The problems of Cornuejols, Sridharan and Thizy as Gasse and others (2019) draw them: customers and facilities are
uniform in the unit square, demands uniform in 5..35, capacities in 10..160 and then scaled to `ratio` times the
total demand, an opening costs U(100..110) * sqrt(capacity) + U(0..90), serving a customer altogether ten times the
demand times the distance (rounded to six decimals). Customers may be served in part (continuous columns), facilities
are open or not. Rows: each customer served, capacities, total capacity, and service <= open for each pair (which
tighten the relaxation).

Knobs: `size` customers, `facilities`, `ratio`.  The literature's sizes: 100, 200, 400 customers x 100 facilities.

References: Cornuejols, Sridharan and Thizy, A comparison of heuristics and relaxations for the capacitated plant
location problem (1991); Gasse and others, Exact combinatorial optimization with graph convolutional neural
networks (2019).

SCIP 10.0.2 untouched, CPU seconds and nodes on a busy two-core machine:
100 customers: above 25 (7 nodes, gap 0.3%, one instance).  200 and 400: not measured here.
"""

from __future__ import annotations

import numpy as np

from neurosolve.families.base import family_rng, require
from neurosolve.families.milp_base import Draft, MilpFamily
from neurosolve.milp.problem import Problem


def generate(size: int, seed: int, *, facilities: int = 100, ratio: float = 5.0) -> Problem:
    """One instance.  Raises UsageError for fewer than two customers and a ratio below 1."""
    require(size >= 2 and facilities >= 1 and ratio >= 1, f"facilities: no problem of {size} customers, ratio {ratio}")
    rng = family_rng("facilities", size, seed)
    customers, places = rng.random((size, 1, 2)), rng.random((1, facilities, 2))
    demand = rng.integers(5, 36, size)
    drawn = rng.integers(10, 161, facilities)
    opening = np.floor(rng.integers(100, 111, facilities) * np.sqrt(drawn)) + rng.integers(0, 91, facilities)
    # Rounded up, so that the facilities together can serve every customer at any ratio.
    capacity = np.ceil(drawn * ratio * demand.sum() / drawn.sum())
    distance = np.sqrt(((customers - places) ** 2).sum(axis=2))

    draft = Draft(minimize=True)
    serves = draft.columns(np.round(10 * demand[:, None] * distance, 6), integer=False)
    opens = draft.columns(opening)
    draft.rows(serves, lhs=1.0)
    load = np.column_stack((np.broadcast_to(demand, (facilities, size)), -capacity))
    draft.rows(np.column_stack((serves.T, opens)), load, rhs=0.0)
    draft.rows(opens[None, :], capacity, lhs=float(demand.sum()))
    pairs = np.column_stack((serves.ravel(), np.tile(opens, size)))
    draft.rows(pairs, np.array([1.0, -1.0]), rhs=0.0)
    return draft.problem(f"facilities-{size}-{seed}", rng)


FACILITIES = MilpFamily(
    name="facilities",
    models="capacitated facility location: which facilities to open, whom to serve from where",
    knob="customers, of 100 facilities",
    generate=generate,
    sizes={"small": (5,), "train": (100,), "test": (200,), "beyond": (400,)},
)
