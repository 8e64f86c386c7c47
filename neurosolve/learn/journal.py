"""What a run writes down as it goes: history.jsonl, one row a validation, and TensorBoard where it is
installed."""

from __future__ import annotations

import contextlib
import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

HISTORY = "history.jsonl"


class Journal:
    """Scalars to TensorBoard, rows to history.jsonl, both below the run's directory.

    last: the step that the run goes on from, -1: it begins.  Rows after it are of steps that a kill took back.
    """

    def __init__(self, directory: Path, last: int) -> None:
        self._history = directory / HISTORY
        if self._history.exists():
            self._history.write_text("".join(_until(last, self._history)), encoding="utf-8")
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(directory / "tensorboard"))
        except ImportError:
            log.warning("tensorboard is not installed: %s alone keeps the log", HISTORY)

    def scalars(self, group: str, values: dict[str, float], step: int) -> None:
        """One point of each curve group/name; what is not finite is left out."""
        for name, value in values.items():
            if self._writer is not None and math.isfinite(value):
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def row(self, values: dict[str, Any]) -> None:
        """One line of JSON; a number that is not finite becomes null."""
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        with self._history.open("a", encoding="utf-8") as file:
            file.write(json.dumps(plain) + "\n")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _until(last: int, history: Path) -> Iterator[str]:
    """The rows up to that step; half a row, where the kill came while it was written, is none."""
    for line in history.read_text(encoding="utf-8").splitlines(keepends=True):
        with contextlib.suppress(ValueError):
            if json.loads(line)["step"] <= last:
                yield line
