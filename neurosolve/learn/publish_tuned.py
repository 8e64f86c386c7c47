"""What a model that was tuned by solver feedback says of itself: it is used as its start, and shows how it learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurosolve import model_files
from neurosolve.errors import UsageError
from neurosolve.learn.config_finetune import FinetuneConfig

USE = (
    "engine", "delivery", "rounds", "min_rounds", "confidence_threshold", "min_confidence_mass", "min_sat_logit",
    "conflict_bound", "fallback",
)  # fmt: skip


def use_of(start: Path, succeeds: bool) -> dict[str, Any]:
    """How the model of that directory is used, and whether by `auto`.  Raises ModelError without one, and UsageError
    where it is to be succeeded and `auto` does not take it itself."""
    config = model_files.read_json(start / "config.json")
    if succeeds and "fingerprint" not in config:
        raise UsageError(f"succeeds: {start} is by name only, so there is nothing that `auto` could take instead")
    taken_over = {"succeeds": start.name, "fingerprint": config["fingerprint"]} if succeeds else {}
    return {key: config[key] for key in USE if key in config} | taken_over


def tuning(config: FinetuneConfig, history: list[dict[str, Any]]) -> dict[str, Any]:
    """The conflicts of the best weights and of the start on the formulas that chose, shifted geometric means, and the
    curve that led there.  history: the run's rows, one a validation."""
    rows = [row for row in history if "solve_cost" in row]
    best = min(rows, key=lambda row: float(row["solve_cost"]))
    solved, solves = config.solve_validation, config.formulas * config.group  # a step's
    curve = [{"step": row["step"], "solves": row["step"] * solves, "wall_h": row["elapsed_s"] / 3600,
              "size": row["size"], "conflicts": row["solve_cost"]} for row in rows]  # fmt: skip
    return {"formulas": solved.count * len(config.validation_sizes), "conflict_limit": solved.conflicts,
            "conflicts": best["solve_cost"], "conflicts_of_start": best["start_cost"], "cores": config.workers,
            "curve": curve}  # fmt: skip


def told(config: dict[str, Any]) -> list[str]:
    """The card's lines of how it was tuned."""
    of = config["training"]["config"]
    tries = f"{of['formulas']} new formulas a step, sizes {of['sizes']}, {of['group']} tries each"
    return [
        f"- Fine-tuned from {of['start']} by solver feedback ({of['update']}): {tries}, {of['workers']} cores.",
        "- `auto` takes it in place of its start." if "succeeds" in config else "- By name only.",
    ]


def shown(validation: dict[str, Any]) -> list[str]:
    """The card's lines of what tuning came to, and its learning curve."""
    v = validation
    return [
        f"Validation, {v['formulas']} formulas (no test formula among them), {v['conflict_limit']} conflicts each at "
        f"most: {v['conflicts']:.1f} conflicts, {v['conflicts_of_start']:.1f} before tuning.",
        "",
        "| steps | solves | hours | largest size in play | validation conflicts |",
        "|---|---|---|---|---|",
        *(f"| {row['step']} | {row['solves']} | {row['wall_h']:.2f} | {row['size']:g} | {row['conflicts']:.1f} |"
          for row in v["curve"]),
    ]  # fmt: skip
