"""One process measured from outside: its cost, its limits, and that nothing of it survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from bench.measure import measure


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", textwrap.dedent(code)]


def gone(pid: int, within_s: float = 20.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_output_exit_code_and_wall_time() -> None:
    seen = measure(
        python(
            "import sys, time; time.sleep(0.3); print('out'); print('err', file=sys.stderr); sys.exit(10)"
        ),
        5,
    )
    assert (seen.exit_code, seen.stdout, seen.stderr, seen.killed) == (10, b"out\n", "err\n", None)
    assert seen.wall_s >= 0.3
    assert seen.cpu_s < 0.3
    assert seen.peak_bytes > 1 << 20


def test_cpu_time_covers_children() -> None:
    code = """
        import subprocess, sys
        burn = "import time; end = time.process_time() + 0.4\\nwhile time.process_time() < end: pass"
        subprocess.run([sys.executable, "-S", "-c", burn])
    """
    assert measure(python(code), 60).cpu_s >= 0.4


def test_past_the_time_limit_the_whole_tree_dies(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"trap '' TERM; setsid sleep 60 & echo $! > {note}; sleep 60; sleep 60"
    seen = measure(["sh", "-c", script], 2.0)
    assert seen.killed == "time"
    assert seen.exit_code == -signal.SIGKILL
    assert 2.0 <= seen.wall_s < 20
    assert gone(int(note.read_text()))


def test_past_the_memory_limit_it_dies() -> None:
    seen = measure(
        python("import time; block = b'x' * (300 << 20); time.sleep(60)"), 50, memory_bytes=100 << 20
    )
    assert seen.killed == "memory"
    assert seen.peak_bytes > 100 << 20


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        measure(["/no-such-program"], 1)


def test_a_killed_benchmark_leaves_no_solver(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"""
        from bench.measure import measure
        import sys
        inner = "import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
        measure([sys.executable, "-S", "-c", inner], 60)
    """
    outer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(outer.pid, signal.SIGKILL)
    outer.wait()
    assert gone(int(note.read_text()))
