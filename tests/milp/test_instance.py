"""Kinds of files by suffix and content; MPS and LP, plain and compressed, as one Problem."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard

from neurosolve.errors import InputError, UsageError
from neurosolve.files import read_decompressed
from neurosolve.milp.instance import kind_of, read_problem
from tests.milp.problems import mps_of, small

LP = """\\ small
Maximize
 obj: 3 x + 2 y - z + 10
Subject To
 c1: x + y + z <= 4
 low: x - 2 z >= 1
 c3: y + z = 2.5
Bounds
 x <= 3
Generals
 x
Binaries
 z
End
"""
PACKERS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
HEADS = {
    "mps": b"* made by hand\n\nNAME  x\nROWS\n",
    "lp": b"\\ words\n\nMinimize\n obj: x\n",
    "cip": b"STATISTICS\n  Problem name     : x\n",
    "cnf": b"c words\np cnf 1 1\n1 0\n",
}


class Slow(io.RawIOBase):
    """A pipe whose writer pauses: a read ends there."""

    def __init__(self, data: bytes, pause_at: int) -> None:
        self.pieces = [piece for piece in (data[:pause_at], data[pause_at:]) if piece]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        now, later = piece[: len(buffer)], piece[len(buffer) :]
        self.pieces[:0] = [later] if later else []
        buffer[: len(now)] = now
        return len(now)


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes, pause_at: int = 0) -> None:
    buffer = io.BufferedReader(Slow(data, pause_at))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.mps", "mps"), ("a.MPS", "mps"), ("a.lp", "lp"), ("a.cip", "cip"), ("a.cnf", "cnf"), ("a.b.mps.gz", "mps"),
     ("a.lp.zst", "lp"), ("a.mps.xz", "mps"), ("a.dimacs.bz2", "cnf"), ("mps/a.cnf", "cnf")],
)  # fmt: skip
def test_the_suffix_tells_even_where_no_file_is(name: str, kind: str) -> None:
    assert kind_of(name) == kind_of(Path(name)) == kind


@pytest.mark.parametrize("kind", HEADS)
def test_content_tells_where_no_suffix_does(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, data in enumerate((HEADS[kind], gzip.compress(HEADS[kind]))):
        path = tmp_path / f"instance{number}"
        path.write_bytes(data)
        assert kind_of(path) == kind
        stdin(monkeypatch, data)
        assert kind_of("-") == kind_of("-") == kind
        assert read_decompressed("-") == HEADS[kind]  # nothing was taken


def test_a_large_compressed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "".join(f" L  row{i * 7919 % 100003}\n" for i in range(50000))
    stdin(monkeypatch, gzip.compress(f"NAME x\nROWS\n N  o\n{names}".encode()))
    assert kind_of("-") == "mps"


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_slow_writer_is_waited_for(
    kind: str, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pack(HEADS[kind])
    for pause_at in (1, 5, 12, len(data) - 1):
        stdin(monkeypatch, data, pause_at)
        assert kind_of("-") == kind
        assert read_decompressed("-") == HEADS[kind]


def test_long_comments_and_blank_lines_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    words, blank = b"\\ " + b"words " * 10 + b"\n", b"\n" * 1000
    for head, kind in ((words * 500, "lp"), (blank, "lp"), (words * 2000, "cnf")):  # past 64 KiB nobody looks
        stdin(monkeypatch, head + b"Minimize\n obj: x\n")
        assert kind_of("-") == kind
    stdin(monkeypatch, blank + b"p cnf 1 1\n1 0\n")
    assert kind_of("-") == "cnf"


def test_the_format_is_believed() -> None:
    assert kind_of("a.cnf", "mps") == "mps" and kind_of("-", "LP") == "lp"
    with pytest.raises(UsageError, match="formats: cnf, mps, lp, cip"):
        kind_of("a.cnf", "xls")


def test_what_cannot_be_read_is_cnf_and_its_reader_tells(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "none") == "cnf"


@pytest.mark.parametrize("suffix", ["", *PACKERS])
def test_mps_plain_and_compressed(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"small.mps{suffix}"
    path.write_bytes(PACKERS.get(suffix, bytes)(mps_of(small())))
    assert read_problem(path) == read_problem(str(path)) == small()


def test_standard_input_and_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for format in (None, "mps"):
        stdin(monkeypatch, mps_of(small()))
        assert read_problem("-", format=format) == small()
    path = tmp_path / "small.mps"
    path.write_bytes(mps_of(small()))
    with path.open("rb") as file:
        assert read_problem(file) == small()


def test_lp_is_the_same_problem(tmp_path: Path) -> None:
    path = tmp_path / "small.lp.gz"
    path.write_bytes(gzip.compress(LP.encode()))
    problem = read_problem(path)
    assert problem is not None and not problem.warnings
    expected = small(row_names=("c1", "low", "c3"), rhs=small().rhs.copy())
    expected.rhs[1] = float("inf")
    assert problem == expected


def test_an_lp_without_end_gets_a_word(tmp_path: Path) -> None:
    path = tmp_path / "small.lp"
    path.write_text(LP.removesuffix("End\n"))
    problem = read_problem(path)
    assert problem is not None and problem.num_columns == 3 and "no End" in problem.warnings[0]


def test_rows_of_an_lp_without_a_line_break_get_a_word(tmp_path: Path) -> None:
    path = tmp_path / "small.lp"
    path.write_text("min\n obj: x\nst\n c1: x >= 0e_2: x + y <= 5c3: y >= -1.5\nend\n")
    problem = read_problem(path)
    assert problem is not None and problem.row_names == ("c1", "e_2", "c3")
    assert "2 rows begin where the one before ends" in problem.warnings[0]


def test_an_error_in_an_lp_has_its_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.lp"
    path.write_text("min\n obj: x\nst\n c: x + y >= 1 z\nend\n")
    with pytest.raises(InputError, match="found `z`") as refused:
        read_problem(path)
    assert refused.value.line == 4
    assert capfd.readouterr() == ("", "")  # nothing of HiGHS's own


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "starts with minimize or maximize"),
        ("hello world\n", "starts with minimize or maximize"),
        ("min\n obj: x 2.x\nst\n c: x + >= nan\nend\n", "expected"),
        ("min\n obj: x\nst\n c: x + y ", "expected"),
        ("min\n obj: x + [ x^2 ] / 2\nst\n c: x>=1\nend\n", "quadratic objective"),
        ("min\n obj: x\nst\n c: x>=1\nbounds\n x <= 5\nsemi-continuous\n x\nend\n", "semi-continuous"),
        ("min\n obj: x\nst\n c: x+y >= 1\nsos\n s1: S1:: x:1 y:2\nend\n", "special ordered sets"),
    ],
)
def test_lp_files_that_are_refused(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.lp"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as refused:
        read_problem(path)
    assert refused.value.path == str(path)


def test_errors_name_the_file_and_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.mps.gz"
    path.write_bytes(gzip.compress(mps_of(small()).replace(b"2.5", b"2.x")))
    with pytest.raises(InputError) as refused:
        read_problem(path)
    assert refused.value.path == str(path) and refused.value.line is not None
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="truncated gzip"):
        read_problem(path)
    with pytest.raises(InputError, match="after decompression"):
        path.write_bytes(gzip.compress(mps_of(small())))
        read_problem(path, max_bytes=100)
    (tmp_path / "a.cip").write_text("STATISTICS\n")
    assert read_problem(tmp_path / "a.cip") is None
    (tmp_path / "a.cnf").write_text("p cnf 1 1\n1 0\n")
    with pytest.raises(UsageError, match="no MILP file"):
        read_problem(tmp_path / "a.cnf")
