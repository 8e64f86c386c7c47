"""What a network says of one formula: the model that the gate picks, one pass of it, the gate's verdict on that."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosolve import models
from neurosolve.errors import LimitError, ModelError
from neurosolve.infer import Model, load_config, load_model
from neurosolve.result import Limits
from neurosolve.sat import gate
from neurosolve.sat.cnf import CNF
from neurosolve.sat.graph import literal_clause_graph
from neurosolve.sat.phases import Phases

if TYPE_CHECKING:
    from neurosolve.neuroback import NeuroBackModel


@dataclasses.dataclass
class Guide:
    """What a guidance came to for one formula.

    phases: None where the solve goes on stock.  preset, lucky: what the engine is told besides.  config: the
    model's config.json, whose engine and delivery `auto` takes.  gate: the verdict as plain JSON types.
    """

    name: str
    phases: Phases | None = None
    preset: str | None = None
    lucky: bool = True
    model: str | None = None
    model_hash: str | None = None
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    gate: dict[str, Any] | None = None
    import_s: float = 0.0
    graph_s: float = 0.0
    network_s: float = 0.0


@dataclasses.dataclass(frozen=True)
class Request:
    """The formula, the guidance's name as given and its argument ("" without one), and what may be spent."""

    cnf: CNF
    name: str
    argument: str
    seed: int
    limits: Limits


def declined(stage: int, reason: str) -> dict[str, Any]:
    return gate.Verdict(False, stage, reason).to_json()


def pick(guide: Guide, request: Request) -> Path | None:
    """Stage 1: the directory of the model that fits best, its name and config kept in the guide."""
    if request.argument:
        directory = models.model_directory(request.argument)
        directories = {directory.name: directory}
    else:
        directories = models.find_models("sat")
    configs, refused = {}, ""  # refused: the models that cannot be used, for the reason's end
    for name, directory in directories.items():
        try:
            configs[name] = _offered(directory)
        except ModelError as error:  # one damaged model does not take the rest along
            refused += f"; {error}"
    verdict = gate.choose(gate.fingerprint(request.cnf), configs)
    guide.gate = {**verdict.to_json(), "reason": verdict.reason + refused}
    if verdict.model is None:
        return None
    guide.model, guide.config = verdict.model, configs[verdict.model]
    return directories[verdict.model]


def _offered(directory: Path) -> dict[str, Any]:
    """A model's config, fit for the gate.  Raises ModelError."""
    config = load_config(directory)
    is_named = isinstance(config.get("succeeds"), str | None)
    if not is_named or ("fingerprint" in config and not gate.well_formed(config["fingerprint"])):
        raise ModelError(f"{directory}/config.json has a damaged fingerprint: fetch the model again")
    return config


def ask(guide: Guide, directory: Path, request: Request, *, overrule: bool) -> None:
    """Run the network once and fill in the guide's phases, hash, gate and seconds."""
    config, limits, cnf = guide.config, request.limits, request.cnf
    budget_s = gate.guide_budget_s(config, limits.time_s)
    affordable = gate.affordable(cnf.num_literals, config, budget_s, limits.memory_bytes)
    if not affordable.guided:
        guide.gate = affordable.to_json()
        return
    try:
        with _timed(guide, "import_s"):
            model = load_model(directory)
            guide.model_hash = model.hash
        told, sat_logit = _predict(model, guide, cnf, budget_s)
    except (LimitError, MemoryError) as error:
        guide.gate = declined(2, str(error) or "out of memory")
        return
    verdict = gate.trust(told, sat_logit, config)
    numbers = {"confidence_mass": told.mass, "sat_logit": sat_logit if np.isfinite(sat_logit) else None}
    guide.gate = {**verdict.to_json(), **numbers}
    if verdict.guided or overrule:
        guide.gate["guided"] = True
        guide.phases = told.confident(float(config.get("confidence_threshold") or 0.0))


def _predict(model: Model | NeuroBackModel, guide: Guide, cnf: CNF, budget_s: float) -> tuple[Phases, float]:
    """Phases and the satisfiability logit of one pass, its seconds kept in the guide."""
    with _timed(guide, "graph_s"):
        graph = literal_clause_graph(cnf)
    with _timed(guide, "network_s"):
        prediction = model.predict(graph, max(0.0, budget_s - guide.graph_s))
    return Phases.of_logits(prediction.logit, f"model:{guide.model}"), float(prediction.sat_logit)


@contextmanager
def _timed(guide: Guide, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(guide, stage, getattr(guide, stage) + time.perf_counter() - started)
