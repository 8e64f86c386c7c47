"""MPS files: a strict reader, and the writer beside it.

What SCIP and HiGHS read alike is read as they do (an integer column without bounds is binary; an upper bound
below zero leaves the lower bound at zero; a bound of 1e20 is none).  What they read differently, or what SCIP
reads silently as something else (`2.x`, a row nobody declared), is refused.
"""

from __future__ import annotations

from neurosolve.milp.mps_bounds import read_bounds
from neurosolve.milp.mps_lines import LONGEST_LINE, Lines, Section, show
from neurosolve.milp.mps_sections import Draft, read_columns, read_ranges, read_rhs, read_rows, read_sense
from neurosolve.milp.mps_writer import write_mps
from neurosolve.milp.problem import Problem

__all__ = ["read_mps", "write_mps"]

_READERS = {
    b"OBJSENSE": read_sense,
    b"ROWS": read_rows,
    b"COLUMNS": read_columns,
    b"RHS": read_rhs,
    b"RANGES": read_ranges,
    b"BOUNDS": read_bounds,
}
_ORDER = (b"NAME", b"OBJSENSE", b"OBJNAME", b"ROWS", b"COLUMNS", b"RHS", b"RANGES", b"BOUNDS", b"ENDATA")
_NEEDED = (b"NAME", b"ROWS", b"COLUMNS", b"RHS", b"ENDATA")  # SCIP refuses a file without RHS
_BEYOND_US = {
    *(b"SOS", b"SOS1", b"SOS2", b"SETS", b"QUADOBJ", b"QMATRIX", b"QSECTION", b"QCMATRIX", b"CSECTION"),
    *(b"INDICATORS", b"USERCUTS", b"LAZYCONS", b"DELAYEDROWS", b"MODELCUTS", b"GENCONS", b"BRANCH"),
    *(b"PWLOBJ", b"PWLNAM", b"PWLCON"),
}


def read_mps(data: bytes, name: str) -> Problem:
    """The problem in an MPS file, free or fixed form; `name` stands in the messages.

    Raises InputError (file, line, what) for anything that is not a mixed-integer linear program in plain MPS.
    """
    lines = Lines(data, name)
    draft, seen = Draft(lines), dict[bytes, int]()
    for section in lines.sections():
        head, line = section.head[0], section.first - 1
        head = b"OBJSENSE" if head == b"OBJSEN" else head
        _admit(lines, head, line, seen)
        seen[head] = line
        _check_lengths(lines, section)
        if head in _READERS:
            _READERS[head](draft, section)
        elif head == b"OBJNAME":
            draft.objective_name = _only_word(lines, section)
        elif head == b"NAME" and len(section.head) > 1:
            draft.name = lines.name(section.head[1], line)
    for needed in _NEEDED:
        if needed not in seen:
            what = "cut short: no ENDATA" if needed == b"ENDATA" and seen else f"no {needed.decode()} section"
            lines.fail(lines.num_lines if needed == b"ENDATA" else max(seen.values(), default=1), what)
    return draft.problem()


def _admit(lines: Lines, head: bytes, line: int, seen: dict[bytes, int]) -> None:
    """Refuse a section that is unknown, beyond a linear program, or out of the order SCIP insists on."""
    if head in _BEYOND_US:
        lines.fail(line, f"section {head.decode()}: only linear rows and bounds can be read and checked here")
    if head not in _ORDER:
        lines.fail(line, f"unknown section {show(head)}")
    if head in seen:
        lines.fail(line, f"a second section {head.decode()} (the first is on line {seen[head]})")
    if not seen and head != b"NAME":
        lines.fail(line, "no NAME line before the first section")
    if any(_ORDER.index(head) < _ORDER.index(before) for before in seen):
        lines.fail(line, f"section {head.decode()} comes too late: the order is {b' '.join(_ORDER).decode()}")


def _check_lengths(lines: Lines, section: Section) -> None:
    if max(map(len, section.lines), default=0) > LONGEST_LINE:
        for number, line in enumerate(section.lines, section.first):
            if len(line) > LONGEST_LINE and line[:1] != b"*":
                lines.fail(number, f"a line of {len(line)} characters: SCIP reads {LONGEST_LINE}")


def _only_word(lines: Lines, section: Section) -> bytes:
    for line, words in lines.words(section):
        if len(words) == 1:
            return words[0]
        lines.fail(line, "one name expected")
    lines.fail(section.first - 1, "no name below it")
