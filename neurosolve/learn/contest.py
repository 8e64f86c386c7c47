"""What `publish` decides by solving: engine, delivery, confidence, rounds, the conflict bound and the least mass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neurosolve import process
from neurosolve.errors import UsageError
from neurosolve.graph import BipartiteGraph
from neurosolve.infer import ASSUMED_RATE, load_model
from neurosolve.learn.means import geometric_mean
from neurosolve.learn.samples import Sample
from neurosolve.neuroback import NeuroBackModel
from neurosolve.result import Limits, Status
from neurosolve.sat import engines
from neurosolve.sat.graph import literal_clause_graph
from neurosolve.sat.phases import Phases
from neurosolve.sat.table import find_engine, is_installed

SHIFT_S = 0.1
ROUNDS = (8, 12, 16, 20)
SLACK = 1.25
BOUNDS = (500, 2_000, 8_000, 32_000, 128_000, 512_000)
STOCK = ("cadical195", "cadical195/sat", "kissat", "kissat/sat")
Progress = Callable[[str, int, int], None]


def parsed(candidate: str) -> tuple[str, str, float]:
    """engine:delivery[@confidence]: opinions below that confidence are left to the engine."""
    name, _, confidence = candidate.partition("@")
    engine, _, delivery = name.partition(":")
    try:
        return engine, delivery, float(confidence or 0.0)
    except ValueError as error:
        raise UsageError(f"candidate '{candidate}': '{confidence}' is no confidence") from error


def installed(candidates: Sequence[str]) -> list[str]:
    """The candidates whose engine is here.  Raises UsageError for one that is no engine:delivery, or if none is."""
    for name in candidates:
        engine, delivery, _ = parsed(name)
        if delivery.removesuffix("+order") not in find_engine(engine).deliveries:
            raise UsageError(f"candidate '{name}': {engine} has {', '.join(find_engine(engine).deliveries)}")
    here = [name for name in candidates if is_installed(find_engine(parsed(name)[0]))]
    if not here:
        raise UsageError(f"no engine of {', '.join(candidates)} is installed")
    return here


class Contest:
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
        for engine, delivery, confidence in map(parsed, candidates):
            arms.append(
                {"engine": engine, "guided": True, "delivery": delivery, "preset": None, "confidence": confidence}
            )
        rows = []
        for done, row in enumerate(arms, start=1):
            rows.append({**row, **summary(self._run(row, told))})
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
            cost = summary(self._run(arm, self._predict(rounds)))
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
            return geometric_mean(spent, SHIFT_S)

        return min(BOUNDS, key=cost)

    def least_mass(self, rounds: int, unsatisfiable: list[Sample]) -> float:
        """The confidence mass halfway between satisfiable and unsatisfiable formulas; 0 where they overlap."""
        mass = min(told.mass for told in self._predict(rounds))
        strangers = [self._phases(literal_clause_graph(s.cnf), rounds).mass for s in unsatisfiable]
        return round((mass + max(strangers)) / 2, 3) if strangers and max(strangers) < mass else 0.0

    def _predict(self, rounds: int) -> list[Phases]:
        return [self._phases(graph, rounds) for graph in self.graphs]

    def _phases(self, graph: BipartiteGraph, rounds: int) -> Phases:
        if isinstance(self.model, NeuroBackModel):
            logit = self.model.predict(graph, budget_s=1e9).logit
        else:
            logit = self.model.predict(graph, num_rounds=rounds).logit
        return Phases.of_logits(logit, "network")

    def _run(self, arm: dict[str, Any], told: list[Phases]) -> list[tuple[float, int, bool]]:
        """(CPU seconds, conflicts, answered) of each formula; `told` is read by guided arms only.

        Raises KeyboardInterrupt where a signal ended a run: it measures nothing.
        """
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
            if run.reason == process.SIGNAL:
                raise KeyboardInterrupt
            answered = run.status is not Status.UNKNOWN
            seconds = min(run.cpu_time_s, self.time_s) if answered else self.time_s
            rows.append((seconds, run.stats.num_conflicts or 0, answered))
        return rows


def summary(rows: list[tuple[float, int, bool]]) -> dict[str, Any]:
    """Seconds over all formulas, the limit where unsolved; conflicts over the solved ones (None without any)."""
    seconds = [row[0] for row in rows]
    conflicts = [row[1] for row in rows if row[2]]
    num_conflicts = round(geometric_mean(conflicts, 10.0), 1) if conflicts else None
    return {"cpu_s": round(geometric_mean(seconds, SHIFT_S), 4), "solved": len(conflicts), "conflicts": num_conflicts}
