from __future__ import annotations

import numpy as np

from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases
from neurosolve.sat.trial import cost


def hard() -> tuple[CNF, Phases]:
    random = np.random.default_rng(1)
    hidden = random.integers(0, 2, 120) * 2 - 1
    clauses = []
    while len(clauses) < 500:
        variables = random.choice(120, 3, replace=False)
        signs = random.integers(0, 2, 3) * 2 - 1
        if (hidden[variables] == signs).any():
            clauses.append(((variables + 1) * signs).tolist())
    return CNF.from_clauses(clauses), Phases.of(hidden, "truth")


def test_a_true_assignment_costs_nothing_and_stock_something() -> None:
    cnf, truth = hard()
    assert cost(cnf, "minisat22", truth, "rename", 1000, 10) == (0, True)
    spent, answered = cost(cnf, "minisat22", None, "rename", 100_000, 10)
    assert spent > 0 and answered


def test_a_bound_that_is_met_counts_what_was_spent() -> None:
    cnf, _ = hard()
    spent, answered = cost(cnf, "minisat22", None, None, 2, 10)
    assert not answered and 1 <= spent <= 10
