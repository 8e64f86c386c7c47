"""The composition root: a file or formula, a guidance and limits in, a checked Result out."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, get_args

import neurosolve
from neurosolve import guidance as guidances
from neurosolve import process
from neurosolve.errors import SoundnessError, UsageError
from neurosolve.guidance import Guide
from neurosolve.milp.instance import kind_of
from neurosolve.result import Limits, MilpResult, Result, Stages, Status
from neurosolve.sat import check, engines
from neurosolve.sat.cnf import CNF
from neurosolve.sat.dimacs import read_dimacs
from neurosolve.sat.engines import EngineRun, Job
from neurosolve.sat.phases import Phases
from neurosolve.sat.table import ENGINES, Delivery, find_engine, is_installed

STOCK_ENGINE = "cadical195"
STOCK_DELIVERY = "rename"

DELIVERIES: tuple[str, ...] = get_args(Delivery)

Source = CNF | str | Path | BinaryIO


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked, names already looked up.  deadline: in time.perf_counter() seconds; None: no limit."""

    engine: str
    guidance: str
    delivery: str
    limits: Limits
    seed: int
    race: bool
    proof: Path | None
    deadline: float | None

    def left(self) -> Limits:
        """The limits with the time that is left of them."""
        if self.deadline is None:
            return self.limits
        return dataclasses.replace(self.limits, time_s=max(0.0, self.deadline - time.perf_counter()))


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
    """Solve a CNF: a path ("-" is standard input), an open binary file, or a CNF.  A path to an MPS, LP or CIP file
    goes to `milp_solving.solve_milp`, which says what else it takes (`milp`) and gives a MilpResult.

    guidance: see `neurosolve.guidance`; with `auto` the gate picks a shipped model or none.  engine,
    delivery: with `auto` the model's choice, without a model CaDiCaL 1.9.5 and renaming.  race: guided and
    stock in two processes, the first answer wins (without a guide: two seeds of stock).  proof: where a DRAT
    proof goes.

    The status is SATISFIABLE only after the assignment satisfied every clause as read.  Raises InputError,
    UsageError, ModelError (a model asked for by name), EngineError, and SoundnessError for a wrong answer.
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
    request = Request(engine, guidance, delivery, limits, seed, race, path, deadline)
    refuse_unknown(engine, guidance, delivery)
    cnf = source if isinstance(source, CNF) else read_dimacs(source, relaxed=relaxed)
    stages = Stages(read_s=time.perf_counter() - started)
    guide = guidances.resolve(guidance, cnf, seed=seed, limits=request.left())
    stages.import_s, stages.graph_s, stages.network_s = guide.import_s, guide.graph_s, guide.network_s
    result = _run(cnf, guide, request, stages)
    result.warnings.extend(cnf.warnings)
    result.versions = versions()
    result.wall_time_s = time.perf_counter() - started
    result.cpu_time_s += time.process_time() - cpu_started
    return result


def predict_phases(
    source: Source, guidance: str = "auto", *, seed: int = 0, relaxed: bool = False
) -> Phases | None:
    """What a guidance would try first; None where it declines (`neurosolve.guidance.resolve` says why)."""
    guidances.look_up(guidance)
    cnf = source if isinstance(source, CNF) else read_dimacs(source, relaxed=relaxed)
    return guidances.resolve(guidance, cnf, seed=seed).phases


def versions() -> dict[str, str]:
    """Versions of what is loaded and took part: cheap, so without the packages' metadata."""
    found = {"neurosolve": neurosolve.__version__, "python": sys.version.split()[0]}
    for name in ("numpy", "pysat"):
        if name in sys.modules:
            found[name] = str(sys.modules[name].__version__)
    return found


def refuse_unknown(engine: str, guidance: str, delivery: str) -> None:
    """Raises UsageError for a name that is in no table, before a byte is read."""
    guidances.look_up(guidance)
    way = delivery.removesuffix("+order")
    if way not in ("auto", *DELIVERIES):
        raise UsageError(f"unknown delivery '{delivery}'; deliveries: auto, {', '.join(DELIVERIES)}")
    if engine != "auto":
        row = find_engine(engine)
        if way not in ("auto", *row.deliveries):
            raise UsageError(f"{row.name} has no delivery '{delivery}'; it has {', '.join(row.deliveries)}")


def _run(cnf: CNF, guide: Guide, request: Request, stages: Stages) -> Result:
    """From the guide's word to a checked Result."""
    engine = _engine(guide, request)
    delivery = _delivery(engine, guide, request)
    result = Result(
        Status.UNKNOWN,
        engine,
        guide.name,
        delivery,
        guide.model,
        guide.model_hash,
        guide.gate,
        stages,
        seed=request.seed,
    )
    if request.left().time_s == 0.0:
        result.reason = process.TIME_LIMIT
        return result
    if request.race:
        run = _race(cnf, engine, guide, delivery, request, result)
    else:
        run = _guided_then_stock(cnf, engine, guide, delivery, request)
    _take(run, cnf, result)
    return result


