"""Manifests, and the benchmark database's hash."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from bench.manifest import COLUMNS, UNPUBLISHED, Entry, from_export, gbd_hash, read_manifest, write_manifest
from bench.rows import BenchError

SAMPLE = Path(__file__).parents[2] / "data" / "satcomp-sample.csv"
HEX = "0123456789abcdef" * 2


def test_round_trip(tmp_path: Path) -> None:
    entry = Entry("a.cnf.xz", "f", "SAT", "", HEX, f"https://host/file/{HEX}")
    write_manifest(tmp_path / "m.csv", [entry], "how")
    assert read_manifest(tmp_path / "m.csv") == [entry]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"../a,f,,,{HEX},https://h/x", "not a plain file name"),
        (f".,f,,,{HEX},https://h/x", "not a plain file name"),
        ("a,f,,,,https://h/x", "neither sha256 nor gbd_hash"),
        (f"a,f,,,{HEX},file:///etc/passwd", "not http"),
        (f"a,f,,,{HEX},https://h/x\na,f,,,{HEX},https://h/x", "two files"),
    ],
)
def test_bad_manifests_are_refused(line: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(",".join(COLUMNS) + "\n" + line + "\n")
    with pytest.raises(BenchError, match=problem):
        read_manifest(path)


def test_from_a_csv_export(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        f"hash,family,filename,result\n{HEX},planning,some/dir/x.cnf.xz,unsat\n{HEX[::-1]},,,unknown\n"
    )
    first, second = from_export(path)
    assert first == Entry(
        f"{HEX}-x.cnf.xz",
        "planning",
        "UNSAT",
        "",
        HEX,
        f"https://benchmark-database.de/file/{HEX}?context=cnf",
    )
    assert (second.name, second.status) == (f"{HEX[::-1]}.cnf.xz", "")


def test_from_a_list_of_addresses(tmp_path: Path) -> None:
    path = tmp_path / "track.uri"
    path.write_text(f"https://benchmark-database.de/file/{HEX}?context=cnf\n\n")
    assert from_export(path) == [
        Entry(f"{HEX}.cnf.xz", "", "", "", HEX, f"https://benchmark-database.de/file/{HEX}?context=cnf")
    ]
    path.write_text("nothing here\n")
    with pytest.raises(BenchError, match="neither a CSV"):
        from_export(path)


def test_from_a_miplib_test_set(tmp_path: Path) -> None:
    path = tmp_path / "easy.test"
    path.write_text("IP/miplib2017/air05.mps.gz\n\nswath1.mps.gz\n")
    url = "https://miplib.zib.de/WebData/instances/air05.mps.gz"
    first, second = from_export(path)
    assert first == Entry("air05.mps.gz", "easy", "", UNPUBLISHED, "", url)
    assert second.name == "swath1.mps.gz"
    write_manifest(tmp_path / "m.csv", [first, second], "how")
    assert read_manifest(tmp_path / "m.csv") == [first, second]


def test_the_miplib_manifest_is_the_benchmark_set() -> None:
    entries = read_manifest(SAMPLE.with_name("miplib2017.csv"))
    assert len(entries) == 240
    assert all(entry.url.endswith("/" + entry.name) and entry.name.endswith(".mps.gz") for entry in entries)


def test_the_sample_manifest_is_whole() -> None:
    entries = read_manifest(SAMPLE)
    assert len(entries) >= 20
    assert all(entry.gbd_hash in entry.url for entry in entries)
    assert {entry.status for entry in entries} == {"SAT", "UNSAT"}


FORMULAS = [
    b"c hello\np cnf 3 2\n1 -2 0\n 3  0\n",
    b"p cnf 4 2\n1 2\n3 0 -4\n0\nc last\n",
    b"p  cnf 2 1\r\n-1 2 0\r\n",
]


@pytest.mark.parametrize("data", FORMULAS)
def test_gbd_hash_agrees_with_gbdc(data: bytes, tmp_path: Path) -> None:
    gbdc = pytest.importorskip("gbdc")
    path = tmp_path / "f.cnf"
    path.write_bytes(data)
    assert gbd_hash(data) == gbdc.gbdhash(str(path))
    assert gbd_hash(lzma.compress(data)) == gbd_hash(data)
