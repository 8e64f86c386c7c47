"""The statistics of paired runs.  Times are seconds, one entry an instance; ratios are arm over baseline."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
TIME_SHIFT_S = 1.0
INTEGRAL_SHIFT = 100.0  # per cent times seconds: TIME_SHIFT_S without an incumbent
NUM_RESAMPLES = 10_000
LEVEL = 0.95  # of every interval


@dataclasses.dataclass(frozen=True)
class Ratio:
    """A shifted geometric mean of paired ratios over `count` instances and its bootstrap 95% interval."""

    value: float
    low: float
    high: float
    count: int

    @property
    def spread(self) -> float:
        """How far from 1 the interval reaches, as a factor of at least 1: of an A/A pair, the size of
        noise.
        """
        return max(self.high, 1 / self.low)

    def inside(self, noise: Ratio | None) -> bool:
        """Whether the figure is no farther from 1 than an A/A pair reaches."""
        return noise is not None and max(self.value, 1 / self.value) <= noise.spread


def par2(times: Floats, solved: Bools, limit_s: float) -> float:
    """Mean of the time, twice the limit where unsolved."""
    return float(np.mean(np.where(solved, times, 2 * limit_s)))


def shifted_geomean(values: Floats, shift: float) -> float:
    """exp(mean(log(value + shift))) - shift."""
    return float(np.exp(np.mean(np.log(values + shift))) - shift)


def log_ratios(arm: Floats, base: Floats, shift: float) -> Floats:
    """log((arm + shift) / (base + shift)), one entry an instance."""
    return np.asarray(np.log((arm + shift) / (base + shift)))


def ratio(logs: Floats) -> Ratio | None:
    """The geometric mean of ratios given their logarithms, instances resampled; None with no instance."""
    if len(logs) == 0:
        return None
    low, high = bootstrap_interval(logs)
    return Ratio(math.exp(float(np.mean(logs))), math.exp(low), math.exp(high), len(logs))


def bootstrap_interval(values: Floats, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the mean, at LEVEL: NUM_RESAMPLES samples of the instances with replacement."""
    return _interval(np.asarray(values, dtype=np.float64).tobytes(), seed)


@functools.cache  # base, best stock and the A/A pair ask the same thing over and over
def _interval(content: bytes, seed: int) -> tuple[float, float]:
    values = np.frombuffer(content)
    generator = np.random.default_rng(seed)
    means = np.empty(NUM_RESAMPLES)
    block = max(1, 2_000_000 // len(values))  # keeps the index array near 16 MB
    for start in range(0, NUM_RESAMPLES, block):
        stop = min(start + block, NUM_RESAMPLES)
        picks = generator.integers(0, len(values), size=(stop - start, len(values)))
        means[start:stop] = values[picks].mean(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def wilcoxon(logs: Floats) -> float:
    """Two-sided p of the signed-rank test on log ratios; 1 where every pair is equal."""
    logs = logs[logs != 0]
    if len(logs) == 0:
        return 1.0
    from scipy.stats import wilcoxon as signed_rank  # half a second to import: only where a score is wanted

    return float(signed_rank(logs).pvalue)


@dataclasses.dataclass(frozen=True)
class McNemar:
    """Instances only the arm solved, only the baseline solved, and the exact two-sided p of such a split."""

    gained: int
    lost: int
    p: float


def mcnemar(arm_solved: Bools, base_solved: Bools) -> McNemar:
    """The exact (binomial) McNemar test on solved against unsolved."""
    gained = int(np.sum(arm_solved & ~base_solved))
    lost = int(np.sum(~arm_solved & base_solved))
    discordant, rarer = gained + lost, min(gained, lost)
    tail = sum(math.comb(discordant, count) for count in range(rarer + 1)) / 2**discordant
    return McNemar(gained, lost, min(1.0, 2 * tail))
