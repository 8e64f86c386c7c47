"""What single families promise beyond the table: their codes, registers, squares, circuits and plans."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pysat.solvers import Solver

from neurosolve.errors import UsageError
from neurosolve.families import colouring, decoding, keystream, quasigroup, random3sat, routing
from neurosolve.families.base import Builder, Instance
from neurosolve.families.circuits import Circuit


def second_solution(instance: Instance) -> bool:
    """Whether an assignment differs from the planted one on a planted variable."""
    assert instance.planted is not None
    clauses = [*instance.cnf.clauses(), (-instance.planted).tolist()]
    with Solver("cadical195", bootstrap_with=clauses) as solver:
        return bool(solver.solve())


@pytest.mark.parametrize(("generate", "size"), [(keystream.generate, 12), (decoding.generate, 120)])
def test_the_planted_solution_is_the_only_one(generate: type, size: int) -> None:
    assert not second_solution(generate(size, 0))


def test_parity_checks_are_regular_and_free_of_repeats() -> None:
    checks = decoding.regular_checks(60, np.random.default_rng(0))
    assert checks.shape == (30, 6)
    assert (np.bincount(checks.ravel()) == 3).all()
    assert all(len(set(row)) == 6 for row in checks.tolist())


@pytest.mark.parametrize("length", [8, 9, 10, 11])
def test_feedback_polynomials_are_primitive(length: int) -> None:
    """From any key but zero the register runs through all 2^L - 1 states."""
    for taps in keystream.POLYNOMIALS[length]:
        period = 2**length - 1
        bits = keystream.register_bits(taps, length, 2 * period, [1] + [0] * (length - 1))
        states = {tuple(bits[t : t + length]) for t in range(period)}
        assert len(states) == period and bits[period:] == bits[:period]


def test_longer_polynomials_have_full_order() -> None:
    """x^(2^L) = x modulo the polynomial: every state recurs after 2^L - 1 steps, up to L = 40."""
    for length, polynomials in keystream.POLYNOMIALS.items():
        assert len(set(polynomials)) == 4
        for taps in polynomials:
            modulus = 1 << length | sum(1 << e for e in taps) | 1
            power = 2
            for _ in range(length):
                power = _square(power, modulus, length)
            assert power == 2


def _square(element: int, modulus: int, length: int) -> int:
    product = 0
    for i in range(length):
        if element >> i & 1:
            product ^= element << i
    for i in range(2 * length, length - 1, -1):
        if product >> i & 1:
            product ^= modulus << (i - length)
    return product


@pytest.mark.parametrize("order", [4, 7, 12])
def test_latin_squares(order: int) -> None:
    squares = [quasigroup.random_latin_square(order, np.random.default_rng(seed)) for seed in range(3)]
    for square in squares:
        for line in (*square, *square.T):
            assert sorted(line.tolist()) == list(range(order))
    assert len({square.tobytes() for square in squares}) == 3
    assert (quasigroup.balanced_holes(order, 2, np.random.default_rng(0)).sum(axis=0) == 2).all()


def test_both_multipliers_multiply() -> None:
    for a in range(0, 16, 3):
        for b in range(16):
            circuit = Circuit(Builder())
            wires = [circuit.inputs([bool(n >> i & 1) for i in range(4)]) for n in (a, b)]
            for product in (circuit.array_multiplier(*wires), circuit.tree_multiplier(*wires)):
                assert sum(circuit.value(wire) << i for i, wire in enumerate(product)) == a * b
    planted, clauses = set(circuit.planted()), circuit.builder.clauses
    assert all(planted & set(clause) for clause in clauses)


def test_plans_never_collide() -> None:
    rng = np.random.default_rng(3)
    grid = routing.open_grid(6, 0.1, rng)
    plan = routing.wander(grid, 14, 12, rng)
    moves = 0
    for now, after in itertools.pairwise(plan):
        assert len(set(after)) == 14
        for v, u in zip(now, after, strict=True):
            assert u == v or (u in grid[v] and u not in now)
            moves += u != v
    assert moves > 14


def test_symmetry_is_broken_by_a_triangle_where_no_lists_do() -> None:
    instance = colouring.generate(60, 0, colours=3, degree=4.0, forbidden=0.0)
    assert (instance.cnf.clause_lengths == 1).sum() == 3


def test_random_clauses_have_three_different_variables_drawn_evenly() -> None:
    clauses = np.array(random3sat.random_clauses(10, 6000, np.random.default_rng(0)))
    variables = np.sort(np.abs(clauses), axis=1)
    assert (np.diff(variables, axis=1) > 0).all() and variables.min() == 1 and variables.max() == 10
    for place in np.abs(clauses).T:
        assert np.bincount(place, minlength=11)[1:] == pytest.approx(np.full(10, 600), abs=120)


@pytest.mark.parametrize(
    "call",
    [
        lambda: decoding.generate(81, 0),
        lambda: keystream.generate(100, 0),
        lambda: keystream.generate(10, 0, combiner="xor"),
        lambda: random3sat.generate(50, 0, ratio=5.0),
        lambda: colouring.generate(10, 0, degree=30.0),
    ],
)
def test_knobs_out_of_range_are_refused(call: type) -> None:
    with pytest.raises(UsageError):
        call()
