"""A finished branching run -> a model directory: the network, and its hand-over to SCIP, chosen by hand_over.py."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurosolve.errors import ModelError
from neurosolve.fingerprints import Fingerprint
from neurosolve.learn import checkpoint
from neurosolve.learn.building import build, options_of
from neurosolve.learn.config import MilpConfig
from neurosolve.learn.export_milp import export
from neurosolve.learn.finished import finished_run
from neurosolve.learn.hand_over import CANDIDATES, CHOSEN, TIME_S, Contest, HandOver, Progress, table_lines, use_line
from neurosolve.learn.milp_batches import MilpSamples
from neurosolve.learn.milp_solve_cost import instances
from neurosolve.learn.placing import MEASURE
from neurosolve.learn.train_milp import load
from neurosolve.milp import gate
from neurosolve.milp.first_look import fingerprint_of
from neurosolve.milp.policies import FALLBACKS

__all__ = ["CANDIDATES", "CHOSEN", "TIME_S", "publish"]


def publish(
    config_path: str | Path, out: Path, candidates: Sequence[str] = CANDIDATES, count: int = 12,
    time_s: float = TIME_S, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Export runs/NAME/best.safetensors to `out`, choose the hand-over on `count` validation instances.

    candidates: DEPTH:MARGIN:FALLBACK.  Instances: those below [solve_validation] `instances`.  Returns the written
    config, which has no fingerprint where no candidate beats SCIP, or on too few instances.  `out` changes at the very
    end.  Raises ModelError where the run has no checkpoint, UsageError for candidates that are none and where there is
    no instance.
    """
    arms = [HandOver.parse(text) for text in candidates]
    config, weights = finished_run(config_path, MilpConfig)
    paths = instances(config.solve_validation.instances, count)
    samples = load(config, config.samples)
    network = build(config, samples.shape)
    kept = checkpoint.load_weights(network, weights)
    described = _describe(config, samples, paths, kept)
    contest = Contest(arms, paths, config.solve_validation.protocol, time_s)
    return contest.settle(out, described, kept, functools.partial(export, network), card, progress)


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


def _fingerprints(samples: MilpSamples, paths: Sequence[Path]) -> list[Fingerprint]:
    """What the gate will see: of the problems trained on, and of those, often larger, on which the model is validated.

    Raises ModelError for samples of an older neurosolve.
    """
    if any(not s.fingerprint.size for s in samples.samples):
        raise ModelError("samples without the problem's fingerprint, of an older neurosolve: collect them again")
    trained = [dict(zip(gate.FEATURES, s.fingerprint.tolist(), strict=True)) for s in samples.samples]
    return trained + [fingerprint_of(path) for path in paths]


def card(config: dict[str, Any]) -> str:
    """card.md: what the numbers in config.json say, for people."""
    training, found = config["training"], config["validation"]
    lines = [
        f"# Branching: {', '.join(config['families'])}",
        "",
        f"- Network: {config['network']} {config['network_options']}.",
        f"- Trained on {training['nodes']} nodes of {training['instances']} instances, sizes {training['sizes']}, "
        f"labelled by full strong branching: {training['best_step']} steps, {training['seconds'] or 0:.0f} s of wall "
        f"time, seed {training['config']['seed']}, CPU threads: {training['config']['threads']}.",
        use_line(config),
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
