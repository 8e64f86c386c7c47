"""A finished training run -> a model directory: the exported network, and the engine and delivery that won.

What wins is decided on validation formulas alone, by the CPU seconds of the engine's child, stock engines beside every
candidate; the whole table is kept in config.json, so a reader sees what was tried.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from neurosolve.errors import ModelError, UsageError
from neurosolve.graph import BipartiteGraph
from neurosolve.infer import load_model
from neurosolve.learn.batches import SampleSet
from neurosolve.learn.config import TrainConfig, read_config
from neurosolve.learn.export import export
from neurosolve.learn.networks import build
from neurosolve.learn.samples import Sample
from neurosolve.learn.validation import choose
from neurosolve.result import Limits, Status
from neurosolve.sat import engines, gate
from neurosolve.sat.graph import literal_clause_graph
from neurosolve.sat.phases import MAJORITY_FILE, Phases, write_majority
from neurosolve.sat.table import find_engine, is_installed

SHIFT_S = 0.1
STOCK = ("cadical195", "cadical195/sat", "kissat", "kissat/sat")
CANDIDATES = (
    "cadical195:rename", "cadical195:rename+order", "cadical195:forced", "cadical195:forced+order",
    "kissat:rename+order", "glucose42:initial+order",
)  # fmt: skip
Progress = Callable[[str, int, int], None]


def publish(
    config_path: str | Path,
    out: Path,
    candidates: Sequence[str] = CANDIDATES,
    count: int = 12,
    time_s: float = 20.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Export runs/NAME/best.safetensors to `out`, choose engine and delivery on `count` validation formulas.

    candidates: "engine:delivery"; engines that are not installed are left out.  Returns the written config.  Raises
    ModelError where the run has no checkpoint, UsageError for a network without an exported form and for candidates
    that are none.
    """
    candidates = _installed(candidates)
    config = read_config(Path(config_path))
    weights = config.directory / "best.safetensors"
    if not weights.exists():
        raise ModelError(f"{weights} is missing: `neurosolve train {config_path}` makes it")
    if config.network != "literal_clause":
        raise UsageError(f"network {config.network!r} has no exported form for infer.py")
    network = build(config.network, **config.network_options)
    network.load_state_dict(load_file(weights))
    training, validation = (SampleSet(d, config.max_edges) for d in (config.samples, config.validation))
    written = _describe(config, training)
    export(network, written, _card(written), out)
    write_majority(out / MAJORITY_FILE, (training[i].assignments for i in range(len(training))))
    chosen = [validation[i] for i in choose(validation, count)]
    table = _compare(out, chosen, candidates, time_s, progress)
    best = min((row for row in table if row["guided"]), key=lambda row: float(row["cpu_s"]))
    written.update(engine=best["engine"], delivery=best["delivery"])
    written["validation"] = {"formulas": len(chosen), "time_limit_s": time_s, "shift_s": SHIFT_S, "arms": table}
    export(network, written, _card(written), out)
    return written


def _installed(candidates: Sequence[str]) -> list[str]:
    """The candidates whose engine is here.  Raises UsageError for one that is no engine:delivery, or if none is."""
    for name in candidates:
        engine, _, delivery = name.partition(":")
        if delivery.removesuffix("+order") not in find_engine(engine).deliveries:
            raise UsageError(f"candidate '{name}': {engine} has {', '.join(find_engine(engine).deliveries)}")
    here = [name for name in candidates if is_installed(find_engine(name.partition(":")[0]))]
    if not here:
        raise UsageError(f"no engine of {', '.join(candidates)} is installed")
    return here


