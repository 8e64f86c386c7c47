"""DRAT proofs as blocks of arrays: read (text or binary, told by content), written as text, mapped back.

No Python loop over literals: a proof of ten million literals is mapped in a few seconds.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from neurosolve.errors import InputError
from neurosolve.sat.digits import format_integers, parse_integers
from neurosolve.sat.renaming import Renaming

READ_BYTES = 1 << 20
_WORD = re.compile(rb"[^ \t\r]+")
_DELETE = 2**31 - 1  # stands for the letter d while a block of text is parsed: no variable is that large


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """Some lines of a proof: line i is literals[offsets[i]:offsets[i + 1]] less its 0, deleted or added."""

    deleted: npt.NDArray[np.bool_]
    literals: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.deleted)

    def to_text(self) -> bytes:
        """The lines as text DRAT."""
        lines = format_integers(np.insert(self.literals, self.offsets[1:], 0)).split(b"\n")
        for i in np.flatnonzero(self.deleted):
            lines[i] = b"d " + lines[i]
        return b"\n".join(lines)


def read_drat(file: BinaryIO, name: str = "proof") -> Iterator[Block]:
    """The proof's lines, about a megabyte at a time.  Raises InputError for anything that is no DRAT."""
    head = file.read(READ_BYTES)
    binary = b"\0" in head or head[:1] == b"a"  # text has no NUL, and a binary line ends with one
    end = b"\0" if binary else b"\n"
    parse = _parse_binary if binary else _parse_text
    rest, line = head, 1
    while True:
        more = file.read(READ_BYTES)
        if more and end not in rest:
            rest += more
            continue
        cut = rest.rfind(end) + 1 if more else len(rest)
        if cut:
            yield parse(rest[:cut], name, line)
        line += rest.count(end, 0, cut)
        if not more:
            return
        rest = rest[cut:] + more


def _parse_binary(data: bytes, name: str, line: int) -> Block:
    """`a` or `d`, literals as variable-length numbers 2v (+1 if negative), a NUL."""
    if not data.endswith(b"\0"):
        raise InputError(name, line, "binary proof cut off within a line")
    stored = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(stored < 128)
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(stored)) - np.repeat(starts, ends - starts + 1)
    if places.max(initial=0) > 4:
        raise InputError(name, line, "binary proof with a number past 2^31-1")
    numbers = np.add.reduceat((stored & 127).astype(np.int64) << (7 * places), starts)
    stops = np.flatnonzero(numbers == 0)
    tags = np.concatenate([[0], stops[:-1] + 1])
    kinds = numbers[tags]
    if not np.isin(kinds, (ord("a"), ord("d"))).all():
        raise InputError(name, line, "a binary proof line starts with neither 'a' nor 'd'")
    keep = np.ones(len(numbers), np.bool_)
    keep[stops] = keep[tags] = False
    values = numbers[keep]
    literals = np.where(values & 1, -(values >> 1), values >> 1).astype(np.int32)
    return Block(kinds == ord("d"), literals, _offsets(stops - tags - 1))


def _parse_text(data: bytes, name: str, line: int) -> Block:
    if b"c" in data:
        data = b"\n".join(b"" if row.lstrip().startswith(b"c") else row for row in data.split(b"\n"))
    numbers = parse_integers(data.replace(b"d", b" %d " % _DELETE))
    if numbers is None or np.abs(numbers).max(initial=0) > _DELETE:
        raise _fault(data, name, line)
    stops = np.flatnonzero(numbers == 0)
    if len(numbers) and (not len(stops) or stops[-1] != len(numbers) - 1):
        raise _fault(data, name, line)
    starts = np.concatenate([[0], stops[:-1] + 1]) if len(stops) else stops
    marks = numbers == _DELETE
    deleted = marks[starts]
    if np.count_nonzero(marks) != np.count_nonzero(deleted):
        raise _fault(data, name, line)
    keep = ~marks
    keep[stops] = False
    return Block(deleted, numbers[keep].astype(np.int32), _offsets(stops - starts - deleted))


def _fault(data: bytes, name: str, line: int) -> InputError:
    """The first thing wrong in text that is known to be wrong, found word by word; `line` is that of its first byte."""
    last, is_open = line, False
    for number, row in enumerate(data.split(b"\n"), line):
        for word in _WORD.findall(row.replace(b"d", b" d ")):
            value = parse_integers(word) if word != b"d" else None
            if word == b"d" and is_open:
                return InputError(name, number, "a 'd' within a proof line")
            if word != b"d" and (value is None or abs(int(value[0])) >= _DELETE):
                return InputError(name, number, "proof lines hold literals, 'd' and 0 only")
            last, is_open = number, value is None or bool(value[0])
    return InputError(name, last, "the last proof line has no 0")


def _offsets(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def copy_proof(source: BinaryIO, target: BinaryIO, renaming: Renaming | None) -> int:
    """A proof in either form to text DRAT, mapped back to the formula as read; returns its number of lines.

    The empty clause is added at the end where the engine leaves it out: it then follows by unit propagation.
    """
    num_lines, empty = 0, False
    for block in read_drat(source):
        if renaming is not None:
            num_variables = renaming.num_variables
            inside = np.abs(block.literals) <= num_variables  # an engine's own new variables keep their names
            literals = block.literals.copy()
            literals[inside] = renaming.backward[literals[inside] + np.int32(num_variables)]
            block = dataclasses.replace(block, literals=literals)
        target.write(block.to_text())
        num_lines += len(block)
        empty = empty or bool((~block.deleted & (np.diff(block.offsets) == 0)).any())
    if not empty:
        target.write(b"0\n")
    return num_lines + (not empty)
