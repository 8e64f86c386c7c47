"""Small MILPs that need some hundred nodes, as SCIP models with presolving, cuts and heuristics off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pyscipopt import SCIP_PARAMSETTING, Branchrule, Model, quicksum
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT


def plain() -> Model:
    """An empty model whose search is branching and nothing else."""
    scip = Model()
    scip.hideOutput()
    scip.setPresolve(SCIP_PARAMSETTING.OFF)
    scip.setHeuristics(SCIP_PARAMSETTING.OFF)
    scip.setSeparating(SCIP_PARAMSETTING.OFF)
    return scip


def set_cover(rows: int = 120, columns: int = 100, density: float = 0.1, seed: int = 0) -> Model:
    random, scip = np.random.default_rng(seed), plain()
    x = [scip.addVar(f"x{j}", "B", obj=int(cost)) for j, cost in enumerate(random.integers(2, 6, columns))]
    for i in range(rows):
        member = np.flatnonzero((random.random(columns) < density) | (np.arange(columns) % rows == i))
        scip.addCons(quicksum(x[j] for j in member) >= 1, f"row{i}")
    return scip


def knapsacks(items: int = 16, rows: int = 4, seed: int = 0) -> Model:
    """General integers 0 to 3 in several knapsacks, and one continuous variable."""
    random, scip = np.random.default_rng(seed), plain()
    x = [scip.addVar(f"x{j}", "I", 0, 3) for j in range(items)]
    slack = scip.addVar("slack", "C", 0, 1)
    profit = random.integers(20, 60, items)
    for i in range(rows):
        weight = random.integers(10, 50, items)
        scip.addCons(
            quicksum(int(w) * v for w, v in zip(weight, x, strict=True)) + slack <= 0.4 * 3 * weight.sum(), f"k{i}"
        )
    scip.setObjective(quicksum(int(p) * v for p, v in zip(profit, x, strict=True)) + slack, "maximize")
    return scip


class Probe(Branchrule):  # type: ignore[misc]
    """Calls `look(model)` at each node and leaves the branching to SCIP; an exception is kept in `error`."""

    def __init__(self, look: Callable[[Any], None]) -> None:
        self.look, self.error = look, None
        self.num_calls = 0

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        self.num_calls += 1
        if self.error is None:
            try:
                self.look(self.model)
            except Exception as error:
                self.error = error
        return {"result": SCIP_RESULT.DIDNOTRUN}


def probe(scip: Model, look: Callable[[Any], None], nodes: int = -1) -> Probe:
    """Solve (at most `nodes` nodes, pscost branching) with `look` at each; its exception is raised here."""
    rule = Probe(look)
    scip.includeBranchrule(rule, "probe", "looks", 5_000_000, -1, 1.0)
    scip.setParam("branching/pscost/priority", 1_000_000)
    scip.setParam("limits/nodes", nodes)
    scip.optimize()
    if rule.error is not None:
        raise rule.error
    return rule
