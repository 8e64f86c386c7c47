"""A child under way, as its parent sees it: started, listened to, killed, reaped and accounted for.

The child's half is child.py, which says what a frame on the pipe is; process.py watches over children.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

from neurosolve import child as _child
from neurosolve import errors
from neurosolve.child import HEADER, Task

MEMORY_LIMIT = "memory limit"
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


class Running:
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
