"""The DIMACS reader: what it takes, what it refuses and on which line, and the writer."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat.formula import CNF as PysatCNF  # noqa: N811

from neurosolve.errors import InputError
from neurosolve.sat import dimacs
from neurosolve.sat.cnf import CNF
from neurosolve.sat.dimacs import parse_dimacs, read_dimacs, write_dimacs

ACCEPTED = {
    "plain": (b"p cnf 3 2\n1 -2 0\n3 0\n", 3, [[1, -2], [3]]),
    "no variables, no clauses": (b"p cnf 0 0", 0, []),
    "a lone 0 is the empty clause": (b"p cnf 0 1\n0\n", 0, [[]]),
    "empty clauses between others": (b"p cnf 2 4\n0 1 0 0\n2 0\n", 2, [[], [1], [], [2]]),
    "the header's count is kept": (b"p cnf 9 1\n1 0\n", 9, [[1]]),
    "clauses over several lines": (b"p cnf 3 2\n1\n-2\n3 0 -1\n\n-3\n0\n", 3, [[1, -2, 3], [-1, -3]]),
    "several clauses on a line": (b"p cnf 3 3\n1 0 2 0 3 0\n", 3, [[1], [2], [3]]),
    "CRLF": (b"c x\r\np cnf 2 2\r\n1 -2 0\r\n2 0\r\n", 2, [[1, -2], [2]]),
    "tabs and leading blanks": (b" p\tcnf  2\t1 \n \t1\t 2 0", 2, [[1, 2]]),
    "comments before the header": (b"\n c a p cnf 7 7\nc\np cnf 1 1\n1 0\n", 1, [[1]]),
    "comments between clauses": (b"p cnf 2 2\n1 0\nc 5 0\n  c x\n2 0\nc end", 2, [[1], [2]]),
    "a comment inside a clause": (b"p cnf 2 1\n1\nc 7 0\n2 0\n", 2, [[1, 2]]),
    "a comment behind a clause": (b"p cnf 2 2\n1 0 c first 9\n2 0\tc\n", 2, [[1], [2]]),
    "comments that are no UTF-8": (b"c \xff\xfe \xe9\np cnf 1 1\nc \x80 \0 %\n1 0\n", 1, [[1]]),
    "a word that starts with c": (b"cnf written by me\np cnf 1 1\ncomment\n1 0\n", 1, [[1]]),
    "leading zeros": (b"p cnf 012 1\n012 -7 00000000000005 00\n", 12, [[12, -7, 5]]),
    "duplicates and tautologies": (b"p cnf 2 1\n1 1 -1 2 0\n", 2, [[1, 1, -1, 2]]),
    "the largest variable": (
        b"p cnf 2147483647 1\n-2147483647 2147483647 0",
        2**31 - 1,
        [[1 - 2**31, 2**31 - 1]],
    ),
}

REFUSED = {
    "empty file": (b"", 1, "empty file"),
    "blank file": (b"\n\n", 1, "no 'p cnf' header"),
    "only comments": (b"c a\nc b\n", 1, "no 'p cnf' header, only comments"),
    "no header": (b"c a\n\n1 2 0\n", 3, "no 'p cnf' header, found '1 2 0'"),
    "header of another format": (b"p wcnf 1 1\n1 1 0\n", 1, "expected 'p cnf VARIABLES CLAUSES'"),
    "header without counts": (b"c\np cnf\n", 2, "expected 'p cnf"),
    "header with one count": (b"p cnf 3\n", 1, "expected 'p cnf"),
    "header with three counts": (b"p cnf 3 1 1\n", 1, "expected 'p cnf"),
    "header with a negative count": (b"p cnf -3 1\n", 1, "expected 'p cnf"),
    "header with a decimal": (b"p cnf 3.0 1\n", 1, "expected 'p cnf"),
    "header and clause on a line": (b"p cnf 1 1 1 0\n", 1, "expected 'p cnf"),
    "header past 2^31-1, variables": (b"p cnf 2147483648 0\n", 1, "a header count past 2^31-1"),
    "header past 2^31-1, clauses": (b"p cnf 1 99999999999999999999\n", 1, "a header count past 2^31-1"),
    "two headers": (b"p cnf 2 2\n1 0\np cnf 2 2\n2 0\n", 3, "a second header"),
    "missing last 0": (b"p cnf 2 2\n1 0\nc x\n2\n\n", 4, "the last clause has no closing 0"),
    "letters": (b"p cnf 2 1\n1 x 0\n", 2, "expected a literal, found 'x'"),
    "a letter in a number": (b"p cnf 2 1\n1\n2c 0\n", 3, "found '2c'"),
    "a comment without a blank": (b"p cnf 2 1\n1 2 0c hi\n", 2, "found '0c'"),
    "an xor line": (b"p cnf 2 1\nx1 2 0\n", 2, "found 'x1'"),
    "decimals": (b"p cnf 2 1\n1 2 0\n1.5 0", 3, "found '1.5'"),
    "an exponent": (b"p cnf 2 1\n\n1e3 0", 3, "found '1e3'"),
    "hexadecimal": (b"p cnf 20 1\n0x10 0", 2, "found '0x10'"),
    "a plus": (b"p cnf 3 1\n+3 0", 2, "found '+3'"),
    "two minuses": (b"p cnf 3 1\n--1 0", 2, "found '--1'"),
    "a minus inside": (b"p cnf 3 1\n1-2 0", 2, "found '1-2'"),
    "a minus behind": (b"p cnf 3 1\n1- 0", 2, "found '1-'"),
    "a minus alone": (b"p cnf 3 1\n- 1 0", 2, "found '-'"),
    "minus at the very end": (b"p cnf 3 1\n1 0\n-", 3, "found '-'"),
    "minus zero": (b"p cnf 3 1\n1 -0", 2, "found '-0'"),
    "minus, leading zero": (b"p cnf 3 1\n1 -03 0", 2, "found '-03'"),
    "minus, letter": (b"p cnf 3 1\n1 -x 0", 2, "found '-x'"),
    "a comma": (b"p cnf 3 1\n1,2 0", 2, "found '1,2'"),
    "nan": (b"p cnf 3 1\nnan 0", 2, "found 'nan'"),
    "underscore": (b"p cnf 30 1\n1_0 0", 2, "found '1_0'"),
    "a NUL": (b"p cnf 3 1\n1\0 0", 2, r"found '1\x00'"),
    "form feed": (b"p cnf 3 1\n1\x0c2 0", 2, r"found '1\x0c2'"),
    "vertical tab": (b"p cnf 3 1\n1\x0b2 0", 2, r"found '1\x0b2'"),
    "other digits": ("p cnf 3 1\n\u0663 0".encode(), 2, r"found '\xd9\xa3'"),
    "a byte-order mark": (b"\xef\xbb\xbfp cnf 1 1\n1 0", 1, "no 'p cnf' header"),
    "2^31": (b"p cnf 2147483647 1\n1 0\n2147483648 0", 3, "a number past 2^31-1"),
    "-2^31": (b"p cnf 2147483647 1\n-2147483648 0", 2, "a number past 2^31-1"),
    "wraps to 1 in 32 bits": (b"p cnf 3 1\n4294967297 0", 2, "a number past 2^31-1"),
    "wraps to 1 in 64 bits": (b"p cnf 3 1\n18446744073709551617 0", 2, "a number past 2^31-1"),
    "far below": (b"p cnf 3 1\n1 0\n-" + b"9" * 40, 3, "a number past 2^31-1"),
    "a number of 5000 digits": (b"p cnf 3 1\n" + b"9" * 5000 + b" 0", 2, "a number past 2^31-1"),
    "a word longer than a block": (b"p cnf 3 1\n1 0\n" + b"0" * 200_000, 3, "a word of more than"),
    "text after the trailer": (b"p cnf 1 1\n1 0\n%\n0\n1 0\n", 5, "'1' after the '%' trailer"),
    "text on the trailer's line": (b"p cnf 1 1\n1 0\n%0x\n", 3, "'0x' after the '%' trailer"),
    "two zeros after the trailer": (b"p cnf 1 1\n1 0\n%\n0\n0\n", 5, "'0' after the '%' trailer"),
    "the trailer in a clause": (b"p cnf 2 1\n1 2\n%\n0\n", 2, "the last clause has no closing 0"),
    "a percent inside a line": (b"p cnf 2 1\n1 % 2 0\n", 2, "found '%'"),
    "truncated compression": (gzip.compress(b"p cnf 1 1\n1 0\n" * 50)[:-9], 1, "truncated gzip data"),
}

COUNTS_DISAGREE = {
    "too few clauses": (b"p cnf 2 3\n1 0\n2 0\n\n", 3, "2 clauses, the header says 3"),
    "no clauses": (b"c\np cnf 2 3\nc\n", 2, "0 clauses, the header says 3"),
    "too many clauses": (b"p cnf 2 1\n1 0\n\n2 0\n", 4, "more clauses than the header's 1"),
    "an empty clause too many": (b"p cnf 2 1\n1 0 0\n", 2, "more clauses than the header's 1"),
    "literal beyond the header": (
        b"p cnf 2 2\n1 0\n2 -3 0\n",
        3,
        "literal -3 beyond the header's 2 variables",
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepts(case: str) -> None:
    text, num_variables, clauses = ACCEPTED[case]
    cnf = parse_dimacs(text)
    assert (cnf.num_variables, cnf.clauses(), cnf.warnings) == (num_variables, clauses, ())
    assert cnf.literals.dtype == np.int32 and cnf.offsets.dtype == np.int64


def refusal(text: bytes, relaxed: bool = False) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_dimacs(text, "bad.cnf", relaxed)
    return caught.value


@pytest.mark.parametrize("case", REFUSED | COUNTS_DISAGREE)
def test_refuses_with_the_line(case: str) -> None:
    text, line, what = (REFUSED | COUNTS_DISAGREE)[case]
    message = str(refusal(text))
    assert message.startswith(f"bad.cnf:{line}: parse error: ") and what in message


@pytest.mark.parametrize("case", REFUSED)
def test_relaxed_refuses_the_rest(case: str) -> None:
    text, line, what = REFUSED[case]
    error = refusal(text, relaxed=True)
    assert (error.line or 1) == line and what in error.what


@pytest.mark.parametrize("case", COUNTS_DISAGREE)
def test_relaxed_takes_counts_that_disagree(case: str) -> None:
    cnf = parse_dimacs(COUNTS_DISAGREE[case][0], relaxed=True)
    assert "the header says" in cnf.warnings[0]


WITH_CONTENT = [
    case for case in REFUSED | COUNTS_DISAGREE if not re.search("file|comments|compression", case)
]


@pytest.mark.parametrize("case", WITH_CONTENT)
def test_line_numbers_add_up_over_many_blocks(case: str) -> None:
    text, line, what = (REFUSED | COUNTS_DISAGREE)[case]
    error = refusal(b"c padding\n\n" * 20_000 + text)
    assert error.line == line + 40_000 and what in error.what


def test_first_fault_of_several_is_named() -> None:
    with pytest.raises(InputError, match=r":2: .*literal 9 beyond"):
        parse_dimacs(b"p cnf 2 1\n9 0\nx 0\n1.5\n")
    with pytest.raises(InputError, match=r":3: .*more clauses than the header's 1"):
        parse_dimacs(b"p cnf 2 1\n1 0\n-1")


def test_relaxed_says_what_disagreed() -> None:
    few = parse_dimacs(b"p cnf 2 5\n1 0\n", relaxed=True)
    assert (few.num_variables, few.clauses()) == (2, [[1]])
    assert few.warnings == ("1 clauses, the header says 5",)
    many = parse_dimacs(b"p cnf 2 1\n1 0\n-7 0\n", relaxed=True)
    assert (many.num_variables, many.clauses()) == (7, [[1], [-7]])
    assert many.warnings == ("2 clauses, the header says 1", "variable 7 used, the header says 2")


@pytest.mark.parametrize("tail", [b"%\n0\n", b"%\n0\n\n", b"%", b" % \r\n0\r\n", b"%\n", b"%\nc x\n0\n"])
def test_satlib_trailer_is_left_out_with_a_warning(tail: bytes) -> None:
    cnf = parse_dimacs(b"p cnf 2 2\n1 0\n2 0\n" + tail)
    assert cnf.clauses() == [[1], [2]]
    assert cnf.warnings == ("the '%' trailer (SATLIB) is left out",)


def test_compressed_standard_input_and_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"p cnf 2 1\n1 2 0\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lzma.compress(text))))
    assert read_dimacs("-").clauses() == [[1, 2]]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"p cnf 1 1\n2 0")))
    with pytest.raises(InputError, match=r"^<stdin>:2: parse error: literal 2 beyond"):
        read_dimacs("-")
    with pytest.raises(InputError, match="more than 10 bytes"):
        read_dimacs(io.BytesIO(text), max_bytes=10)


def test_endless_lines_and_comments() -> None:
    clauses = b"1 -2 3 0 " * 60_000
    assert parse_dimacs(b"p cnf 3 60000 \n" + clauses).num_clauses == 60_000
    comment = b"c" + b"x" * 300_000 + b" 1 2 p cnf\n"
    text = comment + b"p cnf 3 60001\n" + clauses + b"c" + b" 7 x" * 90_000 + b"\n-1 0\n" + comment
    assert parse_dimacs(text).clauses()[-2:] == [[1, -2, 3], [-1]]
    with pytest.raises(InputError, match=r":2: .*found 'x'"):
        parse_dimacs(b"p cnf 3 90000\n" + clauses + b"x " + clauses)


clause_lists = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(
            st.lists(st.integers(1, n).flatmap(lambda v: st.sampled_from([v, -v])), max_size=6), max_size=12
        ),
    )
)


@given(clause_lists)
def test_round_trip(formula: tuple[int, list[list[int]]]) -> None:
    num_variables, clauses = formula
    cnf = CNF.from_clauses(clauses, num_variables)
    file = io.BytesIO()
    write_dimacs(cnf, file)
    again = parse_dimacs(file.getvalue())
    assert again == cnf and again.clauses() == clauses
    assert again.content_hash() == cnf.content_hash()


def layouts(clauses: list[list[int]], data: st.DataObject) -> bytes:
    """The clauses' numbers with any blanks between them and comments wherever a line starts."""
    gap = st.sampled_from(
        [b" ", b"\n", b"\t ", b"\r\n", b"  ", b"\nc 1 -2 p cnf\xff\n", b"\n\n c\n", b" c 9\n"]
    )
    words = [str(value).encode() for clause in clauses for value in [*clause, 0]]
    return b"".join(word + data.draw(gap) for word in words)


