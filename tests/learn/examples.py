"""Small labelled formulas for the learning tests."""

from __future__ import annotations

import numpy as np

from neurosolve.learn.samples import Sample
from neurosolve.sat.cnf import CNF


def planted_sample(seed: int, num_variables: int = 20, num_clauses: int = 70) -> Sample:
    """Random clauses of 2 or 3 literals that a hidden assignment satisfies; biased towards it, so that
    signs tell."""
    random = np.random.default_rng(seed)
    hidden = random.integers(0, 2, num_variables) * 2 - 1
    clauses = []
    while len(clauses) < num_clauses:
        variables = random.choice(num_variables, random.integers(2, 4), replace=False)
        signs = random.integers(0, 2, len(variables)) * 2 - 1
        if (hidden[variables] == signs).sum() * 2 > len(variables) - 1:
            clauses.append(((variables + 1) * signs).tolist())
    cnf = CNF.from_clauses(clauses, num_variables)
    return Sample(
        num_variables, cnf.literals, cnf.offsets, hidden[None].astype(np.int8),
        np.zeros(num_variables, np.int8), False, 1, "planted", num_variables, seed, f"planted-{seed}",
    )  # fmt: skip
