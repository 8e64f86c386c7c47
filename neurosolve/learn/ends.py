"""What `train` and `publish` say at their end: what came of it, where it is, and the next command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def train_lines(summary: dict[str, Any], config: Path) -> list[str]:
    """summary: as train.train returns it."""
    minutes, step, best = summary["elapsed_s"] / 60, summary["step"], summary["best_step"]
    told = summary.get("num_telling")
    samples = f"{summary['num_samples']} samples" + ("" if told is None else f", {told} of them with phases to learn")
    kept = f"the best weights are of step {best}" if best >= 0 else "no weights were kept"
    lines = [f"{summary['directory']}: {step} steps in {minutes:.1f} min on {samples}; {kept}"]
    if not summary["steps_now"] and step:
        lines.append(f"nothing was left to do: the budget was spent; more of it is in {config}, as steps or minutes")
    name = Path(summary["directory"]).name
    return [*lines, f"next: neurosolve publish {shlex.quote(str(config))} --out models/{name}"]


def publish_lines(written: dict[str, Any], out: Path, chosen: Sequence[str]) -> list[str]:
    """written: config.json; chosen: its keys that say how the network is used."""
    use = ", ".join(f"{key} {'any' if written[key] is None else written[key]}" for key in chosen)
    taken = "`auto` may take it" if "fingerprint" in written else "by name only: `auto` never takes it"
    place = str(out) if "/" in str(out) else f"./{out}"
    return [
        f"{out}: {', '.join(written['families'])}: {use}; {taken}; what was tried: {out / 'card.md'}",
        f"next: neurosolve solve FILE --guidance model:{shlex.quote(place)}",
    ]
