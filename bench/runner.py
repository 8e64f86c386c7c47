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

from bench import machine, rows
from bench.arms import Arm, Limits
from bench.measure import Measured, measure
from bench.rows import Appender, BenchError, Row
from bench.suites import STATUSES, Instance, Places, locate

ANSWERS = ("SATISFIABLE", "UNSATISFIABLE")
EXIT_CODES = {"SATISFIABLE": 10, "UNSATISFIABLE": 20, "UNKNOWN": 0}
OUTSIDE_GRACE_S = 2.0  # the command line ends by itself at the limit; past this it is stopped from outside
Done = set[tuple[str, ...]]  # the keys of the rows already there
CLI_FIELDS = (
    "schema", "engine", "guidance", "delivery", "model", "model_hash", "gate", "stages",
    "wall_time_s", "cpu_time_s", "memory_bytes", "stats", "reason", "versions",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is run.  `order_seed` fixes the order of instances and, within each, of arms and seeds."""

    instances: Sequence[Instance]
    arms: Sequence[Arm]
    limits: Limits
    places: Places
    seeds: Sequence[int] = (0,)
    order_seed: int = 0
    workers: int = 1
    retry_errors: bool = False  # run again what crashed; the later row then counts


@dataclasses.dataclass
class Outcome:
    """What a call of run did: rows written, rows found done before, wrong answers, instances that had no
    file.
    """

    written: int = 0
    skipped: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)
    missing: list[str] = dataclasses.field(default_factory=list)


class Answers:
    """The first definite answer of every formula, and who gave it."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self._known = {item.sha256: (STATUSES[item.status], "the suite") for item in instances if item.status}

    def contradiction(self, row: Row) -> str | None:
        """Keeps the row's answer; says whom it contradicts, None where it contradicts nobody."""
        status = row["status"]
        if status not in ANSWERS:
            return None
        known, who = self._known.setdefault(row["sha256"], (status, row["arm"]))
        return None if known == status else f"{row['instance']}: {row['arm']}: {status}, {who}: {known}"


def run(plan: Plan, out: Path, tick: Callable[[Row | None], None] = lambda row: None) -> Outcome:
    """Run what `out` does not hold yet.  `tick` hears each row, None for one skipped.

    Raises BenchError when an arm cannot even solve a formula of one clause.
    """
    outcome, answers, lock = Outcome(), Answers(plan.instances), threading.Lock()
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
                _run_instance(plan, instance, done, record)
            except BenchError as error:
                with lock:
                    outcome.missing.append(str(error))

        with ThreadPoolExecutor(plan.workers) as pool:
            for future in [pool.submit(one, instance) for instance in _ordered(plan)]:
                future.result()
    return outcome


def _ordered(plan: Plan) -> list[Instance]:
    """Instances in a seeded random order, so that a run cut short is still a fair sample."""
    ordered = list(plan.instances)
    random.Random(plan.order_seed).shuffle(ordered)
    return ordered


def _run_instance(plan: Plan, instance: Instance, done: Done, record: Callable[[Row | None], None]) -> None:
    """Every arm and seed of one instance, in an order of its own."""
    tasks = [(arm, seed) for arm in plan.arms for seed in plan.seeds]
    random.Random(f"{plan.order_seed}:{instance.name}:{instance.sha256}").shuffle(tasks)
    blanks = [_blank_row(plan, instance, arm, seed) for arm, seed in tasks]
    path: Path | None = None
    for (arm, seed), blank in zip(tasks, blanks, strict=True):
        if rows.key(blank) in done:
            record(None)
            continue
        path = path or locate(instance, plan.places)  # reading it for its hash also warms the disk cache
        argv = arm.command(plan.places.cli, path, instance.name, plan.limits, seed)
        record(blank | solve_once(argv, plan.limits))


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
        "again": arm.again, "seed": seed, "limit_s": plan.limits.time_s,
        "memory_limit": plan.limits.memory_bytes, "workers": plan.workers,
    }  # fmt: skip


def solve_once(argv: Sequence[str], limits: Limits) -> dict[str, Any]:
    """One solve as a process: the answer, and what it cost seen from outside."""
    measured = measure(argv, limits.time_s + OUTSIDE_GRACE_S, limits.memory_bytes)
    status, reason, report = read_answer(measured)
    return {
        "status": status, "reason": reason, "exit_code": measured.exit_code, "killed": measured.killed,
        "wall_s": round(measured.wall_s, 6), "cpu_s": round(measured.cpu_s, 6),
        "peak_bytes": measured.peak_bytes, "started": round(time.time() - measured.wall_s, 3),
        "cli": {field: report.get(field) for field in CLI_FIELDS} if report else None,
    }  # fmt: skip


def read_answer(measured: Measured) -> tuple[str, str | None, dict[str, Any] | None]:
    """(status, reason, the command line's JSON); ERROR for a crash, no JSON, or an exit code that
    disagrees.
    """
    report = _last_json(measured.stdout)
    if measured.killed:
        return "UNKNOWN", f"{measured.killed} limit, stopped from outside", report
    complaint = measured.stderr.strip()[-500:]
    if report is None:
        return "ERROR", f"exit {measured.exit_code} without JSON: {complaint}", None
    status = str(report.get("status"))
    if EXIT_CODES.get(status) != measured.exit_code:
        return "ERROR", f"status {status} with exit {measured.exit_code}: {complaint}", report
    return status, report.get("reason"), report


def _last_json(stdout: bytes) -> dict[str, Any] | None:
    start = stdout.find(b"{")
    if start < 0:
        return None
    try:
        report = json.loads(stdout[start:])
    except ValueError:
        return None
    return report if isinstance(report, dict) else None


def _check_arms(plan: Plan) -> None:
    """Every arm solves `p cnf 1 1`, untimed: a misspelt arm stops the run before it starts, and imports
    are warm.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.cnf"
        path.write_text("p cnf 1 1\n1 0\n")
        for arm in plan.arms:
            if "{name}" in arm.guidance:
                continue
            row = solve_once(arm.command(plan.places.cli, path, "one", plan.limits, 0), plan.limits)
            if row["status"] != "SATISFIABLE":
                raise BenchError(f"arm {arm.name}: {row['status']} on a unit clause: {row['reason']}")


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
