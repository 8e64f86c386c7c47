"""What happens inside a forked child: limits, the pipe back to the parent, becoming a binary.

The parent's half is `running.py`.  A frame on the pipe is a kind (Message, Result, Error, Out of memory,
eXecuted), a length and a pickle; the parent reads pickles of its own fork only.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import signal
import struct
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

from neurosolve import errors

HEADER = struct.Struct("<cQ")  # kind and length of a frame
Task = tuple[Any, ...]  # (function, *arguments)

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_pipe: int | None = None  # the writing end; None in a process that is no child
fork_lock = threading.Lock()  # held while forking: no child may inherit the writing end of another's pipe


def die_with_parent() -> None:
    """From inside a child: the kernel kills it when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def send(message: Any) -> None:
    """From inside a child: hand a picklable object to the parent at once (an incumbent, a stage's time)."""
    _write_frame(b"M", message)


def execute(argv: Sequence[str], memory_bytes: int | None = None) -> NoReturn:
    """From inside a child: become the binary argv[0] (looked up on PATH if it has no slash); no shell."""
    if _pipe is None:
        raise errors.EngineError("execute() outside a child process")
    _write_frame(b"X", None)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a binary would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.set_inheritable(_pipe, True)  # its closing tells the parent that the binary has ended
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    try:
        os.execvp(argv[0], list(argv))
    except OSError as error:
        raise errors.EngineError(f"cannot run {argv[0]}: {error.strerror}") from None


def _write_frame(kind: bytes, value: Any) -> None:
    if _pipe is None:
        return
    body = pickle.dumps(value, protocol=5)
    for part in (memoryview(HEADER.pack(kind, len(body))), memoryview(body)):
        while part:
            part = part[os.write(_pipe, part) :]


def run(task: Task, memory_bytes: int | None, parent: int, pipe: int, output: int) -> NoReturn:
    """Everything a child does; never returns into the parent's code."""
    global _pipe, fork_lock
    code = 1
    try:
        os.setpgid(0, 0)  # a Ctrl-C in the terminal reaches the parent only, and a kill reaches grandchildren
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        _pipe, fork_lock = pipe, threading.Lock()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        gc.disable()
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        sys.stdout = sys.stderr = os.fdopen(os.dup(output), "w", buffering=1)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory_bytes is not None:
            _limit_memory(memory_bytes)
        function, *arguments = task
        _write_frame(b"R", function(*arguments))
        code = 0
    except MemoryError:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        with contextlib.suppress(BaseException):
            _write_frame(b"O", None)
    except BaseException as error:
        kind = type(error).__name__
        known = isinstance(error, errors.NeurosolveError)
        with contextlib.suppress(BaseException):
            _write_frame(b"E", (kind, str(error)) if known else ("EngineError", f"{kind}: {error}"))
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _limit_memory(memory_bytes: int) -> None:
    """Cap the address space at memory_bytes over what is mapped but not resident: libraries reserve a lot.

    Only the soft limit, so that the error can still be reported.
    """
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - a Path costs its import
        size, resident = (int(word) * resource.getpagesize() for word in file.read().split()[:2])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = memory_bytes + size - resident
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
