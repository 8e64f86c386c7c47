"""A stand-in for the command line: solves by truth table (an MPS says its optimum), and misbehaves when its guidance
says so.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.suites import Instance, Places, content_sha256

Bench = Callable[..., tuple[int, str]]

FAKE = textwrap.dedent("""
    import gzip, itertools, json, os, random, signal, subprocess, sys, time
    from pathlib import Path

    EXIT = {"SATISFIABLE": 10, "UNSATISFIABLE": 20, "UNKNOWN": 0}

    def option(name, default=None):
        return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default

    def clauses(path):
        data = Path(path).read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\\x1f\\x8b" else data).decode()
        words = [w for line in text.splitlines() if line[:1] not in "cp" for w in line.split()]
        found, current = [], []
        for word in map(int, words):
            if word: current.append(word)
            else: found.append(current); current = []
        return found, int(next(l for l in text.splitlines() if l[:1] == "p").split()[2])

    def solve():
        guidance, path = option("--guidance"), sys.argv[2]
        if "LOG" in os.environ:
            with open(os.environ["LOG"], "a") as log: log.write(f"{Path(path).name} {guidance}\\n")
        formula, n = clauses(path)
        unit = n == 1
        model = next((m for m in itertools.product((1, -1), repeat=n)
                      if all(any(m[abs(l) - 1] * l > 0 for l in c) for c in formula)), None)
        status = "SATISFIABLE" if model else "UNSATISFIABLE"
        if guidance == "crash" and not unit: sys.exit("boom")
        if guidance == "badarm": sys.exit("no such guidance")
        if guidance == "lie" and not unit: status = "SATISFIABLE" if status[0] == "U" else "UNSATISFIABLE"
        if guidance == "wrongexit" and not unit: EXIT[status] = 0
        if guidance == "giveup": status = "SATISFIABLE" if unit else "UNKNOWN"
        if guidance == "hang" and not unit:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
            time.sleep(60)
        if guidance == "hog" and not unit:
            block = b"x" * (400 << 20); time.sleep(60)
        if guidance.startswith("slow") and not unit: time.sleep(float(guidance[4:]))
        conflicts = {"none": 100, "walk": 50}.get(guidance, 25)
        report = {"schema": 1, "status": status, "engine": option("--engine"), "guidance": guidance,
                  "delivery": option("--delivery", "rename"), "model": None, "model_hash": None,
                  "gate": None if guidance in ("none", "walk") else {"guided": True}, "stages": {"solve_s": 0.5},
                  "wall_time_s": 0.0, "cpu_time_s": 0.0, "memory_bytes": 1, "stats": {"num_conflicts": conflicts},
                  "reason": None, "versions": {}}
        if "--json" in sys.argv: print(json.dumps(report))
        else:
            print("s", status)
            if model: print("v", *[v * (i + 1) for i, v in enumerate(model)], 0)
        sys.exit(EXIT[status])

    def solve_mps():
        if "--engine" in sys.argv or option("--protocol") not in ("paper", "default"): sys.exit("not a MILP call")
        guidance, data = option("--guidance"), Path(sys.argv[2]).read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\\x1f\\x8b" else data).decode()
        optimum = next((float(line.split()[2]) for line in text.splitlines() if line.startswith("* OPT")), 1.0)
        probe = "NAME one" in text
        status, objective, bound, factor = "optimal", optimum, optimum, {"none": 10, "pscost": 30, "fsb": 2}.get(guidance, 5)
        if guidance == "badarm": sys.exit("no such guidance")
        if guidance == "random" and not probe: objective += 1.0
        if guidance == "mostinf" and not probe: status, bound = "limit", optimum - 2
        calls = 0 if guidance in ("none", "pscost") else 4 * factor
        stats = {"num_nodes": factor, "num_lp_iterations": 100 * factor, "num_domain_reductions": 3, "num_cutoffs": 1,
                 "num_strong_branching_lp_iterations": 900 if guidance in ("none", "fsb") else 0,
                 "primal_dual_integral": 1.0, "num_policy_calls": calls, "num_handed_over": calls // 4, "policy_s": 0.001 * calls}
        print(json.dumps({"schema": 1, "status": status, "engine": "scip", "guidance": guidance, "objective": objective,
                          "dual_bound": bound, "gap": 0.0, "protocol": option("--protocol"), "stats": stats,
                          "stages": {"solve_s": 0.5}, "gate": {"guided": True} if guidance == "auto" else None}))

    def generate():
        family, size, seed, out = sys.argv[2], int(option("--size")), int(option("--seed")), Path(option("--out"))
        if family == "nothing": sys.exit(0)
        if family == "boxes":
            return (out / "one.mps.gz").write_bytes(gzip.compress(f"NAME box{seed}\\n* OPT {size}\\n* {option('--set')}\\nROWS\\n".encode(), mtime=0))
        rng = random.Random(f"{family}{size}{seed}")
        lines = [f"p cnf {size} {size}"]
        for _ in range(size):
            lines.append(" ".join(str(v if rng.random() < 0.7 else -v) for v in rng.sample(range(1, size + 1), 2)) + " 0")
        (out / "one.cnf.gz").write_bytes(gzip.compress("\\n".join(lines).encode() + b"\\n"))
        if family == "planted": (out / "one.planted").write_text("1 2 0")

    def models():
        print(json.dumps({"models": [{"name": "small", "hash": "abc", "error": None},
              {"name": "cuts", "hash": "def", "error": None, "kind": "milp"}]}))

    if sys.argv[1] == "solve" and ".cnf" not in sys.argv[2]: solve = solve_mps
    {"solve": solve, "generate": generate, "models": models}[sys.argv[1]]()
""")  # noqa: E501


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("cli") / "fake.py"
    path.write_text(FAKE)
    return (sys.executable, "-S", "-E", str(path))


@pytest.fixture
def places(cli: tuple[str, ...], tmp_path: Path) -> Places:
    return Places(cli, cache=tmp_path / "instances", fetched=tmp_path / "fetched", data=tmp_path / "data")


FORMULAS = {
    "sat": "p cnf 2 2\n1 2 0\n-1 0\n",
    "unsat": "p cnf 2 3\n1 0\n-1 2 0\n-2 0\n",
    "easy": "p cnf 3 1\n1 2 3 0\n",
}


@pytest.fixture
def instances(places: Places) -> list[Instance]:
    """Three formulas as a data suite; only the first one's status is known."""
    assert places.data is not None
    places.data.mkdir(exist_ok=True)
    found = []
    for name, text in FORMULAS.items():
        path = places.data / f"{name}.cnf"
        path.write_text(text)
        status = "SAT" if name == "sat" else ""
        found.append(
            Instance(
                name, "toy", "2", "", "trained-size", status, f"data:{name}.cnf", content_sha256(path), "toys"
            )
        )
    return found


@pytest.fixture
def problems(places: Places) -> list[Instance]:
    """Three MPS files as a data suite; the first one's optimum is known."""
    assert places.data is not None
    places.data.mkdir(exist_ok=True)
    found = []
    for name, optimum in (("known", 12.5), ("other", -3.0), ("zero", 0.0)):
        path = places.data / f"{name}.mps"
        path.write_text(f"NAME {name}\n* OPT {optimum}\nROWS\n")
        status = f"OPTIMAL={optimum}" if name == "known" else ""
        found.append(
            Instance(name, "box", "3", "", "test", status, f"data:{name}.mps", content_sha256(path), "boxes")
        )
    return found


@pytest.fixture
def bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], places: Places, tmp_path: Path
) -> Bench:
    """Types a command in an empty folder; gives the exit code and what was printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROSOLVE_DATA", str(places.data))

    def type_(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["bench", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return type_
