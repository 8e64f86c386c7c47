"""Work on many instances at once: each in a child of its own, outcomes as they come, errors in a file."""

from __future__ import annotations

import dataclasses
import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

ERRORS = "errors.jsonl"
Task = tuple[Path, Path]  # from, to


class Outcome(Protocol):
    """What became of one instance, a dataclass.  error: what went wrong, None for a sample."""

    @property
    def name(self) -> str: ...

    @property
    def error(self) -> str | None: ...


O = TypeVar("O", bound=Outcome)  # noqa: E741


def outcomes(
    tasks: Sequence[Task], work: Callable[[Path, Path], O], workers: int, errors: Path,
    progress: Callable[[O, int, int], None] | None = None,
) -> Iterator[O]:  # fmt: skip
    """work(*task) of every task, as they end; the failed ones are appended to `errors`.  `work` never raises."""
    with errors.open("a", encoding="utf-8") as bad:
        for done, outcome in enumerate(_in_parallel(tasks, work, workers), start=1):
            if outcome.error is not None:
                bad.write(json.dumps(dataclasses.asdict(outcome)) + "\n")  # type: ignore[call-overload]
                bad.flush()
            if progress:
                progress(outcome, done, len(tasks))
            yield outcome


def _in_parallel(tasks: Sequence[Task], work: Callable[[Path, Path], O], workers: int) -> Iterator[O]:
    """The threads only wait for children; being daemons they let Ctrl-C end at once."""
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    finished: queue.SimpleQueue[O] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def serve() -> None:
        while True:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            finished.put(work(*task))

    for _ in range(min(max(workers, 1), len(tasks))):
        threading.Thread(target=serve, daemon=True).start()
    for _ in tasks:
        yield finished.get()
