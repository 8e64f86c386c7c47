"""The composition root for MILP: a file, a guidance and limits in, a result out whose solution was checked."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import neurosolve
from neurosolve import milp_guidance, process
from neurosolve.errors import SoundnessError, UsageError
from neurosolve.files import unreadable
from neurosolve.milp import check, engine
from neurosolve.milp.engine import EngineRun, Job, Progress
from neurosolve.milp.policies import PolicySpec
from neurosolve.milp.problem import Floats, Problem
from neurosolve.milp.scip_file import MilpFile, as_file
from neurosolve.milp.scip_settings import Value
from neurosolve.milp.solution import read_solution, write_solution
from neurosolve.result import Limits, MilpResult, Stages, Status
from neurosolve.targets import guard_target

_LARGEST_SEED = 2**31 - 1  # of SCIP
_NO_LP = "the search ended before its first LP"
_HAS_ANSWER = (Status.OPTIMAL, Status.LIMIT)


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked, names already looked up.  deadline: in time.perf_counter() seconds; None: no limit."""

    policy: PolicySpec
    limits: Limits
    settings: Path | None
    params: Mapping[str, Value]
    start: Path | None
    seed: int
    gap: float | None
    solution: Path | None
    protocol: str
    deadline: float | None
    on_event: Callable[[Progress], None] | None

    def left(self) -> Limits:
        """The limits with the time that is left of them."""
        return self.limits.until(self.deadline)


def solve_milp(
    source: str | Path,
    *,
    guidance: str = "auto",
    limits: Limits | None = None,
    settings: str | Path | None = None,
    params: Mapping[str, Value] | None = None,
    start: str | Path | None = None,
    seed: int = 0,
    gap: float | None = None,
    solution: str | Path | None = None,
    protocol: str = "default",
    format: str | None = None,
    on_event: Callable[[Progress], None] | None = None,
) -> MilpResult:
    """Solve an MPS, LP or CIP file, plain or compressed ("-" is standard input, and then format says which).

    guidance: who branches, see `neurosolve.milp_guidance`.  settings: a SCIP settings file.  params: SCIP's
    parameters by name.  start, solution: .sol files, in and out.  gap: relative, at which to stop.  on_event sees
    the search's Progress several times a second.

    A solution is returned or written only after it passed the check against the file as read; of a CIP file SCIP
    alone is the judge.  Bounds and infeasibility are SCIP's claims.  A limit or a signal is no error: the best
    solution so far comes back, with status LIMIT.  Where writing `solution` fails after the search, the result has a
    warning and no `solution`; a place that cannot be written is refused before.

    Raises InputError, UsageError, ModelError, EngineError when SCIP crashes, and SoundnessError for a
    solution that fails the check.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    limits = limits or Limits()
    deadline = None if limits.time_s is None else started + limits.time_s
    settings_path, start_path, solution_path = (
        None if one is None else Path(one) for one in (settings, start, solution)
    )
    policy = milp_guidance.resolve(guidance)
    request = Request(
        policy=policy, limits=limits, settings=settings_path, params=params or {}, start=start_path, seed=seed,
        gap=gap, solution=solution_path, protocol=protocol, deadline=deadline, on_event=on_event,
    )  # fmt: skip
    _refuse(request, source)
    with as_file(source, format) as file:
        problem = file.read()
        result = MilpResult(Status.LIMIT, guidance, protocol, seed=seed)
        result.stages = Stages(read_s=time.perf_counter() - started)
        _run(file, problem, request, result)
    result.versions = {"neurosolve": neurosolve.__version__, "python": sys.version.split()[0], **result.versions}
    result.wall_time_s = time.perf_counter() - started
    result.cpu_time_s += time.process_time() - cpu_started
    return result


def _refuse(request: Request, source: str | Path) -> None:
    """Raises UsageError for what cannot be, before a byte is read."""
    if request.protocol not in engine.PROTOCOLS:
        raise UsageError(f"unknown protocol '{request.protocol}'; protocols: {', '.join(engine.PROTOCOLS)}")
    if request.gap is not None and not request.gap >= 0:
        raise UsageError(f"a gap cannot be {request.gap}: give 0 or more, 0.01 for one per cent")
    if request.seed > _LARGEST_SEED:
        raise UsageError(f"a seed cannot be {request.seed}: SCIP takes no more than {_LARGEST_SEED}")
    if request.solution is not None:
        guard_target("a solution", request.solution, (str(source), request.settings, request.start))
    for path in (request.settings, request.start):
        if path is not None and not path.is_file():
            raise unreadable(path, "no such file")


def _run(file: MilpFile, problem: Problem | None, request: Request, result: MilpResult) -> None:
    """From the problem as read to a filled-in result."""
    spec = milp_guidance.for_protocol(request.policy, request.protocol)
    if spec.name == "auto" and not spec.model_dirs:  # spares the import of what reads the root
        other = f"no model was validated under protocol {request.protocol}"
        reason = other if request.policy.model_dirs else "no model installed"
        spec, result.gate = PolicySpec(), {"stage": 1, "guided": False, "reason": reason}
    if request.left().time_s == 0.0:
        result.reason = process.TIME_LIMIT
        return
    job = Job(
        file.path,
        file.format,
        spec,
        column_names=None if problem is None else problem.column_names,
        limits=request.left(),
        settings=request.settings,
        params=request.params,
        start=_start(problem, request, result),
        seed=request.seed,
        gap=request.gap,
        protocol=request.protocol,
        name=file.name,
        as_read=problem if file.format == "lp" else None,
    )
    _take(engine.run(job, request.on_event), problem, request, result)


def _start(problem: Problem | None, request: Request, result: MilpResult) -> Any:
    """A MIP start's values; a word to the user where it is not feasible."""
    if request.start is None or problem is None:
        return request.start
    values = read_solution(request.start, problem)
    violation = check.verify(problem, values)
    if violation is not None:
        result.warnings.append(f"the MIP start is not feasible: {violation}")
    return values


