"""The reading benchmark on a small file: every reader reads it whole and is measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench import reading


def test_rows_and_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "rows.jsonl"
    arguments = ["--literals", "3000", "--repeats", "1", "--output", str(output)]
    reading.main(arguments)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    expected = ["neurosolve", "pysat", *(["cadical"] if shutil.which("cadical") else [])]
    assert [row["reader"] for row in rows] == expected
    for row in rows:
        assert row["literals"] == 3000
        assert row["literals_per_cpu_s"] == pytest.approx(3000 / row["read_cpu_s"])
        assert row["peak_bytes"] > 1_000_000 and row["file_bytes"] > 3000
    printed = capsys.readouterr().out
    assert all(name in printed for name in expected) and "targets:" in printed


def test_a_reader_that_fails_is_no_row(tmp_path: Path) -> None:
    broken = tmp_path / "broken.cnf"
    broken.write_text("p cnf 1 1\n2 0\n")
    with pytest.raises(RuntimeError, match="neurosolve ended with exit code 1"):
        reading._turn("neurosolve", broken)
