"""One episode: a search of SCIP's in which a policy branches, kept as a trajectory."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosolve.learn.trajectories import NONE, Trajectory
from neurosolve.milp.asking import Decision
from neurosolve.milp.episodes import Episode, Finished, SearchOptions, Source
from neurosolve.milp.features import FEATURE_VERSION
from neurosolve.milp.network import Policy


class Chooser(Protocol):
    """Who branches in an episode."""

    def choose(self, decision: Decision, is_up: bool) -> tuple[int, bool]:
        """Which candidate, and whether it is the best one to the chooser's knowledge."""


class Exploring:
    """A policy's best candidate, or another: with chance `amount` any ("epsilon"), or by a softmax of score / amount
    ("boltzmann"; scores are minus log2 of nodes).  amount 0: always the best."""

    def __init__(self, policy: Policy, kind: str, amount: float, random: np.random.Generator) -> None:
        self.policy, self.kind, self.amount, self.random = policy, kind, amount, random
        self._graph: Any = None

    def choose(self, decision: Decision, is_up: bool) -> tuple[int, bool]:
        policy = self.policy
        if self._graph is not decision.root:
            self._graph = decision.root
            policy.at_root(decision.root)
        if policy.follows_tree:
            policy.at_node(decision.number, decision.parent, is_up, decision.depth)
        scores = np.nan_to_num(policy.scores(decision.candidates).astype(np.float64), nan=-np.inf)
        best = int(scores.argmax())
        chosen = best
        if self.amount > 0 and self.kind == "boltzmann":
            chosen = int((scores / self.amount + self.random.gumbel(size=len(scores))).argmax())
        elif self.amount > 0 and self.random.random() < self.amount:
            chosen = int(self.random.integers(len(scores)))
        policy.branched(chosen)
        return chosen, chosen == best


class Recorder:
    """Decisions as they come -> a trajectory.  A restart of SCIP's begins it anew: its root has other columns."""

    def __init__(self) -> None:
        self._begin(None)

    def _begin(self, graph: Any) -> None:
        self.graph = graph
        self.rows: list[tuple[Any, ...]] = []
        self.columns: list[NDArray[np.int32]] = []
        self.features: list[NDArray[np.float16]] = []
        self._child_of: dict[int, tuple[int, bool]] = {}  # node -> the decision that made it, whether its up child
        self._num_children: list[int] = []

    def see(self, decision: Decision) -> bool:
        """Note what a decision looks like, before it is taken; returns whether its node is an up child."""
        if self.graph is not decision.root:
            self._begin(decision.root)
        self._children(decision.children)
        parent, is_up = self._child_of.get(decision.number, (NONE, False))
        self._now = (decision.number, parent, is_up, decision.depth, decision.lower_bound, decision.cutoff_bound,
                     decision.lp_objective, decision.totals.nodes, decision.totals.lp_iterations)  # fmt: skip
        self.columns.append(decision.candidates.columns.astype(np.int32))
        self.features.append(decision.candidates.features.astype(np.float16))
        return is_up

    def take(self, chosen: int, greedy: bool) -> None:
        self.rows.append((*self._now, chosen, greedy))
        self._num_children.append(0)

    def _children(self, made: tuple[int, ...]) -> None:
        """Nodes that the last decision made: down and up."""
        if self.rows and made:
            self._num_children[-1] = len(made)
            for is_up, number in enumerate(made):
                self._child_of[number] = (len(self.rows) - 1, bool(is_up))

    def trajectory(self, end: Finished, depth_first: bool, **facts: Any) -> Trajectory | None:
        """None where nothing was branched on."""
        self._children(end.children)
        if not self.rows:
            return None
        (number, parent, is_up, depth, lower, cutoff, objective, processed, iterations,
         chosen, greedy) = zip(*self.rows, strict=True)  # fmt: skip
        parents = np.asarray(parent, np.int32)
        decided = np.bincount(parents[parents != NONE], minlength=len(parents))
        fathomed = np.asarray(self._num_children, np.int64) - decided
        graph = self.graph
        return Trajectory(
            graph.column_features, graph.row_features, graph.indptr, graph.indices, graph.coefficients,
            np.asarray(number, np.int64), parents, np.asarray(is_up, np.int8), np.asarray(depth, np.int32),
            np.asarray(chosen, np.int32), fathomed.astype(np.int8),
            _open(parents, fathomed, end.is_complete, depth_first),
            np.asarray(lower), np.asarray(cutoff), np.asarray(objective), np.asarray(processed, np.int64),
            np.asarray(greedy, np.bool_), np.cumsum([0, *map(len, self.columns)]), np.concatenate(self.columns),
            np.concatenate(self.features), FEATURE_VERSION, end.totals.nodes, end.totals.lp_iterations,
            end.totals.cpu_time, is_complete=end.is_complete, status=end.status,
            iterations=np.asarray(iterations, np.int64), **facts,
        )  # fmt: skip


def _open(
    parents: NDArray[np.int32], fathomed: NDArray[np.int64], is_complete: bool, depth_first: bool
) -> NDArray[np.bool_]:
    """Whose subtree may hold nodes that were never searched: depth first the last decision's path, else all above a
    child of which nothing is known."""
    is_open = np.zeros(len(parents), np.bool_)
    if not is_complete:
        is_open[-1] = True
        if not depth_first:
            is_open |= fathomed > 0
        for i in range(len(parents) - 1, 0, -1):
            if is_open[i] and parents[i] != NONE:
                is_open[parents[i]] = True
    return is_open


def play(source: Source, options: SearchOptions, chooser: Chooser, **facts: Any) -> Trajectory | None:
    """One episode; None where nothing was branched on.  facts: of the trajectory: step, episode, family, size, ...

    Raises what Episode.start raises.
    """
    began, policy_s, recorder = time.perf_counter(), 0.0, Recorder()
    episode = Episode(source, options)
    try:
        state = episode.start()
        while isinstance(state, Decision):
            is_up = recorder.see(state)
            asked = time.perf_counter()
            chosen, greedy = chooser.choose(state, is_up)
            policy_s += time.perf_counter() - asked
            recorder.take(chosen, greedy)
            state = episode.branch(state.candidates.variables[chosen])
    finally:
        episode.close()
    optimum = math.nan if options.optimum is None else options.optimum
    return recorder.trajectory(state, options.depth_first, wall_s=time.perf_counter() - began, policy_s=policy_s,
                               optimum=optimum, **facts)  # fmt: skip
