"""Many files, a few at a time, one JSON line each: killed and started again, it loses and repeats nothing."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Container, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from neurosolve import milp_guidance, process, solving
from neurosolve.errors import NeurosolveError, UsageError
from neurosolve.milp.instance import kind_by_suffix
from neurosolve.milp.scip_settings import PROTOCOLS
from neurosolve.output import json_text
from neurosolve.result import Limits, Status

KINDS = ("cnf", "milp")
_GRACE_S = 5.0  # past the time limit, before a file's whole process is killed

Row = dict[str, Any]
KEY = (
    "file",
    "sha256",
    "engine_asked",
    "guidance",
    "delivery_asked",
    "race",
    "relaxed",
    "seed",
    "time_limit_s",
    "memory_limit_bytes",
    "protocol",
    "gap_asked",
)


@dataclasses.dataclass(frozen=True)
class Job:
    """What is asked of every file, of a CNF without the last two, of a MILP without engine, delivery, race and relaxed.

    The options are part of each row's key.
    """

    engine: str = "auto"
    guidance: str = "auto"
    delivery: str = "auto"
    race: bool = False
    seed: int = 0
    limits: Limits = dataclasses.field(default_factory=Limits)
    relaxed: bool = False
    protocol: str = "default"
    gap: float | None = None

    def key(self, root: Path, path: Path) -> Row:
        """What makes a row the answer to this job on this file's content; what its kind has no use for is left out."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        asked: Row = {
            "file": str(path.relative_to(root)), "sha256": digest, "guidance": self.guidance, "seed": self.seed,
            "time_limit_s": self.limits.time_s, "memory_limit_bytes": self.limits.memory_bytes,
        }  # fmt: skip
        if kind_of(path) == "milp":
            asked |= {"protocol": self.protocol, "gap_asked": self.gap}
        else:
            asked |= {"engine_asked": self.engine, "delivery_asked": self.delivery}
            asked |= {"race": self.race, "relaxed": self.relaxed}
        return {name: asked[name] for name in KEY if name in asked}

    def options(self, path: Path) -> dict[str, Any]:
        """What solving.solve is told of a file of this kind."""
        common = {"guidance": self.guidance, "limits": self.limits, "seed": self.seed}
        if kind_of(path) == "milp":
            return {**common, "protocol": self.protocol, "gap": self.gap}
        given = {"engine": self.engine, "delivery": self.delivery, "race": self.race, "relaxed": self.relaxed}
        return {**common, **given}


def kind_of(path: Path) -> str | None:
    """cnf or milp by the name alone, under any compression; None for a file of neither kind."""
    suffix = kind_by_suffix(path.name)
    return suffix if suffix in (None, "cnf") else "milp"


def find_instances(root: Path, only: str | None = None) -> list[Path]:
    """Every CNF and MILP file under a directory, or those of one kind, sorted."""
    if not root.is_dir():
        raise UsageError(f"{root} is no directory")
    if only not in (None, *KINDS):
        raise UsageError(f"unknown kind '{only}'; kinds: {', '.join(KINDS)}")
    wanted = KINDS if only is None else (only,)
    return sorted(path for path in root.rglob("*") if kind_of(path) in wanted and path.is_file())


def refuse_unknown(job: Job, kinds: Container[str | None]) -> None:
    """Raises UsageError or ModelError for a name that these kinds do not know, before a file is read."""
    if "cnf" in kinds:
        solving.refuse_unknown(job.engine, job.guidance, job.delivery)
    if "milp" in kinds:
        milp_guidance.resolve(job.guidance)
        if job.protocol not in PROTOCOLS:
            raise UsageError(f"unknown protocol '{job.protocol}'; protocols: {', '.join(PROTOCOLS)}")


def run(
    root: Path, out: Path, job: Job, workers: int, tick: Callable[[Row | None], None], only: str | None = None
) -> int:
    """Solve what `out` does not hold yet, `workers` files at a time; returns the number of rows written.

    only: cnf or milp.  `tick` hears each row as it is kept, None for a file found done.  A file that cannot be read,
    or whose solve crashes, gets a row with `error`, which is no answer: the next run tries the file again.  Every solve
    has a process of its own.
    """
    instances = find_instances(root, only)
    num_written = 0
    with Rows(out) as rows, ThreadPoolExecutor(workers) as pool:
        for row in _ahead(pool, workers, instances, lambda path: _one(root, path, job, rows.done)):
            if row is not None:
                rows.append(row)
                num_written += 1
            tick(row)
    return num_written


def _ahead(
    pool: ThreadPoolExecutor, workers: int, paths: list[Path], work: Callable[[Path], Row | None]
) -> Iterator[Row | None]:
    """Results as they come, never more than `workers` jobs under way: an interrupt leaves nothing queued."""
    waiting = iter(paths)
    under_way: set[Future[Row | None]] = {
        pool.submit(work, path) for _, path in zip(range(workers), waiting, strict=False)
    }
    while under_way:
        finished, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        for future in finished:
            for path in waiting:
                under_way.add(pool.submit(work, path))
                break
            yield future.result()


def _one(root: Path, path: Path, job: Job, done: set[str]) -> Row | None:
    """One file's row, None where it is kept already."""
    try:
        key = job.key(root, path)
    except OSError as error:
        return {
            "file": str(path.relative_to(root)),
            "status": "UNKNOWN",
            "error": f"cannot read: {error.strerror}",
        }
    if key_text(key) in done:
        return None
    limit_s = None if job.limits.time_s is None else job.limits.time_s + _GRACE_S
    try:
        child = process.run_in_child(_solve, path, job, time_s=limit_s)
    except NeurosolveError as error:
        return {**key, "status": "UNKNOWN", "error": str(error)}
    if child.value is None:
        unanswered = Status.LIMIT if kind_of(path) == "milp" else Status.UNKNOWN
        return {**key, "status": unanswered.value, "reason": child.reason}
    row: Row = child.value
    return {**key, **row, "error": None}


def _solve(path: Path, job: Job) -> Row:
    """In the child: the solve itself."""
    return solving.solve(path, **job.options(path)).to_json()


def key_text(row: Row) -> str:
    """A row's key as one string."""
    return json.dumps([row.get(name) for name in KEY])


class Rows:
    """A file of JSON lines that is only ever appended to, each row on disk before the next.  `done`: keys of
    the rows without an error.

    A last line torn by a kill is cut off on opening; any other line that is no JSON is left alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: set[str] = set()

    def __enter__(self) -> Rows:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file: BinaryIO = self.path.open("a+b")
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.close()
            raise UsageError(f"another batch is writing {self.path}") from None
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror}") from error
        self.file.seek(0)
        end = 0
        for line in self.file:
            if line.endswith(b"\n"):
                end += len(line)
                self._note(line)
        self.file.truncate(end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def _note(self, line: bytes) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            return
        if isinstance(row, dict) and not row.get("error"):
            self.done.add(key_text(row))

    def append(self, row: Row) -> None:
        self.file.write(json_text(row).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
