"""What solvers say about phases: formulas by seed, their conflicts under a network's logits, and the curriculum."""

from __future__ import annotations

import dataclasses
import math
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosolve import child
from neurosolve.errors import EngineError, UsageError
from neurosolve.families import SAT_FAMILIES
from neurosolve.learn.config import SolveValidation
from neurosolve.learn.samples import Sample
from neurosolve.sat import trial
from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases

SMOOTHING = 0.8  # of the running mean that the curriculum watches
LEAST_STEPS = 5  # at a size before the next one joins


def formula(family: str, size: int, seed: int) -> Sample:
    """One generated formula without labels; `primary` marks what the generator plants.

    Raises UsageError for a family that is none of SAT formulas.
    """
    if family not in SAT_FAMILIES:
        raise UsageError(f"unknown family {family!r}; known: {', '.join(SAT_FAMILIES)}")
    instance = SAT_FAMILIES[family].generate(size, seed)
    cnf, name = instance.cnf, f"{family}-{size}-{seed}"
    nothing, backbone = np.zeros((0, cnf.num_variables), np.int8), np.zeros(cnf.num_variables, np.int8)
    primary = np.zeros(0 if instance.planted is None else cnf.num_variables, np.bool_)
    if instance.planted is not None:
        primary[np.abs(instance.planted) - 1] = True  # which variables, not their values
    return Sample(cnf.num_variables, cnf.literals, cnf.offsets, nothing, backbone, False, 0, family, size, seed, name,
                  primary)  # fmt: skip


class Solved(NamedTuple):
    """conflicts spent; the assignment found, int8 (n,) of +1 and -1, None without one."""

    conflicts: float
    assignment: NDArray[np.int8] | None


class Referee:
    """Solves formulas with phases as the model's own engine and delivery do.

    Conflicts are counted and no clock is read: the same formula and logits give the same number on every machine.
    `workers` processes are forked once and solve one after the other, since a child for each solve would cost more than
    the cheap ones among them; they end with their parent, however it ends.
    """

    def __init__(self, how: SolveValidation, workers: int, seed: int) -> None:
        self.how, self.seed = how, seed
        self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), child.die_with_parent)
        self._pool.submit(int).result()  # forks now, while no other thread holds a lock

    def solve(self, tasks: Sequence[tuple[Sample, NDArray[np.float32]]], most: int) -> list[Solved]:
        """What became of every (formula, phase logits (n,)), each solve bounded by `most` conflicts.

        Raises EngineError where a solver took its process down.
        """
        jobs = [(sample.cnf, logit, self.how, most, self.seed) for sample, logit in tasks]
        try:
            return list(self._pool.map(_solve, jobs))
        except BrokenProcessPool as error:
            raise EngineError(f"{self.how.engine} crashed while it solved for training") from error

    def mean(self, conflicts: NDArray[np.float64]) -> float:
        """Geometric mean, shifted."""
        return float(np.exp(np.log(conflicts + self.how.shift).mean()) - self.how.shift)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _solve(job: tuple[CNF, NDArray[np.float32], SolveValidation, int, int]) -> Solved:
    """In a worker: one bounded solve."""
    cnf, logit, how, most, seed = job
    told = Phases.of_logits(logit, "network").confident(how.confidence)
    conflicts, assignment = trial.solve_here(cnf, how.engine, told, how.delivery, most, seed)
    return Solved(conflicts, None if assignment is None else np.sign(assignment).astype(np.int8))


@dataclasses.dataclass
class Curriculum:
    """Which sizes are drawn: the first `level` + 1 of `sizes`.

    running: smoothed log conflicts at the largest of them, over `steps` steps; all of it goes into checkpoints.
    """

    sizes: Sequence[int]
    grow_below: float
    level: int = 0
    running: float = math.nan
    steps: int = 0

    def draw(self, count: int, random: np.random.Generator) -> list[int]:
        """`count` sizes, the first one the largest in play so that every step has news of it."""
        largest = self.sizes[self.level]
        others = random.choice(np.asarray(self.sizes[: self.level + 1]), count - 1)
        return [largest, *others.tolist()]

    def observe(self, log_conflicts: float) -> None:
        """Mean log conflicts of a step's formulas of the largest size; moves on when they have fallen enough."""
        first = math.isnan(self.running)
        self.running = log_conflicts if first else SMOOTHING * self.running + (1 - SMOOTHING) * log_conflicts
        self.steps += 1
        low = self.running < math.log(self.grow_below)
        if low and self.steps >= LEAST_STEPS and self.level + 1 < len(self.sizes):
            self.level, self.running, self.steps = self.level + 1, math.nan, 0

    def state(self) -> dict[str, float]:
        return {"level": self.level, "running": self.running, "steps": self.steps}
