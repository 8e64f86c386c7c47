"""What a run writes down as it goes: history.jsonl, one row a validation, and TensorBoard where it is
installed."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

HISTORY = "history.jsonl"


class Journal:
    """Scalars to TensorBoard, rows to history.jsonl, both below the run's directory."""

    def __init__(self, directory: Path) -> None:
        self._history = directory / HISTORY
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
