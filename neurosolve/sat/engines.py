"""Solves by one engine, or several side by side: always in child processes, never a limit turned into an answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from neurosolve import process
from neurosolve.errors import EngineError
from neurosolve.process import ChildRun
from neurosolve.result import Status
from neurosolve.sat import binaries
from neurosolve.sat.cnf import CNF
from neurosolve.sat.job import CONFLICT_LIMIT, EngineRun, Job

__all__ = ["CONFLICT_LIMIT", "EngineRun", "Job", "race", "run"]


def run(cnf: CNF, engine: str, **wishes: Any) -> EngineRun:
    """Solve `cnf` with an engine of the table, `kissat`, or `exec:PATH`, in a child process under `limits`.

    wishes: those of `Job`: phases and delivery ("rename", "initial", "forced", "decide", each also with
    "+order"; default rename), limits, seed, proof_path (text DRAT of the formula as read), preset ("sat" or
    "unsat"), lucky=False (no lucky phases, to compare fairly with renamed runs), forced_conflicts and
    fallback (how long a forced run may search, and whether what follows is renamed or, None, stock), priority
    (for +order).  UsageError: what the engine cannot do; EngineError: a crash.  A limit gives UNKNOWN.
    """
    started = time.perf_counter()
    (outcome,), _ = _run_jobs([Job(cnf, engine, **wishes)], started)
    return outcome


def race(jobs: Sequence[Job]) -> tuple[int | None, list[EngineRun]]:
    """Run jobs side by side, under the limits of the first; the first answer kills the rest.

    Returns the winner's index (None: no answer) and every run, the losers' with reason "beaten".  An error
    counts as no answer unless every job fails.
    """
    runs, winner = _run_jobs(jobs, time.perf_counter())
    return winner, runs


def _run_jobs(jobs: Sequence[Job], started: float) -> tuple[list[EngineRun], int | None]:
    limits = jobs[0].limits
    left = None if limits.time_s is None else limits.time_s - (time.perf_counter() - started)

    def definite(child: ChildRun) -> bool:
        if child.value is not None:
            return bool(child.value.status != Status.UNKNOWN.value)
        return child.error is None and child.reason is None and _says_an_answer(child, jobs[0].request.cnf)

    winner, children = process.race(
        [job.task for job in jobs], definite=definite, time_s=left, memory_bytes=limits.memory_bytes
    )
    runs, errors = [], []
    for job, child in zip(jobs, children, strict=True):
        try:
            runs.append(job.finish(child))
        except EngineError as error:
            errors.append(error)
            runs.append(EngineRun(Status.UNKNOWN, job.request.engine.name, reason=str(error)))
    if len(errors) == len(jobs):
        raise errors[0]
    return runs, winner


def _says_an_answer(child: ChildRun, cnf: CNF) -> bool:
    """Whether what a binary printed can be the answer."""
    try:
        status = binaries.parse_status(child)
        if status is Status.SATISFIABLE:
            binaries.parse_values(child.output, cnf.num_variables)
    except EngineError:
        return False
    return status is not Status.UNKNOWN
