"""Result files: appended, torn, locked, packed."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
import zstandard

from bench import rows
from bench.rows import Appender, BenchError, key, pack, read, read_all

ROW = {
    "kind": "run",
    "sha256": "a",
    "arm": "none",
    "engine": "e",
    "guidance": "none",
    "seed": 0,
    "limit_s": 5.0,
}


def write(path: Path, *written: rows.Row) -> None:
    with Appender(path) as appender:
        for row in written:
            appender.append(row)


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.jsonl"
    write(path, {"kind": "header", "session": "s"}, ROW)
    write(path, {**ROW, "seed": 1})
    headers, runs = read(path)
    assert headers == [{"kind": "header", "session": "s"}]
    assert runs == [ROW, {**ROW, "seed": 1}]


def test_a_torn_last_line_is_ignored_then_cut(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, ROW)
    with path.open("ab") as file:
        file.write(b'{"kind": "run", "sha2')
    assert read(path)[1] == [ROW]
    write(path, {**ROW, "seed": 7})
    assert read(path)[1] == [ROW, {**ROW, "seed": 7}]


def test_a_damaged_line_inside_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"kind": "run"}\nnonsense\n{"kind": "run"}\n')
    with pytest.raises(BenchError, match=r"r\.jsonl:2: not a JSON row"):
        read(path)


def test_two_writers_exclude_one_another(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with Appender(path), pytest.raises(BenchError, match="another run is writing"):
        write(path, ROW)


def test_pack_compresses_and_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, *({**ROW, "seed": seed} for seed in range(50)))
    plain = path.read_bytes()
    packed = pack(path)
    assert packed.name == "r.jsonl.xz"
    assert not path.exists()
    assert lzma.decompress(packed.read_bytes()) == plain
    assert len(read(packed)[1]) == 50
    assert pack(packed) == packed


def test_pack_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, ROW)
    (tmp_path / "r.jsonl.xz").write_bytes(b"")
    with pytest.raises(BenchError, match="already there"):
        pack(path)


def test_zst_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b'{"kind": "run", "arm": "x"}\n'))
    assert read(path)[1] == [{"kind": "run", "arm": "x"}]


@pytest.mark.parametrize("field", rows.KEY_FIELDS)
def test_every_field_of_the_key_tells_runs_apart(field: str) -> None:
    assert key({**ROW, field: "other"}) != key(ROW)


def test_an_error_gives_way_to_a_later_answer(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, {**ROW, "status": "ERROR"}, {**ROW, "status": "UNKNOWN"}, {**ROW, "status": "ERROR"})
    assert [row["status"] for row in read_all([path])[1]] == ["UNKNOWN"]


def test_of_two_equal_keys_the_first_counts(tmp_path: Path) -> None:
    one, two = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    write(one, {**ROW, "wall_s": 1})
    write(two, {**ROW, "wall_s": 2}, {**ROW, "arm": "b"})
    assert [(row["arm"], row.get("wall_s")) for row in read_all([one, two])[1]] == [("none", 1), ("b", None)]
