"""What every MILP family is made of: its record, a draft of columns and rows, the shuffle that hides their order.

A family is a function `generate(size, seed) -> Problem`, a function of its arguments alone (its randomness is
`family_rng`'s). Inside, it adds blocks of columns and rows to a `Draft` and ends with `draft.problem(name, rng)`,
which puts columns and rows in random order under names that say nothing (x1 x2 ..., r1 r2 ...): no index tells
which facility, period or bidder a column belongs to, nor what kind of thing it is.

Of milp/ families import the record and the MPS writer alone: no solver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from neurosolve.milp.problem import Floats, Problem

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MilpFamily:
    """One row of the table.

    models: in one line, what the problems stand for.
    knob: what `size` counts.
    sizes: named sizes: `small` (for tests, a second or two), `train`, `test` (where SCIP untouched should need 10 s or
    more, if the family has such a size) and `beyond` (never trained on).  What was measured is in its docstring.
    """

    name: str
    models: str
    knob: str
    generate: Callable[..., Problem]  # (size, seed, and knobs by name)
    sizes: Mapping[str, tuple[int, ...]]
    kind: Literal["milp"] = "milp"


@dataclass
class Draft:
    """Columns and rows block by block, in the order a person would write them."""

    minimize: bool
    num_columns: int = 0
    num_rows: int = 0
    _columns: list[tuple[Floats, Floats, npt.NDArray[np.bool_]]] = field(default_factory=list)
    _sides: list[tuple[Floats, Floats]] = field(default_factory=list)
    _entries: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)

    def columns(self, objective: npt.ArrayLike, *, upper: npt.ArrayLike = 1.0, integer: bool = True) -> Ints:
        """One column in [0, upper] for each entry of `objective`; their indices, in its shape.  Binary by default."""
        costs = np.asarray(objective, dtype=np.float64)
        bounds = np.broadcast_to(np.asarray(upper, dtype=np.float64), costs.shape)
        self._columns.append((costs.ravel(), bounds.ravel(), np.full(costs.size, integer)))
        first = self.num_columns
        self.num_columns += costs.size
        return np.arange(first, self.num_columns).reshape(costs.shape)

    def rows(
        self,
        columns: Ints,
        coefficients: npt.ArrayLike = 1.0,
        *,
        lhs: npt.ArrayLike = -np.inf,
        rhs: npt.ArrayLike = np.inf,
        of: Ints | None = None,
    ) -> None:
        """A block of rows lhs <= sum of coefficients * columns <= rhs.

        columns (k, w): k rows of w entries each; `coefficients` is broadcast to it.
        Ragged rows: columns (nnz,) and `of` (nnz,), the row of each entry, counted from 0 within the block.
        lhs, rhs: one number, or one for each row.  No column may stand twice in a row.
        """
        if of is None:
            of = np.repeat(np.arange(len(columns)), columns.shape[1])
        values = np.broadcast_to(np.asarray(coefficients, dtype=np.float64), columns.shape)
        count = int(of.max()) + 1 if of.size else 0
        self._entries.append((of.ravel() + self.num_rows, columns.ravel(), values.ravel()))
        left, right = (np.broadcast_to(np.asarray(side, dtype=np.float64), (count,)) for side in (lhs, rhs))
        self._sides.append((left, right))
        self.num_rows += count

    def problem(self, name: str, rng: np.random.Generator) -> Problem:
        """The draft with columns and rows in random order; within a row, entries by ascending column."""
        costs, upper, integer = (np.concatenate(part) for part in zip(*self._columns, strict=True))
        lhs, rhs = (np.concatenate(part) for part in zip(*self._sides, strict=True))
        row, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        old_column, old_row = rng.permutation(self.num_columns), rng.permutation(self.num_rows)
        new_column, new_row = np.argsort(old_column), np.argsort(old_row)
        row, column = new_row[row], new_column[column]
        order = np.lexsort((column, row))
        counts = np.bincount(row, minlength=self.num_rows)
        return Problem(
            name=name,
            minimize=self.minimize,
            objective=costs[old_column],
            offset=0.0,
            indptr=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            indices=column[order].astype(np.int32),
            coefficients=value[order],
            lhs=lhs[old_row],
            rhs=rhs[old_row],
            lower=np.zeros(self.num_columns),
            upper=upper[old_column],
            integer=integer[old_column],
            column_names=tuple(f"x{i}" for i in range(1, self.num_columns + 1)),
            row_names=tuple(f"r{i}" for i in range(1, self.num_rows + 1)),
        )
