"""Batches: one row a file, whatever happens to a file, and nothing lost or repeated by a kill."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurosolve import batch
from neurosolve.errors import EngineError, UsageError
from neurosolve.result import Limits
from tests import milp_files
from tests.formulas import pigeons, random_3sat, save
from tests.test_cli import call


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


@pytest.fixture
def mixed(formulas: Path) -> Path:
    milp_files.save(milp_files.MPS, formulas / "deep" / "m.mps")
    (formulas / "n.lp.gz").write_bytes(gzip.compress(milp_files.INFEASIBLE.encode()))
    milp_files.save(milp_files.CIP, formulas / "o.CIP")
    milp_files.save(milp_files.MPS.replace("weight  8", "weight  nan"), formulas / "wrong.mps")
    return formulas


def run(root: Path, out: Path, **options: object) -> tuple[int, list[object]]:
    heard: list[object] = []
    only = options.pop("only", None)
    job = batch.Job(guidance="none", **options)  # type: ignore[arg-type]
    return batch.run(root, out, job, workers=2, tick=heard.append, only=only), heard  # type: ignore[arg-type]


def test_one_row_a_file(formulas: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "rows.jsonl"
    assert run(formulas, out)[0] == 3
    rows = {row["file"]: row for row in read(out)}
    assert set(rows) == {"a.cnf", "bad.cnf", "deep/b.dimacs"}
    assert rows["a.cnf"]["status"] == "SATISFIABLE" and rows["a.cnf"]["error"] is None
    assert rows["deep/b.dimacs"]["status"] == "UNSATISFIABLE"
    assert "parse error" in str(rows["bad.cnf"]["error"])


def test_milps_among_formulas(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    assert run(mixed, out, gap=0.0)[0] == 7
    rows = {str(row["file"]): row for row in read(out)}
    assert rows["deep/m.mps"]["status"] == "optimal" and rows["deep/m.mps"]["objective"] == milp_files.MPS_OPTIMUM
    assert rows["n.lp.gz"]["status"] == "infeasible" and rows["o.CIP"]["checked_by"] == "scip"
    assert "wrong.mps:18: parse error" in str(rows["wrong.mps"]["error"])
    assert rows["a.cnf"]["status"] == "SATISFIABLE" and "gap_asked" not in rows["a.cnf"]
    assert (rows["n.lp.gz"]["protocol"], rows["n.lp.gz"]["gap_asked"], rows["n.lp.gz"]["error"]) == ("default", 0, None)
    for wrong in ("wrong.mps", "bad.cnf"):
        (mixed / wrong).unlink()
    assert run(mixed, out, gap=0.0) == (0, [None] * 5)
    assert run(mixed, out, gap=0.5, engine="glucose4", only="milp")[0] == 3  # another gap; no engine in their key
    assert run(mixed, out, gap=0.5, only="milp")[0] == run(mixed, out, gap=0.7, only="cnf")[0] == 0
    assert run(mixed, out, gap=0.5, only="milp", relaxed=True)[0] == 0


def test_a_guidance_that_a_kind_does_not_know(mixed: Path, tmp_path: Path) -> None:
    words = ["batch", mixed, "--out", tmp_path / "rows.jsonl", "-g"]
    assert "unknown guidance 'pscost'" in call(*words, "pscost").stderr
    assert "unknown guidance 'walk' for a MILP" in call(*words, "walk").stderr
    assert "unknown protocol" in call(*words, "none", "--protocol", "papers").stderr
    assert "unknown kind 'mps'" in call(*words, "none", "--only", "mps").stderr
    (tmp_path / "empty").mkdir()
    assert "no MILP file" in call("batch", tmp_path / "empty", *words[2:], "none", "--only", "milp").stderr
    assert not (tmp_path / "rows.jsonl").exists()


def test_what_is_there_is_not_solved_again(formulas: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    (formulas / "bad.cnf").unlink()
    run(formulas, out)
    written, heard = run(formulas, out)
    assert written == 0 and heard == [None, None]
    assert run(formulas, out, seed=1)[0] == run(formulas, out, relaxed=True)[0] == 2  # other keys
    save(random_3sat(41, 3.0), formulas / "a.cnf")
    assert run(formulas, out)[0] == 1  # the same name with another content
    assert len(read(out)) == 7


def test_an_error_is_tried_again_until_there_is_an_answer(
    formulas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(path: Path, job: batch.Job) -> batch.Row:
        raise EngineError("no luck")

    out, real = tmp_path / "rows.jsonl", batch._solve
    (formulas / "bad.cnf").unlink()
    monkeypatch.setattr(batch, "_solve", crash)
    run(formulas, out)
    assert [row["error"] for row in read(out)] == ["no luck"] * 2
    monkeypatch.setattr(batch, "_solve", real)
    assert run(formulas, out)[0] == 2 and run(formulas, out)[0] == 0
    assert [row["error"] for row in read(out)][2:] == [None] * 2


def test_a_torn_last_line_is_solved_again(formulas: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    (formulas / "bad.cnf").unlink()
    run(formulas, out)
    whole = out.read_bytes()
    out.write_bytes(whole[:-20])
    assert run(formulas, out)[0] == 1
    assert len(read(out)) == 2 and {row["file"] for row in read(out)} == {"a.cnf", "deep/b.dimacs"}


def test_a_limit_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    save(pigeons(13), tmp_path / "in" / "hard.cnf")
    run(tmp_path / "in", tmp_path / "rows.jsonl", limits=Limits(time_s=0.5))
    (row,) = read(tmp_path / "rows.jsonl")
    assert (row["status"], row["reason"], row["time_limit_s"]) == ("UNKNOWN", "time limit", 0.5)


def test_two_writers_of_one_file_are_one_too_many(formulas: Path, tmp_path: Path) -> None:
    with batch.Rows(tmp_path / "rows.jsonl"), pytest.raises(UsageError, match="another batch"):
        run(formulas, tmp_path / "rows.jsonl")


def descendants(pid: int) -> list[int]:
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    return [*children, *(one for child in children for one in descendants(child))]


def ended(pid: int) -> bool:
    """Gone, or a zombie that nobody has reaped yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("hard", ["zz-hard.cnf", "zz-hard.lp"])
