"""The config of fine-tuning from solver feedback, kind = "reinforce-sat"."""

from __future__ import annotations

import dataclasses

from neurosolve.errors import UsageError
from neurosolve.learn.config import TrainConfig

UPDATES = ("grpo", "expert")
TRAINING_SEEDS, VALIDATION_SEEDS = range(1_000_000, 2_000_000), range(2_000_000, 5_000_000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetuneConfig(TrainConfig):
    """Fine-tune the network of the model directory `start` by the conflicts that its phases cost.

    Formulas are generated: `family`, a size of `sizes` (ascending: the curriculum), seeds counted up from `seeds_from`,
    never the same twice.  A step solves `formulas` of them `group` times each, their logits perturbed by
    Gaussian noise of `sigma`, each solve bounded by `conflicts`.  The next size joins when the conflicts at the largest
    so far (shifted geometric mean over some steps) fall below `grow_below`.

    update: "expert" learns the assignments that the better tries found, "grpo" the policy gradient; see finetune.py.
    kl: weight of the distance to the start.
    succeeds: `auto` takes the published network in place of its start; set once it has been measured.

    [solve_validation] states engine, delivery and confidence, which must be the model's own, for training as well;
    `count` formulas of each of `validation_sizes` under its `conflicts` choose the best.  Its time_s is not read:
    a clock would make rewards depend on the machine.  `samples` and `validation`, labelled, are for `publish`.
    """

    kind: str = "reinforce-sat"
    start: str
    family: str
    sizes: list[int]
    validation_sizes: list[int]
    update: str = "expert"
    formulas: int = 4
    group: int = 8
    sigma: float = 1.0
    kl: float = 0.01
    succeeds: bool = False
    conflicts: int = 10_000
    grow_below: float = 1_000.0
    seeds_from: int = 1_500_000
    validation_seeds_from: int = 2_500_000
    workers: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    warm_up: int = 5
    validate_every: int = 10
    checkpoint_every: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least_one("formulas", "conflicts", "workers")
        if self.update not in UPDATES:
            raise UsageError(f"unknown update {self.update!r}; known: {', '.join(UPDATES)}")
        if self.group < 2 or self.group % 2:
            raise UsageError(f"group {self.group}: perturbations come in pairs, so it is even and at least 2")
        if not self.sizes or self.sizes != sorted(set(self.sizes)) or not self.validation_sizes:
            raise UsageError("sizes are ascending, and neither sizes nor validation_sizes is empty")
        if self.sigma <= 0 or self.kl < 0:
            raise UsageError(f"sigma {self.sigma} must be positive and kl {self.kl} not negative")
        if self.seeds_from not in TRAINING_SEEDS or self.validation_seeds_from not in VALIDATION_SEEDS:
            raise UsageError("seeds of training are in 1,000,000..1,999,999, of validation in 2,000,000..4,999,999")
