"""Run a function, or a binary, in a child process that can be limited, killed, and never outlives its parent.

CaDiCaL, Kissat and SCIP hold the interpreter and hear no signal while they solve, so every solve happens in a
forked child: the kernel's limits and SIGKILL work on anything.  A child talks back through one pipe, in
frames; what it prints goes to a memory file that the parent reads at the end.  Linux only.
"""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from neurosolve import signals
from neurosolve.child import Task, execute, send
from neurosolve.running import MEMORY_LIMIT, ChildRun, Running

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
TIME_LIMIT, SIGNAL, BEATEN = "time limit", "signal", "beaten"


def _supervise(
    children: list[Running], wake: int, deadline: float | None, enough: Callable[[ChildRun], bool]
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


def _wait(children: list[Running], timeout_s: float | None, *more: int) -> set[int]:
    poller = select.poll()
    for descriptor in (*more, *(child.pipe for child in children)):
        poller.register(descriptor, select.POLLIN | select.POLLHUP)
    return {fd for fd, _ in poller.poll(None if timeout_s is None else max(0.0, timeout_s * 1000))}


def _stop(children: list[Running], reason: str | None) -> None:
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
    children: list[Running] = []
    with signals.hearing() as wake:
        try:
            for task in tasks:
                children.append(Running(task, memory_bytes, on_message))
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
