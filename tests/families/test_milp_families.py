"""What every row of MILP_FAMILIES promises, and the structure that single families have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from neurosolve.errors import UsageError
from neurosolve.families import MILP_FAMILIES, auctions, facilities, independent_set, knapsack, lot_sizing, set_cover
from neurosolve.families.milp_base import Draft
from neurosolve.families.write import write_instance
from neurosolve.milp.problem import Problem

NAMES = sorted(MILP_FAMILIES)


def small(name: str, seed: int = 0) -> Problem:
    return MILP_FAMILIES[name].generate(MILP_FAMILIES[name].sizes["small"][0], seed)


def dense(problem: Problem) -> npt.NDArray[np.float64]:
    """A, with each entry in its place; fails on a column that stands twice in a row."""
    matrix = np.zeros((problem.num_rows, problem.num_columns))
    place = (problem.row_of_nonzero(), problem.indices)
    np.add.at(matrix, place, 1.0)
    assert matrix.max() == 1.0
    matrix[place] = problem.coefficients
    return matrix


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_complete(name: str) -> None:
    family = MILP_FAMILIES[name]
    assert family.name == name and family.models and family.knob and family.kind == "milp"
    assert {"small", "train", "test", "beyond"} <= family.sizes.keys()
    assert min(family.sizes["beyond"]) > max(family.sizes["train"])
    with pytest.raises(UsageError, match=name):
        family.generate(1, 0)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_program_and_other_seed_another(name: str) -> None:
    first, other = small(name), small(name, 1)
    np.random.seed(1)
    assert first == small(name) and first != other
    assert first.name == f"{name}-{MILP_FAMILIES[name].sizes['small'][0]}-0"


def test_another_process_draws_the_same() -> None:
    code = (
        "from neurosolve.families import MILP_FAMILIES as F\n"
        "for n in sorted(F): print(F[n].generate(F[n].sizes['small'][0], 7).content_hash())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "5"}
    )
    assert run.stdout.split() == [small(name, 7).content_hash() for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_programs_are_well_formed(name: str) -> None:
    """No empty row or column, no zero, no crossed bounds; ascending columns in each row; coefficients at one scale."""
    problem = small(name)
    matrix = dense(problem)
    assert (np.count_nonzero(matrix, axis=0) > 0).all() and (np.count_nonzero(matrix, axis=1) > 0).all()
    assert problem.coefficients.all() and (problem.lower <= problem.upper).all() and (problem.lhs <= problem.rhs).all()
    assert (np.isfinite(problem.lhs) | np.isfinite(problem.rhs)).all()
    assert all((np.diff(row) > 0).all() for row in np.split(problem.indices, problem.indptr[1:-1]))
    assert np.abs(problem.coefficients).max() < 1e5


@pytest.mark.parametrize("name", NAMES)
def test_scip_solves_the_small_size(name: str, tmp_path: Path) -> None:
    """From the file that is written, to optimality; what it finds satisfies the arrays and is not the null plan."""
    pyscipopt = pytest.importorskip("pyscipopt")
    problem = small(name)
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.setParam("limits/time", 20.0)
    size = MILP_FAMILIES[name].sizes["small"][0]
    scip.readProblem(str(write_instance(MILP_FAMILIES[name], size, 0, tmp_path)))
    scip.optimize()
    assert scip.getStatus() == "optimal"
    assert (scip.getObjectiveSense() == "minimize") == problem.minimize
    values = {variable.name: scip.getVal(variable) for variable in scip.getVars()}
    found = np.array([values[column] for column in problem.column_names])
    found[problem.integer] = np.round(found[problem.integer])
    slack = 1e-5 * np.maximum(1.0, np.where(np.isfinite(problem.rhs), np.abs(problem.rhs), np.abs(problem.lhs)))
    activity = problem.activities(found)
    assert (activity >= problem.lhs - slack).all() and (activity <= problem.rhs + slack).all()
    assert problem.objective_of(found) == pytest.approx(scip.getObjVal(), rel=1e-6) and scip.getObjVal() > 0


def test_bytes_are_reproducible_and_existing_files_stay(tmp_path: Path) -> None:
    family = MILP_FAMILIES["auctions"]
    first, again = (write_instance(family, 20, 3, tmp_path / folder) for folder in "ab")
    assert first.name == "auctions-20-3.mps.gz" and first.read_bytes() == again.read_bytes()
    again.write_bytes(b"kept")
    assert write_instance(family, 20, 3, tmp_path / "b").read_bytes() == b"kept"
    assert [path.name for path in (tmp_path / "a").iterdir()] == [first.name]


def drafted() -> Draft:
    draft = Draft(minimize=True)
    x = draft.columns(np.arange(1.0, 201.0))
    y = draft.columns(np.arange(201.0, 301.0), integer=False, upper=9.0)
    draft.rows(np.column_stack((x[:100], y)), np.array([1.0, -2.0]), rhs=np.arange(100.0))
    draft.rows(np.concatenate((x, y)), 3.0, lhs=7.0, of=np.repeat(np.arange(100), 3))
    return draft


def test_the_shuffle_is_a_renaming() -> None:
    """Sorted by what identifies them, rows and columns are those of the draft."""
    problem = drafted().problem("p", np.random.default_rng(0))
    old = np.argsort(problem.objective)  # the draft's column i cost i + 1
    assert (problem.objective[old] == np.arange(1, 301)).all()
    assert (problem.integer[old] == (np.arange(300) < 200)).all()
    assert (problem.upper[old] == np.where(np.arange(300) < 200, 1.0, 9.0)).all()
    matrix = dense(problem)[:, old]
    pairs = np.isfinite(problem.rhs)
    assert (np.isneginf(problem.lhs) == pairs).all() and (problem.lhs[~pairs] == 7.0).all()
    first = matrix[pairs][np.argsort(problem.rhs[pairs])]
    assert (first[:, :100] == np.eye(100)).all() and (first[:, 200:] == -2 * np.eye(100)).all()
    assert not first[:, 100:200].any()
    second = matrix[~pairs]
    second = second[np.argsort(second.argmax(axis=1))]
    assert (second == 3 * np.repeat(np.eye(100), 3, axis=1)).all()


def test_the_shuffle_leaks_nothing() -> None:
    """Places of columns and rows are uncorrelated with what they were, types are mixed, names say only the place."""
    problem = drafted().problem("p", np.random.default_rng(0))
    assert abs(np.corrcoef(np.arange(300), problem.objective)[0, 1]) < 0.2
    assert 0.4 < problem.integer[:150].mean() / problem.integer[150:].mean() < 2.5
    assert 30 < np.isfinite(problem.rhs[:100]).sum() < 70
    assert problem.column_names == tuple(f"x{i}" for i in range(1, 301))
    assert problem.row_names == tuple(f"r{i}" for i in range(1, 201))


@pytest.mark.parametrize("name", ["facilities", "lot_sizing"])
def test_kinds_of_columns_are_mixed_in_real_programs(name: str) -> None:
    """Over seeds the binary columns' mean place is the middle."""
    places = [np.flatnonzero(small(name, s).integer).mean() / (small(name, s).num_columns - 1) for s in range(20)]
    assert np.mean(places) == pytest.approx(0.5, abs=0.06) and np.std(places) > 0


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


def test_bundles_grow_towards_compatible_items() -> None:
    compatible = np.full((40, 40), 0.001)
    compatible[:20, :20] = compatible[20:, 20:] = 1.0
    market = auctions.Market(np.ones(40), compatible)
    grown = auctions.grow(np.arange(40)[:, None], 6, np.ones(40), market, np.random.default_rng(0))
    assert grown.shape == (40, 6) and all(len(set(row)) == 6 for row in grown.tolist())
    assert ((grown < 20) == (grown[:, :1] < 20)).mean() > 0.95


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
    problem = MILP_FAMILIES["assignment"].generate(60, 0)
    agents = np.diff(problem.indptr) == 60
    burden = dense(problem)[agents]
    assert agents.sum() == 5 and problem.num_rows == 65 and (problem.lhs[~agents] == 1).all()
    assert (problem.rhs[~agents] == 1).all() and (problem.rhs[agents] == burden.sum(axis=1) * 0.8 // 5).all()
    noise = problem.objective + burden.sum(axis=0) - 111
    assert noise.min() == -10 and noise.max() == 10 and burden[burden > 0].min() >= 1 and burden.max() == 100
