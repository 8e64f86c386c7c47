"""The BOUNDS section of an MPS file."""

from __future__ import annotations

import math

from neurosolve.milp.mps_lines import Section, show
from neurosolve.milp.mps_sections import Draft

_INF = math.inf
_VALUED = (b"LO", b"UP", b"FX", b"LI", b"UI")
_PLAIN = (b"FR", b"MI", b"PL", b"BV")
_SLACK = 1e-6  # SCIP's: an upper bound up to here above 1 leaves an integer column binary


def read_bounds(draft: Draft, section: Section) -> None:
    """LO UP FX FR MI PL BV LI UI, the last one of a column counting; semi-continuous columns (SC, SI) are refused.

    An integer column starts binary and, as SCIP and HiGHS have it, loses the 1 with its first bound that says
    nothing of it (LO 2 alone means [2, inf)).
    """
    lines, first = draft.lines, None
    binary = list(draft.integer)  # what SCIP takes for binary so far
    given = dict[tuple[int, bool], float]()  # (column, upper) -> the bound the file gave
    for line, words in lines.words(section):
        kind, vector, name, value = _bound(draft, line, words)
        first = vector if first is None else first
        if vector != first:
            draft.warn(line, f"bounds {show(vector)} are left out: {show(first)} is the first", vector)
            continue
        column = draft.columns.get(name)
        if column is None:
            lines.fail(line, f"column {show(name)} is not declared in COLUMNS")
        sides = _sides(kind, value)
        changed = [given.setdefault((column, upper), bound) != bound for upper, bound in sides.items()]
        if any(changed):
            draft.warn(line, f"column {show(name)} is bounded again: the last one counts (SCIP's reading)", "again")
        if kind == b"BV" and binary[column]:
            continue
        if binary[column] and True not in sides:
            if (column, True) in given:
                lines.fail(line, f"column {show(name)}: lower bound after upper bound, SCIP would forget the upper one")
            draft.upper[column] = _INF
        binary[column] = kind == b"BV" or (binary[column] and _stays_binary(kind, value))
        draft.integer[column] |= kind in (b"LI", b"UI", b"BV")
        if False in sides:
            draft.lower[column] = max(draft.lower[column], 0.0) if kind == b"BV" else sides[False]
        if True in sides:
            draft.upper[column] = min(draft.upper[column], 1.0) if kind == b"BV" else sides[True]
        if kind == b"BV" and draft.lower[column] > draft.upper[column]:
            lines.fail(line, f"column {show(name)}: BV after bounds beyond 0 and 1, SCIP would keep those")
        if value < 0 and draft.lower[column] > draft.upper[column] and (column, False) not in given:
            draft.warn(line, f"column {show(name)}: upper bound {value:g} below the lower bound 0 (SCIP's reading)")


def _stays_binary(kind: bytes, value: float) -> bool:
    return (kind in (b"UP", b"UI") and value <= 1 + _SLACK) or (kind == b"FX" and -_SLACK <= value <= 1 + _SLACK)


def _sides(kind: bytes, value: float) -> dict[bool, float]:
    """What a kind of bound says: {False: lower, True: upper}, one or both."""
    if kind == b"BV":
        return {False: 0.0, True: 1.0}
    if kind == b"FR":
        return {False: -_INF, True: _INF}
    if kind == b"FX":
        return {False: value, True: value}
    if kind in (b"UP", b"UI", b"PL"):
        return {True: _INF if kind == b"PL" else value}
    return {False: -_INF if kind == b"MI" else value}


def _bound(draft: Draft, line: int, words: list[bytes]) -> tuple[bytes, bytes, bytes, float]:
    """(kind, vector, column, value) of one line; the vector's name may be missing."""
    lines, kind = draft.lines, words[0]
    if kind in (b"SC", b"SI"):
        lines.fail(line, f"bound {kind.decode()}: semi-continuous columns cannot be read and checked here")
    if kind in _PLAIN and 2 <= len(words) <= 4:
        if len(words) == 4:
            lines.number(words[3], line)  # it says nothing, but it must be a number
        return kind, words[1] if len(words) > 2 else b"", words[min(2, len(words) - 1)], 0.0
    if kind not in _VALUED and kind not in _PLAIN:
        lines.fail(line, f"unknown kind of bound {show(kind)}")
    if kind in _PLAIN or not 3 <= len(words) <= 4:
        lines.fail(line, "a bound is its kind, a vector, a column and a number")
    value = lines.number(words[-1], line)
    if value == (-_INF if kind in (b"UP", b"UI") else _INF) or (kind == b"FX" and abs(value) == _INF):
        lines.fail(line, f"bound {kind.decode()} of {show(words[-1])}")
    return kind, words[1] if len(words) == 4 else b"", words[-2], value
