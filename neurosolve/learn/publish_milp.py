"""A finished branching run -> a model directory: the network, and from which depth and margin on SCIP decides again.

What wins is decided on validation instances alone, by CPU seconds, with SCIP untouched and pscost beside every
candidate; the whole table is kept in config.json, so a reader sees what was tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neurosolve.errors import ModelError, UsageError
from neurosolve.learn import checkpoint
from neurosolve.learn.building import build, options_of
from neurosolve.learn.config import MilpConfig, read_config
from neurosolve.learn.export_milp import export
from neurosolve.learn.loop import BEST
from neurosolve.learn.milp_batches import MilpSamples
from neurosolve.learn.milp_solve_cost import Solved, cost_of, instances, solve
from neurosolve.learn.placing import MEASURE, built_beside, by_name_only, judged
from neurosolve.learn.train_milp import load
from neurosolve.milp import gate
from neurosolve.milp.first_look import fingerprint_of
from neurosolve.milp.policies import FALLBACKS, PolicySpec

SHIFT_S = 1.0
TIME_S = 60.0  # of each solve
CHOSEN = ("max_depth", "margin", "fallback")
STOCK = ("none", "pscost")
CANDIDATES = ("any:0:relpscost", "8:0:pscost", "16:0:pscost", "16:0:relpscost", "any:0.1:pscost", "any:0.3:pscost")
Progress = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class HandOver:
    """From which depth on, and under which lead of the best score, the fallback decides.  max_depth None: never."""

    max_depth: int | None
    margin: float
    fallback: str

    @classmethod
    def parse(cls, text: str) -> HandOver:
        """DEPTH:MARGIN:FALLBACK, DEPTH a number or "any".  Raises UsageError."""
        depth, _, rest = text.partition(":")
        margin, _, fallback = rest.partition(":")
        try:
            parsed = cls(None if depth == "any" else int(depth), float(margin), fallback)
        except ValueError:
            raise UsageError(f"candidate '{text}' is not DEPTH:MARGIN:FALLBACK, DEPTH a number or any") from None
        if fallback not in FALLBACKS:
            raise UsageError(f"candidate '{text}': unknown fallback; fallbacks: {', '.join(FALLBACKS)}")
        return parsed


def publish(
    config_path: str | Path, out: Path, candidates: Sequence[str] = CANDIDATES, count: int = 12,
    time_s: float = TIME_S, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Export runs/NAME/best.safetensors to `out`, choose the hand-over on `count` validation instances.

    candidates: DEPTH:MARGIN:FALLBACK.  Instances: those below [solve_validation] `instances`.  Returns the written
    config.  Raises ModelError where the run has no checkpoint, UsageError for candidates that are none and where there
    is no instance.  Where no candidate beats SCIP, or on too few
    instances, the config has no fingerprint.  `out` changes at the very end.
    """
    arms = [HandOver.parse(text) for text in candidates]
    config = read_config(Path(config_path))
    if not isinstance(config, MilpConfig):
        raise UsageError(f"{config_path} trains a network of kind '{config.kind}', not 'milp'")
    weights = config.directory / BEST
    if not weights.exists():
        raise ModelError(f"{weights} is missing: `neurosolve train {config_path}` makes it")
    paths = instances(config.solve_validation.instances, count)
    samples = load(config, config.samples)
    network = build(config, samples.shape)
    kept = checkpoint.load_weights(network, weights)
    written = _describe(config, samples, paths, kept)
    protocol = config.solve_validation.protocol
    with built_beside(out) as place:
        export(network, written, "", place)
        table = contest(place, arms, paths, protocol, time_s, progress)
        written = judged(written | chosen(table, len(paths), protocol, time_s, kept))
        export(network, written, card(written), place)
    return written


def chosen(
    table: list[dict[str, Any]], count: int, protocol: str, time_s: float, kept: dict[str, Any]
) -> dict[str, Any]:
    """What the table of a contest on `count` instances says of a config: the hand-over of its fastest guided row, and
    the table itself with the scores that the checkpoint `kept`."""
    best = min((row for row in table if row["guided"]), key=lambda row: float(row["cpu_s"]))
    validation = {"instances": count, "time_limit_s": time_s, "shift_s": SHIFT_S, "protocol": protocol, "arms": table,
                  "scores": kept.get("scores", {})}  # fmt: skip
    return {**{key: best[key] for key in CHOSEN}, "validation": validation}


