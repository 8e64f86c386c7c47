"""Reading speed and memory: our reader, PySAT's and the cadical binary on one generated file in one run.

    python -m bench.reading --literals 12000000 --output rows.jsonl

Every reader works in a process of its own, in turns, `repeats` times; the fastest turn and the smallest peak
count, for a disturbed turn measures the machine.  Rates are by CPU second (every reader has one thread).
The peak is the whole process's, interpreter and libraries included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TARGET_LITERALS_PER_S = 10e6
TARGET_PEAK_OVER_ARRAY = 6.0
LITERAL_BYTES = 4

_GENERATE = """
import sys, numpy
from neurosolve.sat.dimacs import CNF, write_dimacs
path, num_literals, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random, num_clauses = numpy.random.default_rng(seed), num_literals // 3
num_variables = max(1, int(num_clauses / 4.2))
literals = random.integers(1, num_variables + 1, 3 * num_clauses, numpy.int32)
literals *= random.choice(numpy.array([-1, 1], numpy.int32), len(literals))
with open(path, "wb") as file:
    write_dimacs(CNF(num_variables, literals, numpy.arange(num_clauses + 1) * 3), file)
"""

# a Python reader's process: {load} imports, {read} gives the formula, {count} its number of literals
_READ = """
import json, sys, time
{load}
wall, cpu = time.perf_counter(), time.process_time()
formula = {read}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
status = open("/proc/self/status").read()
peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
print(json.dumps({{"read_s": wall, "read_cpu_s": cpu, "peak_bytes": peak, "literals": {count}}}))
"""
_PYTHON_READERS = {
    "neurosolve": _READ.format(
        load="from neurosolve.sat.dimacs import read_dimacs",
        read="read_dimacs(sys.argv[1])",
        count="formula.num_literals",
    ),
    "pysat": _READ.format(
        load="from pysat.formula import CNF",
        read="CNF(from_file=sys.argv[1])",
        count="sum(map(len, formula.clauses))",
    ),
}
READERS = (*_PYTHON_READERS, "cadical")


def run(literals: int, repeats: int = 3, seed: int = 0) -> list[dict[str, Any]]:
    """One row a reader on a random 3-SAT file of about `literals` literals; `cadical` where it is installed.

    Seconds are of the read alone for the Python readers, of the whole process for cadical, which has no
    parse-only mode: it builds its data structures too, and stops at 0 conflicts.  Raises RuntimeError when a
    reader fails or reads another number of literals.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reading.cnf"
        subprocess.run([sys.executable, "-c", _GENERATE, str(path), str(literals), str(seed)], check=True)
        readers = [name for name in READERS if name in _PYTHON_READERS or shutil.which(name)]
        turns = [(name, _turn(name, path)) for _ in range(repeats) for name in readers]
        num_literals = literals // 3 * 3
        file_bytes = path.stat().st_size
    rows = []
    for name in readers:
        mine = [turn for reader, turn in turns if reader == name]
        if any(turn["literals"] not in (None, num_literals) for turn in mine):
            raise RuntimeError(f"{name} read another number of literals than were written")
        best = {key: min(turn[key] for turn in mine) for key in ("read_s", "read_cpu_s", "peak_bytes")}
        rows.append(
            {
                "benchmark": "reading",
                "reader": name,
                "literals": num_literals,
                "file_bytes": file_bytes,
                **best,
            }
            | {"literals_per_cpu_s": num_literals / best["read_cpu_s"], "repeats": repeats}
            | {"peak_over_array": best["peak_bytes"] / (LITERAL_BYTES * num_literals)}
            | {"all_read_s": [turn["read_s"] for turn in mine], "load_average": os.getloadavg()[0]}
        )
    return rows


def _turn(name: str, path: Path) -> dict[str, Any]:
    """One reader's process: read_s, read_cpu_s, peak_bytes and literals (None: the reader does not say)."""
    code = _PYTHON_READERS.get(name)
    command = [sys.executable, "-c", code, str(path)] if code else [name, "-c", "0", "-q", str(path)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 10, 20):
        raise RuntimeError(f"{name} ended with exit code {process.returncode}")
    if code:
        turn: dict[str, Any] = json.loads(output)
        return turn
    cpu = usage.ru_utime + usage.ru_stime
    wall = time.perf_counter() - start
    return {"read_s": wall, "read_cpu_s": cpu, "peak_bytes": usage.ru_maxrss * 1024, "literals": None}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows for people: CPU seconds, because other processes stretch the clock's."""
    lines = [f"{'reader':<12}{'CPU s':>8}{'wall s':>8}{'M literals/s':>14}{'peak MB':>9}{'peak/array':>12}"]
    for row in rows:
        lines.append(
            f"{row['reader']:<12}{row['read_cpu_s']:>8.2f}{row['read_s']:>8.2f}"
            f"{row['literals_per_cpu_s'] / 1e6:>14.1f}"
            f"{row['peak_bytes'] / 1e6:>9.0f}{row['peak_over_array']:>12.2f}"
        )
    ours = rows[0]
    fast = ours["literals_per_cpu_s"] >= TARGET_LITERALS_PER_S
    small = ours["peak_over_array"] <= TARGET_PEAK_OVER_ARRAY
    lines.append(
        f"targets: {TARGET_LITERALS_PER_S / 1e6:.0f} M literals/s {'met' if fast else 'MISSED'}, "
        f"peak at most {TARGET_PEAK_OVER_ARRAY:.0f} times the array {'met' if small else 'MISSED'}"
    )
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> None:
    """Run, print the table, append the rows to --output as JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m bench.reading", description=__doc__.splitlines()[0])
    parser.add_argument("--literals", type=int, default=12_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args(args)
    rows = run(chosen.literals, chosen.repeats, chosen.seed)
    print(table(rows))
    if chosen.output:
        with chosen.output.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
