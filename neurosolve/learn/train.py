"""Training of SAT networks: CONFIG.toml -> checkpoints, a log, and the best weights by what they cost to solve with."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurosolve.errors import UsageError
from neurosolve.learn.batches import SampleSet, bucketed, collate
from neurosolve.learn.building import build
from neurosolve.learn.config import MilpConfig, TrainConfig, read_config
from neurosolve.learn.config_finetune import FinetuneConfig
from neurosolve.learn.config_reinforce import ReinforceConfig
from neurosolve.learn.descent import learning_rate_factor
from neurosolve.learn.loop import BEST, LAST, TIE_BREAK, Loop, Progress, Report
from neurosolve.learn.losses import loss_of
from neurosolve.learn.solve_cost import SolveCost
from neurosolve.learn.validation import choose, score

log = logging.getLogger(__name__)
__all__ = ["BEST", "LAST", "Report", "Trainer", "learning_rate_factor", "main", "train"]


def train(
    config: TrainConfig | MilpConfig | ReinforceConfig, device: str = "cpu", resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Run to the budget's end; returns {best, best_step, step, elapsed_s, num_parameters, directory, ...}.

    device: 'cpu' or 'cuda'.  resume: go on from the run's last checkpoint if there is one.  Raises
    UsageError if the run's directory already holds a checkpoint and resume is False, and for a device that is not here.
    """
    _refuse_device(device)
    if isinstance(config, MilpConfig):
        from neurosolve.learn import train_milp

        return train_milp.train(config, device, resume, progress)
    if isinstance(config, ReinforceConfig):
        from neurosolve.learn import reinforce

        return reinforce.train(config, device, resume, progress)
    if isinstance(config, FinetuneConfig):
        from neurosolve.learn import finetune

        return finetune.train(config, device, resume, progress)
    with Trainer(config, torch.device(device), resume, progress) as trainer:
        return trainer.run()


def _refuse_device(device: str) -> None:
    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise UsageError(
            f"device '{device}' cannot be used: take cpu, or cuda with a GPU and a PyTorch built for it ({why})"
        ) from error


def _refuse_silent(samples: SampleSet, directories: list[str]) -> None:
    """Raises UsageError where no sample has phases to learn or to be judged by; warns of some that have none."""
    told = f"{samples.num_telling} of {len(samples)} samples have a satisfying assignment or a backbone"
    if not samples.num_telling:
        raise UsageError(f"{', '.join(directories)}: {told}: there are no phases to learn")
    if samples.num_telling < len(samples):
        log.warning("%s: %s", ", ".join(directories), told)


class Trainer(Loop[TrainConfig]):
    """Literal-clause networks on labelled formulas."""

    def load(self) -> None:
        self.samples = SampleSet(self.config.samples, self.config.max_edges)
        self.num_dropped = self.samples.num_dropped
        _refuse_silent(self.samples, self.config.samples)

    def build(self) -> nn.Module:
        return build(self.config, {})

    def load_validation(self) -> None:
        held_out = SampleSet(self.config.validation, self.config.max_edges)
        _refuse_silent(held_out, self.config.validation)
        self.held_out = [held_out[i] for i in choose(held_out, self.config.max_validation)]
        self.solve_cost = SolveCost(self.held_out, self.config.solve_validation, self.config.seed)

    def batches(self, epoch: int) -> list[list[int]]:
        return bucketed(self.samples.edges, self.config.batch_edges, self.config.seed, epoch)

    def loss(self, batch: list[int]) -> Tensor:
        config = self.config
        rounds = int(np.random.default_rng([config.seed, self.state.step]).integers(
            config.rounds_min, config.rounds_max + 1))  # fmt: skip
        formulas = collate([self.samples[i] for i in batch]).to(self.device)
        outputs = self.network(
            formulas.features, formulas.edges, rounds, read_from=config.read_from or config.rounds_min
        )
        return loss_of(config.loss, outputs, formulas, config.sat_weight)

    def validation(self, share: float) -> tuple[dict[str, float], dict[str, float], float | None]:
        scores, predictions = score(self.network, self.held_out, self.config, self.device)
        solved = self.solve_cost.measure(predictions)
        return scores, solved, solved.get("solve_cost", 0.0) + scores["loss"] * (TIE_BREAK if solved else 1.0)

    def _summary(self) -> dict[str, Any]:
        return super()._summary() | {"num_telling": self.samples.num_telling}


def main(
    config_path: str | Path, device: str = "cpu", resume: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """`neurosolve train CONFIG.toml`: reads the config, trains, returns the summary."""
    return train(read_config(Path(config_path)), device, resume, progress)
