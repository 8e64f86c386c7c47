"""Training: CONFIG.toml -> checkpoints, a log, and the best weights by what they cost to solve with.

A run is a pure function of its config and seed as long as `steps` bounds it: batches come from (seed,
epoch), the number of rounds and dropout from (seed, step), so that a run killed at any moment and resumed
ends with the same weights.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurosolve.errors import UsageError
from neurosolve.learn import checkpoint
from neurosolve.learn.batches import SampleSet, bucketed, collate
from neurosolve.learn.config import TrainConfig, read_config
from neurosolve.learn.distributed import Group, join
from neurosolve.learn.journal import Journal
from neurosolve.learn.losses import loss_of
from neurosolve.learn.networks import NETWORKS, build
from neurosolve.learn.solve_cost import SolveCost
from neurosolve.learn.validation import choose, score

log = logging.getLogger(__name__)

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


def train(
    config: TrainConfig, device: str = "cpu", resume: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Run to the budget's end; returns {best, best_step, step, elapsed_s, num_parameters, directory, ...}.

    device: 'cpu' or 'cuda'.  resume: go on from the run's last checkpoint if there is one.  Raises
    UsageError if the run's directory already holds a checkpoint and resume is False.
    """
    trainer = Trainer(config, torch.device(device), resume, progress)
    try:
        return trainer.run()
    finally:
        trainer.close()


class Trainer:
    """One process of one run."""

    def __init__(
        self, config: TrainConfig, device: torch.device, resume: bool, progress: Progress | None
    ) -> None:
        self.config, self.device, self.progress = config, device, progress
        if config.network not in NETWORKS:
            raise UsageError(f"unknown network {config.network!r}; known: {', '.join(NETWORKS)}")
        torch.set_num_threads(config.threads)
        self.group: Group = join(device)
        torch.manual_seed(config.seed)
        self.network: nn.Module = build(config.network, **config.network_options).to(device)
        if config.initial_weights:
            checkpoint.load_weights(self.network, Path(config.initial_weights))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self.directory, self.state = config.directory, State()
        self._validated_at = -1  # the step
        self._resume_or_begin(resume)
        self.samples = SampleSet(config.samples, config.max_edges)
        if self.group.leads:
            held_out = SampleSet(config.validation, config.max_edges)
            self.held_out = [held_out[i] for i in choose(held_out, config.max_validation)]
            self.solve_cost = SolveCost(self.held_out, config.solve_validation, config.seed)
            self.journal = Journal(self.directory)
        self._began = time.monotonic() - self.state.elapsed_s

    def _resume_or_begin(self, resume: bool) -> None:
        last = self.directory / LAST
        if last.exists() and not resume:
            raise UsageError(f"{last} exists: resume it or give another `out`")
        if last.exists():
            kept = checkpoint.load_training(self.network, self.optimizer, last)
            self.state = State(**{f.name: kept[f.name] for f in dataclasses.fields(State)})
            log.info("resumed %s at step %d", last, self.state.step)
        if self.group.leads:
            self.directory.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.config.to_dict(), indent=2)
            (self.directory / "train_config.json").write_text(text + "\n", encoding="utf-8")

    def run(self) -> dict[str, Any]:
        for batch_indices in self._stream():
            share = self.group.from_leader(self._share(), self.device)
            if share >= 1:
                break
            loss = self._step(batch_indices, share)
            self._after_step(loss, share)
        if self.group.leads:
            if self.state.step != self._validated_at:
                self._validate(1.0)
            self._save()
        self.group.meet()
        return self._summary()

    def _stream(self) -> Iterator[list[int]]:
        """This rank's batches for ever, from where the state stands."""
        while True:
            batches = self.group.shard(
                bucketed(self.samples.edges, self.config.batch_edges, self.config.seed, self.state.epoch)
            )
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

    def _step(self, indices: list[int], share: float) -> float:
        config = self.config
        rounds = int(np.random.default_rng([config.seed, self.state.step]).integers(
            config.rounds_min, config.rounds_max + 1))  # fmt: skip
        torch.manual_seed(hash((config.seed, self.state.step, self.group.rank)) % 2**63)
        batch = collate([self.samples[i] for i in indices]).to(self.device)
        self.network.train()
        with self._precision():
            read_from = config.read_from or config.rounds_min
            outputs = self.network(batch.features, batch.edges, rounds, read_from=read_from)
            loss = loss_of(config.loss, outputs, batch, config.sat_weight)
        self.optimizer.zero_grad(set_to_none=True)
        if loss.requires_grad and bool(torch.isfinite(loss)):
            loss.backward()  # type: ignore[no-untyped-call]
        self.group.average_gradients(self.network.parameters())
        nn.utils.clip_grad_norm_(self.network.parameters(), config.grad_clip)
        rate = config.learning_rate * learning_rate_factor(self.state.step, share, config.warm_up)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        self.optimizer.step()
        return float(loss.detach())

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        if self.config.amp and self.device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def _after_step(self, loss: float, share: float) -> None:
        state = self.state
        state.step, state.position = state.step + 1, state.position + 1
        first = math.isnan(state.running_loss)
        state.running_loss = loss if first else SMOOTHING * state.running_loss + (1 - SMOOTHING) * loss
        if not self.group.leads:
            return
        if state.step % 20 == 0:
            rate = self.optimizer.param_groups[0]["lr"]
            self.journal.scalars("train", {"loss": state.running_loss, "learning_rate": rate}, state.step)
        scores = self._validate(share) if state.step % self.config.validate_every == 0 else None
        if scores or state.step % self.config.checkpoint_every == 0:
            self._save()
        if self.progress:
            self.progress(Report(state.step, min(share, 1.0), state.running_loss, self._elapsed(), scores))

    def _validate(self, share: float) -> dict[str, Any]:
        """Score, log, and keep the weights if they are the best so far."""
        state = self.state
        scores, predictions = score(self.network, self.held_out, self.config, self.device)
        solved = self.solve_cost.measure(predictions)
        cost = solved.get("solve_cost", 0.0) + scores["loss"] * (TIE_BREAK if solved else 1.0)
        self._validated_at = state.step
        if cost < state.best or state.best_step < 0:
            state.best, state.best_step = cost, state.step
            checkpoint.save_weights(
                self.network, self._kept() | {"scores": scores | solved}, self.directory / BEST
            )
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
        checkpoint.save_training(self.network, self.optimizer, self._kept(), self.directory / LAST)

    def _summary(self) -> dict[str, Any]:
        return {
            **dataclasses.asdict(self.state),
            "elapsed_s": self._elapsed(),
            "num_parameters": sum(p.numel() for p in self.network.parameters()),
            "num_samples": len(self.samples),
            "num_dropped": self.samples.num_dropped,
            "directory": str(self.directory),
            "weights": str(self.directory / BEST),
        }

    def close(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
        self.group.close()


def learning_rate_factor(step: int, share: float, warm_up: int) -> float:
    """Linear warm-up over steps times a cosine over the budget's share, ending at 1% of the peak."""
    cosine = (1 + math.cos(math.pi * min(share, 1.0))) / 2
    return min(1.0, (step + 1) / max(warm_up, 1)) * (0.01 + 0.99 * cosine)


def main(
    config_path: str | Path, device: str = "cpu", resume: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """`neurosolve train CONFIG.toml`: reads the config, trains, returns the summary."""
    return train(read_config(Path(config_path)), device, resume, progress)
