"""What can go wrong, as one tree.

    NeurosolveError
    ├── InputError        a file that is not what it says it is (path, line, what)
    ├── UsageError        an unknown engine, guidance, delivery or family, or two that do not go together
    ├── ModelError        a model directory that is missing, damaged or of another version
    ├── LimitError        a step that would pass its time or memory budget (a guide declines, a solve goes on)
    └── EngineError       a solver that crashed or could not be started
        └── SoundnessError    a solver whose answer fails the check: never reported as an answer
"""

from __future__ import annotations


class NeurosolveError(Exception):
    """Root of every error this package raises on purpose; the command line prints it and exits 1."""


class InputError(NeurosolveError):
    """A malformed file.  `line` counts from 1; None where no line applies (an empty or truncated file)."""

    def __init__(self, path: str, line: int | None, what: str) -> None:
        self.path, self.line, self.what = path, line, what
        super().__init__(f"{path}:{line or 1}: parse error: {what}")


class UsageError(NeurosolveError):
    """A request that names something unknown or combines things that do not go together."""


class ModelError(NeurosolveError):
    """A model directory that cannot be used; the message says what to do next."""


class LimitError(NeurosolveError):
    """A step whose predicted cost passes its budget."""


class EngineError(NeurosolveError):
    """A solver that crashed, or could not be started."""


class SoundnessError(EngineError):
    """A solver's answer that fails the check against the formula as read."""
