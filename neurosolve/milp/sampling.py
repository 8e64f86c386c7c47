"""Asks the expert at a share of the nodes while another rule drives the search: what branching policies learn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pyscipopt import Branchrule, Model
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from neurosolve.milp import gate
from neurosolve.milp.features import RootGraph, RootState, node_features, node_graph, root_graph, root_state
from neurosolve.milp.first_lp import FirstLP
from neurosolve.milp.strong_branching import strong_branching_scores

PRIORITY = 10_000_000  # before every rule that may drive the search
Emit = Callable[[tuple[str, Any]], None]


@dataclasses.dataclass(frozen=True)
class SamplingOptions:
    """share: of the nodes that are labelled, the first branching always.  max_nodes: labelled at most; the search ends
    with the last.  time_s: CPU seconds of an instance.  follow: the expert's choice is taken where it was asked, else
    the driving rule's.  graphs: also the node's own LP, which `gcnn` learns from."""

    share: float = 0.05
    max_nodes: int = 40
    follow: bool = False
    time_s: float = 60.0
    seed: int = 0
    graphs: bool = False


class Sampler(Branchrule):  # type: ignore[misc, no-any-unimported, unused-ignore]
    """Emits ("fingerprint", float64 array) at the first LP, ("root", arrays of the RootGraph) at the first branching
    and ("node", arrays) for every labelled node.

    A node's arrays: columns int32 (k,), features float32 (k, F), scores and pseudocosts float32 (k,), depth int, and
    graph, the five arrays of its LP (None unless asked for).  It only ever branches on a current candidate (with
    `follow`), else leaves the choice to the next rule.  What goes wrong at a node is counted in `errors` and costs that
    node alone.
    """

    def __init__(self, options: SamplingOptions, emit: Emit) -> None:
        self.options, self.emit = options, emit
        self.random = np.random.default_rng(options.seed)
        self.root: RootState | None = None
        self.num_labelled = 0
        self.errors: list[str] = []

    def look(self) -> None:
        """At the first LP: what the gate will see of such a problem."""
        try:
            found = gate.fingerprint(root_graph(self.model))
            self.emit(("fingerprint", np.array([found[name] for name in gate.FEATURES])))
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        wanted = self.random.random() < self.options.share
        if (self.root is None or wanted) and self.num_labelled < self.options.max_nodes:
            try:
                best = self._label()
            except Exception as error:  # an exception would end the solve and lose its type
                self.errors.append(f"{type(error).__name__}: {error}")
                best = None
            if self.num_labelled >= self.options.max_nodes:
                self.model.interruptSolve()
            if best is not None and self.options.follow:
                self.model.branchVar(best)
                return {"result": SCIP_RESULT.BRANCHED}
        return {"result": SCIP_RESULT.DIDNOTRUN}

    def _label(self) -> Any:
        scip: Model = self.model
        if self.root is None:
            self.root = root_state(scip)
            self.emit(("root", _arrays(self.root.graph)))
        candidates = node_features(scip, self.root)
        if len(candidates) < 2:
            return None
        graph = _arrays(node_graph(self.root)) if self.options.graphs else None
        values = scip.getLPBranchCands()[1]
        pseudocosts = [scip.getVarPseudocostScore(v, x) for v, x in zip(candidates.variables, values, strict=False)]
        scores = strong_branching_scores(scip, candidates.variables)
        self.emit(("node", {
            "columns": candidates.columns.astype(np.int32), "features": np.ascontiguousarray(candidates.features),
            "scores": scores.astype(np.float32), "pseudocosts": np.asarray(pseudocosts, np.float32),
            "depth": int(scip.getDepth()), "graph": graph,
        }))  # fmt: skip
        self.num_labelled += 1
        return candidates.variables[int(np.nanargmax(scores))]


def _arrays(graph: RootGraph) -> dict[str, Any]:
    return {f.name: getattr(graph, f.name) for f in dataclasses.fields(graph)}


def sample(path: Path, configure: Callable[[Model], None], options: SamplingOptions, emit: Emit) -> dict[str, Any]:
    """Solve the file (plain or gzip) with a Sampler inside; `configure` sets SCIP's parameters and the driving rule.

    Returns {status, num_nodes, num_labelled, errors}.  Raises OSError for a file that SCIP cannot read.
    """
    scip = Model()
    scip.hideOutput()
    configure(scip)
    scip.setParam("timing/clocktype", 1)  # CPU seconds: collections share the machine
    scip.setParam("limits/time", options.time_s)
    scip.setParam("presolving/maxrestarts", 0)  # a restart would change the root's columns
    scip.setParam("estimation/restarts/restartpolicy", "n")
    scip.readProblem(str(path))
    sampler = Sampler(options, emit)
    scip.includeBranchrule(sampler, "neurosolve_sampler", "asks the expert", PRIORITY, -1, 1.0)
    scip.includeEventhdlr(FirstLP(sampler.look), "neurosolve_sampler_first_lp", "takes the problem's fingerprint")
    scip.optimize()
    return {"status": scip.getStatus(), "num_nodes": int(scip.getNTotalNodes()), "num_labelled": sampler.num_labelled,
            "errors": sampler.errors}  # fmt: skip
