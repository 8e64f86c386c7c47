"""Fine-tuning of a SAT network from solver feedback: kind = "reinforce-sat" of `neurosolve train`.

Per formula a group of G perturbed versions of the network's opinions is solved with the model's own engine and
delivery; reward = -log(conflicts + shift), advantage = reward normalised over the group (GRPO: Shao et al. 2024, arXiv
2402.03300, without its clipping: one update a sample, so the policy that drew is the policy that learns).

"grpo"    loss = - mean over formulas, group, variables of  advantage * log p(what the engine saw of the variable)
"expert"  loss = the supervised one, its labels the assignments that the better half of the tries found (expert
          iteration: Anthony, Tian and Barber 2017, arXiv 1705.08439)
both      + kl * mean over variables of (l - l_start)^2 / (2 sigma^2), the divergence of the perturbed logits,
          as Gaussians, from those of the supervised start

"expert" uses what a solver hands back besides its conflicts: of the many satisfying assignments, one near to what the
network leans to already.  A label for every variable is a far less noisy message than one number a solve.

The tuned network is the supervised one with other weights: inference costs what it did.  The group is the same
formula, so its difficulty cancels; what is left is how chaotic a search is, and only more solves help against that.
"""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosolve.errors import UsageError
from neurosolve.infer import load_config
from neurosolve.learn import checkpoint
from neurosolve.learn.batches import FormulaBatch, collate
from neurosolve.learn.building import build
from neurosolve.learn.config_finetune import FinetuneConfig
from neurosolve.learn.feedback import Curriculum, Referee, formula
from neurosolve.learn.loop import LAST, Loop, Progress
from neurosolve.learn.losses import phase_loss
from neurosolve.learn.perturb import advantages, antithetic, better, log_probability, threshold_logit
from neurosolve.learn.samples import Sample

Conflicts = NDArray[np.float64]
EPOCH = 1_000  # steps; every formula is new, so an epoch is only a number


