"""The branching rule: features of the candidates -> a network's scores -> the best candidate, or SCIP decides.

It can make a search slower but never wrong: all it ever does is branch on one of the candidates SCIP offers, or return
DIDNOTRUN.  Whatever fails inside is counted, noted, and left to SCIP's own rules.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from pyscipopt import Branchrule
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from neurosolve.errors import LimitError, ModelError
from neurosolve.milp import gate
from neurosolve.milp.features import (
    Candidates,
    RootState,
    bare_candidates,
    node_features,
    node_graph,
    root_graph,
    root_state,
)
from neurosolve.milp.network import Policy, load_config, load_policy
from neurosolve.milp.policies import FALLBACKS, PolicyReport, PolicySpec, prefer
from neurosolve.milp.scip_settings import PROTOCOLS, adopt

_DECLINED = {"result": SCIP_RESULT.DIDNOTRUN}
_BRANCHED = {"result": SCIP_RESULT.BRANCHED}


class NeuralBranching(Branchrule):  # type: ignore[misc, no-any-unimported, unused-ignore]
    """The rule of one SCIP.  report: its live counters.  The gate speaks and the model is loaded at the first LP,
    where no cut has been added yet; the root is embedded at the first branching, and anew after a restart."""

    def __init__(self, spec: PolicySpec, policy: Policy | None = None) -> None:
        self.spec, self.given, self.report = spec, policy, PolicyReport()
        self.before: dict[str, Any] = {}  # parameters that a model changed
        self._forget()

    def _forget(self) -> None:
        self.policy = self.given
        self.root: RootState | None = None
        self.is_chosen = False
        self.off: str | None = None  # why SCIP decides for the rest of the search
        self.max_depth = self.margin = float("inf")

    def branchinit(self) -> None:
        """Another problem, or the same one changed: the gate speaks anew."""
        self._forget()
        self.report.gate = self.report.model = self.report.model_hash = self.report.adopted = None

    def branchexit(self) -> None:
        """The search is over; the next one finds SCIP as this one did."""
        with contextlib.suppress(ReferenceError):  # SCIP itself is being freed
            for name, value in self.before.items():
                self.model.setParam(name, value)
        self.before = {}

    def branchinitsol(self) -> None:
        self.root = None  # a restart has other columns

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        chosen = None
        self.report.num_calls += 1
        try:
            chosen = self._choose()
        except KeyboardInterrupt:
            self.model.interruptSolve()
        except Exception as error:  # in a callback it would end the search and lose its type
            self.report.hand_over("error", error=f"branching was left to SCIP: {type(error).__name__}: {error}")
        if chosen is None:
            return _DECLINED
        started = time.perf_counter()
        self.model.branchVar(chosen)
        self.report.branch_s += time.perf_counter() - started
        return _BRANCHED

    def branchexecps(self, allowaddcons: bool) -> dict[str, Any]:
        return _DECLINED

    def branchexecext(self, allowaddcons: bool) -> dict[str, Any]:
        return _DECLINED

    def _choose(self) -> Any | None:
        """One of the candidates, or None where SCIP is to decide (then counted)."""
        report = self.report
        if self.root is None and self.off is None:
            self._begin()
        if self.off is not None or self.root is None or self.policy is None:
            report.hand_over(self.off or "model")
            return None
        if self.model.getDepth() > self.max_depth:
            report.hand_over("depth")
            return None
        started = time.perf_counter()
        graph = node_graph(self.root) if self.policy.at_every_node else None
        candidates = (node_features if graph is None else bare_candidates)(self.model, self.root)
        featured = time.perf_counter()
        report.features_s += featured - started
        try:
            if graph is not None:
                self.policy.at_root(graph)
            if self.policy.follows_tree:
                self.policy.at_node(*place_of_node(self.model))
            return self._best(candidates, self.policy)
        finally:
            report.network_s += time.perf_counter() - featured

    def _best(self, candidates: Candidates, policy: Policy) -> Any | None:
        if not len(candidates):
            self.report.hand_over("no candidates")
            return None
        scores = policy.scores(candidates)
        if scores.shape != (len(candidates),):
            raise ModelError(f"{policy.name} gave {scores.shape} scores for {len(candidates)} candidates")
        best = int(scores.argmax())
        if not np.isfinite(scores[best]) or not np.isfinite(scores).all():
            self.report.hand_over("nan", error=f"{policy.name or 'the policy'} gave a score that is no number")
            return None
        if len(candidates) > 1 and self.margin > 0:
            lead = scores[best] - np.partition(scores, -2)[-2]
            if lead < self.margin:
                self.report.hand_over("margin")
                return None
        policy.branched(best)
        return candidates.variables[best]

    def choose_model(self) -> None:
        """Gate, model, hand-over; once, at the first LP.  A model that cannot be used is noted and SCIP decides."""
        with self._timed_and_caught():
            if self.policy is None:
                self.policy = self._load()
            if self.policy is not None:
                self._configure(self.policy)
            self.is_chosen = True

    def _begin(self) -> None:
        """Root tables and embedding, at the first branching and again after a restart."""
        if not self.is_chosen and self.off is None:
            self.choose_model()
        if self.policy is None or self.off is not None:
            return
        with self._timed_and_caught():
            root = root_state(self.model)
            self.policy.at_root(root.graph)
            self.root = root

    @contextlib.contextmanager
    def _timed_and_caught(self) -> Iterator[None]:
        """What is done once, on the policy's account; where it fails the policy is off for the rest of the search."""
        started = time.perf_counter()
        try:
            yield
        except LimitError as error:
            self.off = "size"
            self.report.gate = gate.Verdict(False, str(error)).to_json()
            self.report.notes.append(f"the policy is off, SCIP decides: {error}")
        except Exception as error:
            self.off = "model"
            self.report.num_errors += 1
            self.report.notes.append(f"the policy is off, SCIP decides: {type(error).__name__}: {error}")
        finally:
            self.report.root_s += time.perf_counter() - started

    def _load(self) -> Policy | None:
        """The model asked for, or the one that the gate picks; None where it picks none."""
        if self.spec.name == "model":
            assert self.spec.model_dir is not None
            return load_policy(self.spec.model_dir)
        configs, directories = {}, {}
        for directory in self.spec.model_dirs:
            try:
                configs[directory.name] = load_config(directory)
                directories[directory.name] = directory
            except ModelError as error:  # one model of another version does not take the rest along
                self.report.notes.append(str(error))
        refused = gate.refuse_size(self.model.getNLPCols(), configs)
        verdict = refused or gate.choose(root_graph(self.model), configs)
        self.report.gate = verdict.to_json()
        if verdict.model is None:
            self.off = "gate"
            return None
        return load_policy(directories[verdict.model])

    def _configure(self, policy: Policy) -> None:
        """Depth, margin and fallback: what the caller says, else the model's config, else none of them."""
        config, spec, report = policy.config, self.spec, self.report
        report.model, report.model_hash = policy.name or None, policy.hash or None
        depth = spec.max_depth if spec.max_depth is not None else config.get("max_depth")
        margin = spec.margin if spec.margin is not None else config.get("margin")
        fallback = spec.fallback or config.get("fallback") or FALLBACKS[0]
        self.max_depth = float("inf") if depth is None else float(depth)
        self.margin = 0.0 if margin is None else float(margin)
        if fallback == "pscost":
            self.before |= prefer(self.model, fallback)
        elif fallback not in FALLBACKS:
            raise ModelError(f"{policy.name}: unknown fallback {fallback!r}; fallbacks: {', '.join(FALLBACKS)}")
        if spec.adopts:
            self._adopt((config.get("validation") or {}).get("protocol", "default"))

    def _adopt(self, protocol: str) -> None:
        """A policy that needs no strong branching has more and cheaper nodes: what SCIP does at each of them, cutting
        planes above all, costs more than it brings.  Under which protocol a policy pays is validation's to say."""
        if PROTOCOLS.get(protocol):
            self.before |= adopt(self.model, protocol, self.spec.kept)
            self.report.adopted = protocol


def place_of_node(scip: Any) -> tuple[int, int, bool, int]:
    """Of the current node: number, parent's (0: none), whether it is the up child, depth."""
    node = scip.getCurrentNode()
    parent, branching = node.getParent(), node.getParentBranchings()
    is_up = branching is not None and len(branching[2]) > 0 and branching[2][0] == 0  # a lower bound was raised
    return int(node.getNumber()), 0 if parent is None else int(parent.getNumber()), is_up, int(scip.getDepth())
