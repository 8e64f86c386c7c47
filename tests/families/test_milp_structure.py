"""What single MILP families promise beyond the table: the shapes and numbers of the literature's generators."""

from __future__ import annotations

import numpy as np
import pytest

from neurosolve.errors import UsageError
from neurosolve.families import assignment, auctions, facilities, independent_set, knapsack, lot_sizing, set_cover
from tests.families.milp_matrix import dense


def test_covers_are_of_the_literature() -> None:
    problem = set_cover.generate(500, 0)
    ones, per_row = np.bincount(problem.indices, minlength=1000), np.diff(problem.indptr)
    assert (problem.num_rows, problem.num_columns, problem.num_nonzeros) == (500, 1000, 25_000)
    assert problem.minimize and problem.integer.all() and (problem.coefficients == 1).all()
    assert (problem.lhs == 1).all() and np.isposinf(problem.rhs).all() and (problem.upper == 1).all()
    assert ones.min() >= 2 and per_row.min() >= 1
    assert per_row.mean() == 50 and 5 < per_row.std() < 9  # close to binomial
    assert set(np.unique(problem.objective)) == set(range(1, 101))
    with pytest.raises(UsageError, match="set_cover"):
        set_cover.generate(30, 0)


def test_auctions_are_of_the_literature() -> None:
    """TreeDQN's 40 instances of these sizes have 187 to 196 and 377 to 393 rows."""
    for items, least, most in ((100, 185, 200), (200, 372, 398)):
        problem = auctions.generate(items, 1)
        assert problem.num_columns == 5 * items and least <= problem.num_rows <= most
        assert not problem.minimize and (problem.rhs == 1).all() and (problem.coefficients == 1).all()
    lengths = np.bincount(problem.indices)  # items of a bid and the dummy item
    assert lengths.min() >= 1 and 4.5 < lengths.mean() < 6.5
    assert np.corrcoef(lengths, problem.objective)[0, 1] > 0.8  # dearer with every item


def test_a_bidder_keeps_to_the_rules() -> None:
    rules, rng = auctions.Rules(), np.random.default_rng(0)
    market = auctions.Market.draw(50, rules, rng)
    counts = []
    for _ in range(200):
        bids = auctions.bidder(rules, market, rng)
        if not bids:  # a negative price
            continue
        bundles, prices = [bundle for bundle, _ in bids], [price for _, price in bids]
        resale = [market.values[list(bundle)].sum() for bundle in bundles]
        assert len(set(bundles)) == len(bundles) <= 6 and min(prices) >= 0
        assert all(len(bundle) == len(bundles[0]) and bundle & bundles[0] for bundle in bundles)
        assert max(prices) <= 1.5 * prices[0] and min(resale) >= 0.5 * resale[0]
        assert prices[1:] == sorted(prices[1:], reverse=True)
        counts.append(len(bundles[0]))
    assert len(counts) > 190 and np.mean(counts) == pytest.approx(1 / 0.3, rel=0.2)  # geometric


def test_bundles_grow_as_in_the_published_generator() -> None:
    """Towards what items 0 and 1 are compatible with, and what interests the bidder; never twice to one item."""
    compatible, interest = np.full((40, 40), 0.5), np.ones(40)
    compatible[:2, 20:] = 0.0001
    interest[10:20] = 0.0001
    market = auctions.Market(np.ones(40), compatible)
    grown = auctions.grow(np.arange(40)[:, None], 6, interest, market, np.random.default_rng(0))
    assert grown.shape == (40, 6) and all(len(set(row)) == 6 for row in grown.tolist())
    assert (grown[:, 0] == np.arange(40)).all() and (grown[:, 1:] < 10).mean() > 0.95


def test_facilities_are_of_the_literature() -> None:
    problem = facilities.generate(20, 0, facilities=30)
    assert (problem.num_columns, problem.num_rows) == (630, 20 + 30 + 1 + 600)
    assert problem.integer.sum() == 30 and (problem.upper == 1).all()
    lengths = np.diff(problem.indptr)
    assert dict(zip(*np.unique(lengths, return_counts=True), strict=True)) == {2: 600, 21: 30, 30: 21}
    total = np.flatnonzero((lengths == 30) & (problem.lhs > 1))
    assert len(total) == 1
    capacity = dense(problem)[total[0]]
    assert set(np.flatnonzero(capacity)) == set(np.flatnonzero(problem.integer))
    assert 5 <= capacity.sum() / problem.lhs[total[0]] < 5.2
    knapsacks = dense(problem)[lengths == 21]
    demand = np.where(knapsacks > 0, knapsacks, 0).sum(axis=1)
    assert (demand == problem.lhs[total[0]]).all()  # each place may serve everybody