def _describe(config: TrainConfig, training: SampleSet) -> dict[str, Any]:
    """config.json but for what validation chooses."""
    samples = [training[i] for i in range(len(training))]
    history = [json.loads(line) for line in (config.directory / "history.jsonl").read_text().splitlines()]
    last = history[-1] if history else {}
    sizes = sorted({s.size for s in samples})
    return {
        "kind": "sat",
        "network": config.network,
        "network_options": config.network_options,
        "families": sorted({s.family for s in samples}),
        "fingerprint": gate.describe([gate.fingerprint(s.cnf) for s in samples]),
        "engine": "cadical195",
        "delivery": "rename",
        "rounds": config.rounds_max,
        "min_rounds": min(4, config.rounds_max),
        "confidence_threshold": config.solve_validation.confidence,
        "min_confidence_mass": 0.0,
        "min_sat_logit": None,
        "training": {
            "formulas": len(samples),
            "sizes": [sizes[0], sizes[-1]] if len(sizes) > 8 else sizes,
            "steps": last.get("step"),
            "seconds": last.get("elapsed_s"),
            "best_step": last.get("best_step"),
            "config": config.to_dict(),
        },
    }


def _compare(
    directory: Path, samples: Sequence[Sample], candidates: Sequence[str], time_s: float, progress: Progress | None
) -> list[dict[str, Any]]:
    """One row an arm: shifted geometric mean of CPU seconds (the limit where unsolved), solved, conflicts."""
    model = load_model(directory)
    graphs: list[BipartiteGraph] = [literal_clause_graph(s.cnf) for s in samples]
    told = [_phases(model.predict(g, num_rounds=int(model.config["rounds"])).logit) for g in graphs]
    stock = [name.partition("/")[::2] for name in STOCK]
    arms = [(*name, False) for name in stock if is_installed(find_engine(name[0]))]
    arms += [(*name.partition(":")[::2], True) for name in candidates]
    rows = []
    for done, (engine, extra, guided) in enumerate(arms):
        seconds, conflicts, solved = [], [], 0
        for sample, phases in zip(samples, told, strict=True):
            run = engines.run(
                sample.cnf,
                engine,
                phases=phases if guided else None,
                delivery=extra if guided else None,
                preset=None if guided else extra or None,
                limits=Limits(time_s=time_s),
            )
            ok = run.status is not Status.UNKNOWN
            solved += ok
            seconds.append(min(run.cpu_time_s, time_s) if ok else time_s)
            conflicts.append(run.stats.num_conflicts or 0)
        rows.append({
            "engine": engine, "delivery": extra if guided else None, "preset": None if guided else extra or None,
            "guided": guided, "cpu_s": round(_mean(seconds, SHIFT_S), 4), "solved": solved,
            "conflicts": round(_mean(conflicts, 10.0), 1),
        })  # fmt: skip
        if progress:
            progress(f"{engine} {extra or 'stock'}", done + 1, len(arms))
    return rows


def _phases(logit: np.ndarray[Any, Any]) -> Phases:
    return Phases.of(logit, "network", np.abs(np.tanh(logit / 2)))


def _mean(values: Sequence[float], shift: float) -> float:
    return math.exp(sum(math.log(v + shift) for v in values) / len(values)) - shift


def _card(config: dict[str, Any]) -> str:
    """card.md: what the numbers in config.json say, for people."""
    training, options = config["training"], config["network_options"]
    lines = [
        f"# {', '.join(config['families'])}",
        "",
        f"- Network: {config['network']} {options}, {config['rounds']} rounds.",
        f"- Trained on {training['formulas']} formulas, sizes {training['sizes']}, seed {training['config']['seed']}: "
        f"{training['steps']} steps, {training['seconds'] or 0:.0f} s of wall time, CPU threads: "
        f"{training['config']['threads']}.",
        f"- Engine and delivery, chosen on validation formulas: {config['engine']}, {config['delivery']}.",
        "",
    ]
    if "validation" in config:
        v = config["validation"]
        lines += [
            f"Validation, {v['formulas']} formulas, {v['time_limit_s']:g} s limit (no test formula among them):", "",
            "| engine | guided | delivery or preset | CPU s | conflicts | solved |", "|---|---|---|---|---|---|",
        ]  # fmt: skip
        lines += [
            f"| {r['engine']} | {'yes' if r['guided'] else 'no'} | {r['delivery'] or r['preset'] or ''} | {r['cpu_s']} "
            f"| {r['conflicts']} | {r['solved']} |"
            for r in v["arms"]
        ]
    return "\n".join([*lines, "", "Held-out results with controls: docs/results.md."]) + "\n"
