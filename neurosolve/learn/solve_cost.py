"""The cost that chooses checkpoints: solving validation formulas with the network's phases, delivered for
real."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosolve.learn.config import SolveValidation
from neurosolve.learn.means import geometric_mean
from neurosolve.learn.samples import Sample
from neurosolve.sat import trial
from neurosolve.sat.phases import Phases

log = logging.getLogger(__name__)


class SolveCost:
    """Solves up to `config.count` satisfiable formulas of the validation set, the same ones every time."""

    def __init__(self, samples: Sequence[Sample], config: SolveValidation, seed: int) -> None:
        self.config, self.seed = config, seed
        satisfiable = [i for i, s in enumerate(samples) if s.status == 1]
        count = min(config.count, len(satisfiable))
        places = np.linspace(0, len(satisfiable) - 1, count).round().astype(int)  # evenly: over all families
        self.chosen = [satisfiable[i] for i in places]
        self.samples = samples
        self._stock: float | None = None

    def measure(self, logits: Sequence[NDArray[np.float32]]) -> dict[str, float]:
        """{solve_cost, stock_cost, solve_ratio, solved}; empty without formulas.  logits: (n,) a sample.

        The cost is the shifted geometric mean of conflicts (milliseconds of CPU where the engine counts
        none).
        """
        if not self.chosen:
            return {}
        if self._stock is None:
            self._stock = self._mean([self._solve(i, None)[0] for i in self.chosen])
        runs = [self._solve(i, logits[i]) for i in self.chosen]
        cost = self._mean([c for c, _ in runs])
        ratio = (cost + self.config.shift) / (self._stock + self.config.shift)
        solved = sum(s for _, s in runs) / len(runs)
        return {"solve_cost": cost, "stock_cost": self._stock, "solve_ratio": ratio, "solved": solved}

    def _solve(self, index: int, logit: NDArray[np.float32] | None) -> tuple[float, bool]:
        phases = None
        if logit is not None:
            phases = Phases.of_logits(logit, "network").confident(self.config.confidence)
        config = self.config
        return trial.cost(self.samples[index].cnf, config.engine, phases, config.delivery,
                          config.conflicts, config.time_s, self.seed)  # fmt: skip

    def _mean(self, costs: Sequence[float]) -> float:
        return geometric_mean(costs, self.config.shift)
