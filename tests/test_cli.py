"""The command line as a process: lines, exit codes, errors, signals, and the files it writes."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from neurosolve import cli, output
from neurosolve.errors import UsageError
from tests.formulas import pigeons, random_3sat, save, true_in

CNF_ = random_3sat(60, 3.0)


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "neurosolve", *map(str, words)]


def start(*words: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    run = subprocess.run(command(*words), input=stdin, capture_output=True, timeout=60)
    return subprocess.CompletedProcess(words, run.returncode, run.stdout.decode(), run.stderr.decode())


def call(*words: object) -> subprocess.CompletedProcess[str]:
    """The same inside this process, which spares the imports: what main() prints and how it exits."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["neurosolve", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    out.flush()
    assert isinstance(out.buffer, io.BytesIO) and isinstance(stop.value.code, int)
    return subprocess.CompletedProcess(words, stop.value.code, out.buffer.getvalue().decode(), err.getvalue())


def values(text: str) -> list[int]:
    return [int(word) for line in text.splitlines() if line[:2] == "v " for word in line.split()[1:]]


@pytest.fixture
def formula(tmp_path: Path) -> Path:
    return save(CNF_, tmp_path / "f.cnf")


def test_satisfiable(formula: Path) -> None:
    run = start("solve", formula, "-g", "none")
    assert run.returncode == 10 and not run.stderr
    assert {line[:2] for line in run.stdout.splitlines()} == {"c ", "s ", "v "}
    assert run.stdout.count("\ns SATISFIABLE\n") == 1
    assert max(map(len, run.stdout.splitlines())) <= 78
    found = values(run.stdout)
    assert found[-1] == 0 and found.count(0) == 1
    assert sorted(map(abs, found[:-1])) == list(range(1, 61)) and true_in(CNF_, found)


def test_unsatisfiable_with_a_proof_that_check_accepts(tmp_path: Path) -> None:
    path, proof = save(pigeons(5), tmp_path / "f.cnf"), tmp_path / "proof"
    run = call("solve", path, proof, "-g", "random", "-q")
    assert (run.returncode, run.stdout) == (20, "s UNSATISFIABLE\n")
    checked = call("check", path, proof)
    assert checked.returncode == 0 and "s VERIFIED" in checked.stdout
    other = save(random_3sat(30, 1.0), tmp_path / "other.cnf")
    refused = call("check", other, proof)
    assert refused.returncode == 1 and "s NOT VERIFIED" in refused.stdout


def test_quiet_no_values_verbose(formula: Path) -> None:
    assert call("solve", formula, "-g", "none", "-q", "-n").stdout == "s SATISFIABLE\n"
    told = call("solve", formula, "-g", "walk", "-v", "-n").stdout
    assert "c phases by walk, delivery rename" in told and "c network" in told and "c conflicts" in told
    assert "not guided: " in call("solve", formula, "-g", "auto", "-n").stdout


def test_standard_input_and_compression(tmp_path: Path) -> None:
    data = save(CNF_, tmp_path / "f.cnf").read_bytes()
    assert start("solve", "-", "-n", "-q", "-g", "none", stdin=gzip.compress(data)).returncode == 10