def _engine(guide: Guide, request: Request) -> str:
    """The engine asked for, else the model's, else stock.

    A model's engine that is not installed gives way to the same solver inside PySAT (kissat404 for kissat), else to
    stock: a base install solves whatever a model was validated with.
    """
    if request.engine != "auto":
        return find_engine(request.engine).name
    chosen = find_engine(guide.config.get("engine", STOCK_ENGINE))
    if is_installed(chosen):
        return chosen.name
    return next((row.name for row in ENGINES.values() if row.twin == chosen.name), STOCK_ENGINE)


def _guided_then_stock(
    cnf: CNF, engine: str, guide: Guide, delivery: str | None, request: Request
) -> EngineRun:
    """One run; a guided one that meets its model's conflict bound makes way for the best stock engine.

    Right phases answer within a few conflicts, wrong ones may cost forever: the bound caps what they cost.
    """
    bound = guide.config.get("conflict_bound") if guide.phases is not None else None
    asked = request.limits.conflicts
    if bound is None or (asked is not None and asked <= bound):
        return engines.race([_job(cnf, engine, guide, delivery, request)])[1][0]
    first = engines.race([_job(cnf, engine, guide, delivery, request, conflicts=bound)])[1][0]
    if first.reason != engines.CONFLICT_LIMIT:
        return first
    fallback = guide.config.get("fallback") or {}
    behind, preset = fallback.get("engine", engine), fallback.get("preset")
    if request.engine != "auto" and behind != engine:
        behind, preset = engine, None
    stock = Guide("none", preset=preset)
    left = None if asked is None else asked - bound
    run = engines.race([_job(cnf, find_engine(behind).name, stock, None, request, conflicts=left)])[1][0]
    run.notes += [*first.notes, f"guided {first.engine} stopped after {bound} conflicts; stock ran behind it"]
    run.stats = first.stats.plus(run.stats)
    run.cpu_time_s += first.cpu_time_s
    run.inject_s += first.inject_s
    run.solve_s += first.solve_s
    run.memory_bytes = max(first.memory_bytes, run.memory_bytes)
    return run


def _delivery(engine: str, guide: Guide, request: Request) -> str | None:
    """The delivery of a guide's phases: as asked, else what won on the model's validation for this engine, else
    renaming."""
    if guide.phases is None:
        return None
    if request.delivery != "auto":
        return request.delivery
    config, names = guide.config, (engine, ENGINES[engine].twin if engine in ENGINES else None)
    if config.get("engine", STOCK_ENGINE) in names:
        return str(config.get("delivery", STOCK_DELIVERY))
    arms = (config.get("validation") or {}).get("arms", [])
    tried = [arm for arm in arms if arm["engine"] == engine and arm["guided"]]
    return str(min(tried, key=lambda arm: float(arm["cpu_s"]))["delivery"]) if tried else STOCK_DELIVERY


def _job(
    cnf: CNF, engine: str, guide: Guide, delivery: str | None, request: Request, conflicts: int | None = None
) -> Job:
    """One engine run to be, alone or in a race, under the limits that are left; `conflicts` bounds it further."""
    limits = request.left()
    if conflicts is not None:
        limits = dataclasses.replace(limits, conflicts=conflicts)
    return Job(
        cnf,
        engine,
        phases=guide.phases,
        delivery=delivery,
        limits=limits,
        seed=request.seed,
        proof_path=request.proof,
        preset=guide.preset,
        lucky=guide.lucky,
    )


def _race(
    cnf: CNF, engine: str, guide: Guide, delivery: str | None, request: Request, result: Result
) -> EngineRun:
    """Guided and stock at once, each in a process of its own; the first answer wins, the other is killed.

    Without phases it is stock against stock with the next seed: what a race of a guide has to beat.
    """
    stock_seed = request.seed if guide.phases is not None else request.seed + 1
    stock_proof = None if request.proof is None else request.proof.with_name(request.proof.name + ".stock")
    stock = dataclasses.replace(request, seed=stock_seed, proof=stock_proof)
    other = Guide("none") if guide.phases is not None else guide
    jobs = [_job(cnf, engine, guide, delivery, request), _job(cnf, engine, other, None, stock)]
    winner, runs = engines.race(jobs)
    names = ("guided", "stock") if guide.phases is not None else ("stock", "stock, next seed")
    result.gate = {**(result.gate or {}), "race": None if winner is None else names[winner]}
    best = runs[winner or 0]
    if best.proof is not None and request.proof is not None:
        best.proof = best.proof.replace(request.proof)
    if stock_proof is not None:
        stock_proof.unlink(missing_ok=True)
    best.cpu_time_s = sum(run.cpu_time_s for run in runs)
    best.memory_bytes = sum(run.memory_bytes for run in runs)
    return best


def _take(run: EngineRun, cnf: CNF, result: Result) -> None:
    """Carry an engine's run into the result, the assignment only once it satisfies the formula as read."""
    stages = result.stages
    stages.inject_s, stages.solve_s = run.inject_s, run.solve_s
    result.engine, result.delivery = run.engine, run.delivery
    result.stats, result.reason = run.stats, run.reason
    result.cpu_time_s += run.cpu_time_s
    result.memory_bytes = run.memory_bytes
    result.warnings += run.notes
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
