"""The cost that chooses checkpoints: solving validation instances with the network branching, for real."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from neurosolve import process
from neurosolve.errors import UsageError
from neurosolve.learn.collect_milp import PATIENCE
from neurosolve.learn.config import MilpSolveValidation
from neurosolve.learn.export_milp import export
from neurosolve.learn.means import geometric_mean
from neurosolve.learn.naming import find_milps
from neurosolve.milp import engine
from neurosolve.milp.policies import PolicySpec
from neurosolve.milp.scip_file import as_file
from neurosolve.result import Limits, Status

BASELINE = PolicySpec("pscost")
UNSOLVED = 2.0  # times what a run that met the limit had spent in nodes or LP iterations; its seconds are the limit's


@dataclasses.dataclass(frozen=True)
class Solved:
    """One solve: CPU seconds of SCIP's child (the limit where it was met), nodes, whether it ended by itself, the
    policy's own wall seconds and calls, LP iterations, and SCIP's primal-dual integral (per cent times CPU seconds)."""

    cpu_s: float
    num_nodes: int
    finished: bool
    policy_s: float
    num_calls: int
    lp_iterations: int = 0
    integral: float = 0.0


def solve(path: Path, policy: PolicySpec, time_s: float, protocol: str, seed: int = 0) -> Solved:
    """Solve under the protocol and a limit of `time_s` CPU seconds.  Raises what the engine raises, and
    KeyboardInterrupt where a signal ended the run: it measures nothing."""
    with as_file(path, None) as given:
        job = engine.Job(
            given.path, given.format, policy, limits=Limits(time_s=PATIENCE * time_s), seed=seed, protocol=protocol,
            params={"timing/clocktype": 1, "limits/time": time_s},
        )  # fmt: skip
        run = engine.run(job)
    if run.reason == process.SIGNAL:
        raise KeyboardInterrupt
    finished = run.status is not Status.LIMIT
    seconds = min(run.cpu_time_s, time_s) if finished else time_s
    stats = run.stats
    return Solved(seconds, stats.num_nodes or 0, finished, stats.policy_s or 0.0, stats.num_policy_calls or 0,
                  stats.num_lp_iterations or 0, stats.primal_dual_integral or 0.0)  # fmt: skip


def instances(directories: Sequence[str], count: int) -> list[Path]:
    """The first `count` files below the directories, in turn.  Raises UsageError for a directory without any, and where
    there is no directory."""
    if not directories:
        raise UsageError("no instances to solve: [solve_validation] instances names no directory")
    lists = [find_milps(Path(directory)) for directory in directories]
    turns = [path for i in range(max(map(len, lists))) for path in (one[i] for one in lists if i < len(one))]
    return turns[:count]


def cost_of(runs: Sequence[Solved], measure: str, shift: float) -> float:
    """The shifted geometric mean of cpu (seconds), nodes or lp_iterations."""
    if measure != "cpu":
        counts = [r.num_nodes if measure == "nodes" else r.lp_iterations for r in runs]
        spent = [count * (1.0 if r.finished else UNSOLVED) for count, r in zip(counts, runs, strict=True)]
        return geometric_mean(spent, shift)
    return geometric_mean([r.cpu_s for r in runs], shift)


class MilpSolveCost:
    """Solves the same instances every time."""

    def __init__(self, network: str, config: MilpSolveValidation) -> None:
        self.network, self.config = network, config
        self.paths = instances(config.instances, config.count) if config.count else []
        self._baseline: float | None = None

    def measure(self, network: nn.Module) -> dict[str, float]:
        """{solve_cost, solve_nodes, solved, baseline_cost, solve_ratio}; baseline: SCIP's pscost, solved once."""
        config = self.config
        if self._baseline is None:
            self._baseline = cost_of(self._solve(BASELINE), config.measure, config.shift)
        with tempfile.TemporaryDirectory(prefix="neurosolve-") as place:
            export(network, {"network": self.network}, "", Path(place))
            runs = self._solve(PolicySpec("model", model_dir=Path(place)))
        cost = cost_of(runs, config.measure, config.shift)
        return {
            "solve_cost": cost,
            "solve_nodes": cost_of(runs, "nodes", 1.0),
            "solved": sum(r.finished for r in runs) / len(runs),
            "baseline_cost": self._baseline,
            "solve_ratio": (cost + config.shift) / (self._baseline + config.shift),
        }

    def _solve(self, policy: PolicySpec) -> list[Solved]:
        return [solve(path, policy, self.config.time_s, self.config.protocol) for path in self.paths]
