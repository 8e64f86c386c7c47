"""Episodes in processes.

Each runs in a child of its own: it generates or reads its instance, plays it with a NumPy copy of the network (the
weights of the moment of the fork), and writes the trajectory itself, so that a killed run loses no episode that had
ended.
"""

from __future__ import annotations

import dataclasses
import math
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neurosolve.errors import NeurosolveError
from neurosolve.learn.instance_tables import OPTIMUM_PATIENCE, Drawn, optimum_of
from neurosolve.learn.playing import Exploring, play
from neurosolve.learn.trajectories import Trajectory, write_trajectory
from neurosolve.milp.episodes import SearchOptions
from neurosolve.milp.network import Policy
from neurosolve.process import run_in_child

PATIENCE = 3.0  # times the limits of an episode, until its child is killed
MEMORY = 4 << 30


@dataclasses.dataclass(frozen=True)
class Task:
    """An episode to play.  search: its options but for the optimum.  path, cost: of the trajectory."""

    episode: int
    drawn: Drawn
    search: SearchOptions
    policy: Policy
    exploration: str
    amount: float
    seed: int
    step: int
    optima: Path
    path: Path
    cost: str = "nodes"


@dataclasses.dataclass(frozen=True)
class Played:
    """A row of episodes.jsonl.  decisions: environment steps.  cpu_s: of the child, all of it.  error: what went wrong;
    such an episode, and one without a decision, has no trajectory."""

    episode: int
    name: str
    decisions: int = 0
    num_nodes: int = 0
    lp_iterations: int = 0
    is_complete: bool = False
    explored: int = 0
    amount: float = 0.0
    step: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    error: str | None = None


def row_of(trajectory: Trajectory, **more: Any) -> Played:
    t = trajectory
    return Played(t.episode, t.name, len(t), t.num_nodes, t.lp_iterations, t.is_complete, int((~t.greedy).sum()),
                  step=t.step, **more)  # fmt: skip


def play_task(task: Task) -> Played:
    """In a child: the instance, its optimum where it is wanted, the episode, the file."""
    drawn, search = task.drawn, task.search
    source = drawn.source()
    if drawn.table.objective_limit:
        limit_s = OPTIMUM_PATIENCE * (search.time_s or math.inf)
        value = optimum_of(drawn, source, task.optima, limit_s, search.protocol)
        search = dataclasses.replace(search, optimum=value, objective_limit=True)
    chooser = Exploring(task.policy, task.exploration, task.amount, np.random.default_rng([task.seed, task.episode, 1]))
    trajectory = play(source, search, chooser, step=task.step, episode=task.episode, family=drawn.family,
                      size=drawn.size, seed=drawn.seed, name=drawn.name, cost=task.cost)  # fmt: skip
    if trajectory is None:
        return Played(task.episode, drawn.name, is_complete=True, step=task.step)
    write_trajectory(trajectory, task.path)
    return row_of(trajectory, amount=task.amount)


def in_child(task: Task) -> Played:
    """play_task in a process of its own; whatever goes wrong is in the row."""
    began = time.monotonic()
    limit_s = PATIENCE * (1 + OPTIMUM_PATIENCE) * task.search.time_s if task.search.time_s else None
    try:
        run = run_in_child(play_task, task, time_s=limit_s, memory_bytes=MEMORY)
        played: Played = run.value or Played(task.episode, task.drawn.name, error=f"stopped: {run.reason}")
        return dataclasses.replace(played, cpu_s=run.cpu_time_s, wall_s=time.monotonic() - began)
    except NeurosolveError as error:  # one bad instance never ends a run
        return Played(task.episode, task.drawn.name, wall_s=time.monotonic() - began, error=str(error))


class Pool:
    """Tasks in threads that only wait for children; being daemons they let Ctrl-C end at once."""

    def __init__(self, work: Callable[[Task], Played] = in_child) -> None:
        self._work, self._finished = work, queue.SimpleQueue[Played | BaseException]()
        self.num_flying = 0

    def submit(self, task: Task) -> None:
        threading.Thread(target=self._serve, args=(task,), daemon=True).start()
        self.num_flying += 1

    def _serve(self, task: Task) -> None:
        try:
            self._finished.put(self._work(task))
        except BaseException as error:  # a mistake of ours: the run ends by it
            self._finished.put(error)

    def ended(self) -> list[Played]:
        """At least one episode; waits for it."""
        found = [self._finished.get()]
        while not self._finished.empty():
            found.append(self._finished.get())
        self.num_flying -= len(found)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [one for one in found if isinstance(one, Played)]
