"""One search in which somebody else branches: SCIP in a thread of its own that stops at every decision and waits.

SCIP solves in one call and asks back through a callback, so control is turned around: the callback hands the decision
over and sleeps until the answer comes.  Whoever answers never runs at the same time as SCIP.  Why a thread and not a
process is told in env.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyscipopt import Model

from neurosolve.errors import InputError, UsageError
from neurosolve.milp.asking import Asking, BoundWatch, Decision, Meter, bounds_of
from neurosolve.milp.features import Candidates
from neurosolve.milp.mps import write_mps
from neurosolve.milp.problem import Problem
from neurosolve.milp.rewards import Totals
from neurosolve.milp.scip_file import as_file
from neurosolve.milp.scip_settings import PROTOCOLS, Value, set_parameter, set_protocol, words

PRIORITY = 10_000_000  # before every rule of SCIP's
_ASK_AGAIN_S = 0.05  # between two interrupts of a search that is to end
Source = Path | Problem
Question = Callable[[Any, Candidates], Any]


@dataclasses.dataclass(frozen=True)
class SearchOptions:
    """How SCIP searches.  protocol, seed: scip_settings'.  params: SCIP's own, by name.  depth_first: node selection.

    optimum: the known optimal objective; objective_limit: SCIP starts with it as its cutoff, so that only proving is
    left.  node_limit: nodes.  time_s: wall seconds, the agent's not counted.  dual_integral: keep it in the totals.
    validate: read the file with our own strict reader first.
    """

    protocol: str = "paper"
    seed: int = 0
    params: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    depth_first: bool = False
    optimum: float | None = None
    objective_limit: bool = False
    node_limit: int | None = None
    time_s: float | None = None
    dual_integral: bool = False
    validate: bool = True


@dataclasses.dataclass(frozen=True)
class Finished:
    """The search has ended.  status: SCIP's word.  is_complete: the tree is done, no limit cut it short."""

    status: str
    dual_bound: float
    primal_bound: float
    children: tuple[int, ...]
    totals: Totals

    @property
    def is_complete(self) -> bool:
        return self.status in ("optimal", "infeasible", "unbounded", "inforunbd")


@dataclasses.dataclass(frozen=True)
class _Choice:
    variable: Any | None