def test_killed_and_started_again(tmp_path: Path, number: signal.Signals, hard: str) -> None:
    root, out = tmp_path / "in", tmp_path / "rows.jsonl"
    root.mkdir()
    for seed in range(3):
        save(random_3sat(40, 3.0, seed), root / f"{seed}.cnf")
    milp_files.save(milp_files.MPS, root / "3.mps")
    if hard.endswith(".lp"):
        milp_files.save(milp_files.market_split(5, 40), root / hard)
    else:
        save(pigeons(13), root / hard)
    words = ["batch", str(root), "--out", str(out), "-g", "none", "-t", "60"]
    first = subprocess.Popen([sys.executable, "-m", "neurosolve", *words], stdout=subprocess.DEVNULL)
    for _ in range(200):
        if out.exists() and len(out.read_bytes().splitlines()) == 4:
            break
        time.sleep(0.05)
    time.sleep(0.3)  # into the hard one
    started = descendants(first.pid)
    os.kill(first.pid, number)
    first.wait(timeout=10)
    assert len(read(out)) == 4
    for _ in range(100):
        if all(map(ended, started)):
            break
        time.sleep(0.05)
    assert started and all(map(ended, started))
    (root / hard).unlink()
    save(pigeons(4), root / "zz-easy.cnf")
    again = subprocess.run(
        [sys.executable, "-m", "neurosolve", *words], capture_output=True, text=True, timeout=60
    )
    assert "5 files, 4 found done, 0 errors" in again.stdout
    assert sorted(str(row["file"]) for row in read(out)) == [
        "0.cnf",
        "1.cnf",
        "2.cnf",
        "3.mps",
        "zz-easy.cnf",
    ]


def test_a_file_that_failed_is_tried_again_and_makes_the_exit_code_1(tmp_path: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "rows.jsonl"
    root.mkdir()
    (root / "a.cnf").write_text("p cnf 1 2\n1 0\n")
    words = [sys.executable, "-m", "neurosolve", "batch", str(root), "--out", str(out), "-t", "inf"]
    failed = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert failed.returncode == 1 and "1 errors" in failed.stdout
    (root / "a.cnf").write_text("p cnf 1 1\n1 0\n")
    mended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert mended.returncode == 0 and "1 files, 0 found done, 0 errors" in mended.stdout
