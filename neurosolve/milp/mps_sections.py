"""The sections of an MPS file, one function each, all filling one Draft."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from neurosolve.milp.mps_lines import Lines, Section, show
from neurosolve.milp.problem import Floats, Problem

_OBJECTIVE, _FREE = -1, -2  # what a row's name stands for when it is no row
_TINY = 1e-9  # SCIP and HiGHS drop smaller coefficients


class Draft:
    """A problem being read.  rows and columns: name -> index; the rest as in Problem, entries by columns."""

    def __init__(self, lines: Lines) -> None:
        self.lines, self.name, self.minimize, self.offset = lines, "", True, 0.0
        self.objective_name: bytes | None = None
        self.rows: dict[bytes, int] = {}
        self.kinds: list[bytes] = []  # L, G or E of each row
        self.columns: dict[bytes, int] = {}
        self.integer: list[bool] = []
        self.objective = np.zeros(0)
        self.entry_rows = self.entry_columns = np.zeros(0, np.int64)
        self.entries = np.zeros(0)
        self.right: dict[int, float] = {}
        self.ranges: dict[int, float] = {}
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.warnings: list[str] = []
        self._said: set[object] = set()

    def warn(self, line: int, what: str, once: object = None) -> None:
        """A word to the user; `once`: what has been said already under this key is not said again."""
        if once is None or once not in self._said:
            self.warnings.append(f"{self.lines.path}:{line}: {what}")
        self._said.add(once)

    def row(self, word: bytes, line: int) -> int:
        """A declared row's index, _OBJECTIVE or _FREE."""
        row = self.rows.get(word)
        if row is None:
            self.lines.fail(line, f"row {show(word)} is not declared in ROWS")
        return row

    def problem(self) -> Problem:
        """What all sections came to, its matrix by rows."""
        by_row = np.argsort(self.entry_rows, kind="stable")
        indptr = np.zeros(len(self.kinds) + 1, np.int64)
        np.cumsum(np.bincount(self.entry_rows, minlength=len(self.kinds)), out=indptr[1:])
        lhs, rhs = self._sides()
        real = (name for name, row in self.rows.items() if row >= 0)
        return Problem(
            self.name,
            self.minimize,
            self.objective,
            self.offset,
            indptr,
            self.entry_columns[by_row].astype(np.int32),
            self.entries[by_row],
            lhs,
            rhs,
            np.array(self.lower, np.float64),
            np.array(self.upper, np.float64),
            np.array(self.integer, np.bool_),
            tuple(name.decode() for name in self.columns),
            tuple(name.decode() for name in real),
            tuple(self.warnings),
        )

    def _sides(self) -> tuple[Floats, Floats]:
        """lhs and rhs: G [b, b + |r|], L [b - |r|, b], E [b, b + r] or, below zero, [b + r, b]."""
        lhs, rhs = np.zeros(len(self.kinds)), np.zeros(len(self.kinds))
        for row, side in self.right.items():
            lhs[row] = rhs[row] = side
        kinds = np.array(self.kinds, "S1")
        lhs[kinds == b"L"], rhs[kinds == b"G"] = -np.inf, np.inf
        for row, width in self.ranges.items():
            if self.kinds[row] == b"L" or (self.kinds[row] == b"E" and width < 0):
                lhs[row] = rhs[row] - abs(width)
            else:
                rhs[row] = lhs[row] + abs(width)
        return lhs, rhs


def read_sense(draft: Draft, section: Section) -> None:
    """MIN or MAX, on the section's own line or on the next."""
    below = [(line, word) for line, words in draft.lines.words(section) for word in words]
    given = [(section.first - 1, word) for word in section.head[1:]] or below
    if len(given) != 1 or given[0][1][:3] not in (b"MIN", b"MAX") or (section.head[1:] and below):
        draft.lines.fail(section.first - 1, "OBJSENSE is MIN or MAX, once")
    draft.minimize = given[0][1][:3] == b"MIN"


def read_rows(draft: Draft, section: Section) -> None:
    """ROWS.  The objective is the N row that OBJNAME names, else the first one; other N rows are left out."""
    lines, rows = draft.lines, draft.rows
    objective = None
    for line, words in lines.words(section):
        if len(words) != 2 or words[0] not in (b"N", b"E", b"L", b"G"):
            lines.fail(line, "a row is N, E, L or G and a name")
        kind, name = words
        if name in rows:
            lines.fail(line, f"row {show(name)} is declared twice")
        lines.name(name, line)
        if kind != b"N":
            rows[name] = len(draft.kinds)
            draft.kinds.append(kind)
        elif objective is None and draft.objective_name in (None, name):
            objective = rows[name] = _OBJECTIVE
        else:
            rows[name] = _FREE
            draft.warn(line, f"free rows are left out, such as {show(name)}", _FREE)
    if objective is None:
        if draft.objective_name is not None:
            lines.fail(section.first - 1, f"OBJNAME {show(draft.objective_name)} is no N row")
        draft.warn(section.first - 1, "no objective row: every feasible point is optimal")


