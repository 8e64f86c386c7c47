"""Batches: one row a file, whatever happens to a file, and nothing lost or repeated by a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurosolve import batch
from neurosolve.errors import UsageError
from neurosolve.result import Limits
from tests.formulas import pigeons, random_3sat, save


@pytest.fixture
def formulas(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    (root / "deep").mkdir(parents=True)
    save(random_3sat(40, 3.0), root / "a.cnf")
    save(pigeons(4), root / "deep" / "b.dimacs")
    (root / "bad.cnf").write_text("p cnf nonsense\n")
    (root / "note.txt").write_text("no formula")
    return root


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(root: Path, out: Path, **options: object) -> tuple[int, list[object]]:
    heard: list[object] = []
    job = batch.Job(guidance="none", **options)  # type: ignore[arg-type]
    return batch.run(root, out, job, workers=2, tick=heard.append), heard


def test_one_row_a_file(formulas: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "rows.jsonl"
    assert run(formulas, out)[0] == 3
    rows = {row["file"]: row for row in read(out)}
    assert set(rows) == {"a.cnf", "bad.cnf", "deep/b.dimacs"}
    assert rows["a.cnf"]["status"] == "SATISFIABLE" and rows["a.cnf"]["error"] is None
    assert rows["deep/b.dimacs"]["status"] == "UNSATISFIABLE"
    assert "parse error" in str(rows["bad.cnf"]["error"])


def test_what_is_there_is_not_solved_again(formulas: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    run(formulas, out)
    written, heard = run(formulas, out)
    assert written == 0 and heard == [None, None, None]
    assert run(formulas, out, seed=1)[0] == 3  # another key
    save(random_3sat(41, 3.0), formulas / "a.cnf")
    assert run(formulas, out)[0] == 1  # the same name with another content
    assert len(read(out)) == 7


def test_a_torn_last_line_is_solved_again(formulas: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    run(formulas, out)
    whole = out.read_bytes()
    out.write_bytes(whole[:-20])
    assert run(formulas, out)[0] == 1
    assert len(read(out)) == 3 and {row["file"] for row in read(out)} == {"a.cnf", "bad.cnf", "deep/b.dimacs"}


def test_a_limit_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    save(pigeons(13), tmp_path / "in" / "hard.cnf")
    run(tmp_path / "in", tmp_path / "rows.jsonl", limits=Limits(time_s=0.5))
    (row,) = read(tmp_path / "rows.jsonl")
    assert (row["status"], row["reason"], row["time_limit_s"]) == ("UNKNOWN", "time limit", 0.5)


def test_two_writers_of_one_file_are_one_too_many(formulas: Path, tmp_path: Path) -> None:
    with batch.Rows(tmp_path / "rows.jsonl"), pytest.raises(UsageError, match="another batch"):
        run(formulas, tmp_path / "rows.jsonl")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_and_started_again(tmp_path: Path, number: signal.Signals) -> None:
    root, out = tmp_path / "in", tmp_path / "rows.jsonl"
    root.mkdir()
    for seed in range(4):
        save(random_3sat(40, 3.0, seed), root / f"{seed}.cnf")
    save(pigeons(13), root / "zz-hard.cnf")
    words = ["batch", str(root), "--out", str(out), "-g", "none", "-t", "60"]
    first = subprocess.Popen([sys.executable, "-m", "neurosolve", *words], stdout=subprocess.DEVNULL)
    for _ in range(200):
        if out.exists() and len(out.read_bytes().splitlines()) == 4:
            break
        time.sleep(0.05)
    time.sleep(0.3)  # into the hard one
    os.kill(first.pid, number)
    first.wait(timeout=10)
    assert len(read(out)) == 4
    (root / "zz-hard.cnf").unlink()
    save(pigeons(4), root / "zz-easy.cnf")
    again = subprocess.run(
        [sys.executable, "-m", "neurosolve", *words], capture_output=True, text=True, timeout=60
    )
    assert "5 files, 4 found done, 0 errors" in again.stdout
    assert sorted(str(row["file"]) for row in read(out)) == [
        "0.cnf",
        "1.cnf",
        "2.cnf",
        "3.cnf",
        "zz-easy.cnf",
    ]
