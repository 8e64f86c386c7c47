"""Generalised assignment: give each job to one agent, at least cost, within the agents' capacities.

Type D of the literature, the hard one: what a job takes of an agent is uniform in 1..100, its cost there is 111 less
that, plus a number in -10..10, so that cheap agents are those that the job burdens most; capacities are 0.8 of an
agent's burden by all jobs over the number of agents.

Knobs: `size` jobs, `agents`, `tightness` (0.8).  The literature's sizes: 100, 200 jobs x 5, 10, 20 agents.

References: Chu and Beasley, A genetic algorithm for the generalised assignment problem (1997); Yagiura, Ibaraki and
Glover, An ejection chain approach for the generalized assignment problem (2004).

SCIP 10.0.2 untouched, CPU seconds and nodes on a busy two-core machine:
30 jobs: above 20 (2321 nodes, gap 0.5%); 40: above 20 (1265 nodes, gap 0.8%); 60: 19.7/4285 (one instance each).
"""

from __future__ import annotations

import numpy as np

from neurosolve.families.base import family_rng, require
from neurosolve.families.milp_base import Draft, MilpFamily
from neurosolve.milp.problem import Problem


def generate(size: int, seed: int, *, agents: int = 5, tightness: float = 0.8) -> Problem:
    """One instance.  Raises UsageError for fewer than two jobs an agent."""
    require(agents >= 2 and size >= 2 * agents, f"assignment: too few jobs, {size}, for {agents} agents")
    rng = family_rng("assignment", size, seed)
    burden = rng.integers(1, 101, (agents, size))
    cost = 111 - burden + rng.integers(-10, 11, (agents, size))
    capacity = np.floor(tightness * burden.sum(axis=1) / agents)

    draft = Draft(minimize=True)
    given = draft.columns(cost)
    draft.rows(given.T, lhs=1.0, rhs=1.0)
    draft.rows(given, burden, rhs=capacity)
    return draft.problem(f"assignment-{size}-{seed}", rng)


ASSIGNMENT = MilpFamily(
    name="assignment",
    models="generalised assignment of type D: each job to one of five agents, within capacities",
    knob="jobs, for five agents",
    generate=generate,
    sizes={"small": (12,), "train": (30,), "test": (30, 40), "beyond": (60,)},
)
