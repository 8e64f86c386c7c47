"""What a request runs: which engine and delivery, one guided run with stock behind it, or a race of two."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from neurosolve.guidance import Guide
from neurosolve.result import Limits, Result
from neurosolve.sat import engines
from neurosolve.sat.cnf import CNF
from neurosolve.sat.engines import EngineRun, Job
from neurosolve.sat.table import ENGINES, find_engine, is_installed
from neurosolve.targets import put_in_place

STOCK_ENGINE = "cadical195"
STOCK_DELIVERY = "rename"


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
        return self.limits.until(self.deadline)


def engine_for(guide: Guide, request: Request) -> str:
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


def guided_then_stock(cnf: CNF, engine: str, guide: Guide, delivery: str | None, request: Request) -> EngineRun:
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
    run.versions = first.versions | run.versions
    run.stats = first.stats.plus(run.stats)
    run.cpu_time_s += first.cpu_time_s
    run.inject_s += first.inject_s
    run.solve_s += first.solve_s
    run.memory_bytes = max(first.memory_bytes, run.memory_bytes)
    return run


def delivery_for(engine: str, guide: Guide, request: Request) -> str | None:
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


def race(cnf: CNF, engine: str, guide: Guide, delivery: str | None, request: Request, result: Result) -> EngineRun:
    """Guided and stock at once, each in a process of its own; the first answer wins, the other is killed.

    Without phases it is stock against stock with the next seed: what a race of a guide has to beat.
    """
    stock_seed = request.seed if guide.phases is not None else request.seed + 1
    stock_proof = request.proof and request.proof.with_name(f".{request.proof.name}.stock.{os.getpid()}")
    stock = dataclasses.replace(request, seed=stock_seed, proof=stock_proof)
    other = Guide("none") if guide.phases is not None else guide
    jobs = [_job(cnf, engine, guide, delivery, request), _job(cnf, engine, other, None, stock)]
    winner, runs = engines.race(jobs)
    names = ("guided", "stock") if guide.phases is not None else ("stock", "stock, next seed")
    result.gate = {**(result.gate or {}), "race": None if winner is None else names[winner]}
    best = runs[winner or 0]
    if best.proof is not None and request.proof is not None:
        if best.proof != request.proof:
            put_in_place(best.proof, request.proof)
        best.proof = request.proof
    if stock_proof is not None:
        stock_proof.unlink(missing_ok=True)
    best.cpu_time_s = sum(run.cpu_time_s for run in runs)
    best.memory_bytes = sum(run.memory_bytes for run in runs)
    return best
