"""Uniform random 3-SAT near the threshold, in a satisfiable and an unsatisfiable half.

Each clause draws three distinct variables and signs uniformly. The satisfiable half has ratio 4.2, the
unsatisfiable half 4.6 (threshold 4.267). A deterministic filter keeps the wanted half: candidate 0, 1, 2,
... of the seed is drawn until it is decided the right way, so an instance is a function of (size, seed) and
the solver's version. Satisfiable: CaDiCaL 1.9.5 turned into a local search (a walk every 50 conflicts, 2000
conflicts in all) finds an assignment, which becomes the known one; what it misses is dropped, whatever CDCL
would need for it. (Waiting for a complete answer instead cost up to 80 s at n = 300, all of it on
unsatisfiable candidates.)  Unsatisfiable: Kissat 4.0.4.

Knobs: `size` n, `ratio` (clauses per variable). A satisfiable instance costs some 0.2 s, an unsatisfiable
one what Kissat needs for it (half a second at n = 200).

Can phases carry signal?  In part. Just below the threshold solutions sit in few clusters with a large
frozen core, so many variables are backbone; a network reached 80 to 85% of them at n = 100 to 200. But
local search solves the satisfiable half in milliseconds: a target for conflicts, not for seconds. The
unsatisfiable half has no satisfying phases; they moved conflicts by 7% at most.

References: Mitchell, Selman and Levesque (1992); Mezard, Parisi and Zecchina (2002).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  random3sat  250: 0.4/0.1, 0.4/3.2; 350: 1.0/0.1, 1.1/0.6.
  random3sat_unsat  200: 0.2/0.2; 250: 0.8/1.0; 290: 7.7/7.1.
"""

from __future__ import annotations

import numpy as np
from pysat.solvers import Solver

from neurosolve.families.base import Builder, Family, Instance, family_rng, require

CLAUSE_LENGTH = 3
WALK_OPTIONS = {"rephaseint": 50, "walkmineff": 10**6, "walkmaxeff": 10**8, "walkreleff": 10**5}
WALK_CONFLICTS = 2000


def random_clauses(num_variables: int, num_clauses: int, rng: np.random.Generator) -> list[list[int]]:
    """Clauses of three distinct variables with random signs, drawn independently."""
    drawn = rng.random((num_clauses, CLAUSE_LENGTH)) * (num_variables - np.arange(CLAUSE_LENGTH))
    first, second, third = drawn.astype(np.int64).T
    # Each further draw skips what was drawn before it: uniform without replacement, and no loop.
    second += second >= first
    low, high = np.minimum(first, second), np.maximum(first, second)
    third += third >= low
    third += third >= high
    signs = rng.choice(np.array([-1, 1]), (num_clauses, CLAUSE_LENGTH))
    clauses: list[list[int]] = ((np.stack([first, second, third], axis=1) + 1) * signs).tolist()
    return clauses


def find_assignment(clauses: list[list[int]]) -> list[int] | None:
    """A satisfying assignment by CaDiCaL's local search, or None where it finds none."""
    with Solver("cadical195") as solver:
        for option, value in WALK_OPTIONS.items():  # before the clauses: CaDiCaL takes options only then
            solver.configure({option: value})
        solver.append_formula(clauses)
        solver.conf_budget(WALK_CONFLICTS)
        found: list[int] | None = solver.get_model() if solver.solve_limited() else None
        return found


def is_unsatisfiable(clauses: list[list[int]]) -> bool:
    with Solver("kissat404", bootstrap_with=clauses) as solver:
        return not solver.solve()


def generate(size: int, seed: int, *, ratio: float = 4.2) -> Instance:
    """A satisfiable formula; `planted` covers every variable.  Raises UsageError above ratio 4.25."""
    require(size >= 10, f"random3sat: size {size} is below 10 variables")
    require(ratio <= 4.25, f"random3sat: ratio {ratio} leaves too few satisfiable formulas")
    rng = family_rng("random3sat", size, seed)
    while True:
        clauses = random_clauses(size, round(ratio * size), rng)
        found = find_assignment(clauses)
        if found is not None:
            return Builder(size, clauses).instance(rng, found)


def generate_unsat(size: int, seed: int, *, ratio: float = 4.6) -> Instance:
    """An unsatisfiable formula.  Raises UsageError below ratio 4.3 (too rare, and slow to prove)."""
    require(size >= 10, f"random3sat_unsat: size {size} is below 10 variables")
    require(ratio >= 4.3, f"random3sat_unsat: ratio {ratio} leaves too few unsatisfiable formulas")
    rng = family_rng("random3sat_unsat", size, seed)
    while True:
        clauses = random_clauses(size, round(ratio * size), rng)
        if is_unsatisfiable(clauses):
            return Builder(size, clauses).instance(rng)


RANDOM3SAT = Family(
    name="random3sat",
    models="uniform random 3-SAT at ratio 4.2, the satisfiable half",
    generate=generate,
    sizes={"small": (60,), "train": (100, 150, 200, 250), "test": (250,), "beyond": (300, 350)},
    satisfiable=True,
    phases="partial: a large backbone near the threshold",
)
RANDOM3SAT_UNSAT = Family(
    name="random3sat_unsat",
    models="uniform random 3-SAT at ratio 4.6, the unsatisfiable half",
    generate=generate_unsat,
    sizes={"small": (60,), "train": (100, 150, 200), "test": (200,), "beyond": (250,)},
    satisfiable=False,
    phases="none: unsatisfiable",
)
