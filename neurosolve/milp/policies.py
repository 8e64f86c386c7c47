"""Branching policies by name: what SCIP is told before it searches, and what became of it.  Loads no SCIP itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from neurosolve.errors import UsageError

# Ours comes before its fallback, its fallback before every rule that SCIP would take by itself.
PRIORITY = 2_000_000
FORCED_PRIORITY = 1_000_000
FALLBACKS = ("relpscost", "pscost")

# name -> (SCIP's rule, its parameters besides the priority).  fsb: of strong branching's trials nothing stays but the
# choice and a cutoff where both children of it are infeasible.  SCIP then counts neither calls nor LP iterations (it
# drops SoPlex's count inside SCIPcolGetStrongbranch; getNStrongbranchLPIterations and its statistics say 0); only the
# time is kept, `strongbranch_lp` of its statistics.  Not idempotent, they are counted and the tree is another.
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "relpscost": ("relpscost", {}),
    "pscost": ("pscost", {}),
    "mostinf": ("mostinf", {}),
    "random": ("random", {}),
    "fsb": ("vanillafullstrong", {"idempotent": True}),
}
NAMES = ("none", *RULES, "model", "auto")


@dataclasses.dataclass(frozen=True)
class PolicySpec:
    """Which policy.  name: one of NAMES.  model_dir: `model`'s directory.  model_dirs: those `auto` chooses among.

    max_depth: below it the fallback decides.  margin: so does it where the best score leads by less.  fallback:
    "relpscost" (whatever SCIP would do by itself) or "pscost".  None of the three: as the model's config says.
    adopts: once the root's first LP is solved, SCIP goes over to the protocol that the model was validated under; what
    somebody has set stays.  kept: parameters that were set by name, be it to SCIP's own value.
    """

    name: str = "none"
    model_dir: Path | None = None
    model_dirs: tuple[Path, ...] = ()
    max_depth: int | None = None
    margin: float | None = None
    fallback: str | None = None
    adopts: bool = False
    kept: tuple[str, ...] = ()


@dataclasses.dataclass
class PolicyReport:
    """Live counters of a run.  num_calls: nodes at which a candidate was asked for.  num_handed_over: those left to
    SCIP, by reason in `reasons`; num_errors: those of them by an exception, a NaN or a model that could not be used.
    Seconds of wall time: at the root (graph and embedding), of features and of the head.  notes: words for the user."""

    num_calls: int = 0
    num_handed_over: int = 0
    num_errors: int = 0
    root_s: float = 0.0
    features_s: float = 0.0
    network_s: float = 0.0
    branch_s: float = 0.0
    reasons: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    model: str | None = None
    model_hash: str | None = None
    adopted: str | None = None  # the protocol that SCIP went over to
    gate: dict[str, Any] | None = None

    @property
    def seconds(self) -> float:
        """The policy's whole share of the wall time."""
        return self.root_s + self.features_s + self.network_s + self.branch_s

    def hand_over(self, reason: str, *, error: str | None = None) -> None:
        """Count a decision that is left to SCIP; the first error of its kind is noted."""
        self.num_handed_over += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if error is not None:
            self.num_errors += 1
            if self.reasons[reason] == 1:
                self.notes.append(error)


def attach(scip: Any, spec: PolicySpec, seed: int = 0) -> PolicyReport:
    """Tell SCIP, and return the counters that a model's policy will keep.  Before or after the problem is read.

    Raises UsageError for an unknown name, a search that has begun, and a second model's policy.  A model that cannot
    be used raises nothing: it is noted at the first branching, and SCIP decides.
    """
    if spec.name not in NAMES:
        raise UsageError(f"unknown branching policy '{spec.name}'; policies: {', '.join(NAMES)}")
    if spec.fallback is not None and spec.fallback not in FALLBACKS:
        raise UsageError(f"unknown fallback '{spec.fallback}'; fallbacks: {', '.join(FALLBACKS)}")
    if spec.name in RULES:
        rule, parameters = RULES[spec.name]
        prefer(scip, rule)
        for name, value in parameters.items():
            scip.setParam(f"branching/{rule}/{name}", value)
        if spec.name == "random" and seed:
            scip.setParam("branching/random/seed", seed)
    if spec.name not in ("model", "auto"):
        return PolicyReport()
    if spec.name == "model" and spec.model_dir is None:
        raise UsageError("the policy 'model' needs the directory of a model")
    from pyscipopt.scip import PY_SCIP_STAGE as SCIP_STAGE  # loads SCIP

    from neurosolve.milp.branching import NeuralBranching
    from neurosolve.milp.first_lp import FirstLP

    if scip.getStage() > SCIP_STAGE.PROBLEM:
        raise UsageError("the search has begun: include the policy before optimize(), or after freeTransform()")
    ours = NeuralBranching(spec)
    try:
        scip.includeBranchrule(ours, "neurosolve", "branches as a trained network says", PRIORITY, -1, 1.0)
    except Exception as error:  # SCIP takes a name once, and PySCIPOpt has no class of its own for that
        raise UsageError("this Model has a policy already; one stays for all of its searches") from error
    scip.includeEventhdlr(FirstLP(ours.choose_model), "neurosolve_first_lp", "asks which network fits")
    return ours.report


def prefer(scip: Any, rule: str) -> dict[str, Any]:
    """Put one of SCIP's rules before the others; the parameter's name and what it was."""
    name = f"branching/{rule}/priority"
    before = scip.getParam(name)
    scip.setParam(name, FORCED_PRIORITY)
    return {name: before}
