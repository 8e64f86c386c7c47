"""Strong branching scores: right by hand, and without a trace in the search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyscipopt import Model

from neurosolve.milp.strong_branching import LEAST_GAIN, product_scores, strong_branching_scores
from tests.milp.small_scip import knapsacks, plain, probe, set_cover


@pytest.mark.parametrize("make", [lambda: set_cover(60, 60, 0.15), knapsacks], ids=["set cover", "knapsacks"])
def test_scores_leave_no_trace_in_scip(make: Any) -> None:
    def state(scip: Any) -> list[Any]:
        variables, values, *_ = scip.getLPBranchCands()
        pseudocosts = [scip.getVarPseudocostScore(v, x) for v, x in zip(variables, values, strict=True)]
        counters = scip.getNStrongbranchLPIterations(), scip.getNLPIterations(), scip.getNNodes()
        bounds = [(v.getLbLocal(), v.getUbLocal(), v.getLbGlobal(), v.getUbGlobal()) for v in variables]
        return [pseudocosts, *counters, scip.getLPObjVal(), scip.getCutoffbound(), list(values), bounds]

    def look(scip: Any) -> None:
        before = state(scip)
        strong_branching_scores(scip, scip.getLPBranchCands()[0])
        assert state(scip) == before

    assert probe(make(), look, nodes=6).num_calls > 2


@pytest.mark.parametrize("seed", range(3))
def test_scoring_every_node_leaves_the_tree_as_it_was(seed: int) -> None:
    """Where the LPs are not degenerate; of a degenerate one SoPlex may come back to another optimal vertex."""

    def run(ask: bool) -> tuple[Any, ...]:
        bounds: list[float] = []

        def look(scip: Any) -> None:
            bounds.append(scip.getLPObjVal())
            if ask:
                strong_branching_scores(scip, scip.getLPBranchCands()[0])

        scip = knapsacks(seed=seed)
        probe(scip, look, nodes=200)
        return scip.getNTotalNodes(), scip.getNLPIterations(), scip.getPrimalbound(), bounds

    without, with_scores = run(False), run(True)
    assert without[0] > 20
    assert with_scores[:3] == without[:3]
    np.testing.assert_allclose(with_scores[3], without[3], rtol=1e-9)


def test_scores_are_those_of_the_children_solved_apart() -> None:
    def look(scip: Any) -> None:
        if found:
            return
        variables = scip.getLPBranchCands()[0]
        found.update(zip([v.name for v in variables], strong_branching_scores(scip, variables), strict=True))
        found["bound"] = scip.getLPObjVal()

    found: dict[str, float] = {}
    probe(set_cover(), look, nodes=1)
    bound = found.pop("bound")
    assert len(found) > 5
    for name, score in list(found.items())[:4]:
        gains = [max(_relaxation(name.removeprefix("t_"), value) - bound, LEAST_GAIN) for value in (0, 1)]
        assert score == pytest.approx(gains[0] * gains[1], rel=1e-5, abs=1e-9)


def _relaxation(name: str, value: int) -> float:
    """The LP bound with one variable fixed."""
    scip: Model = set_cover()
    for variable in scip.getVars():
        scip.chgVarType(variable, "C")
        if variable.name == name:
            scip.fixVar(variable, value)
    scip.optimize()
    return float(scip.getObjVal())


def test_an_infeasible_child_gains_the_distance_to_the_incumbent() -> None:
    """z = 0 leaves p + q >= 1.5 and <= 1.2; the other candidate, y, gains 1 down and 0.5 up."""
    scip = plain()
    z, y, w = scip.addVar("z", "B", obj=1), scip.addVar("y", "B", obj=1), scip.addVar("w", "C", 0, 1, obj=3)
    p, q = scip.addVar("p", "C", 0, 1), scip.addVar("q", "C", 0, 1)
    scip.addCons(p + q + z >= 1.5)
    scip.addCons(p + q - z <= 1.2)
    scip.addCons(2 * y + 2 * w >= 1)
    seen: list[dict[str, float]] = []
    distances: list[float] = []

    def look(scip: Any) -> None:
        variables = scip.getLPBranchCands()[0]
        distances.append(scip.getCutoffbound() - scip.getLPObjVal())
        seen.append(dict(zip([v.name for v in variables], strong_branching_scores(scip, variables), strict=True)))

    probe(scip, look)
    assert distances[0] < 10
    assert seen[0] == pytest.approx({"t_z": 0.85 * distances[0], "t_y": 0.5})


def test_product_scores() -> None:
    nan = float("nan")
    gains = np.array([[1.0, 0.0, -3.0, 50.0, nan], [2.0, 5.0, 4.0, 1e20, nan]])
    infeasible = np.array([[False, False, False, True, False], [False, False, False, False, False]])
    scores = product_scores(gains, infeasible, distance=10.0)
    np.testing.assert_allclose(scores[:4], [2.0, 5 * LEAST_GAIN, 4 * LEAST_GAIN, 100.0])
    assert np.isnan(scores[4])
    gains[1, 3] = 6.0
    np.testing.assert_allclose(product_scores(gains, infeasible, distance=np.inf)[3], 12.0 * 6.0)
    assert product_scores(np.zeros((2, 0)), np.zeros((2, 0), bool), 1.0).shape == (0,)
