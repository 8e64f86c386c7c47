"""A finished reinforcement run -> a model directory, as publish_milp: exported, fingerprinted, and its hand-over to
SCIP chosen on the run's validation instances."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from neurosolve.families import MILP_FAMILIES
from neurosolve.learn import checkpoint
from neurosolve.learn.building import options_of
from neurosolve.learn.config_reinforce import ReinforceConfig
from neurosolve.learn.export_milp import export_weights
from neurosolve.learn.finished import finished_run
from neurosolve.learn.hand_over import CANDIDATES, CHOSEN, TIME_S, Contest, HandOver, Progress, table_lines, use_line
from neurosolve.learn.instance_tables import Draw, written
from neurosolve.learn.journal import HISTORY
from neurosolve.learn.placing import MEASURE
from neurosolve.learn.reinforce import SHAPE, VALIDATION, agent, build_agent
from neurosolve.milp import gate
from neurosolve.milp.first_look import fingerprint_of
from neurosolve.milp.policies import FALLBACKS

__all__ = ["CANDIDATES", "CHOSEN", "TIME_S", "publish"]

DESCRIBED = 64  # episodes whose problems the gate's fingerprint is made of

# config and trained agent -> name, weights, and what config.json is to say besides
Deploy = Callable[[ReinforceConfig, nn.Module], tuple[str, dict[str, Tensor], dict[str, Any]]]


def as_it_is(config: ReinforceConfig, network: nn.Module) -> tuple[str, dict[str, Tensor], dict[str, Any]]:
    return *agent(network).exported(), {}


def publish(
    config_path: str | Path, out: Path, candidates: Sequence[str] = CANDIDATES, count: int = 12,
    time_s: float = TIME_S, progress: Progress | None = None, deploy: Deploy = as_it_is,
) -> dict[str, Any]:  # fmt: skip
    """Export runs/NAME/best.safetensors to `out`; as publish_milp.publish, on [[validation_instances]].

    deploy: what is made of the trained agent; distil.py has another.  Raises ModelError where the run has no
    checkpoint, UsageError for candidates that are none.
    """
    arms = [HandOver.parse(text) for text in candidates]
    config, best = finished_run(config_path, ReinforceConfig)
    network = build_agent(config)
    kept = checkpoint.load_weights(network, best)
    name, weights, more = deploy(config, network)
    described = _describe(config, name, kept) | more
    paths = written(config.validation_instances, config.directory / VALIDATION)[:count]
    contest = Contest(arms, paths, config.solve_validation.protocol, time_s)
    return contest.settle(out, described, kept, functools.partial(export_weights, weights), card, progress)


def _describe(config: ReinforceConfig, network: str, kept: dict[str, Any]) -> dict[str, Any]:
    """config.json but for what validation chooses.  The fingerprint is of the problems of the first episodes."""
    draw = Draw(config.instances)
    played = [draw(config.seed, episode) for episode in range(DESCRIBED)]
    families = sorted({drawn.family for drawn in played})
    described = [] if config.yardstick or are_several(families) else played
    fingerprints = [fingerprint_of(drawn.source(), config.protocol) for drawn in described]
    curve = [json.loads(line) for line in (config.directory / HISTORY).read_text(encoding="utf-8").splitlines()]
    shown = ("step", "env_steps", "wall_h", "cpu_s", "cores", "solve_nodes")
    return {
        "network": network,
        "network_options": {**options_of(config, SHAPE), "agent": config.network},
        "families": families,
        **({"fingerprint": gate.describe(fingerprints)} if fingerprints else {}),
        "max_depth": None,
        "margin": 0.0,
        "fallback": FALLBACKS[0],
        "training": {
            "kind": "reinforce",
            "episodes": curve[-1]["episodes"],
            "env_steps": curve[-1]["env_steps"],
            "sizes": sorted({drawn.size for drawn in played}),
            "steps": curve[-1]["step"],
            "best_step": kept.get("best_step"),
            "wall_h": curve[-1]["wall_h"],
            "cpu_s": curve[-1]["cpu_s"],
            "cores": curve[-1]["cores"],
            "curve": [{key: row.get(key) for key in shown} for row in curve],
            "config": config.to_dict(),
        },
    }


def are_several(families: Sequence[str]) -> bool:
    """Whether they are of several kinds, whose shapes together fit every stranger.  One's own directories count as one:
    they may be sizes of the same kind."""
    known = [family for family in families if family in MILP_FAMILIES]
    return len(known) > 1 or 0 < len(known) < len(families)


def card(config: dict[str, Any]) -> str:
    """card.md: what the numbers in config.json say, for people."""
    training = config["training"]
    run = training["config"]
    lines = [
        f"# Branching by reinforcement: {', '.join(config['families'])}",
        "",
        f"- Network: {config['network']} {config['network_options']}.",
        f"- Learnt from {training['episodes']} episodes of its own ({training['env_steps']} decisions), sizes "
        f"{training['sizes']}, begun from {run['initial_weights'] or 'scratch'}: {training['steps']} gradient steps, "
        f"the best after {training['best_step']}; {training['wall_h']:.2f} h of wall time, {training['cpu_s']:.0f} CPU "
        f"seconds, {training['cores']} cores, seed {run['seed']}.",
        f"- Cost {run['cost']}, loss {run['loss']}, horizon {run['horizon'] or 'Monte Carlo'}, depth first "
        f"{run['depth_first']}.",
        use_line(config),
        "",
        "| gradient steps | decisions | hours | CPU s | validation nodes |",
        "|---|---|---|---|---|",
    ]
    for row in training["curve"]:
        nodes = "" if row["solve_nodes"] is None else f"{row['solve_nodes']:.1f}"
        lines.append(f"| {row['step']} | {row['env_steps']} | {row['wall_h']:.2f} | {row['cpu_s']:.0f} | {nodes} |")
    if told := config.get("distilled"):
        before, after = (round(100 * told[key]["top1"]) for key in ("before", "after"))
        lines += ["", f"Distilled from its agent over {told['steps']} steps: on held-out episodes both choose the same "
                  f"candidate in {after}% ({before}% before)."]  # fmt: skip
    lines += ["", *table_lines(config)]
    if run["yardstick"] or are_several(config["families"]):
        lines += ["", "It is asked for by its name: `auto` never picks it."]
    return "\n".join([*lines, "", MEASURE]) + "\n"
