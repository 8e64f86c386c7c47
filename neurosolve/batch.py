"""Many files, a few at a time, one JSON line each: killed and started again, it loses and repeats nothing."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from neurosolve import process, solving
from neurosolve.errors import NeurosolveError, UsageError
from neurosolve.output import json_text
from neurosolve.result import Limits

_STEMS = (".cnf", ".dimacs")
_COMPRESSED = (".gz", ".bz2", ".xz", ".lzma", ".zst")
_GRACE_S = 5.0  # past the time limit, before a file's whole process is killed

Row = dict[str, Any]
KEY = (
    "file",
    "sha256",
    "engine_asked",
    "guidance",
    "delivery_asked",
    "race",
    "seed",
    "time_limit_s",
    "memory_limit_bytes",
)


@dataclasses.dataclass(frozen=True)
class Job:
    """What is asked of every file.  The options are part of each row's key."""

    engine: str = "auto"
    guidance: str = "auto"
    delivery: str = "auto"
    race: bool = False
    seed: int = 0
    limits: Limits = dataclasses.field(default_factory=Limits)
    relaxed: bool = False

    def key(self, root: Path, path: Path) -> Row:
        """What makes a row the answer to this job on this file's content."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        names = (self.engine, self.guidance, self.delivery, self.race, self.seed)
        limits = (self.limits.time_s, self.limits.memory_bytes)
        return dict(zip(KEY, (str(path.relative_to(root)), digest, *names, *limits), strict=True))


def find_formulas(root: Path) -> list[Path]:
    """Every CNF file under a directory, sorted, told by suffix under any compression."""
    if not root.is_dir():
        raise UsageError(f"{root} is no directory")
    return sorted(path for path in root.rglob("*") if path.is_file() and _is_formula(path.name.lower()))


def _is_formula(name: str) -> bool:
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(_STEMS)


def run(root: Path, out: Path, job: Job, workers: int, tick: Callable[[Row | None], None]) -> int:
    """Solve what `out` does not hold yet, `workers` files at a time; returns the number of rows written.

    `tick` hears each row as it is kept, None for a file found done.  A file that cannot be read, or whose
    solve crashes, gets a row with `error`.  Every solve has a process of its own.
    """
    formulas = find_formulas(root)
    num_written = 0
    with Rows(out) as rows, ThreadPoolExecutor(workers) as pool:
        for row in _ahead(pool, workers, formulas, lambda path: _one(root, path, job, rows.done)):
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
        return {**key, "status": "UNKNOWN", "reason": child.reason}
    row: Row = child.value
    return {**key, **row, "error": None}


def _solve(path: Path, job: Job) -> Row:
    """In the child: the solve itself."""
    return solving.solve(
        path,
        engine=job.engine,
        guidance=job.guidance,
        delivery=job.delivery,
        race=job.race,
        limits=job.limits,
        seed=job.seed,
        relaxed=job.relaxed,
    ).to_json()


def key_text(row: Row) -> str:
    """A row's key as one string."""
    return json.dumps([row.get(name) for name in KEY])


class Rows:
    """A file of JSON lines that is only ever appended to, each row on disk before the next.  `done`: keys.

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
        if isinstance(row, dict):
            self.done.add(key_text(row))

    def append(self, row: Row) -> None:
        self.file.write(json_text(row).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
