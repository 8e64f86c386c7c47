"""Does an answer hold?  Assignments against the formula as it was read, and answer files read back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosolve.errors import InputError, SoundnessError
from neurosolve.files import Source, open_decompressed
from neurosolve.result import Status
from neurosolve.sat.cnf import CNF, MAX_VARIABLE
from neurosolve.sat.digits import parse_integers


def satisfies(cnf: CNF, assignment: npt.ArrayLike, *, partial: bool = False) -> int | None:
    """The index of the first clause that no literal of the assignment satisfies; None: all are satisfied.

    assignment: literals, +v or -v, one for each of the formula's variables, in any order; with `partial`,
    at most one.  Raises SoundnessError where it leaves out, repeats, contradicts or invents a variable.
    """
    true = np.asarray(assignment, np.int64)
    _require_assignment(true, cnf.num_variables, partial)
    is_true = np.zeros(2 * cnf.num_variables + 1, np.bool_)  # by literal: a negative one counts from the end
    is_true[true] = True
    filled = np.flatnonzero(cnf.clause_lengths)
    satisfied = np.zeros(cnf.num_clauses, np.bool_)
    if len(filled):  # reduceat is wrong on an empty clause; skipping those leaves the others' bounds right
        satisfied[filled] = np.logical_or.reduceat(is_true[cnf.literals], cnf.offsets[filled])
    return None if satisfied.all() else int(satisfied.argmin())


def _require_assignment(literals: npt.NDArray[np.int64], num_variables: int, partial: bool) -> None:
    if literals.ndim != 1 or not literals.all() or _largest(literals) > num_variables:
        raise SoundnessError(f"the assignment holds a literal that is none of {num_variables} variables'")
    times = np.bincount(np.abs(literals), minlength=num_variables + 1)[1:]
    if times.max(initial=0) > 1:
        raise SoundnessError(f"the assignment gives variable {int(times.argmax()) + 1} more than one value")
    if not partial and len(literals) < num_variables:
        raise SoundnessError(f"the assignment leaves out variable {int(times.argmin()) + 1}")


def _largest(literals: npt.NDArray[np.int64]) -> int:
    """The largest variable; not by np.abs, which keeps -2^63 negative."""
    return max(int(literals.max(initial=0)), -int(literals.min(initial=0)))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a solver wrote.  assignment: the v lines' literals, int32, without the 0; None: no v line."""

    status: Status
    assignment: npt.NDArray[np.int32] | None


def read_answer(source: str | Path | Source) -> Answer:
    """A SAT-competition answer file (c, s and v lines) or "-"; raises InputError with the line."""
    with open_decompressed(source) as stream:
        return parse_answer(b"".join(stream), stream.name)


def parse_answer(data: bytes, name: str = "<answer>") -> Answer:
    """The same from a solver's output.  CaDiCaL's `c UNKNOWN` counts as a status where no s line follows."""
    status, unknown = None, False
    values: list[tuple[int, bytes]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        kind, _, rest = line.rstrip(b"\r").partition(b" ")
        if kind == b"s":
            if status:
                raise InputError(name, number, "a second 's' line")
            status = _status(rest, name, number)
        elif kind == b"v":
            values.append((number, rest))
        elif kind[:1] == b"c":
            unknown |= rest.strip() == b"UNKNOWN"
        elif line.strip():
            raise InputError(name, number, "expected a line that starts with 'c', 's' or 'v'")
    if status is None and not unknown:
        raise InputError(name, None, "no 's' line")
    return Answer(status or Status.UNKNOWN, _assignment(values, name) if values else None)


def _status(text: bytes, name: str, line: int) -> Status:
    for status in Status:
        if text.strip() == status.value.encode():
            return status
    raise InputError(name, line, "expected 's SATISFIABLE', 's UNSATISFIABLE' or 's UNKNOWN'")


def _assignment(lines: list[tuple[int, bytes]], name: str) -> npt.NDArray[np.int32]:
    literals = parse_integers(b"\n".join(text for _, text in lines))
    if literals is None:
        wrong = next(number for number, text in lines if parse_integers(text) is None)
        raise InputError(name, wrong, "expected literals")
    if not len(literals) or literals[-1] != 0 or np.count_nonzero(literals == 0) != 1:
        raise InputError(name, lines[-1][0], "the v lines must end in their only 0")
    if _largest(literals) > MAX_VARIABLE:
        raise InputError(name, lines[0][0], "a literal past 2^31-1")
    return literals[:-1].astype(np.int32)
