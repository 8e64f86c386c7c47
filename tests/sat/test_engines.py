"""run() and its children: limits, proofs, presets, bad binaries.  The table's facts: tests/contract."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import EngineError, UsageError
from neurosolve.result import Limits, Status
from neurosolve.sat import binaries, engines
from neurosolve.sat.check import satisfies
from neurosolve.sat.cnf import CNF
from neurosolve.sat.proof import check_proof
from neurosolve.sat.table import ENGINES, find_engine, is_installed
from tests.sat.formulas import phases_of, pigeons, planted, random_3sat

HARD = random_3sat(400, 4.26, 1)
EASY, HIDDEN = planted(60, 4.0, 2)
needs_kissat = pytest.mark.skipif(not is_installed(ENGINES["kissat"]), reason="no passagemath-kissat")
needs_cadical = pytest.mark.skipif(not is_installed(find_engine("exec:cadical")), reason="no cadical on PATH")
KISSAT = pytest.param("kissat", marks=needs_kissat)


def _script(folder: Path, body: str, name: str = "solver") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return f"exec:{path}"


@pytest.mark.parametrize("name", ["cadical195", pytest.param("kissat", marks=needs_kissat), "glucose4"])
def test_a_time_limit_is_unknown_and_prompt(name: str) -> None:
    run = engines.run(HARD, name, limits=Limits(time_s=0.3))
    assert (run.status, run.reason, run.assignment) == (Status.UNKNOWN, "time limit", None)
    assert 0.2 < run.wall_time_s < 10 and run.cpu_time_s > 0 and run.memory_bytes > 1 << 20  # less its start


@needs_kissat
def test_kissat_reports_its_counters_even_when_stopped() -> None:
    run = engines.run(HARD, "kissat", limits=Limits(time_s=1.5))
    assert run.status is Status.UNKNOWN and run.reason == "time limit"
    assert run.stats.num_conflicts is not None and run.stats.num_propagations


@pytest.mark.parametrize("name", ["cadical195", KISSAT])
def test_a_conflict_limit_is_unknown(name: str) -> None:
    run = engines.run(HARD, name, limits=Limits(conflicts=200))
    assert (run.status, run.reason) == (Status.UNKNOWN, "conflict limit")
    assert run.stats.num_conflicts is not None and 200 <= run.stats.num_conflicts <= 210


@pytest.mark.parametrize("name", ["cadical195", "glucose4", KISSAT])
def test_a_memory_limit_is_unknown(name: str) -> None:
    """In a process of its own: a child of a long test run would live on the heap that earlier tests left free."""
    program = (
        "import sys\nimport numpy as np\nfrom neurosolve.result import Limits\nfrom neurosolve.sat import engines\n"
        "from neurosolve.sat.cnf import CNF\nrng = np.random.default_rng(0)\n"
        "literals = rng.integers(1, 100_001, 900_000) * rng.choice([-1, 1], 900_000)\n"
        "cnf = CNF(100_000, literals.astype(np.int32), np.arange(0, 900_001, 3, dtype=np.int64))\n"
        "run = engines.run(cnf, sys.argv[1], limits=Limits(memory_bytes=24 << 20, time_s=20))\n"
        "print(run.status.value, run.reason)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, name], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "UNKNOWN memory limit"


def test_a_signal_is_unknown() -> None:
    program = (
        "import os, signal, threading\nfrom tests.sat.test_engines import HARD, engines\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "run = engines.run(HARD, 'cadical195')\nprint(run.status, run.reason)\n"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert (out.stdout, out.stderr) == ("UNKNOWN signal\n", "")


@pytest.mark.parametrize("name", ["cadical195", KISSAT])
def test_kill_9_of_the_caller_leaves_no_solver(name: str, tmp_path: Path) -> None:
    program = f"from tests.sat.test_engines import HARD, engines\nengines.run(HARD, {name!r})\n"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as parent:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        deadline = time.monotonic() + 10
        while not (pids := children.read_text().split()) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        parent.send_signal(signal.SIGKILL)
    assert pids
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_forced_is_bounded_and_a_renamed_run_stands_behind_it() -> None:
    cnf, hidden = planted(120, 4.2, 4)
    wrong = phases_of(-hidden)
    run = engines.run(cnf, "cadical195", phases=wrong, delivery="forced", forced_conflicts=20)
    assert run.status is Status.SATISFIABLE and satisfies(cnf, run.assignment) is None
    assert run.notes == ["forced stopped after 20 conflicts; rename ran behind it"]
    wishes = {"delivery": "forced", "forced_conflicts": 20, "fallback": None}
    stock = engines.run(cnf, "cadical195", phases=wrong, **wishes)
    assert "stock ran behind it" in stock.notes[0]
    limited = engines.run(
        HARD, "cadical195", phases=phases_of(np.ones(400)), delivery="forced", forced_conflicts=50,
        limits=Limits(conflicts=120),
    )  # fmt: skip
    assert limited.reason == "conflict limit" and 120 <= (limited.stats.num_conflicts or 0) <= 130


@pytest.mark.parametrize(
    ("name", "wishes", "what"),
    [
        ("nothing", {}, "no engine 'nothing'"),
        ("exec:", {}, "no engine 'exec:'"),
        ("exec:/no/such/solver", {}, "not installed"),
        ("glucose4", {"preset": "sat"}, "no preset 'sat'"),
        ("kissat404", {"lucky": False}, "lucky phases"),
        ("minisat22", {"proof_path": Path("p.drat")}, "writes no proof"),
        ("glucose4", {"phases": phases_of(HIDDEN), "delivery": "forced"}, "no delivery 'forced'"),
        ("glucose4", {"phases": phases_of(HIDDEN), "delivery": "rename+initial"}, "more than one"),
        ("glucose4", {"delivery": "order"}, "needs a priority"),
        ("glucose4", {"phases": phases_of(HIDDEN[:-1])}, "phases of 59 variables"),
    ],
)
def test_what_an_engine_cannot_do_is_refused(name: str, wishes: dict[str, object], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        engines.run(EASY, name, **wishes)


def test_a_proof_that_will_not_check_is_said(tmp_path: Path) -> None:
    run = engines.run(pigeons(3), "maplesat", proof_path=tmp_path / "p")
    assert run.proof is not None and run.notes == [
        "maplesat's proofs do not check: take another engine where that matters"
    ]
    assert engines.run(pigeons(3), "maplecm", proof_path=tmp_path / "p").notes == []


def test_what_changes_nothing_is_said() -> None:
    assert engines.run(EASY, "glucose4", seed=7).notes == ["glucose4 has no seed: nothing changes"]
    assert "no conflict limit" in engines.run(EASY, "lingeling", limits=Limits(conflicts=5)).notes[0]


@pytest.mark.parametrize("name", ["cadical195", "glucose4", KISSAT])
def test_odd_formulas(name: str) -> None:
    assert engines.run(CNF.from_clauses([[1], []], 3), name).status is Status.UNSATISFIABLE
    assert engines.run(CNF.from_clauses([[1], [-1]]), name).status is Status.UNSATISFIABLE
    free = engines.run(CNF.from_clauses([[-2]], 5), name, phases=phases_of(-np.ones(5)))
    assert free.assignment is not None and free.assignment.dtype == np.int32
    assert np.abs(free.assignment).tolist() == [1, 2, 3, 4, 5] and free.assignment[1] == -2
    empty = engines.run(CNF.from_clauses([], 0), name)
    assert empty.status is Status.SATISFIABLE and len(empty.assignment) == 0
    tautology = engines.run(CNF.from_clauses([[1, -1], [2, 2, -3]]), name)
    assert satisfies(CNF.from_clauses([[1, -1], [2, 2, -3]]), tautology.assignment) is None


@pytest.mark.parametrize("cnf", [CNF.from_clauses([[1], []], 3), CNF.from_clauses([[1], [-1]]), pigeons(4)])
@pytest.mark.parametrize("name", ["cadical195", "glucose4", "maplecm", KISSAT])
def test_proofs_of_odd_formulas_check(name: str, cnf: CNF, tmp_path: Path) -> None:
    phases = phases_of(np.random.default_rng(0).choice([-1, 1], cnf.num_variables))
    run = engines.run(cnf, name, phases=phases, delivery="rename+order", proof_path=tmp_path / "p")
    assert run.proof == tmp_path / "p" and check_proof(cnf, run.proof).verified is True
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_no_proof_is_left_without_a_refutation(tmp_path: Path) -> None:
    run = engines.run(EASY, "cadical195", proof_path=tmp_path / "p")
    assert run.proof is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("preset", ["sat", "unsat"])
@pytest.mark.parametrize("name", ["cadical153", "cadical195", "cadical300", KISSAT])
def test_presets_change_the_search(name: str, preset: str) -> None:
    cnf = random_3sat(150, 4.5, 5)
    stock, tuned = engines.run(cnf, name), engines.run(cnf, name, preset=preset)
    assert stock.status is tuned.status and stock.stats != tuned.stats


@pytest.mark.parametrize("name", ["cadical195", KISSAT])
def test_seed_and_lucky_change_the_search(name: str) -> None:
    cnf = random_3sat(150, 4.26, 7)
    runs = [engines.run(cnf, name, **wishes) for wishes in ({}, {}, {"seed": 3}, {"lucky": False})]
    assert runs[0].stats == runs[1].stats
    assert runs[2].stats != runs[0].stats and runs[3].stats != runs[0].stats
    assert len({run.status for run in runs}) == 1


@pytest.mark.parametrize("name", ["cadical195", "glucose4", "ergo"])
def test_order_puts_the_first_of_each_trio_first(name: str) -> None:
    """Of each trio at most one variable may take the default phase; a hard core keeps lucky guesses away."""
    core, _ = planted(60, 3.9, 8)
    sign, start = ENGINES[name].default_phase or 1, 60
    rng = np.random.default_rng(2)
    trios = rng.permutation(np.arange(start + 1, start + 61)).reshape(-1, 3)
    pairs = [(t[i], t[j]) for t in trios for i, j in ((0, 1), (0, 2), (1, 2))]
    clauses = core.clauses() + [[-sign * int(a), -sign * int(b)] for a, b in pairs]
    cnf = CNF.from_clauses(clauses + [[sign * int(v) for v in t] for t in trios])
    priority = np.zeros(120)
    priority[trios[:, 0] - 1] = 1.0
    run = engines.run(cnf, name, delivery="order", priority=priority, lucky=False)
    taken = run.assignment[trios[:, 0] - 1] * sign > 0
    assert satisfies(cnf, run.assignment) is None and taken.mean() >= 0.8


@needs_kissat
def test_large_formulas_go_to_the_twin() -> None:
    run = engines.run(EASY, "kissat404", phases=phases_of(HIDDEN), twin_literals=100)
    assert run.engine == "kissat" and "kissat404 runs as the binary kissat" in run.notes[0]
    assert run.stats.num_conflicts == 0 and run.assignment.tolist() == (HIDDEN * np.arange(1, 61)).tolist()
    assert engines.run(EASY, "kissat404").engine == "kissat404"


@needs_cadical
def test_exec_cadical_by_name_and_by_path(tmp_path: Path) -> None:
    unsat = random_3sat(60, 6.0, 1)
    phases = phases_of(np.random.default_rng(1).choice([-1, 1], 60))
    path = binaries.find_binary(find_engine("exec:cadical"))
    assert path is not None and path.startswith("/")
    for name in ("exec:cadical", f"exec:{path}"):
        run = engines.run(unsat, name, phases=phases, proof_path=tmp_path / "p", preset="unsat", seed=3)
        assert run.status is Status.UNSATISFIABLE and check_proof(unsat, run.proof).verified is True
        assert run.stats.num_conflicts
    good = engines.run(EASY, "exec:cadical", phases=phases_of(HIDDEN), lucky=False)
    assert good.stats.num_conflicts == 0 and good.assignment.tolist() == (HIDDEN * np.arange(1, 61)).tolist()


def test_a_stranger_gets_the_files_alone_and_its_wrapped_answer_is_read(tmp_path: Path) -> None:
    cnf = CNF.from_clauses([[1, -2, 3]], 3)
    name = _script(tmp_path, '[ $# = 1 ] && echo "s SATISFIABLE"; echo "v 1 -2"; echo "v 3 0"; exit 10')
    run = engines.run(cnf, name, phases=phases_of(np.array([-1, -1, 1])))
    assert run.assignment.tolist() == [-1, 2, 3]  # what it printed, under the renaming of 1 and 2
    assert engines.run(cnf, _script(tmp_path, "echo c UNKNOWN")).status is Status.UNKNOWN
    assert engines.run(cnf, _script(tmp_path, "echo s UNKNOWN; exit 0")).status is Status.UNKNOWN
    assert engines.run(cnf, _script(tmp_path, "echo v 1 2 3 0; exit 10")).status is Status.SATISFIABLE
    assert engines.run(cnf, _script(tmp_path, "exit 20")).status is Status.UNKNOWN
    comment = "echo c UNSATISFIABLE; echo c UNKNOWN; echo s SATISFIABLE; echo v 1 2 3 0; exit 10"
    assert engines.run(cnf, _script(tmp_path, comment)).status is Status.SATISFIABLE
    assert engines.run(cnf, _script(tmp_path, "echo c UNSATISFIABLE")).status is Status.UNKNOWN


def test_a_path_is_taken_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./NAME` is in this folder, whatever PATH has of that name."""
    other = tmp_path / "other"
    other.mkdir()
    _script(other, "exit 0")
    _script(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", str(other), prepend=":")
    monkeypatch.chdir(tmp_path)
    assert binaries.find_binary(find_engine("exec:./solver")) == str(tmp_path / "solver")
    assert binaries.find_binary(find_engine("exec:solver")) == str(other / "solver")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("echo s SATISFIABLE; echo v 1 2; exit 10", "do not end in 0"),
        ("echo s SATISFIABLE; echo v 1 x 0; exit 10", "no literal"),
        ("echo s SATISFIABLE; echo v 99999999999999999999 0; exit 10", "no literal"),
        ("echo s UNSATISFIABLE; exit 1", "exited with 1"),
        ("echo s SATISFIABLE; echo v 1 0 2 0; exit 10", "within"),
        ("echo s SATISFIABLE; echo v 1 0; exit 20", "exited with 20"),
        ("echo s UNSATISFIABLE; exit 10", "exited with 10"),
        ("echo s SATISFIABLE; echo s UNSATISFIABLE; exit 20", "two answers"),
        ("echo no such option >&2; exit 1", "no such option"),
        ("echo s UNSATISFIABLE; kill -SEGV $$", "SIGSEGV"),
    ],
)
def test_a_binary_that_misbehaves_is_an_error_never_an_answer(body: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=what):
        engines.run(CNF.from_clauses([[1, 2]]), _script(tmp_path, body))


