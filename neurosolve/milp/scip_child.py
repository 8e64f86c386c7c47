"""What runs inside SCIP's child process: configure, read, search with incumbents streamed out, and only then answer."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyscipopt

from neurosolve import process
from neurosolve.errors import EngineError, InputError, UsageError
from neurosolve.milp.job import Answer, Job
from neurosolve.milp.policies import PolicyReport, attach
from neurosolve.milp.problem import Problem
from neurosolve.milp.scip_settings import set_from_file, set_parameter, set_protocol, words
from neurosolve.milp.scip_watch import SOLVING, Watch, finite, interruptible
from neurosolve.result import MilpStats


def solve(job: Job, started: float) -> Answer:
    """The whole run; `started` is when the parent began, in time.perf_counter() seconds.

    Sends ("versions", dict), ("feastol", number), ("columns", names) for a CIP file, Progress and Incumbent.  Raises
    UsageError for a parameter that SCIP does not take, InputError for a file that it cannot read.
    """
    scip = pyscipopt.Model()
    scip.hideOutput()
    numbers = (scip.getMajorVersion(), scip.getMinorVersion(), scip.getTechVersion())
    process.send(("versions", {"scip": ".".join(map(str, numbers)), "pyscipopt": vars(pyscipopt)["__version__"]}))
    report, notes = _configure(scip, job)
    process.send(("feastol", scip.getParam("numerics/feastol")))
    variables = _read(scip, job)
    if job.as_read is not None:
        _refuse_other_columns(scip, job, variables, job.as_read)
    notes += _give_start(scip, job, variables)
    watch = Watch(scip, variables)
    if job.limits.time_s is not None:
        left_s = max(0.0, job.limits.time_s - (time.perf_counter() - started))
        scip.setParam("limits/time", min(scip.getParam("limits/time"), left_s))
    searching = time.perf_counter()
    with interruptible(scip):
        search(scip)
    ended = time.perf_counter()
    bound, gap = finite(scip, scip.getDualbound()), finite(scip, scip.getGap())
    stats = _stats(scip, report)
    if job.policy.name == "fsb":
        stats.num_strong_branching_lp_iterations = None  # SCIP says 0, for it does not count idempotent trials
    notes += watch.errors + report.notes
    seconds = (searching - started, ended - searching)
    return Answer(scip.getStatus(), watch.best(), bound, gap, stats, report, *seconds, notes)


def search(scip: Any) -> None:
    """Without the interpreter's lock, so that a SIGTERM is heard meanwhile; callbacks take it for their time."""
    scip.optimizeNogil()


def _configure(scip: Any, job: Job) -> tuple[PolicyReport, list[str]]:
    """Ours first, then the settings file, the policy, and single parameters, which have the last word.

    When the search goes over to a model's protocol, single parameters stay in any case.  Of the settings file a value
    stays where it is not SCIP's own, which `adopt` sees by itself: a file saved by SCIP may list every default, and to
    keep those would be to adopt nothing.
    """
    set_protocol(scip, job.protocol, job.seed)
    notes = [] if job.settings is None else set_from_file(scip, job.settings)
    report = attach(scip, dataclasses.replace(job.policy, kept=tuple(job.params)), job.seed)
    for name, given in job.params.items():
        try:
            set_parameter(scip, name, given)
        except LookupError:
            raise UsageError(f"SCIP has no parameter '{name}'") from None
    if job.gap is not None:
        scip.setParam("limits/gap", job.gap)
    if job.limits.memory_bytes is not None:
        scip.setParam("limits/memory", job.limits.memory_bytes / 2**20)
    return report, notes


def _read(scip: Any, job: Job) -> list[Any]:
    """SCIP's variables in the order of the job's columns."""
    try:
        scip.readProblem(str(job.path), job.format)
    except MemoryError:
        raise
    except Exception as error:
        raise InputError(job.name or str(job.path), None, f"SCIP cannot read it ({words(error)})") from None
    variables = list(scip.getVars())
    names = [variable.name for variable in variables]
    if job.column_names is None:
        process.send(("columns", tuple(names)))
        return variables
    if len(names) != len(job.column_names):
        raise EngineError(f"SCIP read {len(names)} columns where the file has {len(job.column_names)}")
    by_name = dict(zip(names, variables, strict=True))
    if len(by_name) == len(names) and all(name in by_name for name in job.column_names):
        return [by_name[name] for name in job.column_names]
    return sorted(variables, key=lambda variable: int(variable.getIndex()))  # it changed names: as they came


def _refuse_other_columns(scip: Any, job: Job, variables: list[Any], problem: Problem) -> None:
    """Raises InputError where SCIP has other bounds, costs or integers than the problem: as a rule of a column that is
    bounded more than once."""
    big = scip.infinity()
    ours = zip(problem.lower.clip(-big, big).tolist(), problem.upper.clip(-big, big).tolist(),
               problem.objective.tolist(), problem.integer.tolist(), strict=True)  # fmt: skip
    for variable, one in zip(variables, ours, strict=True):
        integer = variable.vtype() != "CONTINUOUS"
        other = (variable.getLbOriginal(), variable.getUbOriginal(), variable.getObj(), integer)
        if not all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(one, other, strict=True)):
            told = f"lower, upper, cost, integer: {one} for HiGHS, {other} for SCIP"
            raise InputError(job.name or str(job.path), None, f"column {variable.name} is read in two ways ({told})")


def _give_start(scip: Any, job: Job, variables: list[Any]) -> list[str]:
    """Add the MIP start; what SCIP makes of one that is not feasible is SCIP's affair."""
    if job.start is None:
        return []
    if isinstance(job.start, Path):
        try:
            solution = scip.readSolFile(str(job.start))
        except Exception as error:
            raise InputError(str(job.start), None, f"SCIP cannot read it ({words(error)})") from None
    else:
        solution = scip.createOrigSol()
        for column in np.flatnonzero(job.start).tolist():
            scip.setSolVal(solution, variables[column], float(job.start[column]))
    return [] if scip.addSol(solution) else ["SCIP did not take the MIP start"]


def _stats(scip: Any, report: PolicyReport) -> MilpStats:
    rules = _statistics(scip)["branchrules"]["plugins"].values() if scip.getStage() >= SOLVING else []
    return MilpStats(
        num_nodes=scip.getNTotalNodes(),
        num_lp_iterations=scip.getNLPIterations(),
        num_strong_branching_lp_iterations=scip.getNStrongbranchLPIterations(),
        num_domain_reductions=sum(rule["ndomreds"] for rule in rules),
        num_cutoffs=sum(rule["ncutoffs"] for rule in rules),
        primal_dual_integral=scip.getPrimalDualIntegral(),
        num_policy_calls=report.num_calls,
        num_handed_over=report.num_handed_over,
        policy_s=report.seconds,
    )


def _statistics(scip: Any) -> Any:
    """SCIP's own statistics, by way of a file in memory."""
    with os.fdopen(os.memfd_create("statistics"), "rb") as file:
        scip.writeStatisticsJson(f"/proc/self/fd/{file.fileno()}")
        file.seek(0)
        return json.loads(file.read())