def _take(run: EngineRun, problem: Problem | None, request: Request, result: MilpResult) -> None:
    """Carry the engine's run into the result, its solution only once it passed the check."""
    result.stages.inject_s, result.stages.solve_s = run.load_s, run.search_s
    result.status, result.reason, result.stats = run.status, run.reason, run.stats
    result.dual_bound, result.gap = run.dual_bound, run.gap
    result.cpu_time_s += run.cpu_time_s
    result.memory_bytes = run.memory_bytes
    result.warnings += [*(problem.warnings if problem is not None else ()), *run.notes]
    result.versions = run.versions
    result.model, result.model_hash = run.report.model, run.report.model_hash
    result.gate, result.adopted = run.report.gate or result.gate, run.report.adopted
    if request.policy.name == "auto" and result.gate is None and run.load_s:  # a child that was killed tells nothing
        result.gate = {"stage": 1, "guided": False, "reason": _NO_LP}
    if run.status is Status.OPTIMAL and run.values is None:
        raise SoundnessError("SCIP says optimal and gives no solution")
    if run.values is None or run.status not in _HAS_ANSWER:
        return
    checking = time.perf_counter()
    values, objective = _checked(problem, run, result)
    result.checked_by = "scip" if problem is None else "neurosolve"
    result.objective, result.values, result.column_names = objective, values, run.column_names
    if request.solution is not None:
        _write(request.solution, problem, result)
    result.stages.check_s = time.perf_counter() - checking


def _write(path: Path, problem: Problem | None, result: MilpResult) -> None:
    """The solution to its file; where that fails, a warning, for the search must not be lost with it."""
    try:
        write_solution(path, problem, result.values, result.objective, result.column_names)
        result.solution = str(path)
    except UsageError as error:
        result.warnings.append(str(error))


def _checked(problem: Problem | None, run: EngineRun, result: MilpResult) -> tuple[Floats, float | None]:
    """The values and their objective, the integers exact where the rows allow it; SoundnessError for wrong ones.

    A feasibility tolerance that was set looser than the check's own is the check's too, with a warning.
    """
    assert run.values is not None
    if problem is None:
        return run.values, run.objective
    tol = max(check.TOLERANCE, run.feastol)
    if tol > check.TOLERANCE:
        result.warnings.append(f"the solution was checked to numerics/feastol, {tol:g}, which is looser than 1e-6")
    violation = check.verify(problem, run.values, run.objective, tol)
    if violation is not None:
        raise SoundnessError(f"SCIP's solution ({run.status.value}) fails the check: {violation}")
    rounded = check.rounded(problem, run.values)
    hidden = check.verify(problem, rounded, run.objective, tol)
    if hidden is not None:
        result.warnings.append(f"the solution holds within the tolerances only; with its integers rounded: {hidden}")
        return run.values, run.objective
    return rounded, problem.objective_of(rounded)
