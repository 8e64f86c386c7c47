"""Runs a suite: every arm on every instance, interleaved, one timed process at a time, each row kept at
once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import kinds, machine, rows
from bench.answers import Answers, read_answer
from bench.arms import Arm, Limits
from bench.kinds import Kind
from bench.measure import measure
from bench.rows import Appender, BenchError, Row
from bench.suites import Instance, Places, locate

OUTSIDE_GRACE_S = 2.0  # the command line ends by itself at the limit; past this it is stopped from outside
Done = set[tuple[str, ...]]  # the keys of the rows already there


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is run.  `order_seed` fixes the order of instances and, within each, of arms and seeds.

    Raises BenchError for less than one worker.
    """

    instances: Sequence[Instance]
    arms: Sequence[Arm]
    limits: Limits
    places: Places
    seeds: Sequence[int] = (0,)
    order_seed: int = 0
    workers: int = 1
    retry_errors: bool = False  # run again what crashed; the later row then counts

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise BenchError(f"--workers {self.workers}: want at least 1")


@dataclasses.dataclass
class Outcome:
    """What a call of run did: rows written, rows found done before, wrong answers, instances that had no
    file.
    """

    written: int = 0
    skipped: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)
    missing: list[str] = dataclasses.field(default_factory=list)


def run(plan: Plan, out: Path, tick: Callable[[Row | None], None] = lambda row: None) -> Outcome:
    """Run what `out` does not hold yet.  `tick` hears each row, None for one skipped.

    On an exception, Ctrl-C's among them, only the solves in flight are ended and lost.
    Raises BenchError when an arm cannot even solve one clause, or one variable.
    """
    outcome, lock, stop = Outcome(), threading.Lock(), threading.Event()
    answers = Answers((item.sha256, item.status) for item in plan.instances)
    with Appender(out) as appender:
        _, old = rows.read(out)
        done = {rows.key(row) for row in old if not (plan.retry_errors and row["status"] == "ERROR")}
        outcome.wrong += [text for row in old if (text := answers.contradiction(row))]
        if _all_done(plan, done):
            outcome.skipped = len(plan.instances) * len(plan.arms) * len(plan.seeds)
            return outcome
        _check_arms(plan)
        header = _header(plan)
        appender.append(header)

        def record(row: Row | None) -> None:
            with lock:
                if row is None:
                    outcome.skipped += 1
                else:
                    row["session"] = header["session"]
                    row["wrong"] = answers.contradiction(row)
                    outcome.wrong += [row["wrong"]] if row["wrong"] else []
                    outcome.written += 1
                    appender.append(row)
                tick(row)

        def one(instance: Instance) -> None:
            try:
                _run_instance(plan, instance, done, record, stop)
            except BenchError as error:
                with lock:
                    outcome.missing.append(str(error))

        with ThreadPoolExecutor(plan.workers) as pool:
            futures = [pool.submit(one, instance) for instance in _ordered(plan)]
            try:
                for future in futures:
                    future.result()
            except BaseException:  # Ctrl-C too: leaving the block would first wait for the whole queue
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
    return outcome


def _ordered(plan: Plan) -> list[Instance]:
    """Instances in a seeded random order, so that a run cut short is still a fair sample."""
    ordered = list(plan.instances)
    random.Random(plan.order_seed).shuffle(ordered)
    return ordered


def _run_instance(
    plan: Plan, instance: Instance, done: Done, record: Callable[[Row | None], None], stop: threading.Event
) -> None:
    """Every arm and seed of one instance, in an order of its own.  Raises StoppedError once `stop` is set."""
    tasks = [(arm, seed) for arm in plan.arms for seed in plan.seeds]
    random.Random(f"{plan.order_seed}:{instance.name}:{instance.sha256}").shuffle(tasks)
    blanks = [_blank_row(plan, instance, arm, seed) for arm, seed in tasks]
    path: Path | None = None
    for (arm, seed), blank in zip(tasks, blanks, strict=True):
        if rows.key(blank) in done:
            record(None)
            continue
        path = path or locate(instance, plan.places)  # reading it for its hash also warms the disk cache
        if kinds.of_file(path) is not arm.kind:
            raise BenchError(f"{instance.name}: arm {arm.name} is for {arm.kind.name}, not for {path.name}")
        argv = arm.command(plan.places.cli, path, instance.name, plan.limits, seed)
        record(blank | solve_once(argv, plan.limits, arm.kind, stop))


