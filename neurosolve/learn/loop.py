"""What every training run shares: the budget, batches, checkpoints, validation, and how a killed run goes on.

A run is a pure function of its config and seed as long as `steps` bounds it: batches come from (seed, epoch), and what
is random in a step from (seed, step), so that a run killed at any moment and resumed ends with the same weights.
"""

from __future__ import annotations

import abc
import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

from neurosolve.errors import UsageError
from neurosolve.learn import checkpoint
from neurosolve.learn.config import RunConfig
from neurosolve.learn.descent import Descent
from neurosolve.learn.distributed import Group, join
from neurosolve.learn.journal import Journal
from neurosolve.learn.networks import OF_KIND

log = logging.getLogger(__name__)
C = TypeVar("C", bound=RunConfig)

LAST, BEST = "last.safetensors", "best.safetensors"
TIE_BREAK = 1e-3  # of the validation loss where checkpoints cost the same to solve with
SMOOTHING = 0.98  # of the running training loss that is shown


@dataclasses.dataclass
class State:
    """Counters of a run; all of it is in every checkpoint."""

    step: int = 0
    epoch: int = 0
    position: int = 0  # batches of this epoch already used by each rank
    elapsed_s: float = 0.0
    best: float = math.inf  # the smallest solve cost so far, or validation loss without one
    best_step: int = -1
    running_loss: float = math.nan


@dataclasses.dataclass(frozen=True)
class Report:
    """What the progress callback gets after every step; `scores` only after a validation."""

    step: int
    share: float  # of the budget, in [0, 1]
    loss: float
    elapsed_s: float
    scores: dict[str, Any] | None = None


Progress = Callable[[Report], None]


