"""From result rows to scores: one line for each group of instances and each arm."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bench import stats
from bench.answers import judged
from bench.grid import Grid, build_grid
from bench.highs import opinions
from bench.kinds import MILP, Kind
from bench.rows import BenchError, Row
from bench.stats import Bools, Floats, McNemar, Ratio


@dataclasses.dataclass(frozen=True)
class Pair:
    """An arm against one other arm on the same instances; seconds are shifted by 1, counts by 10 (SAT) or 1 (MILP).

    `inside`: the figures (`time`, `cpu`, `integral`, names of counts) no farther from 1 than the A/A pair reaches.
    """

    other: str
    time: Ratio | None  # None for an arm that is only counted
    cpu: Ratio | None  # of MILP runs
    integral: Ratio | None  # the primal-dual integral of MILP runs, over all instances
    counts: dict[str, Ratio | None]  # each over instances both solved and both counted on
    inside: frozenset[str]
    sat: Ratio | None
    unsat: Ratio | None
    guided: Ratio | None  # time, on instances the arm's gate let through
    wilcoxon_p: float
    mcnemar: McNemar


@dataclasses.dataclass(frozen=True)
class Line:
    """One arm on one group."""

    group: str
    arm: str
    count: int
    solved: int
    timeouts: int
    errors: int
    par2: float
    geomean_s: float | None  # None for an arm that is only counted, as are the next two
    geomean_cpu_s: float | None
    wins: int | None  # instances on which no timed arm was faster
    counts: dict[str, tuple[float, int]]  # shifted geometric mean and over how many instances, unsolved ones too
    integral: float | None  # shifted geometric mean of the primal-dual integral; None where none was measured
    gap: float | None  # mean at the end of a run
    policy: dict[str, float]  # means over the instances it was called on
    share_guided: float | None  # None: the arm has no gate
    stages: dict[str, float]  # median seconds of each stage the command line reported
    base: Pair | None  # None for the baseline itself
    best_name: str | None  # the best stock arm of the group
    best_stock: Pair | None  # None for that arm itself


@dataclasses.dataclass(frozen=True)
class Score:
    """All lines, and what a reader must know beside them."""

    lines: list[Line]
    baseline: str
    arms: list[str]
    aa: dict[str, Pair]  # group -> the A/A pair
    kind: Kind
    protocol: str | None
    counts_only: list[str]
    limit_s: float
    num_instances: int
    incomplete: list[str]
    wrong: list[str]
    unsolved_by_all: int
    opinions: list[str]


def groups(instances: Sequence[Row]) -> dict[str, Bools]:
    """Label -> which instances: every family and split, every family, every split, everything; no doubles."""
    families = list(dict.fromkeys(row["family"] for row in instances))
    splits = list(dict.fromkeys(row["split"] for row in instances))
    found: dict[str, Bools] = {}
    for family in families if len(families) <= 20 else []:
        present = {row["split"] for row in instances if row["family"] == family}
        own = [split for split in splits if split in present]
        if len(own) > 1:
            for split in own:
                found[f"{family}, {split}"] = np.array(
                    [row["family"] == family and row["split"] == split for row in instances]
                )
        found[family if len(own) > 1 else f"{family}, {own[0]}"] = np.array(
            [row["family"] == family for row in instances]
        )
    if len(families) > 1:
        for split in splits if len(splits) > 1 else []:
            found[f"all, {split}"] = np.array([row["split"] == split for row in instances])
        found["all"] = np.ones(len(instances), dtype=bool)
    return found


def score(
    runs: Sequence[Row], baseline: str | None = None, measure: str = "wall_s", order: Sequence[str] = ()
) -> Score:
    """Score rows against `baseline` (default: the arm that was run twice) and each group's best stock arm.

    Raises BenchError for an unknown baseline or when no instance was run on every arm.
    """
    runs = judged(runs)
    grid = build_grid(runs, measure, order)
    timed = [arm for arm in grid.arms if arm not in grid.counts_only] or grid.arms
    baseline = baseline or next(iter(grid.again.values()), timed[0])
    if baseline not in grid.arms:
        raise BenchError(f"no arm is called {baseline!r}; there are {', '.join(grid.arms)}")
    lines: list[Line] = []
    aa: dict[str, Pair] = {}
    for label, mask in groups(grid.instances).items():
        noise = _noise(grid, mask)
        if noise is not None:
            aa[label] = noise
        best = best_stock(grid, mask)
        present = [arm for row, arm in enumerate(grid.arms) if (grid.present[row] & mask).any()]
        lines += [_line(grid, label, mask, arm, baseline, best, noise) for arm in present]
    return Score(
        lines, baseline, grid.arms, aa, grid.kind, grid.protocol, grid.counts_only, grid.limit_s,
        len(grid.instances), grid.incomplete,
        sorted({row["wrong"] for row in runs if row.get("wrong")}), int(np.sum(~grid.solved.any(axis=0))),
        opinions(runs),
    )  # fmt: skip


def best_stock(grid: Grid, mask: Bools) -> str | None:
    """The stock arm of the smallest shifted geometric mean time on these instances; the integral decides a tie."""

    def means(arm: str) -> tuple[float, float]:
        row = grid.arms.index(arm)
        seconds = stats.shifted_geomean(grid.times[row, mask], stats.TIME_SHIFT_S)
        integral = _mean_integral(grid, row, mask)
        return seconds, math.inf if integral is None else integral

    return min(grid.stock, key=means, default=None)


def _noise(grid: Grid, mask: Bools) -> Pair | None:
    for again, first in grid.again.items():
        if first in grid.arms:
            return pair(grid, mask, again, first, None)
    return None


def _line(
    grid: Grid, label: str, mask: Bools, arm: str, baseline: str, best: str | None, noise: Pair | None
) -> Line:
    row = grid.arms.index(arm)
    mask = mask & grid.present[row]
    timed = arm not in grid.counts_only
    gates = _known(grid.guided[row, mask])
    return Line(
        group=label,
        arm=arm,
        count=int(mask.sum()),
        solved=int(grid.solved[row, mask].sum()),
        timeouts=int(grid.unknown[row, mask].sum()),
        errors=int(grid.errors[row, mask].sum()),
        par2=stats.par2(grid.times[row, mask], grid.solved[row, mask], grid.limit_s),
        geomean_s=stats.shifted_geomean(grid.times[row, mask], stats.TIME_SHIFT_S) if timed else None,
        geomean_cpu_s=stats.shifted_geomean(grid.cpu_s[row, mask], stats.TIME_SHIFT_S) if timed else None,
        wins=int((_fastest(grid, arm) & mask).sum()) if timed and arm not in grid.again else None,
        counts={
            name: (stats.shifted_geomean(known, grid.kind.count_shift), len(known))
            for name, values in grid.counts.items()
            if len(known := _known(values[row, mask]))
        },
        integral=_mean_integral(grid, row, mask) if timed else None,
        gap=float(gaps.mean()) if timed and len(gaps := _known(grid.gap[row, mask])) else None,
        policy=_over_known(grid.policy, row, mask, np.mean),
        share_guided=float(gates.mean()) if len(gates) else None,
        stages=_over_known(grid.stages, row, mask, np.median),
        base=pair(grid, mask, arm, baseline, noise) if arm != baseline else None,
        best_name=best,
        best_stock=pair(grid, mask, arm, best, noise) if best and arm != best else None,
    )


def _mean_integral(grid: Grid, row: int, mask: Bools) -> float | None:
    known = _known(grid.integral[row, mask])
    return stats.shifted_geomean(known, stats.INTEGRAL_SHIFT) if len(known) else None


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _over_known(
    figures: Mapping[str, Floats], row: int, mask: Bools, fold: Callable[[Floats], np.floating]
) -> dict[str, float]:
    """Name -> one figure over the instances that have it; a name none of them has is left out."""
    return {
        name: float(fold(known)) for name, values in figures.items() if len(known := _known(values[row, mask]))
    }


def _fastest(grid: Grid, arm: str) -> Bools:
    """Where the arm solved and no other timed arm was faster; the A/A repeat does not compete."""
    rivals = [i for i, name in enumerate(grid.arms) if name not in grid.counts_only and name not in grid.again]
    times = np.where(grid.solved, grid.times, np.inf)
    own = times[grid.arms.index(arm)]
    return np.asarray(np.isfinite(own) & (own <= times[rivals].min(axis=0)))


def pair(grid: Grid, mask: Bools, arm: str, other: str, noise: Pair | None) -> Pair:
    """Compare two arms on the instances of `mask`; `noise` is the A/A pair there."""
    a, b = grid.arms.index(arm), grid.arms.index(other)
    mask = mask & grid.present[a] & grid.present[b]
    timed = mask if not {arm, other} & set(grid.counts_only) else np.zeros_like(mask)
    logs = stats.log_ratios(grid.times[a], grid.times[b], stats.TIME_SHIFT_S)
    cpu_logs = stats.log_ratios(grid.cpu_s[a], grid.cpu_s[b], stats.TIME_SHIFT_S)
    integral_logs = stats.log_ratios(grid.integral[a], grid.integral[b], stats.INTEGRAL_SHIFT)
    ratios = {
        "time": stats.ratio(logs[timed]),
        "cpu": stats.ratio(cpu_logs[timed]) if grid.kind is MILP else None,
        "integral": stats.ratio(integral_logs[timed & ~np.isnan(integral_logs)]),
    }
    counts: dict[str, Ratio | None] = {}
    for name, values in grid.counts.items():
        count_logs = stats.log_ratios(values[a], values[b], grid.kind.count_shift)
        counts[name] = stats.ratio(count_logs[mask & grid.solved[a] & grid.solved[b] & ~np.isnan(count_logs)])
    noises = {"time": noise.time, "cpu": noise.cpu, "integral": noise.integral, **noise.counts} if noise else {}
    figures = {**ratios, **counts}
    answer = np.array([str(value) for value in grid.answers])
    return Pair(
        other=other,
        time=ratios["time"],
        cpu=ratios["cpu"],
        integral=ratios["integral"],
        counts=counts,
        inside=frozenset(name for name, value in figures.items() if value and value.inside(noises.get(name))),
        sat=stats.ratio(logs[timed & (answer == "SATISFIABLE")]),
        unsat=stats.ratio(logs[timed & (answer == "UNSATISFIABLE")]),
        guided=stats.ratio(logs[timed & (np.nan_to_num(grid.guided[a]) > 0)]),
        wilcoxon_p=stats.wilcoxon(logs[timed]),
        mcnemar=stats.mcnemar(grid.solved[a, timed], grid.solved[b, timed]),
    )