def train(
    config: FinetuneConfig, device: str = "cpu", resume: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Run to the budget's end; as train.train.  Raises UsageError where the config contradicts the start model."""
    with FinetuneTrainer(config, torch.device(device), resume, progress) as trainer:
        return trainer.run()


class Tried(NamedTuple):
    """What became of a batch of B formulas, G tries each: advantage (B, G), conflicts (B, G), assignments found."""

    advantage: Tensor
    conflicts: Conflicts
    found: list[list[NDArray[np.int8] | None]]


class FinetuneTrainer(Loop[FinetuneConfig]):
    """The supervised start, tuned by what its opinions cost."""

    def load(self) -> None:
        if self.group.world > 1:
            raise UsageError("fine-tuning runs in one process: its solves are what takes time, so raise `workers`")
        config = self.config
        _refuse_other_use(config, load_config(Path(config.start)))
        self.samples = range(config.formulas)
        self.curriculum = Curriculum(config.sizes, config.grow_below)
        self.referee = Referee(config.solve_validation, config.workers, config.seed)
        self.threshold = threshold_logit(config.solve_validation.confidence)

    def build(self) -> nn.Module:
        network = build(self.config, {})
        checkpoint.begin_from(network, Path(self.config.start))
        self.start = copy.deepcopy(network).requires_grad_(False).to(self.device)
        return network

    def load_validation(self) -> None:
        config = self.config
        seeds = range(config.validation_seeds_from, config.validation_seeds_from + config.solve_validation.count)
        self.held_out = [formula(config.family, size, seed) for size in config.validation_sizes for seed in seeds]
        self.start_cost: float | None = None

    def batches(self, epoch: int) -> list[list[int]]:
        """Places of formulas in the stream of seeds; their sizes are the curriculum's, when their turn comes."""
        count = self.config.formulas
        return [list(range(i * count, (i + 1) * count)) for i in range(epoch * EPOCH, (epoch + 1) * EPOCH)]

    def run(self) -> dict[str, Any]:
        if self.state.best_step < 0:
            self._validate(0.0)  # the start is the first candidate: a run never ends worse than it on validation
        return super().run()

    def loss(self, batch: list[int]) -> Tensor:
        config = self.config
        random = np.random.default_rng([config.seed, self.state.step])
        sizes = self.curriculum.draw(len(batch), random)
        drawn = [formula(config.family, size, config.seeds_from + place)
                 for size, place in zip(sizes, batch, strict=True)]  # fmt: skip
        formulas = collate(drawn).to(self.device)
        logit = self._logit(self.network, formulas)
        perturbed = logit.detach() + config.sigma * antithetic(config.group // 2, len(logit)).to(self.device)
        tried = self._try(drawn, perturbed)
        largest = np.asarray(sizes) == max(sizes)
        self.curriculum.observe(float(np.log(tried.conflicts[largest] + config.solve_validation.shift).mean()))
        with torch.no_grad():
            start = self._logit(self.start, formulas)
        distance = ((logit - start) ** 2).mean() / (2 * config.sigma**2)
        if config.update == "grpo":
            return self._policy_gradient(tried, formulas, logit, perturbed) + config.kl * distance
        return self._imitation(tried, drawn, logit) + config.kl * distance

    def _policy_gradient(self, tried: Tried, formulas: FormulaBatch, logit: Tensor, perturbed: Tensor) -> Tensor:
        """GRPO's loss.  logit (N,), perturbed (G, N)."""
        ordered = self.config.solve_validation.delivery.endswith("+order")
        seen = log_probability(logit, perturbed, self.config.sigma, self.threshold, ordered)
        weight = tried.advantage.to(self.device)[formulas.formula_of_variable].T  # (G, N)
        return -(weight * seen).mean()

    def _imitation(self, tried: Tried, drawn: list[Sample], logit: Tensor) -> Tensor:
        """The supervised loss on the assignments that the better tries found, over the formulas that have one."""
        kept = [better(a, found) for a, found in zip(tried.advantage.numpy(), tried.found, strict=True)]
        labelled = [dataclasses.replace(s, assignments=rows) for s, rows in zip(drawn, kept, strict=True) if len(rows)]
        if not labelled:
            return logit.sum() * 0.0
        counts = torch.tensor([s.num_variables for s in drawn])
        known = torch.repeat_interleave(torch.tensor([len(rows) > 0 for rows in kept]), counts)
        return phase_loss(logit[known.to(self.device)], collate(labelled).to(self.device))

    def _try(self, drawn: list[Sample], logits: Tensor) -> Tried:
        """Solve every formula with every row of logits (G, N)."""
        ends = np.cumsum([s.num_variables for s in drawn])[:-1].tolist()
        parts = np.split(logits.float().cpu().numpy(), ends, axis=1)
        tasks = [(sample, logit) for sample, part in zip(drawn, parts, strict=True) for logit in part]
        solved = self.referee.solve(tasks, self.config.conflicts)
        conflicts = np.asarray([s.conflicts for s in solved]).reshape(len(drawn), -1)
        rewards = -np.log(conflicts + self.config.solve_validation.shift)
        group = conflicts.shape[1]
        found = [[s.assignment for s in solved[i : i + group]] for i in range(0, len(solved), group)]
        return Tried(advantages(torch.from_numpy(rewards).float()), conflicts, found)

    def _logit(self, network: nn.Module, formulas: FormulaBatch) -> Tensor:
        rounds = self.config.validation_rounds or self.config.rounds_max
        logit: Tensor = network(formulas.features, formulas.edges, rounds)[-1][0]
        return logit

    def validation(self, share: float) -> tuple[dict[str, float], dict[str, float], float | None]:
        cost, answered = self._cost(self.network)
        if self.start_cost is None:
            self.start_cost = self._cost(self.start)[0] if self.state.step else cost
        shift = self.config.solve_validation.shift
        scores = {"loss": float(np.log(cost + shift)), "size": float(self.curriculum.sizes[self.curriculum.level])}
        solved = {"solve_cost": cost, "start_cost": self.start_cost, "solved": answered,
                  "solve_ratio": (cost + shift) / (self.start_cost + shift)}  # fmt: skip
        return scores, solved, cost

    @torch.no_grad()
    def _cost(self, network: nn.Module) -> tuple[float, float]:
        """Conflicts (shifted geometric mean) and the share solved of the validation formulas."""
        tasks = [(sample, self._logit(network, collate([sample]).to(self.device)).cpu().numpy())
                 for sample in self.held_out]  # fmt: skip
        solved = self.referee.solve(tasks, self.config.solve_validation.conflicts)
        answered = sum(s.assignment is not None for s in solved) / len(solved)
        return self.referee.mean(np.asarray([s.conflicts for s in solved])), answered

    def close(self) -> None:
        self.referee.close()
        super().close()

    def _resume_or_begin(self) -> None:
        super()._resume_or_begin()
        last = self.directory / LAST
        if last.exists():
            kept = checkpoint.load(last)[1]["curriculum"]
            self.curriculum = Curriculum(self.config.sizes, self.config.grow_below, **kept)

    def _kept(self) -> dict[str, Any]:
        return super()._kept() | {"curriculum": self.curriculum.state()}


def _refuse_other_use(config: FinetuneConfig, model: dict[str, Any]) -> None:
    """Raises UsageError where the network would be tuned for another use than the model makes of it."""
    how = config.solve_validation
    rounds = config.validation_rounds or config.rounds_max
    stated = {"network": config.network, "network_options": config.network_options, "engine": how.engine,
              "delivery": how.delivery, "confidence_threshold": how.confidence, "rounds": rounds}  # fmt: skip
    wrong = {key: (value, model.get(key)) for key, value in stated.items() if value != model.get(key)}
    if wrong:
        told = "; ".join(f"{key} is {ours!r}, the model's {theirs!r}" for key, (ours, theirs) in wrong.items())
        raise UsageError(f"{config.name}: {told}")