def contest(
    directory: Path, arms: Sequence[HandOver], paths: Sequence[Path], protocol: str, time_s: float,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row an arm, SCIP untouched and SCIP's own under the protocol first.  The arms take turns at every instance,
    so that all meet the same weather."""
    untouched = [] if protocol == "default" else [("none", "default")]
    stock = [({"guided": False, "policy": name, "protocol": under}, PolicySpec(name))
             for name, under in [*untouched, *((name, protocol) for name in STOCK)]]  # fmt: skip
    ours = [({"guided": True, "policy": "model", "protocol": protocol, **dataclasses.asdict(arm)},
             PolicySpec("model", model_dir=directory, **dataclasses.asdict(arm))) for arm in arms]  # fmt: skip
    rows: list[tuple[dict[str, Any], PolicySpec]] = [*stock, *ours]
    runs: list[list[Solved]] = [[] for _ in rows]
    for done, path in enumerate(paths):
        for i, (row, spec) in enumerate(rows):
            runs[i].append(solve(path, spec, time_s, row["protocol"]))
            if progress:
                progress(path.name, done * len(rows) + i + 1, len(paths) * len(rows))
    return [{**row, **_summary(found)} for (row, _), found in zip(rows, runs, strict=True)]


def _summary(runs: Sequence[Solved]) -> dict[str, Any]:
    """Shifted geometric means over all instances (the limit where it was met), and milliseconds a decision."""
    calls = sum(r.num_calls for r in runs)
    return {
        "cpu_s": round(cost_of(runs, "cpu", SHIFT_S), 4),
        "nodes": round(cost_of([r for r in runs if r.finished] or runs, "nodes", 1.0), 1),
        "solved": sum(r.finished for r in runs),
        "ms_per_call": round(1000 * sum(r.policy_s for r in runs) / calls, 3) if calls else None,
    }


def _describe(
    config: MilpConfig, samples: MilpSamples, paths: Sequence[Path], kept: dict[str, Any]
) -> dict[str, Any]:
    """config.json but for what validation chooses.  The gate passes over what has no fingerprint."""
    picked = {} if config.yardstick else {"fingerprint": gate.describe(_fingerprints(samples, paths))}
    return {
        "network": config.network,
        "network_options": options_of(config, samples.shape),
        "families": sorted({s.family for s in samples.samples}),
        **picked,
        "max_depth": None,
        "margin": 0.0,
        "fallback": FALLBACKS[0],
        "training": {
            "instances": len(samples),
            "nodes": samples.num_nodes,
            "sizes": sorted({s.size for s in samples.samples}),
            "steps": kept.get("step"),
            "seconds": kept.get("elapsed_s"),
            "best_step": kept.get("best_step"),
            "config": config.to_dict(),
        },
    }


def _fingerprints(samples: MilpSamples, paths: Sequence[Path]) -> list[gate.Fingerprint]:
    """What the gate will see: of the problems trained on, and of those, often larger, on which the model is validated.

    Raises ModelError for samples of an older neurosolve.
    """
    if any(not s.fingerprint.size for s in samples.samples):
        raise ModelError("samples without the problem's fingerprint, of an older neurosolve: collect them again")
    trained = [dict(zip(gate.FEATURES, s.fingerprint.tolist(), strict=True)) for s in samples.samples]
    return trained + [fingerprint_of(path) for path in paths]


def table_lines(config: dict[str, Any]) -> list[str]:
    """The table of a config's "validation", and a word where `auto` may not take the model for it."""
    found = config["validation"]
    lines = [
        f"Validation, {found['instances']} instances, {found['time_limit_s']:g} s limit, protocol {found['protocol']} "
        "(no test instance among them):",
        "",
        "| policy | protocol | depth | margin | fallback | CPU s | nodes | solved | ms a node |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found["arms"]:
        shown = ("policy", "protocol", *CHOSEN, "cpu_s", "nodes", "solved", "ms_per_call")
        cells = [row.get(key) for key in shown]
        lines.append("| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |")
    why = by_name_only(config)
    return [*lines, "", why] if why else lines


def card(config: dict[str, Any]) -> str:
    """card.md: what the numbers in config.json say, for people."""
    training, found = config["training"], config["validation"]
    depth = "any depth" if config["max_depth"] is None else f"depth {config['max_depth']}"
    lines = [
        f"# Branching: {', '.join(config['families'])}",
        "",
        f"- Network: {config['network']} {config['network_options']}.",
        f"- Trained on {training['nodes']} nodes of {training['instances']} instances, sizes {training['sizes']}, "
        f"labelled by full strong branching: {training['best_step']} steps, {training['seconds'] or 0:.0f} s of wall "
        f"time, seed {training['config']['seed']}, CPU threads: {training['config']['threads']}.",
        f"- It decides down to {depth}, where its best score leads by {config['margin']:g} or more; else "
        f"{config['fallback']} does.  Chosen on validation instances.",
        "",
        *table_lines(config),
    ]
    if scores := found["scores"]:
        first, five, pscost = (round(100 * scores[key]) for key in ("top1", "top5", "pscost_top1"))
        lines += [
            "",
            f"On held-out nodes its first choice is strong branching's in {first}% (pscost's: {pscost}%), and that is "
            f"among its first five in {five}%.",
        ]
    if training["config"].get("yardstick"):
        lines += ["", "A yardstick, to be measured against by its name: `auto` never picks it."]
    return "\n".join([*lines, "", MEASURE]) + "\n"
