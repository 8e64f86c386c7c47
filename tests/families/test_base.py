"""The builder's constraints against brute force, and the shuffle against its definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pysat.solvers import Solver

from neurosolve.families.base import Builder, family_rng, shuffle, xor_clauses


def projections(builder: Builder, width: int) -> set[tuple[bool, ...]]:
    """The assignments of variables 1..width that extend to satisfying ones."""
    with Solver("cadical195", bootstrap_with=builder.clauses) as solver:
        return {
            bits
            for bits in itertools.product((False, True), repeat=width)
            if solver.solve(assumptions=[v if bit else -v for v, bit in enumerate(bits, 1)])
        }


@pytest.mark.parametrize("bound", range(5))
def test_at_most(bound: int) -> None:
    builder = Builder()
    builder.at_most(builder.variables(4), bound)
    expected = {bits for bits in itertools.product((False, True), repeat=4) if sum(bits) <= bound}
    assert projections(builder, 4) == expected


@pytest.mark.parametrize("width", [1, 4, 7, 8])
def test_exactly_one(width: int) -> None:
    builder = Builder()
    builder.exactly_one(builder.variables(width))
    assert projections(builder, width) == {tuple(i == j for i in range(width)) for j in range(width)}


@pytest.mark.parametrize("parity", [0, 1])
def test_xor(parity: int) -> None:
    builder = Builder()
    a, b, c = builder.variables(3)
    builder.xor([a, -b, c], parity)
    assert len(builder.clauses) == 4
    assert projections(builder, 3) == {
        bits
        for bits in itertools.product((False, True), repeat=3)
        if (bits[0] + (not bits[1]) + bits[2]) % 2 == parity
    }
    assert xor_clauses([], 1) == [[]] and xor_clauses([], 0) == []


def test_the_shuffle_is_a_renaming() -> None:
    """Same clauses up to names: occurrences, and true literals per clause, agree."""
    clauses = [[1, -2], [2, 3, 5], [-5], [1, 2, 3, -5]]
    instance = shuffle(clauses, 5, [1, 2, 3, 4, -5], np.random.default_rng(0))
    shuffled = instance.cnf.clauses()
    assert instance.cnf.num_variables == 4  # variable 4 is in no clause
    assert sorted(map(len, shuffled)) == sorted(map(len, clauses))
    planted = set(instance.planted.tolist()) if instance.planted is not None else set()
    assert len(planted) == 4
    before = sorted((len(c), sum(lit in {1, 2, 3, -5} for lit in c)) for c in clauses)
    assert sorted((len(c), sum(lit in planted for lit in c)) for c in shuffled) == before
    occurrences = sorted(np.unique(np.abs(instance.cnf.literals), return_counts=True)[1].tolist())
    assert occurrences == [2, 2, 3, 3]


def test_clauses_and_literals_move() -> None:
    clauses = [[v, v + 1, v + 2] for v in range(1, 200)]
    instance = shuffle(clauses, 201, None, np.random.default_rng(0))
    first = np.abs(instance.cnf.literals).reshape(-1, 3)
    assert instance.planted is None
    assert abs(np.corrcoef(np.arange(199), first.mean(axis=1))[0, 1]) < 0.3
    assert (np.diff(first, axis=1) > 0).mean() == pytest.approx(0.5, abs=0.15)


def test_streams_differ_by_name_size_and_seed() -> None:
    keys = [("a", 1, 0), ("b", 1, 0), ("a", 2, 0), ("a", 1, 1)]
    draws = {int(family_rng(*key).integers(2**60)) for key in keys}
    assert len(draws) == 4
