"""From result rows to scores: one line for each group of instances and each arm."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from bench import stats
from bench.grid import Grid, build_grid
from bench.rows import BenchError, Row
from bench.stats import Bools, McNemar, Ratio


@dataclasses.dataclass(frozen=True)
class Pair:
    """An arm against one other arm on the same instances; the seconds ratio is shifted by 1, conflicts by
    10.
    """

    other: str
    time: Ratio | None
    time_inside: bool
    conflicts: Ratio | None  # over instances both solved and both counted conflicts on
    conflicts_inside: bool
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
    geomean_s: float
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
    limit_s: float
    num_instances: int
    incomplete: list[str]
    wrong: list[str]
    unsolved_by_all: int


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
    grid = build_grid(runs, measure, order)
    baseline = baseline or next(iter(grid.again.values()), grid.arms[0])
    if baseline not in grid.arms:
        raise BenchError(f"no arm is called {baseline!r}; there are {', '.join(grid.arms)}")
    lines: list[Line] = []
    aa: dict[str, Pair] = {}
    for label, mask in groups(grid.instances).items():
        noise = _noise(grid, mask)
        if noise is not None:
            aa[label] = noise
        best = best_stock(grid, mask)
        lines += [_line(grid, label, mask, arm, baseline, best, noise) for arm in grid.arms]
    return Score(
        lines, baseline, grid.arms, aa, grid.limit_s, len(grid.instances), grid.incomplete,
        sorted({row["wrong"] for row in runs if row.get("wrong")}), int(np.sum(~grid.solved.any(axis=0))),
    )  # fmt: skip


def best_stock(grid: Grid, mask: Bools) -> str | None:
    """The stock arm of the smallest shifted geometric mean time on these instances."""

    def mean(arm: str) -> float:
        return stats.shifted_geomean(grid.times[grid.arms.index(arm), mask], stats.TIME_SHIFT_S)

    return min(grid.stock, key=mean, default=None)


def _noise(grid: Grid, mask: Bools) -> Pair | None:
    for again, first in grid.again.items():
        if first in grid.arms:
            return pair(grid, mask, again, first, None)
    return None


def _line(
    grid: Grid, label: str, mask: Bools, arm: str, baseline: str, best: str | None, noise: Pair | None
) -> Line:
    row = grid.arms.index(arm)
    gates = grid.guided[row, mask]
    gates = gates[~np.isnan(gates)]
    return Line(
        group=label,
        arm=arm,
        count=int(mask.sum()),
        solved=int(grid.solved[row, mask].sum()),
        timeouts=int(grid.unknown[row, mask].sum()),
        errors=int(grid.errors[row, mask].sum()),
        par2=stats.par2(grid.times[row, mask], grid.solved[row, mask], grid.limit_s),
        geomean_s=stats.shifted_geomean(grid.times[row, mask], stats.TIME_SHIFT_S),
        share_guided=float(gates.mean()) if len(gates) else None,
        stages={
            name: float(np.median(known))
            for name, values in grid.stages.items()
            if len(known := values[row, mask][~np.isnan(values[row, mask])])
        },
        base=pair(grid, mask, arm, baseline, noise) if arm != baseline else None,
        best_name=best,
        best_stock=pair(grid, mask, arm, best, noise) if best and arm != best else None,
    )


def pair(grid: Grid, mask: Bools, arm: str, other: str, noise: Pair | None) -> Pair:
    """Compare two arms on the instances of `mask`; `noise` is the A/A pair there."""
    a, b = grid.arms.index(arm), grid.arms.index(other)
    logs = stats.log_ratios(grid.times[a], grid.times[b], stats.TIME_SHIFT_S)
    conflict_logs = stats.log_ratios(grid.conflicts[a], grid.conflicts[b], stats.CONFLICT_SHIFT)
    conflicts = stats.ratio(conflict_logs[mask & grid.solved[a] & grid.solved[b] & ~np.isnan(conflict_logs)])
    time = stats.ratio(logs[mask])
    answer = np.array([str(value) for value in grid.answers])
    return Pair(
        other=other,
        time=time,
        time_inside=time is not None and noise is not None and time.inside(noise.time),
        conflicts=conflicts,
        conflicts_inside=conflicts is not None and noise is not None and conflicts.inside(noise.conflicts),
        sat=stats.ratio(logs[mask & (answer == "SATISFIABLE")]),
        unsat=stats.ratio(logs[mask & (answer == "UNSATISFIABLE")]),
        guided=stats.ratio(logs[mask & (np.nan_to_num(grid.guided[a]) > 0)]),
        wilcoxon_p=stats.wilcoxon(logs[mask]),
        mcnemar=stats.mcnemar(grid.solved[a, mask], grid.solved[b, mask]),
    )
