"""Branching as a Gymnasium environment: an episode is one search of SCIP's, a step one branching.

    env = BranchingEnv(["a.mps.gz", "b.mps.gz"])            # or a function seed -> file or Problem
    observation, info = env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(np.flatnonzero(info["action_mask"])[0])

SCIP runs in a thread of this process, without the interpreter's lock, and the environment and SCIP take turns.
Chosen by measurement, 100 decisions on a small set cover: the bare callback 854 us a step, a thread 867, one lasting
child process 1032, a child for each episode 1126; on auctions 100x500 (12 ms a step) no difference.  1,000 episodes,
half of them left in the middle, grow the process by less than 8 MiB (tested).  A thread also leaves SCIP within reach
(ask) and forks no trainer that holds CUDA.  What it gives up: a crash of SCIP's takes the process along, and an LP that
hangs is interrupted only where SCIP looks.  Who needs that runs the environment in a process (AsyncVectorEnv).
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neurosolve.errors import UsageError
from neurosolve.milp.asking import Decision
from neurosolve.milp.episodes import Episode, Finished, Question, SearchOptions
from neurosolve.milp.features import NODE_FEATURES, Candidates
from neurosolve.milp.observations import LEAST, MOST, best, padded, without_scip
from neurosolve.milp.problem import Problem
from neurosolve.milp.rewards import Reward, Totals, reward_named
from neurosolve.milp.scip_settings import Value
from neurosolve.milp.strong_branching import strong_branching_scores

ENV_ID = "neurosolve/Branching-v0"
Instance = str | Path | Problem
Given = Instance | tuple[Instance, float]  # with its optimal objective, where that is known
Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]

_MAX_DRAWS = 100  # of instances that SCIP solves without a branching, until one of them is taken as it is
_SEEDS = 2**31 - 1
_FACTS = ("number", "parent", "depth", "lower_bound", "cutoff_bound", "lp_objective")  # of a Decision, into info


class BranchingEnv(gymnasium.Env[Observation, np.int64]):
    """instances: files (one is drawn for each episode) or a function from a seed to a file or a Problem; each may come
    as a pair with its optimal objective.

    Observation, of fixed shapes for N = max_candidates: "features" float32 (N, F) (milp.features.NODE_FEATURES, rows
    past the candidates zero, NaN and infinities made finite), "columns" int32 (N,) (root LP column, -1: none), and
    "action_mask" int8 (N,).  Where SCIP offers more than N, the N of best pseudocost score are kept, in their order.
    Action: the index of a candidate.  One that is masked out leaves the decision to SCIP's own rules
    (info["is_handed_over"]).

    reward: one of milp.rewards.REWARDS (nodes, lp_iterations, dual_integral, cpu_time: minus what the step added, so
    they sum to minus what the search cost after the first decision), or a function of the Totals before and after.

    terminated: the search is complete.  truncated: a limit: node_limit nodes, time_s seconds (wall, the agent's not
    counted), step_limit steps, SCIP's own limits from params, or stop(info) is true.  After the end the mask is empty.
    An instance that needs no branching is passed over when drawn; one asked for by name gives info["is_finished"] and
    an empty mask, and its only step terminates.

    info: action_mask, num_candidates (all of SCIP's), is_finished, is_handed_over, instance, number, parent, depth,
    lower_bound, cutoff_bound, lp_objective, dual_bound, primal_bound, children (see asking.Decision), num_nodes,
    num_lp_iterations; at the end status.  strong_branching: adds expert_scores float64 (k,), NaN where SCIP could not
    solve.  raw: adds candidates (Candidates whose variables are names) and root (RootGraph).  Times differ from run to
    run, so they are not in info but in `totals`.

    protocol "paper" or "default"; scip_seed: SCIP's (0: its own, None: drawn anew for each episode); depth_first: node
    selection; objective_limit: the optimum, which must come with the instance, is the cutoff from the start; params:
    SCIP's parameters by name.

    Same seed, same actions: same trajectory, unless a time limit strikes.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own declaration

    def __init__(
        self,
        instances: Sequence[Given] | Callable[[int], Given],
        *,
        reward: str | Reward = "nodes",
        max_candidates: int = 512,
        protocol: str = "paper",
        scip_seed: int | None = 0,
        depth_first: bool = False,
        objective_limit: bool = False,
        strong_branching: bool = False,
        raw: bool = False,
        node_limit: int | None = None,
        time_s: float | None = None,
        step_limit: int | None = None,
        stop: Callable[[Info], bool] | None = None,
        params: Mapping[str, Value] | None = None,
    ) -> None:
        if not callable(instances) and not len(instances):
            raise UsageError("an environment needs instances")
        if max_candidates < 1:
            raise UsageError("max_candidates is at least 1")
        self.instances, self.reward, self.scip_seed = instances, reward_named(reward), scip_seed
        self.strong_branching, self.raw = strong_branching, raw
        self.step_limit, self.stop = step_limit, stop
        self.search = SearchOptions(
            protocol=protocol, params=dict(params or {}), depth_first=depth_first, objective_limit=objective_limit,
            node_limit=node_limit, time_s=time_s, dual_integral=callable(reward) or reward == "dual_integral",
        )  # fmt: skip
        size = self.max_candidates = max_candidates
        self.action_space = spaces.Discrete(size)
        self.observation_space = spaces.Dict(  # type: ignore[assignment]
            {
                "features": spaces.Box(LEAST, MOST, (size, len(NODE_FEATURES)), np.float32),
                "columns": spaces.Box(-1, np.iinfo(np.int32).max, (size,), np.int32),
                "action_mask": spaces.MultiBinary(size),
            }
        )
        self._episode: Episode | None = None
        self._finalizer: Any = None
        self._validated: set[Path] = set()
        self._offered: Candidates | None = None
        self._name, self._num_steps, self._is_handed_over = "", 0, False
        self.totals = Totals()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, Info]:
        """Begin the next episode.  options: {"path" or "problem": the instance, "optimum": its objective}.

        Raises InputError for a file that cannot be read, UsageError for options that do not go together.
        """
        super().reset(seed=seed)
        named = _named(options or {})
        for _ in range(_MAX_DRAWS):
            state = self._begin(self._drawn() if named is None else named)
            if isinstance(state, Decision) or named is not None:
                break
        self._num_steps, self._is_handed_over = 0, False
        return self._outcome(state)

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, Info]:
        """Branch on the candidate and search up to the next decision or the end."""
        episode = self._episode
        if episode is None or episode.current is None:
            raise UsageError("reset() comes before step(), also after an episode has ended")
        before, state = self.totals, episode.current
        if isinstance(state, Decision):
            index = int(action)
            offered, self._offered = self._offered, None
            valid = offered is not None and 0 <= index < len(offered)
            self._is_handed_over = not valid
            state = episode.branch(offered.variables[index] if offered is not None and valid else None)
        self._num_steps += 1
        observation, info = self._outcome(state)
        is_over = isinstance(state, Finished)
        terminated = isinstance(state, Finished) and state.is_complete
        truncated = is_over and not terminated
        if not is_over:
            late = self.step_limit is not None and self._num_steps >= self.step_limit
            truncated = late or (self.stop is not None and bool(self.stop(info)))
        if is_over or truncated:
            self.close()
        return observation, self.reward(before, self.totals), terminated, truncated, info

    def close(self) -> None:
        """End the search, its thread, and SCIP; also in the middle of one, and more than once."""
        if self._finalizer is not None:
            self._finalizer()
        self._episode = self._finalizer = self._offered = None

    def ask(self, question: Question) -> Any:
        """question(scip, candidates) at the current decision: see Episode.ask.  candidates: all that SCIP offers."""
        if self._episode is None:
            raise UsageError("no decision is open: reset() comes first")
        return self._episode.ask(question)

    def strong_branching_scores(self) -> NDArray[np.float64]:
        """The expert's scores of the current candidates, in the order of the actions; SCIP's state stays as it is."""
        if self._offered is None:
            raise UsageError("no decision is open: reset() comes first, or the search has ended")
        variables = self._offered.variables
        scores: NDArray[np.float64] = self.ask(lambda scip, _: strong_branching_scores(scip, variables))
        return scores

    def _drawn(self) -> tuple[Instance, float | None]:
        if callable(self.instances):
            return _pair(self.instances(int(self.np_random.integers(_SEEDS))))
        return _pair(self.instances[int(self.np_random.integers(len(self.instances)))])

    def _begin(self, instance: tuple[Instance, float | None]) -> Decision | Finished:
        self.close()
        source, optimum = instance
        if not isinstance(source, Problem):
            source = Path(source)
        seed = self.scip_seed if self.scip_seed is not None else int(self.np_random.integers(1, _SEEDS))
        known = source in self._validated if isinstance(source, Path) else True
        options = dataclasses.replace(self.search, seed=seed, optimum=optimum, validate=not known)
        self._name = source.name if isinstance(source, Problem) else str(source)
        self._episode = Episode(source, options)
        self._finalizer = weakref.finalize(self, self._episode.close)
        state = self._episode.start()
        if isinstance(source, Path):
            self._validated.add(source)
        return state

    def _outcome(self, state: Decision | Finished) -> tuple[Observation, Info]:
        self.totals = state.totals
        info: Info = {
            "instance": self._name, "is_finished": isinstance(state, Finished), "is_handed_over": self._is_handed_over,
            "num_nodes": state.totals.nodes, "num_lp_iterations": state.totals.lp_iterations, "num_candidates": 0,
            "dual_bound": state.dual_bound, "primal_bound": state.primal_bound, "children": state.children,
        }  # fmt: skip
        if isinstance(state, Finished):
            self._offered, info["status"] = None, state.status
        else:
            self._offered = best(state.candidates, self.max_candidates)
            info |= {"num_candidates": len(state.candidates), **{name: getattr(state, name) for name in _FACTS}}
            if self.strong_branching:
                info["expert_scores"] = self.strong_branching_scores()
            if self.raw:
                info |= {"candidates": without_scip(self._offered), "root": state.root}
        observation = padded(self._offered, self.max_candidates)
        info["action_mask"] = observation["action_mask"].copy()
        return observation, info


def register() -> None:
    """Make `gymnasium.make("neurosolve/Branching-v0", instances=...)` work; calling it again changes nothing."""
    if ENV_ID not in gymnasium.registry:
        gymnasium.register(ENV_ID, entry_point="neurosolve.milp.env:BranchingEnv")


def _pair(given: Given) -> tuple[Instance, float | None]:
    """An instance and its optimum, None where it is not told."""
    return given if isinstance(given, tuple) else (given, None)


def _named(options: dict[str, Any]) -> tuple[Instance, float | None] | None:
    """What reset's options ask for; None: nothing, so that an instance is drawn."""
    unknown = options.keys() - {"path", "problem", "optimum"}
    asked = [options[name] for name in ("path", "problem") if options.get(name) is not None]
    if unknown or len(asked) > 1 or (options.get("optimum") is not None and not asked):
        raise UsageError(f"options of reset(): path or problem, and its optimum; not {', '.join(sorted(options))}")
    return (asked[0], options.get("optimum")) if asked else None
