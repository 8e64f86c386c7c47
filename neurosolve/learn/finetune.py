"""Fine-tuning of a SAT network from solver feedback: kind = "reinforce-sat" of `neurosolve train`.

Per formula a group of G perturbed versions of the network's opinions is solved with the model's own engine and
delivery; reward = -log(conflicts + shift), advantage = reward normalised over the group (GRPO: Shao et al. 2024, arXiv
2402.03300, without its clipping: one update a sample, so the policy that drew is the policy that learns).

"grpo"    loss = - mean over formulas, group, variables of  advantage * log p(what the engine saw of the variable)
"expert"  loss = the supervised one, its labels the assignments that the better half of the tries found (expert
          iteration: Anthony, Tian and Barber 2017, arXiv 1705.08439)
"es"      loss = linear in the weights along  mean over the group of  advantage * weight noise
and all   + kl * mean over variables of (l - l_start)^2 / (2 s^2), the divergence between Gaussians of the same spread s
          around the logits (s = sigma, 1 for es) from the supervised start

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
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.func import functional_call

from neurosolve.errors import ModelError, UsageError
from neurosolve.infer import load_config
from neurosolve.learn import checkpoint
from neurosolve.learn.batches import FormulaBatch, collate
from neurosolve.learn.config_finetune import FinetuneConfig
from neurosolve.learn.feedback import Curriculum, Referee, formula
from neurosolve.learn.loop import LAST, Loop, Progress
from neurosolve.learn.losses import phase_loss
from neurosolve.learn.networks import build
from neurosolve.learn.perturb import (
    advantages,
    antithetic,
    better,
    log_probability,
    threshold_logit,
    weight_loss,
    weight_noise,
)
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
        network = build(self.config.network, **self.config.network_options)
        try:
            network.load_state_dict(load_file(Path(self.config.start) / "weights.safetensors"))
        except (OSError, RuntimeError) as error:
            raise ModelError(f"{self.config.start} does not fit network_options: {error}") from error
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
        update = {"grpo": self._grpo, "expert": self._expert, "es": self._es}[config.update]
        tried_loss, conflicts = update(drawn, formulas, logit)
        largest = np.asarray(sizes) == max(sizes)
        self.curriculum.observe(float(np.log(conflicts[largest] + config.solve_validation.shift).mean()))
        with torch.no_grad():
            start = self._logit(self.start, formulas)
        spread = 1.0 if config.update == "es" else config.sigma
        return tried_loss + config.kl * ((logit - start) ** 2).mean() / (2 * spread**2)

    def _grpo(self, drawn: list[Sample], formulas: FormulaBatch, logit: Tensor) -> tuple[Tensor, Conflicts]:
        """The policy gradient's loss, and conflicts (B, G)."""
        config = self.config
        perturbed = self._perturbed(logit)
        tried = self._try(drawn, perturbed)
        ordered = config.solve_validation.delivery.endswith("+order")
        seen = log_probability(logit, perturbed, config.sigma, self.threshold, ordered)
        weight = tried.advantage.to(self.device)[formulas.formula_of_variable].T  # (G, N)
        return -(weight * seen).mean(), tried.conflicts

    def _expert(self, drawn: list[Sample], formulas: FormulaBatch, logit: Tensor) -> tuple[Tensor, Conflicts]:
        """Cross-entropy to the assignments that the cheapest solves found, and conflicts (B, G)."""
        tried = self._try(drawn, self._perturbed(logit))
        kept = [better(a, found) for a, found in zip(tried.advantage.numpy(), tried.found, strict=True)]
        labelled = [dataclasses.replace(s, assignments=rows) for s, rows in zip(drawn, kept, strict=True) if len(rows)]
        if not labelled:
            return logit.sum() * 0.0, tried.conflicts
        counts = torch.tensor([s.num_variables for s in drawn])
        known = torch.repeat_interleave(torch.tensor([len(rows) > 0 for rows in kept]), counts)
        return phase_loss(logit[known.to(self.device)], collate(labelled).to(self.device)), tried.conflicts

    def _es(self, drawn: list[Sample], formulas: FormulaBatch, logit: Tensor) -> tuple[Tensor, Conflicts]:
        """The loss of perturbed weights, and conflicts (B, G)."""
        weights = dict(self.network.named_parameters())
        noise = weight_noise(weights, self.config.group // 2)
        perturbed = []
        with torch.no_grad():
            for g in range(self.config.group):
                moved = {name: w + self.config.sigma * noise[name][g].to(self.device) for name, w in weights.items()}
                perturbed.append(self._logit(self.network, formulas, moved))
        tried = self._try(drawn, torch.stack(perturbed))
        on_device = {name: e.to(self.device) for name, e in noise.items()}
        return weight_loss(weights, on_device, tried.advantage.mean(dim=0).to(self.device)), tried.conflicts

    def _perturbed(self, logit: Tensor) -> Tensor:
        """Logits (G, N) with noise of `sigma`."""
        noise = antithetic(self.config.group // 2, len(logit)).to(self.device)
        return logit.detach() + self.config.sigma * noise

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

    def _logit(
        self, network: nn.Module, formulas: FormulaBatch, weights: dict[str, Tensor] | None = None
    ) -> Tensor:
        rounds = self.config.validation_rounds or self.config.rounds_max
        arguments = (formulas.features, formulas.edges, rounds)
        outputs = network(*arguments) if weights is None else functional_call(network, weights, arguments)
        logit: Tensor = outputs[-1][0]
        return logit

    def validation(self, share: float) -> tuple[dict[str, float], dict[str, float], float | None]:
        if self.start_cost is None:
            self.start_cost, _ = self._cost(self.start)
        cost, answered = self._cost(self.network)
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
