"""Small formulas that several tests share."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from neurosolve.sat.dimacs import CNF, write_dimacs


def pigeons(holes: int) -> CNF:
    """One pigeon more than holes: unsatisfiable, quick up to 7 holes, out of reach of CDCL at 13."""

    def at(pigeon: int, hole: int) -> int:
        return pigeon * holes + hole + 1

    clauses = [[at(pigeon, hole) for hole in range(holes)] for pigeon in range(holes + 1)]
    for hole in range(holes):
        clauses += [[-at(a, hole), -at(b, hole)] for a, b in itertools.combinations(range(holes + 1), 2)]
    return CNF.from_clauses(clauses)


def random_3sat(num_variables: int, ratio: float, seed: int = 0) -> CNF:
    """Clauses of three different variables each."""
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.integers(1, num_variables + 1, (int(2 * num_variables * ratio), 3)))
    variables = drawn[(np.diff(drawn) > 0).all(axis=1)][: int(num_variables * ratio)]
    literals = (variables * rng.choice([-1, 1], variables.shape)).astype(np.int32)
    return CNF(num_variables, literals.ravel(), np.arange(0, literals.size + 1, 3))


def save(cnf: CNF, path: Path) -> Path:
    with path.open("wb") as file:
        write_dimacs(cnf, file)
    return path


def true_in(cnf: CNF, literals: list[int]) -> bool:
    """Every clause has one of the literals: the plainest check there is."""
    true = set(literals)
    return all(any(literal in true for literal in clause) for clause in cnf.clauses())
