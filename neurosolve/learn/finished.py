"""A training run that has ended: what `publish` makes a model of."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from neurosolve.errors import ModelError, UsageError
from neurosolve.learn.config import RunConfig, read_config
from neurosolve.learn.loop import BEST

C = TypeVar("C", bound=RunConfig)


def finished_run(config_path: str | Path, of: type[C]) -> tuple[C, Path]:
    """The run's config, which must be `of` that class, and the file of its best weights.

    Raises UsageError for a config of another kind, ModelError where the run has no checkpoint yet.
    """
    config = read_config(Path(config_path))
    if not isinstance(config, of):
        raise UsageError(f"{config_path} trains a network of kind '{config.kind}', not '{of.kind}'")
    weights = config.directory / BEST
    if not weights.exists():
        raise ModelError(f"{weights} is missing: `neurosolve train {config_path}` makes it")
    return config, weights