def test_independent_sets_are_of_the_literature() -> None:
    nodes = 200
    edges = independent_set.preferential_graph(nodes, 4, np.random.default_rng(0))
    assert len(edges) == len(set(edges)) == 4 * (nodes - 4) and all(a < b for a, b in edges)
    degree = np.bincount(np.array(edges).ravel())
    assert degree.max() > 25 and np.median(degree) < 7  # a few hubs
    cliques = independent_set.greedy_cliques(nodes, edges)
    joined = set(edges)
    assert sorted(node for clique in cliques for node in clique) == list(range(nodes))
    assert all((min(a, b), max(a, b)) in joined for clique in cliques for a in clique for b in clique if a != b)
    problem = independent_set.generate(nodes, 0)
    forbidden = dense(problem).T @ dense(problem)
    np.fill_diagonal(forbidden, 0)
    assert (np.unique(forbidden) == [0, 1]).all()  # each edge in one row
    assert forbidden.sum() == 2 * 4 * (nodes - 4) and np.diff(problem.indptr).max() >= 3


@pytest.mark.parametrize("scheme", knapsack.SCHEMES)
def test_knapsacks_are_of_the_literature(scheme: str) -> None:
    problem = knapsack.generate(6, 0, scheme=scheme)
    assert (problem.num_columns, problem.num_rows) == (600, 106)
    matrix, sacks = dense(problem), np.diff(problem.indptr) == 100
    weights = matrix[sacks].sum(axis=0)
    assert sacks.sum() == 6 and (matrix[~sacks].sum(axis=1) == 6).all() and (problem.rhs[~sacks] == 1).all()
    assert problem.rhs[sacks].sum() == weights.sum() // 6 // 2 and 10 <= weights.min() <= weights.max() <= 19
    correlation = np.corrcoef(weights, problem.objective)[0, 1]
    low, high = {"uncorrelated": (-0.3, 0.3), "weakly correlated": (0.1, 0.8)}.get(scheme, (0.999, 1.001))
    assert low < correlation < high
    with pytest.raises(UsageError, match="scheme"):
        knapsack.generate(6, 0, scheme="nonsense")


def test_every_knapsack_has_room() -> None:
    for seed in range(300):
        drawn = knapsack.capacities(1450, 18, np.random.default_rng(seed))
        assert drawn.min() > 0 and drawn.sum() == 725


def test_setting_up_everything_is_always_a_plan() -> None:
    """The promise of machine_time, by the plan itself: from the last period on, what does not fit is made earlier."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        demand, set_up = rng.integers(0, 126, (4, 8)), 10 * rng.integers(1, 6, (4, 8))
        time, pushed = lot_sizing.machine_time(demand, set_up, 2.0), 0
        for period in reversed(range(8)):
            wanted = demand[:, period].sum() + pushed
            pushed = max(0, wanted - (time - set_up[:, period].sum()))
        assert pushed == 0


def test_lots_are_of_the_literature() -> None:
    problem = lot_sizing.generate(15, 0)
    assert (problem.num_columns, problem.num_rows) == (90 + 90 + 84, 90 + 15 + 90)
    assert problem.integer.sum() == 90 and np.isposinf(problem.upper[~problem.integer]).all()
    demand = problem.rhs[problem.lhs == problem.rhs]
    assert len(demand) == 90 and set(demand[demand > 0]) <= set(range(75, 126)) and (demand == 0).sum() <= 24
    machine = np.diff(problem.indptr) == 12
    assert machine.sum() == 15 and len(set(problem.rhs[machine])) == 1
    set_ups = dense(problem)[machine][:, problem.integer].sum(axis=1)
    assert (set_ups % 10 == 0).all()
    assert problem.rhs[machine][0] == pytest.approx((demand.sum() + set_ups.sum()) / 15, rel=0.1)


def test_assignments_are_of_type_d() -> None:
    problem = assignment.generate(60, 0)
    agents = np.diff(problem.indptr) == 60
    burden = dense(problem)[agents]
    assert agents.sum() == 5 and problem.num_rows == 65 and (problem.lhs[~agents] == 1).all()
    assert (problem.rhs[~agents] == 1).all() and (problem.rhs[agents] == burden.sum(axis=1) * 0.8 // 5).all()
    noise = problem.objective + burden.sum(axis=0) - 111
    assert noise.min() == -10 and noise.max() == 10 and burden[burden > 0].min() >= 1 and burden.max() == 100
