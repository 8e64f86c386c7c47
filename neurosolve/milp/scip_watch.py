"""The search as seen from inside: incumbents and bounds streamed out, a SIGTERM heard.  Runs in SCIP's child only."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from pyscipopt import Eventhdlr
from pyscipopt.scip import PY_SCIP_EVENTTYPE as SCIP_EVENTTYPE

from neurosolve import process
from neurosolve.milp.job import Incumbent, Progress

PROGRESS_EVERY_S = 0.2
VALUES_SHARE = 0.02  # of the search's time, at most, goes into copying incumbents out
SOLVING = 9  # SCIP's stage, from which on there is a tree and its statistics are complete
_INTERRUPT_EVERY_S = 0.2


class Watch(Eventhdlr):  # type: ignore[misc, no-any-unimported, unused-ignore]
    """Sends Progress at most every PROGRESS_EVERY_S and each incumbent; changes nothing in the search."""

    def __init__(self, scip: Any, variables: list[Any]) -> None:
        self.scip, self.variables = scip, variables
        self.started = time.perf_counter()
        self.next_progress = self.next_values = 0.0
        self.is_new = False
        self.errors: list[str] = []
        scip.includeEventhdlr(self, "neurosolve_watch", "streams incumbents and bounds")

    def eventinit(self) -> None:
        for event in (SCIP_EVENTTYPE.BESTSOLFOUND, SCIP_EVENTTYPE.LPEVENT):
            self.scip.catchEvent(event, self)

    def eventexec(self, event: Any) -> None:
        now = time.perf_counter()
        is_found = event.getType() == SCIP_EVENTTYPE.BESTSOLFOUND
        self.is_new |= is_found
        if not self.is_new and now < self.next_progress:
            return
        try:
            self._tell(now, is_found)
        except Exception as error:
            self.errors = [f"progress was lost: {type(error).__name__}: {error}"]

    def _tell(self, now: float, is_found: bool) -> None:
        if self.is_new and now >= self.next_values:
            process.send(self.best())
            self.is_new = False
            self.next_values = now + (time.perf_counter() - now) / VALUES_SHARE
        if is_found or now >= self.next_progress:
            self.next_progress = now + PROGRESS_EVERY_S
            process.send(self._progress(now - self.started, is_found))

    def _progress(self, time_s: float, is_incumbent: bool) -> Progress:
        scip = self.scip
        objective = scip.getSolObjVal(scip.getBestSol()) if scip.getNSols() else None
        if scip.getStage() < SOLVING:
            return Progress(time_s, 0, 0, objective, None, None, is_incumbent)
        bound, gap = finite(scip, scip.getDualbound()), finite(scip, scip.getGap())
        return Progress(time_s, scip.getNTotalNodes(), scip.getNNodesLeft(), objective, bound, gap, is_incumbent)

    def best(self) -> Incumbent | None:
        """The best solution that SCIP has, in the problem's own variables."""
        if self.scip.getNSols() == 0:
            return None
        solution = self.scip.getBestSol()
        values = np.fromiter((solution[one] for one in self.variables), np.float64, len(self.variables))
        return Incumbent(self.scip.getSolObjVal(solution), values)


def finite(scip: Any, value: float) -> float | None:
    """A bound of SCIP's, None for what it calls infinite."""
    return None if abs(value) >= scip.infinity() else float(value)


@contextlib.contextmanager
def interruptible(scip: Any) -> Iterator[None]:
    """SIGTERM becomes what a Ctrl-C is to SCIP (and to the SCIPs inside its heuristics): stop, and answer.

    A thread waits for the signal; SCIP hears SIGINT by a handler of its own, outside of its search nobody does.
    """
    done = threading.Event()

    def wait() -> None:
        signal.sigwait([signal.SIGTERM])
        for _ in range(4):  # at the fifth SCIP exits on the spot
            if done.is_set():
                return
            scip.interruptSolve()
            os.kill(os.getpid(), signal.SIGINT)
            done.wait(_INTERRUPT_EVERY_S)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    threading.Thread(target=wait, daemon=True).start()
    try:
        yield
    finally:
        done.set()
