"""A finished training run -> a model directory: the exported network, and the engine and delivery that won.

What wins is decided on validation formulas alone, by the CPU seconds of the engine's child, stock engines beside every
candidate; the whole table is kept in config.json, so a reader sees what was tried.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from neurosolve.errors import UsageError
from neurosolve.learn import export_neuroback, publish_tuned
from neurosolve.learn.batches import SampleSet
from neurosolve.learn.building import build, options_of
from neurosolve.learn.config import TrainConfig
from neurosolve.learn.config_finetune import FinetuneConfig
from neurosolve.learn.contest import SHIFT_S, Contest, Progress, installed
from neurosolve.learn.export import export as export_program
from neurosolve.learn.finished import finished_run
from neurosolve.learn.journal import HISTORY
from neurosolve.learn.placing import MEASURE, built_beside, by_name_only, judged
from neurosolve.learn.samples import Sample
from neurosolve.sat import gate
from neurosolve.sat.phases import MAJORITY_FILE, write_majority

TIME_S = 20.0  # of each solve
CHOSEN = ("engine", "delivery", "rounds")
CANDIDATES = (
    "cadical195:rename", "cadical195:rename+order", "cadical195:forced", "cadical195:forced+order",
    "cadical195:forced@0.8", "cadical195:rename+order@0.8", "kissat:rename+order", "glucose42:initial+order",
)  # fmt: skip


def publish(
    config_path: str | Path,
    out: Path,
    candidates: Sequence[str] = CANDIDATES,
    count: int = 12,
    time_s: float = TIME_S,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Export runs/NAME/best.safetensors to `out`, choose engine and delivery on `count` validation formulas.

    A fine-tuned network is used as the one it started from, which it was tuned for: nothing is chosen, and `auto` takes
    it only where its config says that it `succeeds` its start.

    candidates: "engine:delivery[@confidence]"; engines that are not installed are left out.  Where none beats the stock
    engines the config has no fingerprint.  `out` changes at the very end.  Returns the written config.  Raises
    ModelError where the run has no checkpoint, UsageError for candidates that are none and where no validation formula
    is known to be satisfiable.
    """
    candidates = installed(candidates)
    config, weights = finished_run(config_path, TrainConfig)
    export = export_neuroback.export if config.network == "neuroback" else export_program
    network = build(config, {})
    network.load_state_dict(load_file(weights))
    training, validation = (SampleSet(d, config.max_edges) for d in (config.samples, config.validation))
    samples = _largest(validation, count)
    siblings: SampleSet | list[Sample] = SampleSet(config.siblings, config.max_edges) if config.siblings else []
    if not samples:
        raise UsageError("no validation formula is known to be satisfiable: engine and delivery cannot be chosen")
    written = _describe(config, training)
    if isinstance(config, FinetuneConfig):
        del written["fingerprint"]
        written |= publish_tuned.use_of(Path(config.start), config.succeeds)
        written["validation"] = publish_tuned.tuning(config, _history(config))
    with built_beside(out) as place:
        export(network, written, _card(written), place)
        write_majority(place / MAJORITY_FILE, (training[i].assignments for i in range(len(training))))
        if not isinstance(config, FinetuneConfig):
            contest = Contest(place, samples, time_s)
            table = contest.arms(candidates, progress)
            written = judged(written | _chosen(contest, table, config.rounds_max, siblings))
            export(network, written, _card(written), place)
    return written


def _chosen(
    contest: Contest, table: list[dict[str, Any]], rounds_max: int, siblings: SampleSet | list[Sample]
) -> dict[str, Any]:
    """What the contest says of config.json: how the fastest guided row of its table is used, and the table itself."""
    best = min((row for row in table if row["guided"]), key=lambda row: float(row["cpu_s"]))
    stock = min((row for row in table if not row["guided"]), key=lambda row: float(row["cpu_s"]))
    rounds, tried = contest.rounds(best, rounds_max)
    return {
        "engine": best["engine"],
        "delivery": best["delivery"],
        "rounds": rounds,
        "confidence_threshold": best["confidence"],
        "min_confidence_mass": contest.least_mass(rounds, [siblings[i] for i in range(len(siblings))]),
        "conflict_bound": contest.bound(best, rounds, stock),
        "fallback": {"engine": stock["engine"], "preset": stock["preset"]},
        "validation": {
            "formulas": len(contest.samples), "time_limit_s": contest.time_s, "shift_s": SHIFT_S, "arms": table,
            "rounds": tried,
        },
    }  # fmt: skip