class Episode:
    """start() -> Decision or Finished; branch(variable) -> the next one; close() at any time, also twice.

    Use it from one thread.  A search that nobody finishes or closes lives until the interpreter ends.
    """

    def __init__(self, source: Source, options: SearchOptions) -> None:
        if options.protocol not in PROTOCOLS:
            raise UsageError(f"unknown protocol '{options.protocol}'; protocols: {', '.join(PROTOCOLS)}")
        if options.objective_limit and options.optimum is None:
            raise UsageError("an objective limit needs the optimum of the instance")
        self.source, self.options, self.time_s = source, options, options.time_s
        self.current: Decision | Finished | None = None
        self.stopping = False
        self._error: Exception | None = None
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._scip: Any = None
        self._lock = threading.Lock()  # no interrupt of a SCIP that is being freed
        # A daemon, so that an episode left open does not keep the interpreter from ending.
        self._thread = threading.Thread(target=self._run, name="scip", daemon=True)

    def start(self) -> Decision | Finished:
        """Read, presolve, and search up to the first decision.

        Raises InputError for a file that cannot be read, UsageError for a parameter that SCIP does not take, LimitError
        for an LP past the features' budget.
        """
        self._thread.start()
        return self._next()

    def branch(self, variable: Any | None) -> Decision | Finished:
        """Branch on one of the current decision's candidates.variables, None: as SCIP would, and search on."""
        if variable is not None and not any(variable is one for one in self._decision().candidates.variables):
            raise UsageError("only a candidate of the current decision can be branched on")
        self._decision()
        self._orders.put(_Choice(variable))
        return self._next()

    def ask(self, question: Question) -> Any:
        """question(scip, candidates) at the current decision, run in SCIP's thread: whatever PySCIPOpt offers inside a
        branching rule.  Nothing of SCIP's may outlive it: return numbers.  Its exception is raised here."""
        self._decision()
        self._orders.put(question)
        value, error = self._receive()
        if error is not None:
            raise error
        return value

    def close(self) -> None:
        """End the search and its thread, and free SCIP."""
        self.stopping = True
        self._orders.put(_Choice(None))
        while self._thread.is_alive():
            with self._lock, contextlib.suppress(Exception):  # not every stage of SCIP's takes an interrupt
                if self._scip is not None:
                    self._scip.interruptSolve()
            self._thread.join(_ASK_AGAIN_S)
        if isinstance(self.current, Decision):
            self.current = None

    def _decision(self) -> Decision:
        if not isinstance(self.current, Decision):
            raise UsageError("no decision is open: the search has not begun, or has ended")
        return self.current

    def _receive(self) -> Any:
        try:
            return self._events.get()
        except BaseException:  # a Ctrl-C while SCIP works
            self.close()
            raise

    def _next(self) -> Decision | Finished:
        self.current = None
        event = self._receive()
        if isinstance(event, BaseException):
            self._thread.join()
            raise event
        if isinstance(event, Finished):
            self._thread.join()
        self.current = event
        return self.current

    # From here on in SCIP's thread.

    def exchange(self, decision: Decision, scip: Any) -> Any | None:
        """Hand the decision over, answer what is asked about it, and return the variable that was chosen."""
        self._events.put(decision)
        while not isinstance(order := self._orders.get(), _Choice):
            try:
                self._events.put((order(scip, decision.candidates), None))
            except Exception as error:
                self._events.put((None, error))
        return order.variable

    def failed(self, error: Exception) -> None:
        self._error = error

    def _run(self) -> None:
        event: Finished | BaseException
        try:
            event = self._search()
        except BaseException as error:
            event = error
        self._events.put(event if self._error is None else self._error)

    def _search(self) -> Finished:
        scip = Model()
        try:
            self._scip = scip
            self._configure(scip)
            read_into(scip, self.source, self.options.validate)
            if self.options.objective_limit and self.options.optimum is not None:
                scip.setObjlimit(self.options.optimum)
            meter = Meter(scip, self.options.optimum, self.options.dual_integral)
            rule = Asking(self, meter)
            scip.includeBranchrule(rule, "neurosolve_asking", "asks somebody else", PRIORITY, -1, 1.0)
            if self.options.dual_integral:
                scip.includeEventhdlr(BoundWatch(meter), "neurosolve_bounds", "follows the bounds")
            scip.optimizeNogil()
            meter.advance()
            return Finished(scip.getStatus(), *bounds_of(scip), rule.children, meter.totals())
        finally:
            with self._lock:
                self._scip = None
            scip.free()

    def _configure(self, scip: Any) -> None:
        options = self.options
        scip.hideOutput()
        set_protocol(scip, options.protocol, options.seed)
        scip.setParam("misc/catchctrlc", False)  # a Ctrl-C is the main thread's
        scip.setParam("timing/clocktype", 2)  # wall: CPU time would count the agent's
        for name, value in options.params.items():
            try:
                set_parameter(scip, name, value)
            except LookupError:
                raise UsageError(f"SCIP has no parameter '{name}'") from None
        if options.depth_first:
            scip.setParam("nodeselection/dfs/stdpriority", PRIORITY)
        if options.node_limit is not None:
            scip.setParam("limits/totalnodes", options.node_limit)
        if options.time_s is not None:
            scip.setParam("limits/time", options.time_s)


def read_into(scip: Any, source: Source, validate: bool = True) -> None:
    """Read a problem, or a file (first by our own strict reader: validate).  Raises InputError."""
    if isinstance(source, Problem):
        with os.fdopen(os.memfd_create("problem"), "wb") as file:
            write_mps(source, file)
            file.flush()
            scip.readProblem(f"/proc/self/fd/{file.fileno()}", "mps")
        return
    with as_file(source, None) as given:
        if validate:
            given.read()
        try:
            scip.readProblem(str(given.path), given.format)
        except Exception as error:
            raise InputError(str(source), None, f"SCIP cannot read it ({words(error)})") from None
