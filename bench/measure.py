"""One process, measured and limited from outside: wall time, CPU time and memory of its whole tree."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence

import psutil  # type: ignore[import-untyped]

POLL_S = 0.25
TERM_GRACE_S = 1.0
PR_SET_PDEATHSIG = 1


class StoppedError(Exception):
    """The process was ended because whoever measures it stops."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """`cpu_s` and `peak_bytes` cover descendants; `killed` is "time", "memory" or None."""

    exit_code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    killed: str | None
    stdout: bytes
    stderr: str


@dataclasses.dataclass
class _Tree:
    """What the process and its descendants use now; the last look before a kill stands in for lost rusage."""

    cpu_s: float = 0.0
    peak_bytes: int = 0

    def look(self, pid: int) -> int:
        """Resident bytes now; keeps the highest seen and the CPU seconds of what is alive."""
        cpu_s, resident = 0.0, 0
        for process in _tree(pid):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                cpu_s += times.user + times.system + times.children_user + times.children_system
                resident += process.memory_info().rss
        self.cpu_s = max(self.cpu_s, cpu_s)
        self.peak_bytes = max(self.peak_bytes, resident)
        return resident


def measure(
    argv: Sequence[str],
    time_s: float,
    memory_bytes: int = 0,
    cwd: str | None = None,
    stop: threading.Event | None = None,
) -> Measured:
    """Run `argv` to its end or until it passes `time_s` wall seconds or `memory_bytes` resident (0: none).

    Past a limit the whole tree gets SIGTERM, then SIGKILL a second later.  If this process dies, the child is
    told to stop too.  Raises OSError when the program cannot be started, StoppedError once another thread sets `stop`.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, start_new_session=True,
            preexec_fn=_die_with_parent,
        )  # fmt: skip
        tree = _Tree()
        try:
            killed = _watch(process.pid, start + time_s, memory_bytes, tree, stop or threading.Event())
        except BaseException:
            _kill(process.pid)
            process.wait()
            raise
        _, wait_status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(wait_status)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever it left behind
        out.seek(0)
        err.seek(0)
        return Measured(
            exit_code=process.returncode,
            wall_s=wall_s,
            cpu_s=max(usage.ru_utime + usage.ru_stime, tree.cpu_s),
            peak_bytes=max(usage.ru_maxrss * 1024, tree.peak_bytes),
            killed=killed,
            stdout=out.read(),
            stderr=err.read().decode(errors="replace"),
        )


def _watch(pid: int, deadline: float, memory_bytes: int, tree: _Tree, stop: threading.Event) -> str | None:
    """Wait for the end without spinning; kill past a limit and say which one.  Raises StoppedError on `stop`."""
    handle = os.pidfd_open(pid)
    try:
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        while True:
            left_s = deadline - time.perf_counter()
            if poller.poll(max(0.0, min(POLL_S, left_s)) * 1000):
                return None
            if stop.is_set():
                raise StoppedError
            resident = tree.look(pid)
            if memory_bytes and resident > memory_bytes:
                _kill(pid)
                return "memory"
            if time.perf_counter() >= deadline:
                _kill(pid)
                return "time"
    finally:
        os.close(handle)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _kill(pid: int) -> None:
    """SIGTERM to every process of the tree, a second, then SIGKILL to the group and to those that left it."""
    processes = _tree(pid)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    deadline = time.perf_counter() + TERM_GRACE_S
    while time.perf_counter() < deadline and any(_alive(process) for process in processes):
        time.sleep(0.02)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """In the child, before it becomes the program: a killed benchmark leaves no solver that spoils the
    next one.
    """
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
