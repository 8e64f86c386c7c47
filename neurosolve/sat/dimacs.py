"""DIMACS CNF, read strictly and fast, and written.

The text is read in blocks that fit in the processor's cache; a block that is not plain integers within the
header's bounds is walked once more, token by token, to name the line and what is wrong with it.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from neurosolve.errors import InputError
from neurosolve.files import DEFAULT_CAP, ByteStream, Source, open_decompressed
from neurosolve.sat.cnf import CNF, MAX_VARIABLE
from neurosolve.sat.digits import format_integers, parse_integers

__all__ = ["CNF", "parse_dimacs", "read_dimacs", "write_dimacs"]

BLOCK = 1 << 16  # bytes parsed at once, and the longest token
WRITE_CLAUSES = 1 << 14  # clauses formatted at once

_TOKEN = re.compile(rb"[^ \t\r\n]+")
_HEADER = re.compile(rb"p[ \t]+cnf[ \t]+([0-9]+)[ \t]+([0-9]+)[ \t\r]*")


class _Text(NamedTuple):
    """A piece of the file without its comments; `line` is the line its first byte is on, from 1."""

    line: int
    data: bytes

    def line_at(self, position: int) -> int:
        return self.line + self.data.count(b"\n", 0, position)


class _Header(NamedTuple):
    line: int
    num_variables: int
    num_clauses: int


def read_dimacs(source: str | Path | Source, *, relaxed: bool = False, max_bytes: int = DEFAULT_CAP) -> CNF:
    """The formula in a path, "-" (standard input) or an open binary file, compressed or not.

    Strict: raises InputError with the line unless the text is one header and the clauses it promises.
    `relaxed` turns counts that disagree into `warnings`; literals beyond the header then raise num_variables.
    """
    with open_decompressed(source, max_bytes) as stream:
        return _read(stream, relaxed)


def parse_dimacs(data: bytes, name: str = "<bytes>", relaxed: bool = False) -> CNF:
    """The formula in `data` (compressed or not); `name` stands for the file in error messages."""
    return _read(ByteStream(io.BytesIO(data), name, DEFAULT_CAP), relaxed)


def write_dimacs(cnf: CNF, file: BinaryIO) -> None:
    """The formula as DIMACS text, one clause a line, the header's counts being the formula's."""
    file.write(b"p cnf %d %d\n" % (cnf.num_variables, cnf.num_clauses))
    for first in range(0, cnf.num_clauses, WRITE_CLAUSES):
        offsets = cnf.offsets[first : first + WRITE_CLAUSES + 1]
        literals = cnf.literals[offsets[0] : offsets[-1]]
        file.write(format_integers(np.insert(literals, offsets[1:] - offsets[0], 0)))


def _read(stream: ByteStream, relaxed: bool) -> CNF:
    texts = _texts(stream)
    header, rest = _read_header(texts, stream.name)
    body = _Body(stream.name, header, relaxed)
    for text in itertools.chain([rest], texts):
        before, percent, after = text.data.partition(b"%")
        at_line_start = before.rstrip(b" \t").endswith(b"\n") or not before
        if not percent or not at_line_start:
            body.add(text)
            continue
        body.add(_Text(text.line, before))
        _check_trailer(itertools.chain([_Text(text.line_at(len(before)), after)], texts), stream.name)
        body.warnings.append("the '%' trailer (SATLIB) is left out")
    return body.finish()


def _texts(stream: ByteStream) -> Iterator[_Text]:
    """The file less its comments, cut at line ends (at a blank where a line is longer than a block)."""
    line, tail, line_start, in_comment = 1, b"", True, False
    for data in itertools.chain(iter(lambda: stream.read(BLOCK), b""), [b""]):
        block = tail + data
        if in_comment:
            end = block.find(b"\n")
            block = block[end:] if end >= 0 else b""
            in_comment = end < 0
        cut = block.rfind(b"\n") + 1 if data else len(block)
        if not cut and len(block) > BLOCK:
            cut = max(map(block.rfind, (b" ", b"\t", b"\r"))) + 1
            if not cut and not (line_start and block.startswith(b"c")):
                raise InputError(stream.name, line, f"a word of more than {BLOCK} characters")
            cut = cut or len(block)
        piece, tail = block[:cut], block[cut:]
        if not piece:
            continue
        text, in_comment = _without_comments(piece, line_start)
        yield _Text(line, text)
        line += int(np.count_nonzero(np.frombuffer(piece, np.uint8) == ord("\n")))
        line_start = piece.endswith(b"\n")


def _without_comments(piece: bytes, line_start: bool) -> tuple[bytes, bool]:
    """The piece less its comments (their line feeds stay), and whether the last goes on in the next piece."""
    kept, start, at = [], 0, piece.find(b"c")
    while at >= 0:
        end = at + 1
        if _is_comment(piece, at, line_start):
            kept.append(piece[start:at])
            start = end = piece.find(b"\n", at)
            if end < 0:
                return b"".join(kept), True
        at = piece.find(b"c", end)
    return b"".join([*kept, piece[start:]]), False


def _is_comment(piece: bytes, at: int, line_start: bool) -> bool:
    """Whether the c at `at` is a line's first letter, or a word of its own behind a literal."""
    line = piece.rfind(b"\n", 0, at) + 1
    if (line_start or line) and not piece[line:at].strip(b" \t"):
        return True
    return piece[at - 1 : at] in b" \t" and piece[at + 1 : at + 2] in b" \t\r\n"


