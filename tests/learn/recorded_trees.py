"""Search trees that the deployed branching rule grew, as trajectories, with the scores it acted on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pyscipopt import Model

from neurosolve.families import MILP_FAMILIES
from neurosolve.families.write import write_instance
from neurosolve.learn.trajectories import Trajectory
from neurosolve.milp.branching import NeuralBranching, place_of_node
from neurosolve.milp.features import FEATURE_VERSION, Candidates
from neurosolve.milp.network import Policy
from neurosolve.milp.policies import PRIORITY, PolicySpec


class Recording(NeuralBranching):
    """Keeps of every decision: place of the node, candidates, scores, choice, bound, cutoff."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(PolicySpec("model", Path("nowhere")), policy)
        self.rows: list[dict[str, Any]] = []

    def _best(self, candidates: Candidates, policy: Policy) -> Any:
        seen: list[Any] = []
        told = policy.scores
        policy.scores = lambda one: seen.append(told(one)) or seen[0]  # type: ignore
        try:
            variable = super()._best(candidates, policy)
        finally:
            del policy.scores  # type: ignore
        number, parent, is_up, depth = place_of_node(self.model)
        self.rows.append({
            "number": number, "above": parent, "is_up": is_up, "depth": depth, "columns": candidates.columns,
            "features": candidates.features, "scores": seen[0].copy(), "chosen": int(seen[0].argmax()),
            "lower_bound": self.model.getCurrentNode().getLowerbound(), "cutoff": self.model.getCutoffbound(),
        })  # fmt: skip
        return variable


def auctions(directory: Path, size: int = 30, seed: int = 0) -> Model:
    """Without presolving, cuts and heuristics it takes some dozen nodes."""
    path = write_instance(MILP_FAMILIES["auctions"], size, seed, directory)
    scip = Model()
    scip.hideOutput()
    for name in ("presolving/maxrestarts", "presolving/maxrounds", "separating/maxroundsroot", "separating/maxrounds"):
        scip.setParam(name, 0)
    scip.readProblem(str(path))
    return scip


def grow(policy: Policy, scip: Model) -> tuple[Trajectory, list[Any], Recording]:
    """The tree under that policy, its decisions' scores, and the rule."""
    rule = Recording(policy)
    scip.includeBranchrule(rule, "recording", "", PRIORITY, -1, 1.0)
    scip.optimize()
    assert rule.root is not None and not rule.report.num_errors, rule.report.notes
    return as_trajectory(rule, int(scip.getNTotalNodes())), [row["scores"] for row in rule.rows], rule


def as_trajectory(rule: Recording, num_nodes: int) -> Trajectory:
    assert rule.root is not None
    rows, graph = rule.rows, rule.root.graph
    place = {row["number"]: i for i, row in enumerate(rows)}
    parent = np.asarray([place.get(row["above"], -1) for row in rows], np.int32)
    counts = [len(row["columns"]) for row in rows]

    def column(name: str, kind: Any) -> Any:
        return np.asarray([row[name] for row in rows], kind)

    return Trajectory(
        graph.column_features, graph.row_features, graph.indptr, graph.indices, graph.coefficients,
        number=column("number", np.int64), parent=parent, is_up=column("is_up", np.int8),
        depth=column("depth", np.int32), chosen=column("chosen", np.int32),
        fathomed=(2 - np.bincount(parent[parent >= 0], minlength=len(rows))).astype(np.int8),
        is_open=np.zeros(len(rows), bool), lower_bound=column("lower_bound", np.float64),
        cutoff=column("cutoff", np.float64), lp_objective=column("lower_bound", np.float64),
        processed=np.arange(len(rows), dtype=np.int64), greedy=np.ones(len(rows), bool),
        offsets=np.cumsum([0, *counts]), columns=np.concatenate([row["columns"] for row in rows]),
        features=np.concatenate([row["features"] for row in rows]), feature_version=FEATURE_VERSION,
        num_nodes=num_nodes, lp_iterations=0, cpu_s=0.0, wall_s=0.0, policy_s=0.0, optimum=np.nan, is_complete=True,
        status="optimal",
    )  # fmt: skip