def _all_done(plan: Plan, done: Done) -> bool:
    return all(
        rows.key(_blank_row(plan, instance, arm, seed)) in done
        for instance in plan.instances
        for arm in plan.arms
        for seed in plan.seeds
    )


def _blank_row(plan: Plan, instance: Instance, arm: Arm, seed: int) -> Row:
    """What is known of a run before it: the key, and what the scores group by."""
    if not instance.sha256:
        raise BenchError(f"{instance.suite}: {instance.name} has no sha256; rows are keyed by it")
    return {
        "kind": "run", "instance": instance.name, "suite": instance.suite, "family": instance.family,
        "size": instance.size, "instance_seed": instance.seed, "split": instance.split,
        "known": instance.status,
        "sha256": instance.sha256, "arm": arm.name, "engine": arm.engine, "guidance": arm.guidance,
        "delivery": arm.delivery, "extra": list(arm.extra), "model_hash": arm.model_hash, "stock": arm.stock,
        "again": arm.again, "protocol": arm.protocol, "counts_only": arm.counts_only,
        "answers_only": arm.answers_only, "seed": seed,
        "limit_s": plan.limits.time_s, "memory_limit": plan.limits.memory_bytes, "workers": plan.workers,
    }  # fmt: skip


def solve_once(
    argv: Sequence[str], limits: Limits, kind: Kind, stop: threading.Event | None = None
) -> dict[str, Any]:
    """One solve as a process: the answer, and what it cost seen from outside.  Raises StoppedError as `measure`."""
    measured = measure(argv, limits.time_s + OUTSIDE_GRACE_S, limits.memory_bytes, stop=stop)
    status, reason, report = read_answer(measured, kind)
    return {
        "status": status, "reason": reason, "exit_code": measured.exit_code, "killed": measured.killed,
        "wall_s": round(measured.wall_s, 6), "cpu_s": round(measured.cpu_s, 6),
        "peak_bytes": measured.peak_bytes, "started": round(time.time() - measured.wall_s, 3),
        "cli": {field: report.get(field) for field in kind.fields} if report else None,
    }  # fmt: skip


def _check_arms(plan: Plan) -> None:
    """Every arm solves one clause, or one variable, untimed: a misspelt arm stops the run before it starts,
    and imports are warm.
    """
    with tempfile.TemporaryDirectory() as folder:
        for arm in plan.arms:
            if "{name}" in arm.guidance:
                continue
            name, text, status = arm.kind.probe
            path = Path(folder) / name
            path.write_text(text)
            row = solve_once(arm.command(plan.places.cli, path, "one", plan.limits, 0), plan.limits, arm.kind)
            if row["status"] != status:
                raise BenchError(f"arm {arm.name}: {row['status']} on {name}, the smallest instance: {row['reason']}")


def _header(plan: Plan) -> Row:
    """The session's facts; every row of it carries its id."""
    header: Row = {
        "kind": "header", "schema": 1, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.machine_facts(), **machine.commit(),
        "arms": [dataclasses.asdict(arm) for arm in plan.arms],
        "suites": sorted({item.suite for item in plan.instances}), "num_instances": len(plan.instances),
        "limit_s": plan.limits.time_s, "memory_limit": plan.limits.memory_bytes, "seeds": list(plan.seeds),
        "order_seed": plan.order_seed, "workers": plan.workers,
    }  # fmt: skip
    header["session"] = hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()[:12]
    return header


def default_cli() -> tuple[str, ...]:
    """The command line of the environment this runs in."""
    script = Path(sys.executable).with_name("neurosolve")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "neurosolve.cli")


def count_by_arm(out: Path) -> dict[str, dict[str, int]]:
    """Arm -> status -> rows, for the line printed at the end of a run."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows.read_all([out])[1]:
        counts[row["arm"]][row["status"]] += 1
    return {arm: dict(statuses) for arm, statuses in counts.items()}
