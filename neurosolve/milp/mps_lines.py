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
_GAPS = (12, 13, 22, 23, 36, 37, 38, 47, 48, 61, 62, 63)


@dataclasses.dataclass(frozen=True)
class Section:
    """A section's head (its words) and its data lines; `first` is the line number of lines[0]."""

    head: list[bytes]
    first: int
    lines: Sequence[bytes]


class Lines:
    """The sections of one file.  fixed: blanks inside the name fields of the fixed form become `_`, as in SCIP."""

    def __init__(self, data: bytes, path: str, fixed: bool = False) -> None:
        self.path, self.fixed = path, fixed
        self._all = data.split(b"\n")
        self._dollars = b"$" in data

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
        plain = not (self._dollars or self.fixed)
        for number, line in enumerate(section.lines, section.first):
            if plain:
                words = line.split()
                if words and line[:1] != b"*":
                    yield number, words
            elif line[:1] != b"*" and (words := self._split(line)):
                yield number, words

    def _split(self, line: bytes) -> list[bytes]:
        words = (_patched(line) if self.fixed else line).split()
        comment = next((i for i, word in enumerate(words[1:], 1) if word[:1] == b"$"), None)
        return words[:comment]

    def fail(self, line: int | None, what: str) -> NoReturn:
        raise InputError(self.path, line, what)

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


def _patched(line: bytes) -> bytes:
    padded = line.rstrip().replace(b"\t", b" ").ljust(64)
    if any(padded[gap : gap + 1] != b" " for gap in _GAPS):
        return line
    pieces = bytearray(padded)
    for start, end in _FIELDS:
        field = padded[start:end]
        inner = field.strip()
        at = start + len(field) - len(field.lstrip())
        pieces[at : at + len(inner)] = inner.replace(b" ", b"_")
    return bytes(pieces)