def _history(config: TrainConfig) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (config.directory / HISTORY).read_text(encoding="utf-8").splitlines()]


def _largest(validation: SampleSet, count: int) -> list[Sample]:
    """Size is where models fail, so the largest satisfiable validation formulas judge, families in turn."""
    families: dict[str, list[Sample]] = {}
    for sample in (validation[i] for i in range(len(validation))):
        if sample.status == 1:
            families.setdefault(sample.family, []).append(sample)
    ranked = [sorted(samples, key=lambda s: (-s.num_variables, s.name)) for samples in families.values()]
    return [s for turn in itertools.zip_longest(*ranked) for s in turn if s is not None][:count]


def _describe(config: TrainConfig, training: SampleSet) -> dict[str, Any]:
    """config.json but for what validation chooses."""
    samples = [training[i] for i in range(len(training))]
    last = (_history(config) or [{}])[-1]
    sizes = sorted({s.size for s in samples})
    described: dict[str, Any] = {
        "kind": "sat",
        "network": config.network,
        "network_options": options_of(config, {}),
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
    if config.network == "neuroback":
        described["guide_time_s"] = 60.0
    if config.network == "neuroback" or len(described["families"]) > 1:
        del described["fingerprint"]  # a yardstick, or shapes that fit every stranger: asked for by name only
    return described


def _card(config: dict[str, Any]) -> str:
    """card.md: what the numbers in config.json say, for people."""
    training, options = config["training"], config["network_options"]
    families, tuned = config["families"], training["config"].get("start")
    chosen = f"as {tuned} has them" if tuned else "chosen on validation formulas"
    lines = [
        f"# {training['config']['name']}",
        "",
        f"- Families: {len(families)}: {', '.join(families)}.",
        f"- Network: {config['network']} {options}, {config['rounds']} rounds.",
        f"- Trained on {training['formulas']} formulas, sizes {training['sizes']}, seed {training['config']['seed']}: "
        f"{training['steps']} steps, {training['seconds'] or 0:.0f} s of wall time, CPU threads: "
        f"{training['config']['threads']}.",
        f"- Engine and delivery, {chosen}: {config['engine']}, {config['delivery']}.",
        "",
    ]
    if tuned:
        lines[-1:] = [*publish_tuned.told(config), ""]
    v = config.get("validation", {})
    if "conflicts_of_start" in v:
        lines += publish_tuned.shown(v)
    if "arms" in v:
        lines += [
            f"Validation, {v['formulas']} formulas, {v['time_limit_s']:g} s limit (no test formula among them):", "",
            "| engine | guided | delivery or preset | CPU s | conflicts | solved |", "|---|---|---|---|---|---|",
        ]  # fmt: skip
        lines += [
            f"| {r['engine']} | {'yes' if r['guided'] else 'no'} | {r['delivery'] or r['preset'] or ''} | {r['cpu_s']} "
            f"| {r['conflicts']} | {r['solved']} |"
            for r in v["arms"]
        ]
    if why := by_name_only(config):
        lines += ["", why]
    return "\n".join([*lines, "", _where_not(config), "", MEASURE]) + "\n"


def _where_not(config: dict[str, Any]) -> str:
    """Where the model does not help, as far as its config can know."""
    told = "Where it does not help: unsatisfiable formulas, other families, what stock solves in less than a start."
    if gate.well_formed(config.get("fingerprint")):
        size = config["fingerprint"]["features"]["log_variables"]
        low, high = (round(10 ** size[end]) for end in ("low", "high"))
        told += f" `auto` leaves alone what has fewer than {low} or more than {high} variables, or another shape."
    if config.get("conflict_bound") is not None:
        behind = (config.get("fallback") or {}).get("engine", config["engine"])
        told += f" Past {config['conflict_bound']} conflicts {behind} takes over, unguided."
    return told
