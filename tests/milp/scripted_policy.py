"""A policy whose scores a test writes, and a small search under it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurosolve.milp import features
from neurosolve.milp.branching import NeuralBranching
from neurosolve.milp.features import Candidates
from neurosolve.milp.network import Policy
from neurosolve.milp.policies import PRIORITY, PolicyReport, PolicySpec
from tests.milp.small_scip import set_cover


def cover(seed: int = 0) -> Any:
    """Some 60 nodes."""
    return set_cover(80, 60, 0.12, seed)


class Scripted(Policy):
    """Scores by a function of (call, candidates)."""

    def __init__(self, script: Any, **config: Any) -> None:
        super().__init__({})
        self.script, self.calls, self.config, self.name = script, 0, config, "scripted"

    def scores(self, candidates: Candidates) -> Any:
        self.calls += 1
        return self.script(self.calls, candidates)


def fraction(_: int, candidates: Candidates) -> Any:
    return candidates.features[:, features.NODE_FEATURES.index("fractionality")].copy()


def solve(
    policy: Policy | None, make: Any = cover, kind: type[NeuralBranching] = NeuralBranching, **spec: Any
) -> tuple[PolicyReport, Any]:
    scip = make()
    rule = kind(PolicySpec("model", **{"model_dir": Path("nowhere"), **spec}), policy)
    scip.includeBranchrule(rule, "neurosolve", "", PRIORITY, -1, 1.0)
    scip.optimize()
    return rule.report, scip