def test_json(formula: Path, tmp_path: Path) -> None:
    run = start("solve", formula, "-g", "walk", "--json", "-", "--seed", 3)
    row = json.loads(run.stdout)
    assert run.returncode == 10 and row["status"] == "SATISFIABLE" and row["seed"] == 3 and row["schema"] == 1
    assert row["stages"]["import_s"] > 0.01 and row["wall_time_s"] > row["stages"]["import_s"]
    both = call("solve", formula, "-g", "none", "--json", tmp_path / "row.json")
    assert json.loads((tmp_path / "row.json").read_text())["status"] == "SATISFIABLE"
    assert "s SATISFIABLE" in both.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"p cnf 2 1\n1 x 0\n", "f.cnf:2: parse error:"),
        (gzip.compress(b"p cnf 2 1\n1 2 0\n" * 1)[:-6], "parse error:"),
        (b"", "f.cnf:1: parse error:"),
        (b"p cnf 2 9\n1 2 0\n", "parse error:"),
    ],
)
def test_a_bad_file_is_one_line_on_standard_error(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "f.cnf"
    path.write_bytes(content)
    run = call("solve", path, "-q")
    assert (run.returncode, run.stdout) == (1, "")
    assert told in run.stderr and run.stderr.count("\n") == 1


def test_a_name_that_is_no_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.cnf"
    save(CNF_, Path(os.fsdecode(path)))
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    run = start("solve", os.fsdecode(path), "-g", "none", "-n")
    assert run.returncode == 10 and "\\udcff.cnf" in run.stdout and not run.stderr
    missing = start("solve", os.fsdecode(path) + "x")
    assert missing.returncode == 1 and "\\udcff.cnfx" in missing.stderr and "Traceback" not in missing.stderr


def test_relaxed(tmp_path: Path) -> None:
    (tmp_path / "f.cnf").write_text("p cnf 2 9\n1 2 0\n")
    run = call("solve", tmp_path / "f.cnf", "--relaxed", "-g", "none", "-n")
    assert run.returncode == 10 and "c warning: " in run.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["solve"],
        ["solve", "FILE", "--engine", "nonsense"],
        ["solve", "FILE", "--guidance", "nonsense"],
        ["solve", "FILE", "--memory", "lots"],
        ["solve", "FILE", "--time", "-3"],
        ["solve", "FILE", "FILE"],
        ["solve", "FILE", "proof.cnf.gz"],
        ["solve", "FILE", "-"],
        ["solve", "FILE", "--json", "FILE"],
        ["solve", "FILE", "--json", "/nonexistent/x.json"],
        ["solve", "FILE", "/nonexistent/proof"],
        ["solve", "/nonexistent.cnf"],
        ["solve", "FILE", "--time", "nan"],
        ["nonsense"],
        ["check", "FILE", "/nonexistent"],
        ["batch", "/nonexistent"],
        ["generate", "nonsense"],
    ],
)
def test_errors_exit_1_on_standard_error(formula: Path, words: list[str]) -> None:
    before = formula.read_bytes()
    run = call(*(str(formula) if word == "FILE" else word for word in words))
    assert run.returncode == 1 and run.stderr and "Traceback" not in run.stderr
    assert "s " not in [line[:2] for line in run.stdout.splitlines()]
    assert formula.read_bytes() == before


@pytest.mark.parametrize("limit", ["inf", "1e12", "2e6"])
def test_a_limit_that_nobody_reaches(formula: Path, limit: str) -> None:
    assert call("solve", formula, "-q", "-n", "-t", limit).stdout == "s SATISFIABLE\n"


def test_an_answer_is_told_even_where_the_json_cannot_be_written(formula: Path) -> None:
    run = call("solve", formula, "-q", "-n", "-g", "none", "--json", "/dev/full")
    assert (run.returncode, run.stdout) == (1, "s SATISFIABLE\n") and "cannot write /dev/full" in run.stderr


def test_a_proof_may_be_named_after_its_formula(tmp_path: Path) -> None:
    path, proof = save(pigeons(4), tmp_path / "f.cnf"), tmp_path / "f.cnf.drat"
    assert call("solve", path, proof, "-q").returncode == 20 and proof.stat().st_size > 0


def test_force_writes_a_proof_with_the_name_of_a_formula(tmp_path: Path) -> None:
    path, proof = save(pigeons(4), tmp_path / "f.cnf"), tmp_path / "g.cnf"
    assert call("solve", path, proof, "--force", "-g", "none").returncode == 20
    assert call("check", path, proof).returncode == 0


def test_a_time_limit_is_unknown_and_exit_0(tmp_path: Path) -> None:
    started = time.monotonic()
    run = call("solve", save(pigeons(13), tmp_path / "f.cnf"), "-t", "1", "-g", "none")
    assert run.returncode == 0 and run.stdout.endswith("c time limit\ns UNKNOWN\n")
    assert time.monotonic() - started < 8


def test_a_memory_limit(tmp_path: Path) -> None:
    path = save(random_3sat(200_000, 4.2), tmp_path / "f.cnf")
    run = call("solve", path, "--memory", "60M", "-g", "none", "--json", "-")
    assert not run.stderr
    row = json.loads(run.stdout)
    assert (run.returncode, row["status"], row["reason"]) == (0, "UNKNOWN", "memory limit")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("options", [[], ["--race"]])