def _read_header(texts: Iterator[_Text], name: str) -> tuple[_Header, _Text]:
    """The header, and what follows it in its piece."""
    line = None
    for text in texts:
        line = text.line
        start = _TOKEN.search(text.data)
        if not start:
            continue
        line = text.line_at(start.start())
        first, _, rest = text.data[start.start() :].partition(b"\n")
        match = _HEADER.fullmatch(first)
        if not match:
            what = "expected 'p cnf VARIABLES CLAUSES'" if first.startswith(b"p") else "no 'p cnf' header"
            raise InputError(name, line, f"{what}, found {_shown(first)}")
        if any(len(count.lstrip(b"0")) > 10 or int(count) > MAX_VARIABLE for count in match.groups()):
            raise InputError(name, line, "a header count past 2^31-1")
        return _Header(line, int(match[1]), int(match[2])), _Text(line + 1, rest)
    raise InputError(name, line, "empty file" if line is None else "no 'p cnf' header, only comments")


def _check_trailer(texts: Iterable[_Text], name: str) -> None:
    """SATLIB ends its files in a line of '%' and one of '0': nothing else may follow."""
    allowed = [b"0"]
    for text in texts:
        for token in _TOKEN.finditer(text.data):
            if token[0] not in allowed:
                what = f"{_shown(token[0])} after the '%' trailer"
                raise InputError(name, text.line_at(token.start()), what)
            allowed = []


class _Body:
    """The clauses, gathered in buffers that grow in place: joining a list of arrays would hold them twice."""

    def __init__(self, name: str, header: _Header, relaxed: bool) -> None:
        self._name, self._header, self._relaxed = name, header, relaxed
        self._literals, self._offsets = bytearray(), bytearray(8)  # int32; int64, the first one 0
        self._num_literals = 0
        self._num_clauses = self._num_open = 0  # clauses closed by their 0; literals of the one still open
        self._largest = 0
        self._last = _Text(header.line, b"")  # the last piece with a literal
        self._limit = MAX_VARIABLE if relaxed else header.num_variables
        self.warnings: list[str] = []

    def add(self, text: _Text) -> None:
        """Take in a piece that ends between two numbers.  Raises InputError for the first thing wrong in it."""
        values = parse_integers(text.data)
        if values is None:
            raise self._fault(text)
        if not len(values):
            return
        self._last, largest = text, max(int(values.max()), -int(values.min()))
        if largest > self._limit:
            raise self._fault(text)
        literals = values.astype(np.int32)
        is_literal = literals != 0
        ends = np.flatnonzero(~is_literal)
        num_clauses = self._num_clauses + len(ends)
        num_open = len(values) - 1 - int(ends[-1]) if len(ends) else self._num_open + len(values)
        if not self._relaxed and num_clauses + (num_open > 0) > self._header.num_clauses:
            raise self._fault(text)
        self._literals += literals[is_literal].data
        self._offsets += (ends + (self._num_literals - np.arange(len(ends)))).data
        self._num_literals += len(values) - len(ends)
        self._num_clauses, self._num_open = num_clauses, num_open
        self._largest = max(self._largest, largest)

    def _fault(self, text: _Text) -> InputError:
        """The first thing wrong in a piece that is known to be wrong."""
        done = self._num_clauses
        for token in _TOKEN.finditer(text.data):
            what = self._wrong(token[0], done)
            if what:
                return InputError(self._name, text.line_at(token.start()), what)
            done += token[0].strip(b"0") == b""
        raise AssertionError("the block reader and the token reader disagree")

    def _wrong(self, token: bytes, done: int) -> str | None:
        if token.startswith(b"p"):
            return "a second header" if token == b"p" else f"expected a literal, found {_shown(token)}"
        if not re.fullmatch(rb"0+|-?0*[1-9][0-9]*", token) or token.startswith(b"-0"):
            return f"expected a literal, found {_shown(token)}"
        digits = token.lstrip(b"-0")
        if len(digits) > 10 or int(digits or b"0") > MAX_VARIABLE:
            return f"a number past 2^31-1: {_shown(token)}"
        if int(digits or b"0") > self._limit:
            return f"literal {int(token)} beyond the header's {self._header.num_variables} variables"
        if not self._relaxed and done == self._header.num_clauses:
            return f"more clauses than the header's {done}"
        return None

    def finish(self) -> CNF:
        """The formula, after the last piece.  Raises InputError where the counts are not the header's."""
        header, num_variables = self._header, max(self._header.num_variables, self._largest)
        last_line = self._last.line_at(len(self._last.data.rstrip()))
        if self._num_open:
            raise InputError(self._name, last_line, "the last clause has no closing 0")
        if self._num_clauses != header.num_clauses:
            what = f"{self._num_clauses} clauses, the header says {header.num_clauses}"
            if not self._relaxed:
                raise InputError(self._name, last_line, what)
            self.warnings.append(what)
        if num_variables != header.num_variables:
            self.warnings.append(f"variable {num_variables} used, the header says {header.num_variables}")
        literals, offsets = np.frombuffer(self._literals, np.int32), np.frombuffer(self._offsets, np.int64)
        return CNF(num_variables, literals, offsets, tuple(self.warnings))


def _shown(text: bytes) -> str:
    """A foreign word, fit for a terminal: printable ASCII, 30 characters at most."""
    shown = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in text.strip(b"\r")[:30])
    return f"'{shown}{'...' if len(text) > 30 else ''}'"
