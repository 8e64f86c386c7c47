"""Run a function, or a binary, in a child process that can be limited, killed, and never outlives its parent.

CaDiCaL, Kissat and SCIP hold the interpreter and hear no signal while they solve, so every solve happens in a
forked child: the kernel's limits and SIGKILL work on anything.  A child talks back through one pipe, in
frames; what it prints goes to a memory file that the parent reads at the end.  Linux only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import select
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from neurosolve import child as _child
from neurosolve import errors, signals
from neurosolve.child import HEADER, Task, execute, send

__all__ = [
    "BEATEN",
    "MEMORY_LIMIT",
    "SIGNAL",
    "TIME_LIMIT",
    "ChildRun",
    "Task",
    "execute",
    "race",
    "run_binary",
    "run_in_child",
    "send",
]

TERM_GRACE_S = 1.0  # from SIGTERM to SIGKILL
TIME_LIMIT, MEMORY_LIMIT, SIGNAL, BEATEN = "time limit", "memory limit", "signal", "beaten"
_OUT_OF_MEMORY = (b"bad_alloc", b"out of memory", b"out-of-memory", b"OutOfMemory", b"MemoryError")


@dataclasses.dataclass
class ChildRun:
    """What a child did.  `reason` is None when it ended by itself, else why it did not.

    value: what the function returned.  messages: what it sent.  error: what it raised, or how it crashed.
    output: bytes it (or the binary it became) printed, standard error included.  exit_code: -N for signal N.
    memory_bytes: peak resident size, pages shared with the parent at the fork included.
    """

    value: Any = None
    reason: str | None = None
    error: errors.NeurosolveError | None = None
    messages: list[Any] = dataclasses.field(default_factory=list)
    output: bytes = b""
    exit_code: int = 0
    wall_time_s: float = 0.0
    cpu_time_s: float = 0.0
    memory_bytes: int = 0


class _Running:
    """A child under way, as its parent sees it."""

    def __init__(
        self, task: Task, memory_bytes: int | None, on_message: Callable[[Any], None] | None
    ) -> None:
        self.run, self.memory_bytes, self.on_message = ChildRun(), memory_bytes, on_message
        self.buffer, self.finished, self.executed = bytearray(), False, False
        self.output = os.memfd_create("neurosolve-output")
        self.started = time.perf_counter()
        with _child.fork_lock, warnings.catch_warnings():
            # The child of a threaded parent touches the solver and NumPy only, none of the parent's locks.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pipe, write_end = os.pipe()
            parent = os.getpid()
            self.pid = os.fork()
            if self.pid == 0:
                _child.run(task, memory_bytes, parent, write_end, self.output)
            os.close(write_end)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)  # also here: whoever is first, a kill finds the group

    def read(self) -> None:
        """Take what is in the pipe; its end, or a result, ends the child."""
        data = os.read(self.pipe, 1 << 20)
        self.buffer += data
        while len(self.buffer) >= HEADER.size:
            kind, length = HEADER.unpack_from(self.buffer)
            if len(self.buffer) < HEADER.size + length:
                break
            body = bytes(memoryview(self.buffer)[HEADER.size : HEADER.size + length])
            del self.buffer[: HEADER.size + length]
            self._frame(kind, pickle.loads(body))
        if not data or (self.finished and not self.executed):
            self.close()

    def _frame(self, kind: bytes, value: Any) -> None:
        if kind == b"M" and self.on_message is not None:
            self.on_message(value)
        elif kind == b"M":
            self.run.messages.append(value)
        elif kind == b"R":
            self.run.value, self.finished = value, True
        elif kind == b"X":
            self.executed = True
        elif kind == b"O":
            self.run.reason, self.finished = self.run.reason or MEMORY_LIMIT, True
        elif kind == b"E":
            self.run.error, self.finished, self.executed = _rebuild(*value), True, False

    def kill(self, number: int) -> None:
        for target in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                target(self.pid, number)

    def close(self) -> None:
        """Reap the child, take its output, account for it.  Its group goes first: the number is ours."""
        if self.pipe < 0:
            return
        os.close(self.pipe)
        self.pipe = -1
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        run = self.run
        run.wall_time_s = time.perf_counter() - self.started
        run.cpu_time_s = usage.ru_utime + usage.ru_stime
        run.memory_bytes = usage.ru_maxrss * 1024
        run.exit_code = os.waitstatus_to_exitcode(status)
        with os.fdopen(self.output, "rb") as file:
            file.seek(0)
            run.output = file.read()
        if not self.finished and run.reason is None and (run.exit_code < 0 or not self.executed):
            self._crashed()

    def _crashed(self) -> None:
        run, tail = self.run, self.run.output[-2000:]
        if self.memory_bytes is not None:
            # An allocation that fails is often a doubling one: a quarter of the limit in use is near enough.
            said = any(word in tail for word in _OUT_OF_MEMORY)
            if said or run.memory_bytes * 4 > self.memory_bytes:
                run.reason = MEMORY_LIMIT
                return
        how = signal.Signals(-run.exit_code).name if run.exit_code < 0 else f"exit code {run.exit_code}"
        last = tail.decode("utf-8", "replace").strip().splitlines()[-1:]
        run.error = errors.EngineError(": ".join([f"the child process died of {how}", *last]))


def _rebuild(kind: str, text: str) -> errors.NeurosolveError:
    """An exception of the child, in the parent: its class and its words."""
    cls = getattr(errors, kind, errors.EngineError)
    error: errors.NeurosolveError = cls.__new__(cls)
    Exception.__init__(error, text)
    return error


def _supervise(
    children: list[_Running], wake: int, deadline: float | None, enough: Callable[[ChildRun], bool]
) -> None:
    """Serve the pipes until every child has ended, time is up, a signal came, or a run is `enough`."""
    reason = None
    while live := [child for child in children if child.pipe >= 0]:
        left = None if deadline is None else deadline - time.perf_counter()
        if left is not None and left <= 0:
            reason = TIME_LIMIT
            break
        ready = _wait(live, left, wake)
        if wake in ready:
            reason = SIGNAL
            break
        for child in live:
            if child.pipe in ready:
                child.read()
        if any(child.pipe < 0 and enough(child.run) for child in live):
            reason = BEATEN
            break
    _stop([child for child in children if child.pipe >= 0], reason)


def _wait(children: list[_Running], timeout_s: float | None, *more: int) -> set[int]:
    poller = select.poll()
    for descriptor in (*more, *(child.pipe for child in children)):
        poller.register(descriptor, select.POLLIN | select.POLLHUP)
    return {fd for fd, _ in poller.poll(None if timeout_s is None else max(0.0, timeout_s * 1000))}


def _stop(children: list[_Running], reason: str | None) -> None:
    """SIGTERM to every child, a second to comply, SIGKILL to what is left."""
    for child in children:
        child.run.reason = child.run.reason or reason
        child.kill(signal.SIGTERM)
    deadline = time.perf_counter() + TERM_GRACE_S
    while live := [child for child in children if child.pipe >= 0]:
        left = deadline - time.perf_counter()
        if left <= 0:
            break
        ready = _wait(live, left)
        for child in live:
            if child.pipe in ready:
                child.read()
    for child in live:
        child.kill(signal.SIGKILL)
        child.close()


def race(
    tasks: Sequence[Task],
    *,
    definite: Callable[[ChildRun], bool],
    time_s: float | None = None,
    memory_bytes: int | None = None,
    on_message: Callable[[Any], None] | None = None,
) -> tuple[int | None, list[ChildRun]]:
    """Start every task (function, *arguments) in a child; the first `definite` run wins, the rest are killed.

    Returns the winner's index (None: nobody) and all runs; the losers' reason is "beaten".  Errors stay in
    the runs.  time_s: wall clock for all of them together; memory_bytes: for each.
    """
    deadline = None if time_s is None else time.perf_counter() + time_s
    children: list[_Running] = []
    with signals.hearing() as wake:
        try:
            for task in tasks:
                children.append(_Running(task, memory_bytes, on_message))
            _supervise(children, wake, deadline, definite)
        finally:
            for child in children:  # only after an exception of ours is one still alive
                if child.pipe >= 0:
                    child.kill(signal.SIGKILL)
                    child.close()
    runs = [child.run for child in children]
    winner = next((i for i, run in enumerate(runs) if run.reason is None and definite(run)), None)
    return winner, runs


def run_in_child(
    function: Callable[..., Any],
    *arguments: Any,
    time_s: float | None = None,
    memory_bytes: int | None = None,
    on_message: Callable[[Any], None] | None = None,
) -> ChildRun:
    """function(*arguments) in a child under limits; raises its own exception, or EngineError for a crash.

    A limit or a signal is no exception: the run comes back with its `reason` and whatever was sent before.
    """
    _, (run,) = race(
        [(function, *arguments)],
        definite=lambda _: True,
        time_s=time_s,
        memory_bytes=memory_bytes,
        on_message=on_message,
    )
    if run.error is not None:
        raise run.error
    return run


def run_binary(
    argv: Sequence[str], *, time_s: float | None = None, memory_bytes: int | None = None
) -> ChildRun:
    """The same for an external binary, with its own `output` and `exit_code`.  EngineError: no such file."""
    return run_in_child(execute, argv, memory_bytes, time_s=time_s, memory_bytes=memory_bytes)
