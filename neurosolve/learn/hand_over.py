"""When a branching model hands over to SCIP: from which depth and margin on, chosen by a contest of solves.

What wins is decided on validation instances alone, by CPU seconds (where no arm ends, by the primal-dual integral),
with SCIP untouched and pscost beside every candidate; the whole table is kept in config.json, so a reader sees what was
tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neurosolve.errors import UsageError
from neurosolve.learn.means import geometric_mean
from neurosolve.learn.milp_solve_cost import Solved, cost_of, solve
from neurosolve.learn.placing import built_beside, by_name_only, judged, standing
from neurosolve.milp.policies import FALLBACKS, PolicySpec

SHIFT_S = 1.0
INTEGRAL_SHIFT = 100.0 * SHIFT_S  # a second without an incumbent
TIME_S = 60.0  # of each solve
CHOSEN = ("max_depth", "margin", "fallback")
STOCK = ("none", "pscost")
CANDIDATES = ("any:0:relpscost", "8:0:pscost", "16:0:pscost", "16:0:relpscost", "any:0.1:pscost", "any:0.3:pscost")
Progress = Callable[[str, int, int], None]  # what was solved, how many solves are done, of how many
Export = Callable[[dict[str, Any], str, Path], None]  # of a config and a card into a directory


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


@dataclasses.dataclass(frozen=True)
class Contest:
    """Every arm on every instance, under one protocol and a limit of time_s CPU seconds a solve."""

    arms: Sequence[HandOver]
    paths: Sequence[Path]
    protocol: str
    time_s: float

    def run(self, directory: Path, progress: Progress | None = None) -> list[dict[str, Any]]:
        """One row an arm of the model in `directory`, SCIP untouched and SCIP's own under the protocol first.  The arms
        take turns at every instance, so that all meet the same weather."""
        protocol, paths = self.protocol, self.paths
        untouched = [] if protocol == "default" else [("none", "default")]
        stock = [({"guided": False, "policy": name, "protocol": under}, PolicySpec(name))
                 for name, under in [*untouched, *((name, protocol) for name in STOCK)]]  # fmt: skip
        ours = [({"guided": True, "policy": "model", "protocol": protocol, **dataclasses.asdict(arm)},
                 PolicySpec("model", model_dir=directory, **dataclasses.asdict(arm))) for arm in self.arms]  # fmt: skip
        rows: list[tuple[dict[str, Any], PolicySpec]] = [*stock, *ours]
        runs: list[list[Solved]] = [[] for _ in rows]
        for done, path in enumerate(paths):
            for i, (row, spec) in enumerate(rows):
                runs[i].append(solve(path, spec, self.time_s, row["protocol"]))
                if progress:
                    progress(path.name, done * len(rows) + i + 1, len(paths) * len(rows))
        return [{**row, **_summary(found)} for (row, _), found in zip(rows, runs, strict=True)]

    def chosen(self, table: list[dict[str, Any]], kept: dict[str, Any]) -> dict[str, Any]:
        """What the table of `run` says of a config: the hand-over of its fastest guided row, and the table itself with
        the scores that the checkpoint `kept`."""
        best = min((row for row in table if row["guided"]), key=standing)
        validation = {"instances": len(self.paths), "time_limit_s": self.time_s, "shift_s": SHIFT_S,
                      "protocol": self.protocol, "arms": table, "scores": kept.get("scores", {})}  # fmt: skip
        return {**{key: best[key] for key in CHOSEN}, "validation": validation}

    def settle(
        self, out: Path, described: dict[str, Any], kept: dict[str, Any], export: Export,
        card: Callable[[dict[str, Any]], str], progress: Progress | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Make the model in `out`, its hand-over chosen by this contest; returns its whole config.

        described: config.json but for what the contest says.  kept: the state of the checkpoint.  `out` changes at the
        very end, and has a fingerprint, which `auto` goes by, only where the model won.
        """
        with built_beside(out) as place:
            export(described, "", place)
            config = judged(described | self.chosen(self.run(place, progress), kept))
            export(config, card(config), place)
        return config


def _summary(runs: Sequence[Solved]) -> dict[str, Any]:
    """Shifted geometric means over all instances (the limit where it was met), and milliseconds a decision."""
    calls = sum(r.num_calls for r in runs)
    return {
        "cpu_s": round(cost_of(runs, "cpu", SHIFT_S), 4),
        "integral": round(geometric_mean([r.integral for r in runs], INTEGRAL_SHIFT), 1),
        "nodes": round(cost_of([r for r in runs if r.finished] or runs, "nodes", 1.0), 1),
        "solved": sum(r.finished for r in runs),
        "ms_per_call": round(1000 * sum(r.policy_s for r in runs) / calls, 3) if calls else None,
    }


def use_line(config: dict[str, Any]) -> str:
    """The card's line of how the network is used."""
    depth = "any depth" if config["max_depth"] is None else f"depth {config['max_depth']}"
    return (
        f"- It decides down to {depth}, where its best score leads by {config['margin']:g} or more; else "
        f"{config['fallback']} does.  Chosen on validation instances."
    )


def table_lines(config: dict[str, Any]) -> list[str]:
    """The table of a config's "validation", and a word where `auto` may not take the model for it."""
    found = config["validation"]
    lines = [
        f"Validation, {found['instances']} instances, {found['time_limit_s']:g} s limit, protocol {found['protocol']} "
        "(no test instance among them):",
        "",
        "| policy | protocol | depth | margin | fallback | CPU s | integral | nodes | solved | ms a node |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found["arms"]:
        shown = ("policy", "protocol", *CHOSEN, "cpu_s", "integral", "nodes", "solved", "ms_per_call")
        cells = [row.get(key) for key in shown]
        lines.append("| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |")
    why = by_name_only(config)
    return [*lines, "", why] if why else lines
