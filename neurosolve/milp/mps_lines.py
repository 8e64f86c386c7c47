"""What every section of an MPS file shares: its lines as words, its numbers, its errors."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

import numpy as np

from neurosolve.errors import InputError
from neurosolve.milp.problem import Floats

INFINITY = 1e20  # SCIP's: whatever is at least as large is no bound
LONGEST_LINE = 1022  # SCIP's buffer; it would cut a longer line in two
LONGEST_NAME = 254

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_INFINITE = re.compile(rb"[+-]?inf(inity)?\Z", re.IGNORECASE)
_FIELDS = ((4, 12), (14, 22), (39, 47))  # names of the fixed form, from 0
_TIDY = re.compile(  # a line of one pair in the fixed form, without blanks in its names: the most frequent kind
    rb"(?=.{25,36}$) .{3}[^\s$]{1,8} +(?<=^.{14})[^\s$]{1,8} +(?<=^.{24})[^\t\r]*\d"
)
_DIGIT = re.compile(rb"\d")
_DATA = (b"COLUMNS", b"RHS", b"RANGES", b"BOUNDS")
_FIXED_HINT = "; SCIP takes this file for fixed form so far, where names in columns 5-12, 15-22 and 40-47 hold blanks"


@dataclasses.dataclass(frozen=True)
class Section:
    """A section's head (its words) and its data lines; `first` is the line number of lines[0]."""

    head: list[bytes]
    first: int
    lines: Sequence[bytes]


class Lines:
    """The sections of one file, to be read in turn.  As in SCIP, a file is of the fixed form up to the first line that
    is not, and till then blanks inside its name fields become `_`."""

    def __init__(self, data: bytes, path: str) -> None:
        self.path = path
        self._all = data.split(b"\n")
        self._dollars = b"$" in data
        self._is_fixed = True
        self._joined = set[int]()  # lines on which that made one name of two words

    @property
    def num_lines(self) -> int:
        return len(self._all) - (not self._all[-1])

    def sections(self) -> Iterator[Section]:
        """Every section up to ENDATA; a section starts where a line does not start with a blank."""
        starts = [i for i, line in enumerate(self._all) if line[:1] > b" " and line[:1] != b"*"]
        for start, end in zip(starts, [*starts, len(self._all)][1:], strict=True):
            head = self._all[start].split()
            body = () if head[0] == b"ENDATA" else self._all[start + 1 : end]
            yield Section(head, start + 2, body)
            if head[0] == b"ENDATA":
                return

    def words(self, section: Section) -> Iterator[tuple[int, list[bytes]]]:
        """(line number, words) of each data line; comments and blank lines are left out."""
        for number, line in enumerate(section.lines, section.first):
            if line[:1] == b"*":
                continue
            if self._is_fixed:
                line = self._as_fixed(line, number, section.head[0])
            if words := self._split(line) if self._dollars else line.split():
                yield number, words

    @staticmethod
    def _split(line: bytes) -> list[bytes]:
        words = line.split()
        comment = next((i for i, word in enumerate(words[1:], 1) if word[:1] == b"$"), None)
        return words[:comment]

    def _as_fixed(self, line: bytes, number: int, head: bytes) -> bytes:
        """The line as the fixed form has it; as it is, and the form over for good, where SCIP's rules say so."""
        if _TIDY.match(line):
            return line
        is_short = len(line) <= 12
        if b"\t" in line or b"\r" in line:
            line = line.replace(b"\t", b" ").replace(b"\r", b" ")
        if b" $" in (line[13:15], line[38:40]):
            line = line[: 14 if line[13:15] == b" $" else 39]
        has_number = _DIGIT.search(line, 24, 36) is not None
        gaps = line[12:14] + line[22:24] + line[36:39] + line[47:49] + line[61:64]
        if gaps.strip(b" ") or (head in _DATA and not has_number):
            self._is_fixed = False
        elif has_number or is_short:
            for start, end in _FIELDS:
                inner = line[start:end].strip(b" ")
                if b" " in inner:
                    line = line[:start] + inner.replace(b" ", b"_").ljust(end - start) + line[end:]
                    self._joined.add(number)
        return line

    def fail(self, line: int | None, what: str) -> NoReturn:
        raise InputError(self.path, line, what + (_FIXED_HINT if line in self._joined else ""))

    def name(self, word: bytes, line: int) -> str:
        """A name as text, refused where SCIP would not keep it whole."""
        if len(word) > LONGEST_NAME:
            self.fail(line, f"a name of {len(word)} characters: SCIP keeps {LONGEST_NAME}")
        try:
            return word.decode()
        except UnicodeDecodeError:
            self.fail(line, f"a name that is not UTF-8: {word!r}")

    def number(self, word: bytes, line: int) -> float:
        """A finite number or an infinite one; at least 1e20 means infinite, as in SCIP."""
        if _INFINITE.match(word):
            return float(word)
        if not _NUMBER.match(word) or abs(value := float(word)) == np.inf:
            self.fail(line, f"not a number: {show(word)}")
        return float(np.copysign(np.inf, value)) if abs(value) >= INFINITY else value

    def numbers(self, words: list[bytes], lines: list[int]) -> Floats:
        """Many coefficients at once, finite and below 1e20; `lines` are their line numbers."""
        try:
            values = np.fromiter(map(float, words), np.float64, len(words))
            if b"_" not in b"".join(words) and np.all(np.abs(values) < INFINITY):  # float() takes 1_0 and nan
                return values
        except ValueError:
            pass
        for word, line in zip(words, lines, strict=True):
            if not np.isfinite(self.number(word, line)):
                self.fail(line, f"an infinite coefficient: {show(word)}")
        raise AssertionError("every word is a number")  # pragma: no cover


def show(word: bytes) -> str:
    """A word of the file for a message, cut and printable."""
    return ascii(word[:60].decode(errors="replace")).strip("'\"")
