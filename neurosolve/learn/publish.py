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
from neurosolve.infer import ASSUMED_RATE, load_model
from neurosolve.learn import export_neuroback
from neurosolve.learn.batches import SampleSet
from neurosolve.learn.config import TrainConfig, read_config
from neurosolve.learn.export import export as export_program
from neurosolve.learn.networks import build
from neurosolve.learn.samples import Sample
from neurosolve.neuroback import NeuroBackModel
from neurosolve.result import Limits, Status
from neurosolve.sat import engines, gate
from neurosolve.sat.graph import literal_clause_graph
from neurosolve.sat.phases import MAJORITY_FILE, Phases, write_majority
from neurosolve.sat.table import find_engine, is_installed

SHIFT_S = 0.1
ROUNDS = (8, 12, 16, 20)
SLACK = 1.25
BOUNDS = (500, 2_000, 8_000, 32_000, 128_000, 512_000)
STOCK = ("cadical195", "cadical195/sat", "kissat", "kissat/sat")
CANDIDATES = (
    "cadical195:rename", "cadical195:rename+order", "cadical195:forced", "cadical195:forced+order",
    "cadical195:forced@0.8", "cadical195:rename+order@0.8", "kissat:rename+order", "glucose42:initial+order",
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

    candidates: "engine:delivery[@confidence]"; engines that are not installed are left out.  Returns the written
    config.  Raises ModelError where the run has no checkpoint, UsageError for candidates that are none and where no
    validation formula is known to be satisfiable.
    """
    candidates = _installed(candidates)
    config = read_config(Path(config_path))
    weights = config.directory / "best.safetensors"
    if not weights.exists():
        raise ModelError(f"{weights} is missing: `neurosolve train {config_path}` makes it")
    export = export_neuroback.export if config.network == "neuroback" else export_program
    network = build(config.network, **config.network_options)
    network.load_state_dict(load_file(weights))
    training, validation = (SampleSet(d, config.max_edges) for d in (config.samples, config.validation))
    samples = _largest(validation, count)
    if not samples:
        raise UsageError("no validation formula is known to be satisfiable: engine and delivery cannot be chosen")
    written = _describe(config, training)
    export(network, written, _card(written), out)
    write_majority(out / MAJORITY_FILE, (training[i].assignments for i in range(len(training))))
    contest = _Contest(out, samples, time_s)
    table = contest.arms(candidates, progress)
    best = min((row for row in table if row["guided"]), key=lambda row: float(row["cpu_s"]))
    stock = min((row for row in table if not row["guided"]), key=lambda row: float(row["cpu_s"]))
    rounds, tried = contest.rounds(best, config.rounds_max)
    written.update(engine=best["engine"], delivery=best["delivery"], rounds=rounds)
    written["confidence_threshold"] = best["confidence"]
    written["conflict_bound"] = contest.bound(best, rounds, stock)
    written["fallback"] = {"engine": stock["engine"], "preset": stock["preset"]}
    written["validation"] = {
        "formulas": len(contest.samples), "time_limit_s": time_s, "shift_s": SHIFT_S, "arms": table, "rounds": tried,
    }  # fmt: skip
    export(network, written, _card(written), out)
    return written


def _parsed(candidate: str) -> tuple[str, str, float]:
    """engine:delivery[@confidence]: opinions below that confidence are left to the engine."""
    name, _, confidence = candidate.partition("@")
    engine, _, delivery = name.partition(":")
    try:
        return engine, delivery, float(confidence or 0.0)
    except ValueError as error:
        raise UsageError(f"candidate '{candidate}': '{confidence}' is no confidence") from error


def _installed(candidates: Sequence[str]) -> list[str]:
    """The candidates whose engine is here.  Raises UsageError for one that is no engine:delivery, or if none is."""
    for name in candidates:
        engine, delivery, _ = _parsed(name)
        if delivery.removesuffix("+order") not in find_engine(engine).deliveries:
            raise UsageError(f"candidate '{name}': {engine} has {', '.join(find_engine(engine).deliveries)}")
    here = [name for name in candidates if is_installed(find_engine(_parsed(name)[0]))]
    if not here:
        raise UsageError(f"no engine of {', '.join(candidates)} is installed")
    return here


def _largest(validation: SampleSet, count: int) -> list[Sample]:
    """Size is where models fail, so the largest satisfiable validation formulas judge."""
    samples = [s for s in (validation[i] for i in range(len(validation))) if s.status == 1]
    return sorted(samples, key=lambda s: (-s.num_variables, s.name))[:count]


def _describe(config: TrainConfig, training: SampleSet) -> dict[str, Any]:
    """config.json but for what validation chooses."""
    samples = [training[i] for i in range(len(training))]
    history = [json.loads(line) for line in (config.directory / "history.jsonl").read_text().splitlines()]
    last = history[-1] if history else {}
    sizes = sorted({s.size for s in samples})
    described = {
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
    if config.network == "neuroback":  # a yardstick, asked for by name: without a fingerprint the gate never picks it
        del described["fingerprint"]
        described["guide_time_s"] = 60.0
    return described


class _Contest:
    """Arms run on the same validation formulas: CPU seconds of the engine's child, the limit where unsolved."""

    def __init__(self, directory: Path, samples: list[Sample], time_s: float) -> None:
        self.samples, self.time_s = samples, time_s
        self.model = load_model(directory)
        self.graphs = [literal_clause_graph(s.cnf) for s in samples]

    def arms(self, candidates: Sequence[str], progress: Progress | None) -> list[dict[str, Any]]:
        """One row an arm: the stock engines, then every candidate with the network's phases."""
        told = self._predict(int(self.model.config["rounds"]))
        stock = [n.partition("/")[::2] for n in STOCK]
        arms: list[dict[str, Any]] = [
            {"engine": engine, "guided": False, "delivery": None, "preset": preset or None, "confidence": 0.0}
            for engine, preset in stock
            if is_installed(find_engine(engine))
        ]
        for engine, delivery, confidence in map(_parsed, candidates):
            arms.append(
                {"engine": engine, "guided": True, "delivery": delivery, "preset": None, "confidence": confidence}
            )
        rows = []
        for done, row in enumerate(arms, start=1):
            rows.append({**row, **_summary(self._run(row, told))})
            if progress:
                progress(f"{row['engine']} {row['delivery'] or row['preset'] or 'stock'}", done, len(arms))
        return rows

    def rounds(self, arm: dict[str, Any], most: int) -> tuple[int, list[dict[str, float]]]:
        """The most rounds whose network and solve cost at most SLACK times the cheapest, and what each cost.

        Not the cheapest itself: formulas larger than these need more rounds.
        """
        tried: list[dict[str, float]] = []
        if isinstance(self.model, NeuroBackModel):
            return 1, tried  # its layers are as many as they are
        for rounds in sorted({most, *(r for r in ROUNDS if r < most)}):
            seconds = sum(self.model.cost(g, rounds) for g in self.graphs) / len(self.graphs) / ASSUMED_RATE
            cost = _summary(self._run(arm, self._predict(rounds)))
            tried.append({"rounds": rounds, "network_s": round(seconds, 4), "cpu_s": cost["cpu_s"]})
        least = min(row["network_s"] + row["cpu_s"] for row in tried)
        return max(int(r["rounds"]) for r in tried if r["network_s"] + r["cpu_s"] <= SLACK * least), tried

    def bound(self, arm: dict[str, Any], rounds: int, stock: dict[str, Any]) -> int:
        """The conflicts after which a guided run had better give way to the best stock engine, of BOUNDS."""
        guided = self._run(arm, self._predict(rounds))
        behind = self._run(stock, [])

        def cost(bound: int) -> float:
            spent = []
            for (seconds, conflicts, answered), (stock_s, _, _) in zip(guided, behind, strict=True):
                share = min(1.0, bound / max(conflicts, 1)) if answered else min(1.0, bound / BOUNDS[-1])
                within = answered and conflicts <= bound
                spent.append(seconds * share + (0.0 if within else stock_s))
            return _mean(spent, SHIFT_S)

        return min(BOUNDS, key=cost)

    def _predict(self, rounds: int) -> list[Phases]:
        if isinstance(self.model, NeuroBackModel):
            logits = [self.model.predict(graph, budget_s=1e9).logit for graph in self.graphs]
        else:
            logits = [self.model.predict(graph, num_rounds=rounds).logit for graph in self.graphs]
        return [Phases.of(logit, "network", np.abs(np.tanh(logit / 2))) for logit in logits]

    def _run(self, arm: dict[str, Any], told: list[Phases]) -> list[tuple[float, int, bool]]:
        """(CPU seconds, conflicts, answered) of each formula; `told` is read by guided arms only."""
        rows = []
        for i, sample in enumerate(self.samples):
            run = engines.run(
                sample.cnf,
                arm["engine"],
                phases=told[i].confident(arm["confidence"]) if arm["guided"] else None,
                delivery=arm["delivery"],
                preset=arm["preset"],
                limits=Limits(time_s=self.time_s),
            )
            answered = run.status is not Status.UNKNOWN
            seconds = min(run.cpu_time_s, self.time_s) if answered else self.time_s
            rows.append((seconds, run.stats.num_conflicts or 0, answered))
        return rows


def _summary(rows: list[tuple[float, int, bool]]) -> dict[str, Any]:
    """Seconds over all formulas, the limit where unsolved; conflicts over the solved ones (None without any)."""
    seconds = [row[0] for row in rows]
    conflicts = [row[1] for row in rows if row[2]]
    num_conflicts = round(_mean(conflicts, 10.0), 1) if conflicts else None
    return {"cpu_s": round(_mean(seconds, SHIFT_S), 4), "solved": len(conflicts), "conflicts": num_conflicts}


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
