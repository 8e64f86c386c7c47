"""SCIP's side of an episode: the rule that stops at every branching and asks, and what the search has cost by then."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Protocol

import numpy as np
from pyscipopt import Branchrule, Eventhdlr
from pyscipopt.scip import PY_SCIP_EVENTTYPE as SCIP_EVENTTYPE
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from neurosolve.milp.features import Candidates, RootGraph, RootState, node_features, root_state
from neurosolve.milp.rewards import Totals, relative_gap

_LEFT_TO_SCIP = {"result": SCIP_RESULT.DIDNOTRUN}


@dataclasses.dataclass(frozen=True)
class Decision:
    """SCIP waits for a candidate.  number, parent: of the node, as SCIP counts (0: the root has no parent).

    lower_bound, cutoff_bound, lp_objective: of the transformed problem, which is minimised; dual_bound, primal_bound:
    of the whole search, in the problem's own sense.  Infinite where there is none.  children: numbers of the nodes
    that the last decision made, down and up; empty if there was none or SCIP took it.
    """

    candidates: Candidates
    root: RootGraph
    number: int
    parent: int
    depth: int
    lower_bound: float
    cutoff_bound: float
    lp_objective: float
    dual_bound: float
    primal_bound: float
    children: tuple[int, ...]
    totals: Totals


class Agent(Protocol):
    """Who is asked.  stopping: the search is to end.  failed: told when the rule itself raises."""

    stopping: bool
    time_s: float | None

    def exchange(self, decision: Decision, scip: Any) -> Any | None:
        """Blocks until the answer is there: a candidate's variable, None to leave it to SCIP."""

    def failed(self, error: Exception) -> None: ...


class Meter:
    """What the search has cost.  Runs in SCIP's thread, where thread_time() is SCIP's own."""

    def __init__(self, scip: Any, optimum: float | None, dual_integral: bool) -> None:
        self.scip, self.optimum, self.dual_integral = scip, optimum, dual_integral
        self.cpu_s = self.integral = self.aside_s = 0.0
        self.gap = 1.0
        self.resumed, self.stopped = time.thread_time(), time.perf_counter()

    def advance(self) -> None:
        """Up to now, with the gap that was valid since the last call."""
        now = time.thread_time()
        self.cpu_s += now - self.resumed
        self.integral += self.gap * (now - self.resumed)
        self.resumed = now
        if self.dual_integral:
            target = self.scip.getPrimalbound() if self.optimum is None else self.optimum
            self.gap = relative_gap(self.scip.getDualbound(), target)

    def stop(self) -> None:
        self.advance()
        self.stopped = time.perf_counter()

    def resume(self) -> None:
        self.aside_s += time.perf_counter() - self.stopped
        self.resumed = time.thread_time()

    def totals(self) -> Totals:
        integral = self.integral if self.dual_integral else 0.0
        return Totals(int(self.scip.getNTotalNodes()), int(self.scip.getNLPIterations()), integral, self.cpu_s)


class BoundWatch(Eventhdlr):  # type: ignore[misc, no-any-unimported, unused-ignore]
    """Advances the meter whenever a bound changes."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def eventinit(self) -> None:
        for event in (SCIP_EVENTTYPE.BESTSOLFOUND, SCIP_EVENTTYPE.DUALBOUNDIMPROVED):
            self.model.catchEvent(event, self)

    def eventexec(self, event: Any) -> None:
        self.meter.advance()


class Asking(Branchrule):  # type: ignore[misc, no-any-unimported, unused-ignore]
    """Leaves every branching on an LP candidate to the agent."""

    def __init__(self, agent: Agent, meter: Meter) -> None:
        self.agent, self.meter = agent, meter
        self.root: RootState | None = None
        self.children: tuple[int, ...] = ()

    def branchinitsol(self) -> None:
        self.root = None  # a restart has other columns

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        self.meter.stop()
        try:
            result = self._decide()
        except Exception as error:  # in a callback it would end the search and lose its type
            self.agent.failed(error)
            result = self._give_up()
        self.meter.resume()
        time_s = self.agent.time_s
        if time_s is not None:
            self.model.setParam("limits/time", time_s + self.meter.aside_s)
        return result

    def branchexecps(self, allowaddcons: bool) -> dict[str, Any]:
        return _LEFT_TO_SCIP

    def branchexecext(self, allowaddcons: bool) -> dict[str, Any]:
        return _LEFT_TO_SCIP

    def _give_up(self) -> dict[str, Any]:
        """End the search; cutting the node off keeps SCIP's rules from working on it."""
        self.model.interruptSolve()
        return {"result": SCIP_RESULT.CUTOFF}

    def _decide(self) -> dict[str, Any]:
        scip = self.model
        if self.agent.stopping:
            return self._give_up()
        if self.root is None:
            self.root = root_state(scip)
        candidates = node_features(scip, self.root)
        if not len(candidates):
            return _LEFT_TO_SCIP
        choice = self.agent.exchange(self._decision(candidates, self.root.graph), scip)
        if self.agent.stopping:
            return self._give_up()
        self.children = ()
        if choice is None:
            return _LEFT_TO_SCIP
        made = scip.branchVar(choice)
        self.children = tuple(int(node.getNumber()) for node in made if node is not None)
        return {"result": SCIP_RESULT.BRANCHED}

    def _decision(self, candidates: Candidates, graph: RootGraph) -> Decision:
        scip, node = self.model, self.model.getCurrentNode()
        parent = node.getParent()
        dual, primal = bounds_of(scip)
        return Decision(
            candidates, graph, int(node.getNumber()), 0 if parent is None else int(parent.getNumber()),
            int(scip.getDepth()), _value(node.getLowerbound()), _value(scip.getCutoffbound()),
            _value(scip.getLPObjVal()), dual, primal, self.children, self.meter.totals(),
        )  # fmt: skip


def bounds_of(scip: Any) -> tuple[float, float]:
    """Dual and primal bound of the search, in the problem's own sense."""
    return _value(scip.getDualbound()), _value(scip.getPrimalbound())


def _value(number: float) -> float:
    """A number of SCIP's, infinite where SCIP means that."""
    return float(number) if abs(number) < 1e20 else float(np.copysign(np.inf, number))
