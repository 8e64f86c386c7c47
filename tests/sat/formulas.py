"""Small formulas for the tests of this half: planted, refutable by search, refutable by counting."""

from __future__ import annotations

import itertools

import numpy as np

from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases


def planted(num_variables: int, ratio: float, seed: int) -> tuple[CNF, np.ndarray]:
    """Random 3-SAT that a hidden assignment satisfies, and that assignment as +-1 (n,)."""
    rng = np.random.default_rng(seed)
    hidden = rng.choice([-1, 1], num_variables)
    clauses = []
    while len(clauses) < int(ratio * num_variables):
        variables = rng.choice(num_variables, 3, replace=False)
        signs = rng.choice([-1, 1], 3)
        if (hidden[variables] == signs).any():
            clauses.append(((variables + 1) * signs).tolist())
    return CNF.from_clauses(clauses, num_variables), hidden


def random_3sat(num_variables: int, ratio: float, seed: int) -> CNF:
    rng = np.random.default_rng(seed)
    rows = [
        ((rng.choice(num_variables, 3, replace=False) + 1) * rng.choice([-1, 1], 3)).tolist()
        for _ in range(int(ratio * num_variables))
    ]
    return CNF.from_clauses(rows, num_variables)


def pigeons(holes: int) -> CNF:
    """One pigeon more than holes: unsatisfiable."""
    def variable(pigeon: int, hole: int) -> int:
        return pigeon * holes + hole + 1

    clauses = [[variable(p, h) for h in range(holes)] for p in range(holes + 1)]
    for hole in range(holes):
        clauses += [[-variable(p, hole), -variable(q, hole)]
                    for p, q in itertools.combinations(range(holes + 1), 2)]
    return CNF.from_clauses(clauses)


def phases_of(signs: np.ndarray, confidence: np.ndarray | None = None) -> Phases:
    return Phases.of(signs, "test", confidence)
