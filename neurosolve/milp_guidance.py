"""Branching guidances by name, as on the command line, and the plugin for anybody's own SCIP script."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from neurosolve import model_files, models
from neurosolve.errors import ModelError, UsageError
from neurosolve.milp.policies import RULES, PolicyReport, PolicySpec, attach


def names() -> list[str]:
    """Every branching guidance as it is written on the command line."""
    return ["none", *RULES, "model:NAME", "auto[:NAME]"]


def resolve(name: str) -> PolicySpec:
    """The policy called `name`.  Raises UsageError for an unknown name, ModelError for a model that cannot be used;
    reads configurations only and loads no SCIP."""
    head, colon, argument = name.partition(":")
    if (head == "none" or head in RULES) and not colon:
        return PolicySpec(head)
    if head == "model" and argument:
        directory = models.model_directory(argument)
        _refuse_mismatch(directory)
        return PolicySpec("model", directory)
    if head == "auto" and bool(argument) == bool(colon):
        return PolicySpec("auto", model_dirs=_branching_models(argument))
    raise UsageError(f"unknown guidance '{name}' for a MILP; guidances: {', '.join(names())}")


def for_protocol(spec: PolicySpec, protocol: str) -> PolicySpec:
    """Under `default`, a model's search goes over to the protocol that the model was validated under.  Under any other,
    `auto` is without the models that were validated elsewhere."""
    if protocol == "default":
        return dataclasses.replace(spec, adopts=spec.name in ("model", "auto"))
    kept = (d for d in spec.model_dirs if _validated_under(d) in (protocol, None))
    return dataclasses.replace(spec, model_dirs=tuple(kept))


def _validated_under(directory: Path) -> str | None:
    protocol = (model_files.read_json(directory / model_files.CONFIG_FILE).get("validation") or {}).get("protocol")
    return None if protocol is None else str(protocol)


def _branching_models(name: str) -> tuple[Path, ...]:
    """The directory of that model, or those of all models of branching that this version reads."""
    if name:
        directory = models.model_directory(name)
        _refuse_mismatch(directory)
        return (directory,)
    found = []
    for directory in models.find_models("milp").values():
        try:
            _refuse_mismatch(directory)
        except ModelError:  # damaged, or of another version
            continue
        found.append(directory)
    return tuple(found)


def _refuse_mismatch(directory: Path) -> None:
    from neurosolve.milp.network import load_config  # 15 ms that a run without a model need not spend

    load_config(directory)


def include_neural_branching(
    scip: Any, policy: str = "auto", *, max_depth: int | None = None, margin: float | None = None,
    fallback: str | None = None, adopts: bool = True, seed: int = 0,
) -> PolicyReport:  # fmt: skip
    """Let `policy` branch in a PySCIPOpt Model, in every search from the next optimize() on; call it once, before that.

        scip = pyscipopt.Model(); scip.readProblem("problem.mps")
        report = neurosolve.include_neural_branching(scip)
        scip.optimize()

    policy: a guidance's name as on the command line ("auto": the installed model that fits the problem, or none).
    max_depth, margin, fallback: in place of the model's own.  adopts: SCIP goes over to the protocol that the model was
    validated under, as a rule no cuts below the root and no restarts; parameters of your own stay (see PolicySpec).
    Returns live counters.  The answer is SCIP's, whatever the policy does.  Raises UsageError for an unknown name, a
    second call and a search that has begun, ModelError for a model that is not there.
    """
    spec = resolve(policy)
    if spec.name in ("model", "auto"):
        spec = PolicySpec(spec.name, spec.model_dir, spec.model_dirs, max_depth, margin, fallback, adopts)
    return attach(scip, spec, seed)
