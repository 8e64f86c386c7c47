"""The composition root: a file or formula, a guidance and limits in, a checked Result out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np

import neurosolve
from neurosolve import guidance as guidances
from neurosolve import process, signals
from neurosolve.engine_runs import Request, delivery_for, engine_for, guided_then_stock, race
from neurosolve.errors import SoundnessError, UsageError
from neurosolve.guidance import Guide
from neurosolve.milp.instance import kind_of
from neurosolve.result import Limits, MilpResult, Result, Stages, Status
from neurosolve.sat import check
from neurosolve.sat.cnf import CNF, HasClauses
from neurosolve.sat.dimacs import read_dimacs
from neurosolve.sat.engines import EngineRun
from neurosolve.sat.phases import Phases
from neurosolve.sat.table import Delivery, find_engine

DELIVERIES: tuple[str, ...] = get_args(Delivery)

Source = CNF | HasClauses | Sequence[Sequence[int]] | str | Path | BinaryIO


@signals.passing_signals_on()
def solve(
    source: Source,
    *,
    engine: str = "auto",
    guidance: str = "auto",
    delivery: str = "auto",
    limits: Limits | None = None,
    seed: int = 0,
    race: bool = False,
    proof: str | Path | None = None,
    relaxed: bool = False,
    **milp: Any,
) -> Result | MilpResult:
    """Solve a CNF: a path ("-" is standard input), an open binary file, or what `CNF.of` takes: a CNF, PySAT's own, a
    list of clauses.  A path to an MPS, LP or CIP file goes to `milp_solving.solve_milp`, which says what else it takes
    (`milp`) and gives a MilpResult.

    guidance: see `neurosolve.guidance`; with `auto` the gate picks a shipped model or none.  engine,
    delivery: with `auto` the model's choice, without a model CaDiCaL 1.9.5 and renaming.  race: guided and
    stock in two processes, the first answer wins (without a guide: two seeds of stock).  proof: where a DRAT
    proof goes.

    The status is SATISFIABLE only after the assignment satisfied every clause as read.  Raises InputError,
    UsageError, ModelError (a model asked for by name), EngineError, and SoundnessError for a wrong answer.
    SIGINT and SIGTERM reach the caller once the engine is gone: KeyboardInterrupt, or what the caller's handler does
    (under the command line they end the engine only, and the result's reason is "signal").
    """
    if isinstance(source, str | Path) and (kind := kind_of(source, milp.pop("format", None))) != "cnf":
        asked = {"engine": engine, "delivery": delivery, "race": race, "proof": proof, "relaxed": relaxed}
        if told := [name for name, value in asked.items() if value not in ("auto", False, None)]:
            raise UsageError(f"{', '.join(told)}: not for a MILP")
        from neurosolve import milp_solving

        return milp_solving.solve_milp(source, guidance=guidance, limits=limits, seed=seed, format=kind, **milp)
    if milp:
        raise UsageError(f"{', '.join(milp)}: not for a CNF")
    started, cpu_started = time.perf_counter(), time.process_time()
    limits = limits or Limits()
    deadline = None if limits.time_s is None else started + limits.time_s
    path = Path(proof) if proof is not None else None
    request = Request(engine, guidance, delivery, limits, seed=seed, race=race, proof=path, deadline=deadline)
    refuse_unknown(engine, guidance, delivery)
    cnf = _formula(source, relaxed)
    stages = Stages(read_s=time.perf_counter() - started)
    guide = guidances.resolve(guidance, cnf, seed=seed, limits=request.left())
    stages.import_s, stages.graph_s, stages.network_s = guide.import_s, guide.graph_s, guide.network_s
    result = _run(cnf, guide, request, stages)
    result.warnings.extend(cnf.warnings)
    result.versions = versions() | result.versions
    result.wall_time_s = time.perf_counter() - started
    result.cpu_time_s += time.process_time() - cpu_started
    return result


def predict_phases(
    source: Source, guidance: str = "auto", *, seed: int = 0, relaxed: bool = False
) -> Phases | None:
    """What a guidance would try first; None where it declines (`neurosolve.guidance.resolve` says why)."""
    guidances.look_up(guidance)
    cnf = _formula(source, relaxed)
    return guidances.resolve(guidance, cnf, seed=seed).phases


def _formula(source: Source, relaxed: bool) -> CNF:
    """What a caller gave, read where it is a file."""
    if isinstance(source, str | Path) or hasattr(source, "read"):
        return read_dimacs(source, relaxed=relaxed)  # type: ignore[arg-type] # hasattr tells mypy nothing
    return CNF.of(source)


def versions() -> dict[str, str]:
    """Versions of what every solve runs on; cheap, so without the packages' metadata."""
    return {"neurosolve": neurosolve.__version__, "python": sys.version.split()[0], "numpy": np.__version__}


def refuse_unknown(engine: str, guidance: str, delivery: str) -> None:
    """Raises UsageError for a name that is in no table, before a byte is read."""
    guidances.look_up(guidance)
    way = delivery.removesuffix("+order")
    if way not in ("auto", *DELIVERIES):
        names = ", ".join(DELIVERIES)
        raise UsageError(f"unknown delivery '{delivery}'; deliveries: auto, {names} (each also with +order)")
    if engine != "auto":
        row = find_engine(engine)
        if way not in ("auto", *row.deliveries):
            raise UsageError(f"{row.name} has no delivery '{delivery}'; it has {', '.join(row.deliveries)}")


def _run(cnf: CNF, guide: Guide, request: Request, stages: Stages) -> Result:
    """From the guide's word to a checked Result."""
    engine = engine_for(guide, request)
    delivery = delivery_for(engine, guide, request)
    result = Result(
        Status.UNKNOWN,
        engine,
        guide.name,
        delivery,
        model=guide.model,
        model_hash=guide.model_hash,
        gate=guide.gate,
        stages=stages,
        seed=request.seed,
    )
    if request.left().time_s == 0.0:
        result.reason = process.TIME_LIMIT
        return result
    if request.race:
        run = race(cnf, engine, guide, delivery, request, result)
    else:
        run = guided_then_stock(cnf, engine, guide, delivery, request)
    _take(run, cnf, result)
    return result


def _take(run: EngineRun, cnf: CNF, result: Result) -> None:
    """Carry an engine's run into the result, the assignment only once it satisfies the formula as read."""
    stages = result.stages
    stages.inject_s, stages.solve_s = run.inject_s, run.solve_s
    result.engine, result.delivery = run.engine, run.delivery
    result.stats, result.reason = run.stats, run.reason
    result.cpu_time_s += run.cpu_time_s
    result.memory_bytes = run.memory_bytes
    result.warnings += run.notes
    result.versions = run.versions
    result.proof = None if run.proof is None else str(run.proof)
    if run.status is Status.SATISFIABLE:
        started = time.perf_counter()
        result.assignment = _checked(cnf, run.assignment, run.engine)
        stages.check_s = time.perf_counter() - started
    result.status = run.status


def _checked(cnf: CNF, assignment: Any, engine: str) -> Any:
    if assignment is None:
        raise SoundnessError(f"{engine} says satisfiable and gives no assignment")
    falsified = check.satisfies(cnf, assignment)
    if falsified is not None:
        clause = cnf.literals[cnf.offsets[falsified] : cnf.offsets[falsified + 1]].tolist()
        raise SoundnessError(f"{engine}'s assignment falsifies clause {falsified + 1}: {clause[:10]}")
    return assignment