class Loop(abc.ABC, Generic[C]):
    """One process of one run.  A subclass says what is loaded, built, batched, lost and scored."""

    samples: Any  # of training; has a length
    num_dropped: int = 0

    def __init__(self, config: C, device: torch.device, resume: bool, progress: Progress | None) -> None:
        self.config, self.device, self.progress = config, device, progress
        if config.network not in OF_KIND[config.kind]:
            raise UsageError(f"unknown network {config.network!r}; known: {', '.join(OF_KIND[config.kind])}")
        self.directory, self.state = config.directory, State()
        if (self.directory / LAST).exists() and not resume:
            raise UsageError(f"{self.directory / LAST} exists: --resume goes on from it; to train anew remove that "
                             'directory, or set another one in the TOML: out = "runs/OTHER"')  # fmt: skip
        torch.set_num_threads(config.threads)
        self.group: Group = join(device)
        self.load()
        torch.manual_seed(config.seed)
        self.network: nn.Module = self.build().to(device)
        if config.initial_weights:
            self.begin_from(Path(config.initial_weights))
        self.descent = Descent(self.network, config, device, self.group)
        self._validated_at = -1  # the step
        self._resume_or_begin()
        if self.group.leads:
            self.load_validation()
            self.journal = Journal(self.directory, self.state.step if (self.directory / LAST).exists() else -1)
        self._began_at = self.state.step
        self._began = time.monotonic() - self.state.elapsed_s

    @abc.abstractmethod
    def load(self) -> None:
        """Set `samples` (and `num_dropped`)."""

    @abc.abstractmethod
    def build(self) -> nn.Module:
        """The network with fresh weights."""

    def begin_from(self, weights: Path) -> None:
        """Take over the weights of a model directory, or of another run's checkpoint."""
        checkpoint.begin_from(self.network, weights)

    @abc.abstractmethod
    def load_validation(self) -> None:
        """What `validation` needs; called on the leader alone."""

    @abc.abstractmethod
    def batches(self, epoch: int) -> list[Any]:
        """All ranks' batches of an epoch; pure in the config and the epoch."""

    @abc.abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """The loss of one of `batches`; the network is in training mode and torch is seeded for this step."""

    @abc.abstractmethod
    def validation(self, share: float) -> tuple[dict[str, float], dict[str, float], float | None]:
        """Scores with `loss` among them, what solving cost, and the cost that chooses `best` (None: not a candidate).

        share: of the budget that is used, in [0, 1].
        """

    def _resume_or_begin(self) -> None:
        last = self.directory / LAST
        if last.exists():
            kept = checkpoint.load_training(self.network, self.descent.optimizer, last)
            self.state = State(**{f.name: kept[f.name] for f in dataclasses.fields(State)})
            log.info("resumed %s at step %d", last, self.state.step)
        if self.group.leads:
            self.directory.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.config.to_dict(), indent=2)
            (self.directory / "train_config.json").write_text(text + "\n", encoding="utf-8")

    def run(self) -> dict[str, Any]:
        """Train to the budget's end; returns the summary, see train.train."""
        for batch in self._stream():
            share = self.group.from_leader(self._share(), self.device)
            if share >= 1:
                break
            loss = self._step(batch, share)
            self._after_step(loss, share)
        if self.group.leads:
            if self.state.step != self._validated_at:
                self._validate(1.0)
            self._save()
        self.group.meet()
        return self._summary()

    def _stream(self) -> Iterator[Any]:
        """This rank's batches for ever, from where the state stands."""
        while True:
            batches = self.group.shard(self.batches(self.state.epoch))
            if not batches:
                raise UsageError(f"{len(self.samples)} samples cannot feed {self.group.world} processes")
            while self.state.position < len(batches):
                yield batches[self.state.position]
            self.state.epoch, self.state.position = self.state.epoch + 1, 0

    def _share(self) -> float:
        """How much of the budget is used: the larger of the share of steps and of minutes."""
        steps = self.state.step / self.config.steps if self.config.steps else 0.0
        minutes = self._elapsed() / (60 * self.config.minutes) if self.config.minutes else 0.0
        return max(steps, minutes)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _step(self, batch: Any, share: float) -> float:
        torch.manual_seed(hash((self.config.seed, self.state.step, self.group.rank)) % 2**63)
        self.network.train()
        with self.descent.precision():
            loss = self.loss(batch)
        self.descent.step(loss, self.state.step, share)
        return float(loss.detach())

    def _after_step(self, loss: float, share: float) -> None:
        state = self.state
        state.step, state.position = state.step + 1, state.position + 1
        first = math.isnan(state.running_loss)
        state.running_loss = loss if first else SMOOTHING * state.running_loss + (1 - SMOOTHING) * loss
        if not self.group.leads:
            return
        if state.step % 20 == 0:
            curves = {"loss": state.running_loss, "learning_rate": self.descent.rate}
            self.journal.scalars("train", curves, state.step)
        scores = self._validate(share) if state.step % self.config.validate_every == 0 else None
        if scores or state.step % self.config.checkpoint_every == 0:
            self._save()
        if self.progress:
            self.progress(Report(state.step, min(share, 1.0), state.running_loss, self._elapsed(), scores))

    def _validate(self, share: float) -> dict[str, Any]:
        """Score, log, and keep the weights if they are the best so far."""
        state = self.state
        scores, solved, cost = self.validation(share)
        self._validated_at = state.step
        if cost is not None and (cost < state.best or state.best_step < 0):
            state.best, state.best_step = cost, state.step
            kept = self._kept() | {"scores": scores | solved}
            checkpoint.save_weights(self.network, kept, self.directory / BEST)
        now = {"step": state.step, "share": share, "elapsed_s": self._elapsed()}
        row = {**now, "train_loss": state.running_loss, **scores, **solved, "best_step": state.best_step}
        self.journal.row(row)
        self.journal.scalars("validation", scores | solved, state.step)
        log.info("%s: %s", self.config.name, " ".join(f"{k} {v:.4g}" for k, v in row.items()))
        return row

    def _kept(self) -> dict[str, Any]:
        self.state.elapsed_s = self._elapsed()
        return {**dataclasses.asdict(self.state), "config": self.config.to_dict()}

    def _save(self) -> None:
        checkpoint.save_training(self.network, self.descent.optimizer, self._kept(), self.directory / LAST)

    def _summary(self) -> dict[str, Any]:
        return {
            **dataclasses.asdict(self.state),
            "steps_now": self.state.step - self._began_at,
            "elapsed_s": self._elapsed(),
            "num_parameters": sum(p.numel() for p in self.network.parameters()),
            "num_samples": len(self.samples),
            "num_dropped": self.num_dropped,
            "directory": str(self.directory),
            "weights": str(self.directory / BEST),
        }

    def close(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
        self.group.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
