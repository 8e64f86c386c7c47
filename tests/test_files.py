"""Decompression by content, its limits and its errors."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from neurosolve.errors import InputError, UsageError
from neurosolve.files import open_decompressed, read_decompressed

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zstd": zstandard.ZstdCompressor().compress,
}
DATA = b"".join(b"%d -%d 0\n" % (i, i * i) for i in range(1, 20_000))
each_format = pytest.mark.parametrize("name", COMPRESSORS)


@each_format
def test_format_is_told_by_content(name: str, tmp_path: Path) -> None:
    path = tmp_path / "formula.txt"
    path.write_bytes(COMPRESSORS[name](DATA))
    assert read_decompressed(path) == DATA
    assert read_decompressed(str(path)) == DATA
    assert read_decompressed(io.BytesIO(path.read_bytes())) == DATA


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".lzma", ".zst"])
def test_suffix_is_not_believed(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"plain.cnf{suffix}"
    path.write_bytes(DATA)
    assert read_decompressed(path) == DATA


@each_format
def test_truncated_compression(name: str) -> None:
    whole = COMPRESSORS[name](DATA)
    for kept in (len(whole) - 1, len(whole) // 2, 20):
        with pytest.raises(InputError, match=f"truncated {name} data"):
            read_decompressed(io.BytesIO(whole[:kept]))


@each_format
def test_damaged_compression(name: str) -> None:
    damaged = bytearray(COMPRESSORS[name](DATA))
    damaged[len(damaged) // 3 : len(damaged) // 3 + 40] = bytes(40)
    if name == "lzma":  # a range coder without a checksum: only an impossible stream can be told
        damaged[5:] = b"\x01" * (len(damaged) - 5)
    with pytest.raises(InputError, match=f"damaged {name} data"):
        read_decompressed(io.BytesIO(bytes(damaged)))


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_concatenated_members(name: str) -> None:
    compress = COMPRESSORS[name]
    assert read_decompressed(io.BytesIO(compress(DATA) + compress(b"more"))) == DATA + b"more"


def test_zstd_skippable_frame_and_unsized_frame() -> None:
    skippable = b"\x53\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    stream = zstandard.ZstdCompressor().compressobj()
    unsized = stream.compress(DATA) + stream.flush()
    assert read_decompressed(io.BytesIO(skippable + unsized)) == DATA


@each_format
def test_cap_on_decompressed_bytes(name: str) -> None:
    bomb = COMPRESSORS[name](bytes(3_000_000))
    assert len(bomb) < 10_000
    with pytest.raises(InputError, match="more than 1000000 bytes"):
        read_decompressed(io.BytesIO(bomb), max_bytes=1_000_000)
    assert len(read_decompressed(io.BytesIO(bomb), max_bytes=3_000_000)) == 3_000_000


def test_cap_counts_plain_bytes_too() -> None:
    with pytest.raises(InputError, match="more than 9 bytes"):
        read_decompressed(io.BytesIO(b"0123456789"), max_bytes=9)
    assert read_decompressed(io.BytesIO(b"0123456789"), max_bytes=10) == b"0123456789"


def test_the_environment_may_set_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSOLVE_MAX_BYTES", "9")
    with pytest.raises(InputError, match="more than 9 bytes"):
        read_decompressed(io.BytesIO(gzip.compress(b"0123456789")))
    assert read_decompressed(io.BytesIO(b"0123456789"), max_bytes=10) == b"0123456789"  # a caller's own goes first
    monkeypatch.setenv("NEUROSOLVE_MAX_BYTES", "8G")
    with pytest.raises(UsageError, match="NEUROSOLVE_MAX_BYTES is '8G'"):
        read_decompressed(io.BytesIO(b"0"))


def test_file_name_never_reaches_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a;touch PWNED;$(touch PWNED2).cnf.gz"
    path.write_bytes(gzip.compress(DATA))
    assert read_decompressed(path) == DATA
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_unreadable_paths(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_decompressed(tmp_path / "none.cnf")
    with pytest.raises(InputError, match="cannot be read"):
        read_decompressed(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_decompressed("a\0b")


def test_text_mode_is_refused() -> None:
    with pytest.raises(TypeError, match="binary mode"):
        read_decompressed(io.StringIO("p cnf 0 0"))  # type: ignore[arg-type]


def test_own_file_is_closed_and_the_callers_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with path.open("rb") as file, open_decompressed(file) as stream:
        assert stream.read() == b"x"
        assert stream.name == str(path)
    with path.open("rb") as file:
        with open_decompressed(file):
            pass
        assert not file.closed
    read_decompressed(path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_standard_input_through_a_slow_pipe() -> None:
    code = "import sys; from neurosolve.files import *; sys.stdout.buffer.write(read_decompressed('-'))"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout
    packed = gzip.compress(DATA)
    for start in range(0, len(packed), 10_000):
        child.stdin.write(packed[start : start + 10_000])
        child.stdin.flush()
    child.stdin.close()
    assert child.stdout.read() == DATA
    assert child.wait() == 0


@given(data=st.binary(max_size=300), name=st.sampled_from(sorted(COMPRESSORS)), size=st.integers(1, 64))
def test_round_trip_in_small_reads(data: bytes, name: str, size: int) -> None:
    with open_decompressed(io.BytesIO(COMPRESSORS[name](data))) as stream:
        pieces = list(iter(lambda: stream.read(size), b""))
    assert b"".join(pieces) == data
    assert max(map(len, pieces), default=0) <= size


@pytest.mark.parametrize("name", ["none", ""])
def test_what_cannot_be_read_is_no_parse_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as refused:
        read_decompressed(tmp_path / name)
    why = "Is a directory" if not name else "No such file or directory"
    assert str(refused.value) == f"{tmp_path / name}: cannot be read: {why}"
