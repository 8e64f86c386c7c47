"""`neurosolve solve` of a MILP, as a process: lines, JSON, options, signals, exit codes."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from neurosolve import milp_output
from neurosolve.milp.engine import Progress
from tests.milp_files import CIP, INFEASIBLE, MPS, market_split, save
from tests.test_cli import call, command, start


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return save(MPS, tmp_path / "f.mps")


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(market_split(5, 40), tmp_path_factory.mktemp("hard") / "hard.lp")


def test_optimal(small: Path, tmp_path: Path) -> None:
    run = start("solve", small, "-g", "none", "--solution", tmp_path / "f.sol", "-v")
    assert (run.returncode, run.stderr) == (0, "") and run.stdout.endswith("s optimal\no 9.25\n")
    for told in ("c     time", "c solution checked against the file as read", "c dual bound 9.25", "c nodes "):
        assert told in run.stdout
    assert all(line[:2] in ("c ", "s ", "o ") for line in run.stdout.splitlines())
    assert "objective value: 9.25\n" in (tmp_path / "f.sol").read_text()
    assert call("solve", small, "-q", "-g", "none").stdout == "s optimal\no 9.25\n"


def test_standard_input_with_a_format(small: Path) -> None:
    run = start("solve", "-", "--format", "mps", "-q", stdin=gzip.compress(small.read_bytes()))
    assert (run.returncode, run.stdout) == (0, "s optimal\no 9.25\n")


def test_other_answers(tmp_path: Path) -> None:
    run = call("solve", save(INFEASIBLE, tmp_path / "f.lp"), "-q")
    assert (run.returncode, run.stdout) == (0, "s infeasible\n")
    assert "c solution checked by SCIP alone" in call("solve", save(CIP, tmp_path / "g.cip")).stdout


def test_json(small: Path) -> None:
    run = call("solve", small, "-g", "pscost", "--json", "-", "--seed", 3, "--protocol", "paper", "--gap", 0)
    row = json.loads(run.stdout)
    assert (row["schema"], row["status"], row["seed"], row["protocol"]) == (1, "optimal", 3, "paper")
    assert (row["objective"], row["dual_bound"], row["gap"], row["checked_by"]) == (9.25, 9.25, 0.0, "neurosolve")
    assert list(row["stats"])[:3] == ["num_nodes", "num_lp_iterations", "num_strong_branching_lp_iterations"]
    assert list(row["stats"])[3:6] == ["num_domain_reductions", "num_cutoffs", "primal_dual_integral"]
    assert list(row["stats"])[6:] == ["num_policy_calls", "num_handed_over", "policy_s"]
    assert None not in row["stats"].values()


def test_settings_parameters_and_a_start(small: Path, tmp_path: Path) -> None:
    settings, begin = save("limits/bestsol = 1\n", tmp_path / "f.set"), save("c 1\n", tmp_path / "f.sol")
    words = ["--settings", settings, "--set", "presolving/maxrounds=0", "--set", "heuristics/emphasis = ", "-q"]
    run = call("solve", small, *words[:4], "--start", begin, "-q", "-g", "none")
    assert (run.returncode, run.stdout) == (0, "s limit\no 3\n")
    assert call("solve", small, *words).returncode == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--engine", "glucose4"], "--engine is not for a MILP"),
        (["proof"], "a proof is not for a MILP: for its solution write --solution proof\n"),
        (["-g", "walk"], "unknown guidance 'walk'"),
        (["--set", "limits/nodes"], "write --set name=value"),
        (["--set", "a/b=1"], "SCIP has no parameter 'a/b'"),
        (["--settings", "/nonexistent"], "/nonexistent: cannot be read: no such file\n"),
        (["--start", "/nonexistent"], "/nonexistent: cannot be read: no such file\n"),
        (["--seed", "3000000000"], "SCIP takes no more than 2147483647"),
        (["-t", "nan"], "a time limit cannot be nan"),
        (["--protocol", "other"], "unknown protocol"),
        (["--format", "cip"], "SCIP cannot read it"),
    ],
)
def test_errors_exit_1_in_one_line(small: Path, words: list[str], told: str) -> None:
    run = call("solve", small, "-q", *words)
    assert (run.returncode, run.stdout) == (1, "") and told in run.stderr and run.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--solution", "--json"])
def test_an_answer_is_told_even_where_a_file_cannot_be_written(small: Path, option: str) -> None:
    run = call("solve", small, "-q", "-g", "none", option, "/dev/full")
    assert (run.returncode, run.stdout) == (1, "s optimal\no 9.25\n")
    assert "cannot write /dev/full: No space left" in run.stderr and run.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--solution", "--json"])
def test_nothing_that_is_read_is_overwritten(small: Path, tmp_path: Path, option: str) -> None:
    settings, begin = save("limits/bestsol = 1\n", tmp_path / "f.set"), save("c 1\n", tmp_path / "f.sol")
    for path in (small, settings, begin):
        before = path.read_text()
        run = call("solve", small, "-q", "--settings", settings, "--start", begin, option, path)
        assert (run.returncode, run.stdout) == (1, "") and f"would overwrite {path}" in run.stderr
        assert path.read_text() == before


def test_a_solution_goes_to_a_file(small: Path) -> None:
    run = call("solve", small, "-q", "--solution", "-")
    assert (run.returncode, run.stdout) == (1, "") and "a solution goes to a file" in run.stderr


def test_options_of_a_milp_are_not_for_a_cnf(tmp_path: Path) -> None:
    run = call("solve", save("p cnf 1 1\n1 0\n", tmp_path / "f.cnf"), "--gap", 0.1)
    assert run.returncode == 1 and "--gap is not for a CNF" in run.stderr


def test_a_bad_file_is_one_line_on_standard_error(tmp_path: Path) -> None:
    run = call("solve", save(MPS.replace("weight  8", "weight  nan"), tmp_path / "f.mps"), "-q")
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1) and "f.mps:" in run.stderr


def test_a_time_limit(hard: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    run = start("solve", hard, "-t", 3, "-g", "none", "--solution", tmp_path / "f.sol")
    assert run.returncode == 0 and "c time limit\n" in run.stdout and "s limit\n" in run.stdout
    assert time.monotonic() - started < 30  # a machine shared by many starves it
    assert ("\no " in run.stdout) is (tmp_path / "f.sol").is_file()  # on a crowded machine SCIP has none yet


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_writes_the_best_solution(hard: Path, tmp_path: Path, number: signal.Signals) -> None:
    words = command("solve", hard, "-g", "none", "--solution", tmp_path / "f.sol")
    run = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert run.stdout is not None
    assert any(line.startswith(b"c *") for line in run.stdout)  # stops at the first incumbent
    (child,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    run.send_signal(number)
    text = run.stdout.read().decode()
    assert run.wait(timeout=20) == 0 and "c signal\n" in text and "s limit\no " in text
    assert (tmp_path / "f.sol").is_file() and not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize("limit", ["inf", "1e12", "2e6"])
def test_a_limit_that_nobody_reaches(small: Path, limit: str) -> None:
    run = call("solve", small, "-q", "-g", "none", "-t", limit)
    assert (run.returncode, run.stdout) == (0, "s optimal\no 9.25\n")


def test_the_table_is_not_crowded() -> None:
    lines: list[str] = []
    table = milp_output.ProgressTable(lines.extend)
    for i in range(1000):
        table(Progress(i / 10, i, 1, None if i < 5 else 12.5, 3.0, 0.25, is_incumbent=i == 700))
    assert lines[0].startswith("c     time") and len({len(line) for line in lines}) == 1
    assert 20 < len(lines) < 60 and sum(line.startswith("c *") for line in lines) == 1
    assert "            - " in lines[1] and "25.00%" in lines[-1]


def test_doctor_knows_scip() -> None:
    packages = json.loads(call("doctor", "--json").stdout)["packages"]
    assert packages["pyscipopt"] and packages["highspy"] and packages["SCIP"]