def read_columns(draft: Draft, section: Section) -> None:
    """Columns, their entries and the markers around integer ones."""
    lines, rows, columns = draft.lines, draft.rows, draft.columns
    current, index, within = b"", -1, False
    at_row, at_column, words_of, lines_of = list[int](), list[int](), list[bytes](), list[int]()
    for line, words in lines.words(section):
        if len(words) not in (3, 5):
            lines.fail(line, "a column's line has its name and one or two pairs of row and coefficient")
        if words[0] != current:
            if words[1] == b"'MARKER'":
                within = _marker(lines, line, words, within)
                continue
            current, index = words[0], len(columns)
            if current in columns:
                lines.fail(line, f"the entries of column {show(current)} do not stand together")
            lines.name(current, line)
            columns[current] = index
            draft.integer.append(within)
        for i in range(1, len(words), 2):
            row = rows.get(words[i])
            if row is None:
                lines.fail(line, f"row {show(words[i])} is not declared in ROWS")
            at_row.append(row)
            at_column.append(index)
            words_of.append(words[i + 1])
            lines_of.append(line)
    values = lines.numbers(words_of, lines_of)
    _keep_entries(draft, np.array(at_row, np.int64), np.array(at_column, np.int64), values, lines_of)
    draft.lower = [0.0] * len(columns)
    draft.upper = [1.0 if integer else np.inf for integer in draft.integer]


def _marker(lines: Lines, line: int, words: list[bytes], within: bool) -> bool:
    if words[2] not in (b"'INTORG'", b"'INTEND'") or (words[2] == b"'INTORG'") == within:
        lines.fail(line, f"marker {show(words[2])} inside={within}: INTORG and INTEND take turns")
    return not within


def _keep_entries(
    draft: Draft, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], values: Floats, lines_of: list[int]
) -> None:
    """Entries of rows and objective; zeros are dropped, an entry given twice is refused (SCIP adds, HiGHS drops)."""
    place = columns * (len(draft.kinds) + 2) + rows + 2
    order = np.argsort(place, kind="stable")
    twice = order[1:][(np.diff(place[order]) == 0) & (rows[order[1:]] != _FREE)]
    if len(twice):
        first = int(twice.min())
        names = list(draft.columns)
        draft.lines.fail(lines_of[first], f"column {show(names[columns[first]])} has two entries in one row")
    is_objective = rows == _OBJECTIVE
    draft.objective = np.zeros(len(draft.columns))
    draft.objective[columns[is_objective]] = values[is_objective]
    kept = (rows >= 0) & (values != 0)
    draft.entry_rows, draft.entry_columns, draft.entries = rows[kept], columns[kept], values[kept]
    tiny = np.flatnonzero(kept & (np.abs(values) <= _TINY))
    if len(tiny):
        draft.warn(lines_of[tiny[0]], f"{len(tiny)} coefficients of at most 1e-9: solvers drop them")


def read_rhs(draft: Draft, section: Section) -> None:
    """Right-hand sides; on the objective row, minus the objective's constant."""
    given = set[int]()
    for line, row, value in _pairs(draft, section):
        if row in given:
            draft.lines.fail(line, "a second right-hand side of one row")
        given.add(row)
        if row == _OBJECTIVE:
            if not np.isfinite(value):
                draft.lines.fail(line, "an infinite objective constant")
            draft.offset = -value
            continue
        if not np.isfinite(value) and (draft.kinds[row] == b"E" or (value > 0) == (draft.kinds[row] == b"G")):
            draft.lines.fail(line, f"an infinite right-hand side that no {draft.kinds[row].decode()} row can meet")
        draft.right[row] = value


def read_ranges(draft: Draft, section: Section) -> None:
    """RANGES, which come after RHS; `Draft.problem` makes sides of them."""
    for line, row, value in _pairs(draft, section):
        if row == _OBJECTIVE:
            draft.lines.fail(line, "a range of the objective row")
        if row in draft.ranges:
            draft.lines.fail(line, "a second range of one row")
        if not np.isfinite(draft.right.get(row, 0.0)):
            draft.lines.fail(line, "a range of a row whose right-hand side is infinite")
        draft.ranges[row] = value


def _pairs(draft: Draft, section: Section) -> Iterator[tuple[int, int, float]]:
    """(line, row, number) of RHS or RANGES: the first vector's, whose name may be missing."""
    lines, first = draft.lines, None
    for line, words in lines.words(section):
        if not 2 <= len(words) <= 5:
            lines.fail(line, "one or two pairs of row and number expected")
        vector = words[0] if len(words) % 2 else b""
        first = vector if first is None else first
        for i in range(len(words) % 2, len(words), 2):
            row, value = draft.row(words[i], line), lines.number(words[i + 1], line)
            if vector == first and row != _FREE:
                yield line, row, value
        if vector != first:
            draft.warn(line, f"vector {show(vector)} is left out: {show(first)} is the first", vector)
