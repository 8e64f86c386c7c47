"""Quasigroup with holes: complete a Latin square from which some cells were erased.

A random Latin square of order n (Jacobson-Matthews moves from the cyclic square) loses `holes` of its
cells, spread evenly over rows and columns; find the values of the holes. Variable (i, j, k): hole (i, j)
has value k; only the values that its row and column still miss get variables (propagation of the given
cells is folded in). Each hole takes exactly one value, each missing value of a row or column exactly one of
its holes (the three-dimensional encoding).

Knobs: `size` n, `holes` (share of erased cells; the hardest are near 0.37 when balanced, at these orders).

Can phases carry signal?  It hangs on the holes. Measured at order 27: with 0.37 of the cells erased (the
default) all sampled variables are backbone, with 0.42 only 5%, and there a majority over solutions is right
on no more variables (79%) than "false everywhere". At 0.37 the signal exists but is global
(permutation-like): hard to read in few rounds of message passing, and unit propagation of the given cells
has taken the easy part away.

References: Gomes and Shmoys, Completing quasigroups or Latin squares (2002); Kautz et al., Balance and
filtering in structured satisfiable problems (2001); Jacobson and Matthews (1996).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  30: 0.4/0.4, 1.8/1.5; 36: 13.9/10.6.  With holes = 0.42: 36: 4.1/0.9, 1.5/1.9; 39: 17.8/4.5, 7.3/10.5.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosolve.families.base import Builder, Family, Instance, family_rng, require


def random_latin_square(order: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A near-uniform Latin square, (order, order): order^3 moves of Jacobson and Matthews, to a proper one.

    The incidence cube (row, column, value) is kept three times, so that each of its lines is one list
    to search in; between proper squares one cell may hold -1.
    """
    start = (np.arange(order)[:, None] + np.arange(order)) % order
    cube = (start[:, :, None] == np.arange(order)).astype(np.int8)
    axes = ((0, 1, 2), (0, 2, 1), (1, 2, 0))
    over_value, over_column, over_row = (cube.transpose(axis).tolist() for axis in axes)

    def add(cell: tuple[int, int, int], amount: int) -> None:
        r, c, v = cell
        over_value[r][c][v] += amount
        over_column[r][v][c] += amount
        over_row[c][v][r] += amount

    def one(line: list[int], second: bool) -> int:
        place = line.index(1)
        return line.index(1, place + 1) if second else place

    improper: tuple[int, int, int] | None = None
    moves = 0
    while moves < order**3 or improper is not None:
        if moves % 4096 == 0:
            cells = rng.integers(0, order, (4096, 3)).tolist()
            coins = (rng.random((4096, 3)) < 0.5).tolist()
        r, c, v = cells[moves % 4096] if improper is None else improper
        heads = coins[moves % 4096] if improper is not None else (False, False, False)
        moves += 1
        if over_value[r][c][v] == 1:
            continue
        r2, c2 = one(over_row[c][v], heads[0]), one(over_column[r][v], heads[1])
        v2 = one(over_value[r][c], heads[2])
        for cell in ((r, c, v), (r, c2, v2), (r2, c, v2), (r2, c2, v)):
            add(cell, 1)
        for cell in ((r2, c, v), (r, c2, v), (r, c, v2), (r2, c2, v2)):
            add(cell, -1)
        improper = (r2, c2, v2) if over_value[r2][c2][v2] < 0 else None
    square: npt.NDArray[np.int64] = np.array(over_value).argmax(axis=2)
    return square


def balanced_holes(order: int, per_line: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """`per_line` holes in every row and column: the cells of `per_line` values of another random square."""
    chosen: npt.NDArray[np.bool_] = random_latin_square(order, rng) < per_line
    return chosen


def generate(size: int, seed: int, *, holes: float = 0.37) -> Instance:
    """One instance; `planted` covers every variable.  Raises UsageError below order 4."""
    require(size >= 4, f"quasigroup: order {size} is below 4")
    rng = family_rng("quasigroup", size, seed)
    square = random_latin_square(size, rng)
    hole = balanced_holes(size, round(holes * size), rng)
    row_misses = [set(square[r][hole[r]].tolist()) for r in range(size)]
    column_misses = [set(square[:, c][hole[:, c]].tolist()) for c in range(size)]

    builder = Builder()
    by_cell: dict[tuple[str, int, int], list[int]] = {}
    planted = []
    for r, c in np.argwhere(hole).tolist():
        for value in sorted(row_misses[r] & column_misses[c]):
            variable = builder.variable()
            planted.append(variable if square[r, c] == value else -variable)
            for line in (("cell", r, c), ("row", r, value), ("column", c, value)):
                by_cell.setdefault(line, []).append(variable)
    for variables in by_cell.values():
        builder.add(*variables)
        builder.extend([-a, -b] for i, a in enumerate(variables) for b in variables[i + 1 :])
    return builder.instance(rng, planted)


QUASIGROUP = Family(
    name="quasigroup",
    models="complete a Latin square with balanced holes near the hardest share",
    generate=generate,
    sizes={"small": (12,), "train": (27, 30, 33), "test": (33,), "beyond": (36,)},
    satisfiable=True,
    phases="strong but global: nearly all backbone at 37% holes",
)