def test_a_signal_in_the_middle_is_unknown_without_orphans(
    tmp_path: Path, number: signal.Signals, options: list[str]
) -> None:
    path = save(pigeons(13), tmp_path / "f.cnf")
    run = subprocess.Popen(command("solve", path, "-g", "random", *options), stdout=subprocess.PIPE)
    children = wait_for_children(run.pid, 1 + bool(options))
    started = time.monotonic()
    run.send_signal(number)
    text = run.communicate(timeout=10)[0].decode()
    assert run.returncode == 0 and text.endswith("c signal\ns UNKNOWN\n")
    assert time.monotonic() - started < 8
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_a_signal_leaves_what_is_known(tmp_path: Path) -> None:
    path = save(pigeons(13), tmp_path / "f.cnf")
    run = subprocess.Popen(command("solve", path, "-g", "none", "--json", "-"), stdout=subprocess.PIPE)
    wait_for_children(run.pid, 1)
    run.send_signal(signal.SIGINT)
    row = json.loads(run.communicate(timeout=10)[0])
    assert (row["reason"], row["engine"]) == ("signal", "cadical195") and row["versions"]


def wait_for_children(pid: int, count: int) -> list[int]:
    """The children of a process, once there are `count` that have used some CPU."""
    for _ in range(200):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if len(found) >= count and all(ticks(int(child)) > 5 for child in found):
            return [int(child) for child in found]
        time.sleep(0.05)
    raise AssertionError("no child started")


def ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def test_a_signal_while_reading_is_unknown_too(tmp_path: Path) -> None:
    fifo = tmp_path / "never.cnf"
    os.mkfifo(fifo)
    run = subprocess.Popen(command("solve", fifo), stdout=subprocess.PIPE)
    writer = None
    while writer is None and run.poll() is None:
        with contextlib.suppress(OSError):  # until somebody reads
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.05)
    run.terminate()
    text = run.communicate(timeout=10)[0].decode()
    assert run.returncode == 0 and text.endswith("c signal\ns UNKNOWN\n")
    os.close(writer or 0)


def test_predict_and_map_back(tmp_path: Path, formula: Path) -> None:
    row = json.loads(call("predict", formula, "-g", "jw").stdout)
    assert row["num_variables"] == 60 and len(row["phases"]) == len(row["confidence"]) > 50
    renamed, told, answer = tmp_path / "r.cnf", tmp_path / "r.json", tmp_path / "answer"
    assert call("predict", formula, "-g", "random", "--cnf", renamed, "-o", told).returncode == 0
    assert json.loads(told.read_text())["flipped"]
    answer.write_text(call("solve", renamed, "-g", "none").stdout)
    assert call("check", renamed, answer).returncode == 0
    back = call("check", formula, answer, "--renamed", told)
    assert back.returncode == 0 and true_in(CNF_, values(back.stdout))


def test_predict_writes_the_formula_to_standard_output(formula: Path) -> None:
    assert call("predict", formula, "-g", "none", "--cnf", "-").stdout == formula.read_text()


def test_predict_overwrites_nothing_that_it_reads(formula: Path, tmp_path: Path) -> None:
    before, phases = formula.read_bytes(), tmp_path / "phases"
    phases.write_text("1 0\n")
    for words, what in (
        (("-g", "random", "--cnf", formula), "would overwrite"),
        (("-g", "random", "-o", formula), "would overwrite"),
        (("-g", f"file:{phases}", "-o", phases), "would overwrite"),
        (("-g", "random", "--cnf", "-", "-o", "-"), "cannot both go to standard output"),
        (("-g", "random", "--cnf", tmp_path / "x", "-o", tmp_path / "x"), "cannot both go to"),
        (("-g", "random", "--cnf", tmp_path / "no" / "x"), "no directory"),
    ):
        run = call("predict", formula, *words)
        assert (run.returncode, run.stdout) == (1, "") and what in run.stderr, words
    assert formula.read_bytes() == before and phases.read_text() == "1 0\n" and not (tmp_path / "x").exists()


def test_a_proof_of_the_renamed_formula_maps_back(tmp_path: Path) -> None:
    path, renamed = save(pigeons(4), tmp_path / "f.cnf"), tmp_path / "r.cnf"
    call("predict", path, "-g", "random", "--cnf", renamed, "-o", tmp_path / "r.json")
    assert call("solve", renamed, tmp_path / "proof", "-g", "none").returncode == 20
    assert call("check", path, tmp_path / "proof", "--renamed", tmp_path / "r.json").returncode == 0