def test_names_never_reach_a_shell(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    body = 'case "$1" in *[!A-Za-z0-9/_.-]*) exit 3;; esac; echo s UNKNOWN'
    name = _script(tmp_path, body, f"; touch marker $(touch {marker.name})")
    assert engines.run(EASY, name).status is Status.UNKNOWN
    assert not marker.exists() and not Path("marker").exists()


def test_race_takes_the_first_answer(tmp_path: Path) -> None:
    slow = _script(tmp_path, "sleep 60")
    jobs = [engines.Job(EASY, slow), engines.Job(EASY, "cadical195", phases=phases_of(HIDDEN))]
    winner, runs = engines.race(jobs)
    assert winner == 1 and satisfies(EASY, runs[1].assignment) is None
    assert (runs[0].status, runs[0].reason) == (Status.UNKNOWN, "beaten")
    broken = _script(tmp_path, "exit 3", "broken")
    late = _script(tmp_path, "sleep 0.5; echo s UNSATISFIABLE; exit 20", "late")
    winner, runs = engines.race([engines.Job(EASY, broken), engines.Job(EASY, late)])
    assert winner == 1 and "exited with 3" in (runs[0].reason or "")
    with pytest.raises(EngineError):
        engines.race([engines.Job(EASY, broken), engines.Job(EASY, broken)])
    garbage = _script(tmp_path, "echo s SATISFIABLE; echo v what 0; exit 10", "garbage")
    winner, _ = engines.race([engines.Job(EASY, garbage), engines.Job(EASY, late)])
    assert winner == 1
    without_code = _script(tmp_path, "echo s UNSATISFIABLE", "without_code")
    winner, _ = engines.race([engines.Job(EASY, slow), engines.Job(EASY, without_code)])
    assert winner == 1


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("c Version 4.0.4 unknown", "4.0.4"),  # Kissat
        ("c Version 1.5.3 02e96d5", "1.5.3"),  # CaDiCaL
        ("c CryptoMiniSat version 5.11.15", "5.11.15"),
        ("c no conversion 7 here", None),
    ],
)
def test_a_binary_says_its_version(banner: str, version: str | None, tmp_path: Path) -> None:
    name = _script(tmp_path, f"echo '{banner}'; echo s UNKNOWN")
    assert engines.run(EASY, name).versions == ({} if version is None else {name: version})


def test_stages_add_up() -> None:
    run = engines.run(EASY, "cadical195", phases=phases_of(HIDDEN))
    assert 0 < run.load_s <= run.inject_s and run.inject_s + run.solve_s <= run.wall_time_s
    assert {field.name for field in dataclasses.fields(run)} >= {"status", "stats", "reason", "notes"}
