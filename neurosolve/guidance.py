"""Guidances by name: what is said to the engine before it starts.  One table; an entry is one function."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from neurosolve import models
from neurosolve.asking import Guide, Request, ask, declined, pick
from neurosolve.errors import LimitError, ModelError, UsageError
from neurosolve.infer import load_config
from neurosolve.result import Limits
from neurosolve.sat import phases
from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases

__all__ = ["GUIDANCES", "Guidance", "Guide", "guidance_names", "look_up", "resolve"]

MAX_WALK_LITERALS = 20_000_000  # Python lists of more would cost gigabytes


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
        return Guide(name, gate=declined(2, str(error) or "out of memory"))


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
    directory = pick(Guide(request.name), request)
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
    ask(guide, directory, request, overrule=True)
    return guide


def _auto(request: Request) -> Guide:
    """The model that the gate picks, or none; with a name, that model behind its gate.

    Whatever goes wrong inside a guide that nobody asked for by name, the solve goes on stock and says so.
    """
    guide = Guide(request.name)
    try:
        directory = pick(guide, request)
        if directory is not None:
            ask(guide, directory, request, overrule=False)
    except (ArithmeticError, LookupError, ModelError, OSError, RuntimeError, TypeError, ValueError) as error:
        guide.phases, guide.gate = None, declined(2, f"guide failed: {type(error).__name__}: {error}")
    return guide


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