def test_check_refuses_a_wrong_answer(tmp_path: Path, formula: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_text("s SATISFIABLE\nv " + " ".join(str(-v) for v in range(1, 61)) + " 0\n")
    run = call("check", formula, answer)
    assert run.returncode == 1 and run.stdout.endswith("s NOT VERIFIED\n")
    assert call("check", formula, tmp_path / "missing").returncode == 1


@pytest.mark.parametrize("text", ["s UNSATISFIABLE\n", "s UNKNOWN\n", "s SATISFIABLE\n"])
def test_an_answer_without_values_is_not_checked(tmp_path: Path, formula: Path, text: str) -> None:
    (tmp_path / "answer").write_text(text)
    run = call("check", formula, tmp_path / "answer")
    assert run.returncode == 3 and run.stdout.endswith("s UNKNOWN\n")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_check_reads_what_is_compressed(tmp_path: Path, formula: Path, pack: Callable[[bytes], bytes]) -> None:
    answer, proof = tmp_path / "answer", tmp_path / "proof"
    answer.write_bytes(pack(call("solve", formula, "-g", "none", "-q").stdout.encode()))
    assert call("check", formula, answer).stdout.endswith("s VERIFIED\n")
    hard = save(pigeons(4), tmp_path / "hard.cnf")
    call("solve", hard, proof, "-g", "none")
    proof.write_bytes(pack(proof.read_bytes()))
    assert call("check", hard, proof).stdout.endswith("s VERIFIED\n")
    proof.write_bytes(pack(b"1 x 0\n"))
    assert call("check", hard, proof).stderr.startswith(f"{proof}:1: parse error:")


def test_check_takes_an_answer_from_standard_input(formula: Path, tmp_path: Path) -> None:
    told = call("solve", formula, "-g", "none", "-q").stdout.encode()
    assert start("check", formula, "-", stdin=told).stdout.endswith("s VERIFIED\n")
    assert "standard input" in start("check", "-", "-", stdin=told).stderr


def test_a_proof_that_nobody_could_check_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no drat-trim
    path, proof = save(pigeons(2), tmp_path / "f.cnf"), tmp_path / "proof"
    proof.write_text("1 0\n" * 10_001)
    run = call("check", path, proof)
    assert run.stdout.endswith("s UNKNOWN\n") and "10000" in run.stdout and "drat-trim" in run.stdout
    assert run.returncode == 3  # neither the 0 of what was verified nor the 1 of what is wrong


def test_models_and_doctor() -> None:
    assert "models" in json.loads(call("models", "--json").stdout)
    report = json.loads(call("doctor", "--json").stdout)
    assert report["engines"]["cadical195"] is True and report["packages"]["numpy"]
    assert "cadical195" in call("doctor").stdout


def test_models_and_doctor_say_what_auto_may_take() -> None:
    rows = {row["name"]: row for row in json.loads(call("models", "--json").stdout)["models"]}
    assert rows["diagnosis-tuned"]["succeeds"] == "diagnosis" and rows["diagnosis-tuned"]["auto"]
    assert rows["diagnosis"]["succeeded_by"] == "diagnosis-tuned" and not rows["diagnosis"]["auto"]
    assert rows["auctions"]["auto"] and not rows["auctions-rl"]["auto"] and not rows["universal"]["auto"]
    for command_ in ("models", "doctor"):
        lines = {line.split()[0]: line for line in call(command_).stdout.splitlines() if line.strip()}
        assert "  by name  auctions: " in lines["auctions-rl"] and "  auto     auctions: " in lines["auctions"]
        assert lines["diagnosis"].endswith("; auto takes diagnosis-tuned")


def test_doctor_says_who_checks_long_proofs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "proofs past 10,000 lines: not checked, drat-trim is not on PATH" in call("doctor").stdout
    (tmp_path / "drat-trim").touch(0o755)
    assert f"proofs past 10,000 lines: {tmp_path}/drat-trim" in call("doctor").stdout


def test_doctor_names_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    monkeypatch.setenv("NEUROSOLVE_MODELS", str(tmp_path))
    run = call("doctor")
    assert run.returncode == 1 and "broken: cannot be used" in run.stdout


def test_a_reader_that_goes_away_gets_no_traceback(tmp_path: Path) -> None:
    path = save(random_3sat(60_000, 1.0), tmp_path / "f.cnf")
    run = subprocess.run(
        f"{' '.join(command('solve', path, '-g', 'none'))} | head -1",
        shell=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in run.stderr and run.stdout.startswith("c neurosolve")


@pytest.mark.parametrize(
    ("text", "size"), [("4G", 4 << 30), ("512m", 512 << 20), ("1.5GiB", 3 << 29), ("100", 100), ("2kB", 2048)]
)
def test_sizes(text: str, size: int) -> None:
    assert output.parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "0", "nan", "1X", "inf"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageError):
        output.parse_bytes(text)


def test_json_text_is_strict() -> None:
    row: dict[str, Any] = {"a": float("nan"), "b": [float("inf"), 1]}
    assert json.loads(output.json_text(row)) == {"a": None, "b": [None, 1]}
