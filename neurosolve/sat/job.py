"""One solve by one engine: the request, checked against the engine's row, and what comes back of its child.

The table is in table.py, the deliveries in inject.py, what happens inside the child in pysat_child.py, what
binaries want and say in binaries.py; engines.py starts jobs.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosolve import process
from neurosolve.errors import EngineError, UsageError
from neurosolve.process import ChildRun
from neurosolve.result import Limits, Stats, Status
from neurosolve.sat import binaries
from neurosolve.sat.cnf import CNF
from neurosolve.sat.drat import copy_proof
from neurosolve.sat.phases import Phases
from neurosolve.sat.pysat_child import Answer, Request, solve_with_binary, solve_with_pysat
from neurosolve.sat.renaming import Renaming
from neurosolve.sat.table import ENGINES, Engine, find_engine, is_installed
from neurosolve.targets import put_in_place

FORCED_CONFLICTS = 20_000  # what a forced run may spend before a renamed one starts afresh
# Past it an engine's binary twin takes over: kissat404 needs 10% less CPU and 40% less memory from there on.
TWIN_LITERALS = 1_000_000

CONFLICT_LIMIT = "conflict limit"

_parts = itertools.count()  # racing jobs may be given the same proof path


@dataclasses.dataclass
class EngineRun:
    """What an engine found and what it cost.

    assignment: int32 (num_variables,), literal of variable v at v - 1, of the formula as read; unchecked.
    engine, delivery: what really ran.  inject_s: from the start of the child to the start of the search
    (importing, renaming, loading, setting phases); load_s: the part spent on loading.  notes: for people.
    versions: PySAT's, or what a binary says of itself.
    """

    status: Status
    engine: str
    delivery: str | None = None
    assignment: npt.NDArray[np.int32] | None = None
    stats: Stats = dataclasses.field(default_factory=Stats)
    reason: str | None = None
    proof: Path | None = None
    wall_time_s: float = 0.0
    cpu_time_s: float = 0.0
    memory_bytes: int = 0
    inject_s: float = 0.0
    load_s: float = 0.0
    solve_s: float = 0.0
    notes: list[str] = dataclasses.field(default_factory=list)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)


class Job:
    """One solve, ready to start: `task` runs in a child, `finish` reads what the child left."""

    def __init__(
        self,
        cnf: CNF,
        engine: str,
        *,
        phases: Phases | None = None,
        delivery: str | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        proof_path: Path | None = None,
        preset: str | None = None,
        lucky: bool = True,
        forced_conflicts: int = FORCED_CONFLICTS,
        fallback: str | None = "rename",
        priority: npt.NDArray[np.floating[Any]] | None = None,
        twin_literals: int = TWIN_LITERALS,
    ) -> None:
        self.limits, self.proof_path = limits or Limits(), proof_path
        self.notes: list[str] = []
        row = self._twin(find_engine(engine), cnf, twin_literals)
        delivery, ordered = _split_delivery(row, phases, delivery)
        if ordered and priority is None:
            if phases is None:
                raise UsageError("an order needs a priority, or phases whose confidence is one")
            priority = phases.confidence
        part = proof_path and proof_path.with_name(f"{proof_path.name}.{os.getpid()}-{next(_parts)}.part")
        self.request = Request(
            cnf, row, phases, delivery, seed, preset, lucky, self.limits.conflicts, forced_conflicts,
            fallback, priority if ordered else None, part,
        )  # fmt: skip
        self._check()
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.task: process.Task = (solve_with_pysat, self.request)
        if row.is_binary:
            self.task = self._binary_task()

    def _twin(self, row: Engine, cnf: CNF, twin_literals: int) -> Engine:
        """The same solver as a binary, where lists would cost more than they give."""
        twin = ENGINES.get(row.twin or "")
        if twin is None or cnf.num_literals < twin_literals or not is_installed(twin):
            return row
        self.notes.append(f"{cnf.num_literals} literals: {row.name} runs as the binary {twin.name}")
        return twin

    def _check(self) -> None:
        """Refuse what the engine cannot do; say what it does its own way."""
        request, row = self.request, self.request.engine
        if not is_installed(row):
            hint = f": pip install {row.requires}" if row.requires else ""
            raise UsageError(f"engine {row.name} is not installed{hint}")
        if request.preset is not None and request.preset not in row.presets:
            raise UsageError(f"{row.name} has no preset '{request.preset}'")
        if not request.lucky and row.lucky is None:
            raise UsageError(f"the lucky phases of {row.name} cannot be switched off")
        if request.proof_path is not None and not row.has_proof:
            raise UsageError(f"{row.name} writes no proof")
        if request.proof_path is not None and not row.proof_checks:
            self.notes.append(f"{row.name}'s proofs do not check: take another engine where that matters")
        if request.seed and not row.seed:
            self.notes.append(f"{row.name} has no seed: nothing changes")
        if request.conflicts is not None and not row.conflict_limit:
            self.notes.append(f"{row.name} has no conflict limit: ignored")

    def _binary_task(self) -> process.Task:
        """The folder, the names in it, and the command line; the child writes the formula there."""
        row, request = self.request.engine, self.request
        binary = binaries.find_binary(row)
        assert binary is not None  # _check saw it
        self.folder = tempfile.TemporaryDirectory(prefix="neurosolve-")
        formula = Path(self.folder.name, "formula.cnf")
        orders = binaries.Orders(request.seed, request.preset, request.lucky, request.conflicts)
        proof = None if request.proof_path is None else str(request.proof_path)
        argv = binaries.command_line(row, binary, orders, str(formula), proof)
        return (solve_with_binary, request, formula, argv, self.limits.memory_bytes)

    def finish(self, child: ChildRun) -> EngineRun:
        """The outcome; raises the child's own error, EngineError for a crash or a senseless answer."""
        try:
            if child.error is not None:
                if self.limits.memory_bytes is None or "failed to map segment" not in str(child.error):
                    raise child.error
                child.reason = process.MEMORY_LIMIT  # too little even for the engine's own library
            return self._outcome(child)
        finally:
            if self.folder is not None:
                self.folder.cleanup()
            if self.request.proof_path is not None:
                self.request.proof_path.unlink(missing_ok=True)

    def _outcome(self, child: ChildRun) -> EngineRun:
        request = self.request
        stages = {key: value for message in child.messages for key, value in message.items()}
        run = EngineRun(Status.UNKNOWN, request.engine.name, request.delivery_name, reason=child.reason)
        run.notes = self.notes
        run.inject_s, run.load_s = stages.get("inject_s", 0.0), stages.get("load_s", 0.0)
        run.versions = stages.get("versions", {})
        run.wall_time_s, run.cpu_time_s = child.wall_time_s, child.cpu_time_s
        run.memory_bytes = child.memory_bytes
        run.solve_s = max(0.0, child.wall_time_s - run.inject_s) if run.inject_s else 0.0
        if child.value is not None:
            self._take_answer(run, child.value)
        elif request.engine.is_binary:
            self._take_output(run, child)
        if child.reason is not None:
            run.status, run.assignment, run.reason = Status.UNKNOWN, None, child.reason
        elif run.status is Status.UNKNOWN:
            run.reason = CONFLICT_LIMIT if request.conflicts is not None else "the engine gave up"
        if run.status is Status.UNSATISFIABLE and self.proof_path is not None:
            assert request.proof_path is not None
            put_in_place(request.proof_path, self.proof_path)
            run.proof = self.proof_path
        return run

    def _take_answer(self, run: EngineRun, answer: Answer) -> None:
        run.status, run.assignment, run.stats = Status(answer.status), answer.assignment, answer.stats
        run.solve_s = answer.solve_s
        run.notes = run.notes + answer.notes

    def _take_output(self, run: EngineRun, child: ChildRun) -> None:
        run.stats = binaries.parse_stats(child.output)
        if version := binaries.parse_version(child.output):
            run.versions = {self.request.engine.name: version}
        if child.reason is not None:
            return
        run.status = binaries.parse_status(child)
        renaming = self.request.renaming()
        if run.status is Status.SATISFIABLE:
            literals = binaries.parse_values(child.output, self.request.cnf.num_variables)
            run.assignment = self.request.complete(literals, renaming)
        if run.status is Status.UNSATISFIABLE and self.request.proof_path is not None:
            _map_in_place(self.request.proof_path, renaming)


def _split_delivery(row: Engine, phases: Phases | None, delivery: str | None) -> tuple[str | None, bool]:
    """"rename+order" -> ("rename", True), after checking that the engine offers it."""
    parts = (delivery or "").split("+")
    ordered = "order" in parts
    names = [part for part in parts if part not in ("", "order")]
    if len(names) > 1:
        raise UsageError(f"delivery '{delivery}' names more than one way")
    if phases is None:
        return None, ordered
    chosen = names[0] if names else "rename"
    if chosen not in row.deliveries:
        raise UsageError(f"{row.name} has no delivery '{chosen}': one of {', '.join(row.deliveries)}")
    return chosen, ordered


def _map_in_place(proof: Path, renaming: Renaming | None) -> None:
    """A binary's proof file as text, mapped back to the formula as read."""
    if not proof.exists():
        raise EngineError("the solver answered UNSATISFIABLE and wrote no proof")
    mapped = proof.with_name(proof.name + ".mapped")
    with proof.open("rb") as source, mapped.open("wb") as target:
        copy_proof(source, target, renaming)
    mapped.replace(proof)
