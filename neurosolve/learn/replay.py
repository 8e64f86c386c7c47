"""Replay over trajectories: some episodes, and some decisions of each, by priority.

A decision is drawn with a chance in proportion to priority ** exponent (Schaul and others, arXiv 1511.05952): first
`batch_episodes` trajectories in proportion to what their decisions add up to, with replacement, then decisions inside
them.  So few roots are encoded for many decisions, and every decision's chance stays what its priority says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosolve.learn.trajectories import Trajectory

Values = Callable[[Trajectory], NDArray[np.float32]]
LEAST = 1e-2  # of a priority


@dataclasses.dataclass
class Slot:
    """A trajectory and what the learner knows of it.  mass: priority ** exponent (D,).  values: log2 nodes (D,) as the
    target network of `version` had them.  shares: rho (D,) of redistribution.py.  scores: the imitation policy's
    (K,)."""

    trajectory: Trajectory
    mass: NDArray[np.float64]
    total: float
    values: NDArray[np.float32] | None = None
    version: int = -1
    shares: NDArray[np.float64] | None = None
    scores: NDArray[np.float16] | None = None


@dataclasses.dataclass(frozen=True)
class Pick:
    """Decisions of one slot, ascending and each once.  weight (B',): importance, the batch's largest is 1; a decision
    that was drawn twice counts twice."""

    slot: Slot
    decisions: NDArray[np.int64]
    weight: NDArray[np.float32]


class Replay:
    """The last episodes, at most `capacity` decisions but one episode at least."""

    def __init__(self, capacity: int, exponent: float) -> None:
        self.capacity, self.exponent = capacity, exponent
        self.slots: list[Slot] = []
        self.num_decisions = 0
        self._largest = 1.0

    def __len__(self) -> int:
        return self.num_decisions

    def add(self, trajectory: Trajectory) -> list[Trajectory]:
        """Its decisions begin with the largest priority so far.  Returns what had to leave."""
        mass = np.full(len(trajectory), self._largest**self.exponent)
        self.slots.append(Slot(trajectory, mass, float(mass.sum())))
        self.num_decisions += len(trajectory)
        gone = []
        while self.num_decisions > self.capacity and len(self.slots) > 1:
            gone.append(self.slots.pop(0).trajectory)
            self.num_decisions -= len(gone[-1])
        return gone

    def draw(self, random: np.random.Generator, episodes: int, nodes: int, correction: float) -> list[Pick]:
        """`nodes` draws from `episodes` draws of trajectories.  correction: exponent of the importance weights."""
        totals = np.array([slot.total for slot in self.slots])
        everything = totals.sum()
        shares = random.multinomial(episodes, totals / everything)
        each = max(1, nodes // episodes)
        drawn = []
        for i in np.flatnonzero(shares):
            slot = self.slots[int(i)]
            running = np.cumsum(slot.mass)
            places = np.searchsorted(running, random.random(each * int(shares[i])) * running[-1], side="right")
            decisions, times = np.unique(np.minimum(places, len(slot.mass) - 1), return_counts=True)
            weight = times * (everything / (slot.mass[decisions] * self.num_decisions)) ** correction
            drawn.append((slot, decisions, weight))
        largest = max(float(weight.max()) for _, _, weight in drawn)
        return [Pick(slot, decisions, (weight / largest).astype(np.float32)) for slot, decisions, weight in drawn]

    def learnt(self, picks: Sequence[Pick], errors: NDArray[np.floating]) -> None:
        """errors (B,): |log2 units| of the picks' decisions one after the other; they become the priorities."""
        start = 0
        for pick in picks:
            own = np.abs(errors[start : start + len(pick.decisions)]) + LEAST
            start += len(own)
            self._largest = max(self._largest, float(own.max(initial=0.0)))
            pick.slot.mass[pick.decisions] = own.astype(np.float64) ** self.exponent
            pick.slot.total = float(pick.slot.mass.sum())
