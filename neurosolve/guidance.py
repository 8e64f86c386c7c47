"""Guidances by name: what is said to the engine before it starts.  One table; an entry is one function."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosolve import models
from neurosolve.errors import LimitError, ModelError, UsageError
from neurosolve.infer import Model, load_config, load_model
from neurosolve.result import Limits
from neurosolve.sat import gate, phases
from neurosolve.sat.cnf import CNF
from neurosolve.sat.graph import literal_clause_graph
from neurosolve.sat.phases import Phases

if TYPE_CHECKING:
    from neurosolve.neuroback import NeuroBackModel

MAX_WALK_LITERALS = 20_000_000  # Python lists of more would cost gigabytes


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


@dataclasses.dataclass(frozen=True)
class Guidance:
    """One row.  argument: what follows the colon, None where nothing may, "[X]" where it need not."""

    argument: str | None
    summary: str
    make: Callable[[Request], Guide]


def resolve(name: str, cnf: CNF, *, seed: int = 0, limits: Limits | None = None) -> Guide:
    """Make the guidance called `name` for this formula.

    Raises UsageError for an unknown name (the message lists them), ModelError for a named model that cannot
    be used, InputError for a bad phases file.  A guide past its budget does not raise: it comes back without
    phases and with its reason in `gate`.
    """
    entry, argument = look_up(name)
    request = Request(cnf, name, argument, seed, limits or Limits())
    try:
        return entry.make(request)
    except (LimitError, MemoryError) as error:
        return Guide(name, gate=_declined(2, str(error) or "out of memory"))


def look_up(name: str) -> tuple[Guidance, str]:
    """The table's row and the argument of a guidance's name.  Raises UsageError; reads no file."""
    head, colon, argument = name.partition(":")
    entry = GUIDANCES.get(head)
    if entry is None:
        raise UsageError(f"unknown guidance '{name}'; guidances: {', '.join(guidance_names())}")
    needed = entry.argument is not None and not entry.argument.startswith("[")
    if (needed and not argument) or (entry.argument is None and colon):
        raise UsageError(f"guidance '{name}': write it as {_spelled(head, entry)}")
    return entry, argument


def guidance_names() -> list[str]:
    """Every guidance as it is written on the command line."""
    return [_spelled(head, entry) for head, entry in GUIDANCES.items()]


def _spelled(head: str, entry: Guidance) -> str:
    if entry.argument is None:
        return head
    optional = entry.argument.startswith("[")
    return f"{head}[:{entry.argument[1:]}" if optional else f"{head}:{entry.argument}"


def _declined(stage: int, reason: str) -> dict[str, Any]:
    return gate.Verdict(False, stage, reason).to_json()


# -- controls: no network


def _said(make: Callable[[Request], Phases]) -> Callable[[Request], Guide]:
    """A guidance that is only phases; making them is what a network's seconds are compared with."""

    def guide(request: Request) -> Guide:
        started = time.perf_counter()
        told = dataclasses.replace(make(request), source=request.name)
        return Guide(request.name, told, network_s=time.perf_counter() - started)

    return guide


def _walk(request: Request) -> Phases:
    if request.cnf.num_literals > MAX_WALK_LITERALS:
        raise LimitError(f"a walk over {request.cnf.num_literals} literals is past its budget")
    return phases.walk(request.cnf, request.seed)


def _majority(request: Request) -> Phases:
    if request.argument:
        return phases.majority(models.model_directory(request.argument), request.cnf.num_variables)
    directory = _pick(Guide(request.name), request)
    if directory is None:
        raise LimitError("no model's training set fits, so there is no majority")
    return phases.majority(directory, request.cnf.num_variables)


def _preset(request: Request) -> Guide:
    if request.argument not in ("", "sat", "unsat"):
        raise UsageError(f"guidance '{request.name}': presets are sat and unsat")
    return Guide(request.name, preset=request.argument or "sat")


# -- networks


def _named_model(request: Request) -> Guide:
    """A model asked for by name: only its cost can stop it, the gate's opinion is noted and overruled."""
    directory = models.model_directory(request.argument)
    guide = Guide(request.name, model=directory.name, config=load_config(directory))
    _ask(guide, directory, request, overrule=True)
    return guide


def _auto(request: Request) -> Guide:
    """The model that the gate picks, or none; with a name, that model behind its gate.

    Whatever goes wrong inside a guide that nobody asked for by name, the solve goes on stock and says so.
    """
    guide = Guide(request.name)
    try:
        directory = _pick(guide, request)
        if directory is not None:
            _ask(guide, directory, request, overrule=False)
    except (ArithmeticError, LookupError, ModelError, OSError, RuntimeError, TypeError, ValueError) as error:
        guide.phases, guide.gate = None, _declined(2, f"guide failed: {type(error).__name__}: {error}")
    return guide


def _pick(guide: Guide, request: Request) -> Path | None:
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


def _ask(guide: Guide, directory: Path, request: Request, *, overrule: bool) -> None:
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
        guide.gate = _declined(2, str(error) or "out of memory")
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
    return from_logits(prediction.logit, f"model:{guide.model}"), float(prediction.sat_logit)


def from_logits(logit: npt.NDArray[np.float32], source: str) -> Phases:
    """Phase: the sign.  Confidence: |2p - 1| of p = sigmoid(logit).  What is not finite is no opinion."""
    finite = np.where(np.isfinite(logit), logit, 0).astype(np.float32)
    return Phases.of(finite, source, np.tanh(np.abs(finite) / 2))


@contextmanager
def _timed(guide: Guide, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(guide, stage, getattr(guide, stage) + time.perf_counter() - started)


GUIDANCES: dict[str, Guidance] = {
    "none": Guidance(None, "the engine as it comes", lambda r: Guide(r.name)),
    "none-fair": Guidance(
        None, "the engine with its lucky phases off, as phases make it", lambda r: Guide(r.name, lucky=False)
    ),
    "true": Guidance(None, "every variable true", _said(lambda r: phases.all_true(r.cnf.num_variables))),
    "false": Guidance(None, "every variable false", _said(lambda r: phases.all_false(r.cnf.num_variables))),
    "random": Guidance(
        None, "a fair coin a variable", _said(lambda r: phases.random_phases(r.cnf.num_variables, r.seed))
    ),
    "jw": Guidance(None, "Jeroslow-Wang", _said(lambda r: phases.jeroslow_wang(r.cnf))),
    "walk": Guidance(None, "the best assignment of a short local search", _said(_walk)),
    "majority": Guidance(
        "[MODEL]", "each variable index's majority in a model's training assignments", _said(_majority)
    ),
    "preset": Guidance("[sat|unsat]", "Kissat's and CaDiCaL's own presets", _preset),
    "file": Guidance(
        "PHASES",
        "a text file of literals",
        _said(lambda r: phases.read_phases(r.argument, r.cnf.num_variables)),
    ),
    "model": Guidance("NAME", "a trained model, named or given as a directory, without its gate", _named_model),
    "auto": Guidance("[NAME]", "the model that the gate picks, or none", _auto),
}
