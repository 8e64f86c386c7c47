"""CONFIG.toml of kind "reinforce": what is played, how it is explored, and what is learnt of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from neurosolve.errors import UsageError
from neurosolve.families import MILP_FAMILIES
from neurosolve.families.knobs import checked as checked_knobs
from neurosolve.families.knobs import label
from neurosolve.learn.config import RunConfig, checked
from neurosolve.milp.rewards import SUBTREE_COSTS
from neurosolve.milp.scip_settings import PROTOCOLS

LOSSES = ("log", "hl_gauss")
EXPLORATIONS = ("epsilon", "boltzmann")
REDISTRIBUTIONS = ("", "bound", "attention", "subtree")
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instances:
    """A table [[instances]] or [[validation_instances]]: a family with its size, or a directory of files.

    knobs: of the family.  seed, count: instances seed to seed + count - 1; of a directory its first `count`, 0: all.
    weight: how often it is drawn beside the other tables.  objective_limit: the instance's optimum is SCIP's cutoff
    from the start, so that only proving is left; it is computed once.
    """

    family: str = ""
    size: int = 0
    knobs: dict[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    count: int = 0
    directory: str = ""
    weight: float = 1.0
    objective_limit: bool = False

    def __post_init__(self) -> None:
        if bool(self.family) == bool(self.directory):
            raise UsageError("a table of instances names a family or a directory")
        if self.family:
            if self.family not in MILP_FAMILIES:
                raise UsageError(f"unknown family '{self.family}'; families: {', '.join(MILP_FAMILIES)}")
            object.__setattr__(self, "knobs", checked_knobs(MILP_FAMILIES[self.family], self.knobs))
            if self.size < 1 or self.count < 1:
                raise UsageError(f"instances of {self.family}: size and count are at least 1")
        if self.weight <= 0:
            raise UsageError(f"weight {self.weight} must be positive")

    @property
    def name(self) -> str:
        """FAMILY-SIZE with the knobs, or the directory's own name."""
        return f"{self.family}{label(self.knobs)}-{self.size}" if self.family else Path(self.directory).name


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReinforceValidation:
    """Table [solve_validation]: every instance of [[validation_instances]] is solved by SCIP with the network
    branching, seeds 0 to seeds - 1; the shifted geometric mean of the run's `cost` chooses `best`.

    A solve that meets time_s (CPU seconds) counts with twice what it spent.  start: the share of the budget from which
    on.
    """

    seeds: int = 1
    time_s: float = 60.0
    protocol: str = "paper"
    shift: float = 1.0
    start: float = 0.0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise UsageError(f"[solve_validation]: unknown protocol {self.protocol!r}; known: {', '.join(PROTOCOLS)}")
        if self.seeds < 1:
            raise UsageError("[solve_validation]: seeds must be at least 1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReinforceConfig(RunConfig):
    """One reinforcement run of a branching network.  `steps` counts gradient steps."""

    kind: str = "reinforce"
    network: str = "film-q"
    samples: list[str] = dataclasses.field(default_factory=list)  # unused: it makes its own
    validation: list[str] = dataclasses.field(default_factory=list)  # unused: see validation_instances
    instances: list[Instances] = dataclasses.field(default_factory=list)
    validation_instances: list[Instances] = dataclasses.field(default_factory=list)
    solve_validation: ReinforceValidation = dataclasses.field(default_factory=ReinforceValidation)
    yardstick: bool = False  # published to be measured against: asked for by name, `auto` never picks it
    initial_scale: float = 0.1  # of the imitation policy's scores, when its weights begin the run
    # Episodes.
    episodes: int = 0  # stop after so many; 0: no bound
    workers: int = 1  # processes that play; with one, playing and learning take turns
    protocol: str = "paper"
    depth_first: bool = True
    cost: str = "nodes"  # that decisions are charged, of their subtrees: nodes or lp_iterations
    node_limit: int = 20_000  # of an episode
    time_s: float = 120.0  # of an episode: wall seconds of SCIP
    permute: bool = True  # SCIP's seed is another in every episode
    optima: str = "runs/optima"  # where computed optima are kept
    exploration: str = "boltzmann"
    exploration_start: float = 0.5  # epsilon, or the temperature in units of log2(subtree size)
    exploration_end: float = 0.05
    exploration_share: float = 0.7  # of the budget, over which it falls linearly
    # Replay.
    warm_up_episodes: int = 4  # before the first gradient step
    capacity: int = 100_000  # decisions
    keep_episodes: bool = False  # on disk, also those that left the replay
    batch_nodes: int = 256
    batch_episodes: int = 8  # of which these nodes are
    priority: float = 0.6  # exponent of the error; 0: uniform
    correction: float = 0.4  # exponent of the importance weights at the beginning; 1 at the end
    # Learning.
    steps_per_episode: int = 16
    horizon: int = 0  # levels of the tree before the target network is asked; 0: never (Monte Carlo)
    target_every: int = 200  # steps
    loss: str = "log"
    bins: int = 32  # of hl_gauss
    max_log2: float = 18.0  # the largest subtree's
    smoothing: float = 0.75  # hl_gauss: deviation of the target in widths of a bin
    redistribution: str = ""  # of the terminal reward over each path: bound, attention, subtree; empty: none
    redistribution_weight: float = 0.5  # of the redistributed return beside log2 of the subtree
    imitation_weights: str = ""  # of a film model; empty: initial_weights
    imitation_weight: float = 0.0  # cross-entropy to its ranking
    imitation_end: float = 0.0  # the weight at the end of the budget

    def __post_init__(self) -> None:
        for name in ("instances", "validation_instances"):
            tables = [_table(Instances, one, f"[[{name}]]") for one in getattr(self, name)]
            object.__setattr__(self, name, tables)
        validation = _table(ReinforceValidation, self.solve_validation, "[solve_validation]")
        object.__setattr__(self, "solve_validation", validation)
        if not (self.steps or self.minutes or self.episodes):
            raise UsageError("a training needs a bound: steps, episodes, minutes or several")
        self._at_least_one("validate_every", "checkpoint_every", "threads", "workers", "capacity", "batch_nodes",
                           "batch_episodes", "steps_per_episode", "target_every", "node_limit")  # fmt: skip
        if not self.instances or not self.validation_instances:
            raise UsageError("a reinforcement run needs [[instances]] and [[validation_instances]]")
        self._refuse_unknown_words()
        self._refuse_contradictions()

    def _refuse_unknown_words(self) -> None:
        for name, value, known in (
            ("loss", self.loss, LOSSES), ("exploration", self.exploration, EXPLORATIONS),
            ("protocol", self.protocol, tuple(PROTOCOLS)), ("redistribution", self.redistribution, REDISTRIBUTIONS),
            ("cost", self.cost, tuple(SUBTREE_COSTS)),
        ):  # fmt: skip
            if value not in known:
                raise UsageError(f"unknown {name} {value!r}; known: {', '.join(known)}")

    def _refuse_contradictions(self) -> None:
        if self.cost == "lp_iterations" and not self.depth_first:
            raise UsageError("the cost lp_iterations needs depth_first, or nobody knows below which decision they were")
        if not 0 <= self.redistribution_weight <= 1:
            raise UsageError(f"redistribution_weight {self.redistribution_weight} is not between 0 and 1")
        if self.redistribution and not (self.redistribution_weight < 1 or self.horizon == 0):
            raise UsageError("a finite horizon needs a redistribution_weight below 1")
        if self.redistribution == "attention" and self.network != "revival":
            raise UsageError("redistribution by attention needs the network revival")
        if self.imitation_weight and not (self.imitation_weights or self.initial_weights):
            raise UsageError("imitation_weight needs imitation_weights or initial_weights")

    def exploring(self, share: float) -> float:
        """Epsilon or temperature at that share of the budget."""
        fallen = min(share / self.exploration_share, 1.0) if self.exploration_share > 0 else 1.0
        return self.exploration_start + (self.exploration_end - self.exploration_start) * fallen


def _table(cls: type[T], given: T | dict[str, Any], where: str) -> T:
    return cls(**checked(cls, given, where)) if isinstance(given, dict) else given


def from_table(table: dict[str, Any], where: str) -> ReinforceConfig:
    """The config of a TOML table.  Raises UsageError."""
    inner = table.pop("solve_validation", {})
    tables = (inner, *table.get("instances", ()), *table.get("validation_instances", ()))
    if not all(isinstance(one, dict) for one in tables):
        raise UsageError(f"{where}: [solve_validation], [[instances]] and [[validation_instances]] are tables")
    return ReinforceConfig(**checked(ReinforceConfig, table, where), solve_validation=inner)
