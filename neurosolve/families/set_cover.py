"""Set covering: choose the cheapest columns so that every row is covered.

Balas and Ho's random problems as Gasse and others (2019) draw them: round(rows * columns * density) ones, every
column with two rows at least, every row with one column at least, costs uniform in 1..max_cost.

Knobs: `size` rows, `columns`, `density`, `max_cost`.  The literature's sizes: 500, 1000, 2000 rows x 1000 columns.

References: Balas and Ho, Set covering algorithms using cutting planes, heuristics, and subgradient optimization
(1980); Gasse, Chetelat, Ferroni, Charlin and Lodi, Exact combinatorial optimization with graph convolutional
neural networks (2019).

SCIP 10.0.2 untouched, CPU seconds and nodes on a busy two-core machine:
500 rows: 5.4/11, above 8, above 8 (at 8 s gaps of 6% and 9%).  1000 and 2000: not measured
here.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from neurosolve.families.base import family_rng, require
from neurosolve.families.milp_base import Draft, Ints, MilpFamily
from neurosolve.milp.problem import Problem


def members(rows: int, lengths: Ints, rng: np.random.Generator) -> list[Ints]:
    """For each column `lengths` distinct rows; together they meet every row.

    A permutation of the rows is dealt out first, then the columns are filled up at random.
    """
    dealt, everywhere = rng.permutation(rows), np.arange(rows)
    drawn = []
    for start, end in pairwise(np.concatenate(([0], np.cumsum(lengths))).tolist()):
        own = dealt[start:end]
        rest = np.setdiff1d(everywhere, own, assume_unique=True) if own.size else everywhere
        drawn.append(np.concatenate((own, rng.choice(rest, end - start - own.size, replace=False))))
    return drawn


def generate(size: int, seed: int, *, columns: int = 1000, density: float = 0.05, max_cost: int = 100) -> Problem:
    """One instance.  Raises UsageError where the density leaves a row or a column unused."""
    ones = round(size * columns * density)
    require(size >= 2 and ones >= max(size, 2 * columns), f"set_cover: too few ones for {size} rows, {columns} columns")
    rng = family_rng("set_cover", size, seed)
    extra = np.bincount(rng.integers(columns, size=ones - 2 * columns), minlength=columns)
    lengths = np.minimum(2 + extra, size)
    require(int(lengths.sum()) >= size, f"set_cover: too few ones for {size} rows, {columns} columns")
    draft = Draft(minimize=True)
    chosen = draft.columns(rng.integers(1, max_cost + 1, columns))
    draft.rows(np.repeat(chosen, lengths), lhs=1.0, of=np.concatenate(members(size, lengths, rng)))
    return draft.problem(f"set_cover-{size}-{seed}", rng)


SET_COVER = MilpFamily(
    name="set_cover",
    models="set covering: the cheapest columns that cover every row (Balas-Ho)",
    knob="rows, of 1000 columns",
    generate=generate,
    sizes={"small": (100,), "train": (500,), "test": (1000,), "beyond": (2000,)},
)