@settings(deadline=None)
@given(formula=clause_lists, data=st.data(), block=st.integers(40, 90))
def test_any_layout_in_any_block_size(
    formula: tuple[int, list[list[int]]], data: st.DataObject, block: int
) -> None:
    num_variables, clauses = formula
    text = b"p cnf %d %d\n" % (num_variables, len(clauses)) + layouts(clauses, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dimacs, "BLOCK", block)
        assert parse_dimacs(text) == CNF.from_clauses(clauses, num_variables)


@settings(max_examples=300)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_give_a_formula_or_an_input_error(tail: bytes, relaxed: bool) -> None:
    try:
        cnf = parse_dimacs(b"p cnf 3 2\n1 0\n" + tail, "f.cnf", relaxed)
    except InputError as error:
        assert str(error).startswith("f.cnf:") and error.line is not None
    else:
        assert cnf.num_clauses == 2 or relaxed


@settings(max_examples=50, deadline=None)
@given(clause_lists)
def test_agrees_with_pysat(formula: tuple[int, list[list[int]]]) -> None:
    file = io.BytesIO()
    write_dimacs(CNF.from_clauses(formula[1], formula[0]), file)
    theirs = PysatCNF(from_string=file.getvalue().decode())
    assert parse_dimacs(file.getvalue()).clauses() == theirs.clauses


def test_real_files(tmp_path: Path) -> None:
    root = Path(os.environ.get("NEUROSOLVE_DATA", "")) / "sat"
    if "NEUROSOLVE_DATA" not in os.environ or not (root / "MANIFEST.csv").is_file():
        pytest.skip("no real formulas: set NEUROSOLVE_DATA to a directory with sat/MANIFEST.csv")
    with (root / "MANIFEST.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["raw_bytes"]) < 300_000]
    for row in rows[:: max(1, len(rows) // 40)]:
        cnf = read_dimacs(root / row["path"])
        assert cnf.num_clauses == int(row["clauses"])
        assert cnf.num_literals == int(row["literals"])
        plain = tmp_path / "plain.cnf"
        with plain.open("wb") as out:
            write_dimacs(cnf, out)
        assert PysatCNF(from_file=str(plain)).clauses == cnf.clauses()
