"""CONFIG.toml as a dataclass: every key checked, every default in one place."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosolve.errors import UsageError
from neurosolve.files import unreadable
from neurosolve.milp.scip_settings import PROTOCOLS

if TYPE_CHECKING:
    from neurosolve.learn.config_reinforce import ReinforceConfig

LOSSES = ("phases", "backbone", "agreed")


@dataclasses.dataclass(frozen=True)
class SolveValidation:
    """Table [solve_validation]: solve `count` validation formulas with the network's phases; the cost
    chooses `best`.

    count 0: none, the validation loss chooses.  conflicts and time_s bound each solve; a solve that meets a
    bound counts with what it spent.  confidence: opinions below it are left to the engine.
    """

    engine: str = "cadical195"
    delivery: str = "rename"
    conflicts: int = 20_000
    time_s: float = 10.0
    count: int = 0
    shift: float = 10.0
    confidence: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every training run has.  Paths are relative to the working directory."""

    name: str
    samples: list[str]
    validation: list[str]
    kind: str = "sat"
    out: str = ""  # directory of checkpoints and logs; default runs/<name>
    network: str = "literal_clause"
    network_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    initial_weights: str = ""  # begin from those of a model directory, or of a run's .safetensors
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up: int = 100  # steps
    grad_clip: float = 1.0
    steps: int = 0  # stop after so many optimiser steps; 0: no bound
    minutes: float = 0.0  # stop after so much wall time, validation included; 0: no bound
    validate_every: int = 500  # steps
    checkpoint_every: int = 100  # steps
    seed: int = 0
    amp: bool = False  # bfloat16, CUDA only
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.steps and not self.minutes:
            raise UsageError("a training needs a bound: steps, minutes or both")
        self._at_least_one("validate_every", "checkpoint_every", "threads")

    def _at_least_one(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1")

    @property
    def directory(self) -> Path:
        return Path(self.out or f"runs/{self.name}")

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(RunConfig):
    """One training run of a SAT network."""

    loss: str = "phases"
    sat_weight: float = 0.1
    rounds_min: int = 8
    rounds_max: int = 24
    read_from: int = 0  # first supervised round; 0: rounds_min
    validation_rounds: int = 0  # 0: rounds_max
    batch_edges: int = 40_000
    max_edges: int = 1_000_000
    max_validation: int = 100  # validation formulas that are scored
    siblings: list[str] = dataclasses.field(default_factory=list)  # unsatisfiable ones: publish bounds confidence
    solve_validation: SolveValidation = dataclasses.field(default_factory=SolveValidation)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.rounds_min <= self.rounds_max:
            raise UsageError(f"rounds_min {self.rounds_min} and rounds_max {self.rounds_max} are no range")
        if self.loss not in LOSSES:
            raise UsageError(f"unknown loss {self.loss!r}; known: {', '.join(LOSSES)}")
        self._at_least_one("batch_edges", "max_edges")


@dataclasses.dataclass(frozen=True)
class MilpSolveValidation:
    """Table [solve_validation] of a MILP run: branch `count` instances below `instances` with the network; the cost
    chooses `best`.

    count 0: none, the validation loss chooses.  measure: cpu (seconds) or nodes, the latter for a machine that does
    other work.  start: the share of the budget from which checkpoints are tried.  time_s bounds each solve; one that
    meets it counts with the limit.  larger instances than those trained on judge best.
    """

    instances: list[str] = dataclasses.field(default_factory=list)
    count: int = 0
    time_s: float = 60.0
    measure: str = "cpu"
    protocol: str = "paper"
    start: float = 0.5
    shift: float = 1.0

    def __post_init__(self) -> None:
        if self.measure not in ("cpu", "nodes") or self.protocol not in PROTOCOLS:
            raise UsageError(f"measure {self.measure!r} must be cpu or nodes, protocol {self.protocol!r} one of "
                             f"{', '.join(PROTOCOLS)}")  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class MilpConfig(RunConfig):
    """One training run of a branching network."""

    kind: str = "milp"
    network: str = "film"
    temperature: float = 0.15  # of the targets: a candidate weighs (score / best) ** (1 / temperature)
    batch_nodes: int = 128
    nodes_per_instance: int = 16  # in a batch
    max_candidates: int = 5_000  # nodes with more are left out
    max_validation: int = 2_000  # validation nodes that are scored
    yardstick: bool = False  # published to be measured against: asked for by name, `auto` never picks it
    solve_validation: MilpSolveValidation = dataclasses.field(default_factory=MilpSolveValidation)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0:
            raise UsageError(f"temperature {self.temperature} must be positive")
        self._at_least_one("batch_nodes", "nodes_per_instance", "max_candidates", "max_validation")


KINDS: dict[str, tuple[type[TrainConfig | MilpConfig], type[SolveValidation | MilpSolveValidation]]] = {
    "sat": (TrainConfig, SolveValidation),
    "milp": (MilpConfig, MilpSolveValidation),
}


def read_config(path: Path) -> TrainConfig | MilpConfig | ReinforceConfig:
    """Raises InputError for a file that cannot be read, UsageError for one that is no TOML, an unknown key, a missing
    key or a value of a wrong type."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    return from_dict(table, str(path))


def from_dict(table: dict[str, Any], where: str = "config") -> TrainConfig | MilpConfig | ReinforceConfig:
    """The config of a TOML table, of the class that its `kind` names; `where` names it in errors."""
    table = dict(table)
    kind = table.get("kind", "sat")
    if kind == "reinforce":
        from neurosolve.learn.config_reinforce import from_table

        return from_table(table, where)
    kinds = KINDS
    if kind == "reinforce-sat":
        from neurosolve.learn.config_finetune import FinetuneConfig  # which is made of this module

        kinds = {kind: (FinetuneConfig, SolveValidation)}
    if kind not in kinds:
        raise UsageError(f"{where}: kind is {kind!r}; known: {', '.join(KINDS)}, reinforce, reinforce-sat")
    config, validation = kinds[kind]
    inner = table.pop("solve_validation", {})
    if not isinstance(inner, dict):
        raise UsageError(f"{where}: solve_validation must be a table")
    solve: Any = validation(**checked(validation, inner, f"{where}: [solve_validation]"))
    return config(**checked(config, table, where), solve_validation=solve)


def checked(cls: type, table: dict[str, Any], where: str) -> dict[str, Any]:
    """The table's values if every key is a field of `cls` and has its type; an int may stand for a float."""
    types_ = typing.get_type_hints(cls)
    values = {}
    for key, value in table.items():
        if key not in types_:
            raise UsageError(f"{where}: unknown key {key!r}; known: {', '.join(sorted(types_))}")
        wanted = types_[key]
        plain = typing.get_origin(wanted) if isinstance(wanted, types.GenericAlias) else wanted
        if plain is float and type(value) is int:
            value = float(value)
        if type(value) is not plain:
            raise UsageError(f"{where}: {key} is {value!r}, not a {plain.__name__}")
        values[key] = value
    missing = [f.name for f in dataclasses.fields(cls) if f.default is f.default_factory is dataclasses.MISSING
               and f.name not in values]  # fmt: skip
    if missing:
        raise UsageError(f"{where}: missing {', '.join(missing)}")
    return values
