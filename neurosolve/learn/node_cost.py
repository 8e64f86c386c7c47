"""The cost that chooses a reinforcement run's checkpoint: nodes, or LP iterations, of validation instances."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from torch import Tensor

from neurosolve.learn.config_reinforce import ReinforceValidation
from neurosolve.learn.export_milp import export_weights
from neurosolve.learn.milp_solve_cost import Solved, cost_of, solve
from neurosolve.learn.naming import bare, origin
from neurosolve.milp.policies import PolicySpec


class NodeCost:
    """Solves the same instances every time, `workers` at once.  Nodes do not depend on what else the machine does."""

    def __init__(self, paths: Sequence[Path], config: ReinforceValidation, workers: int) -> None:
        self.paths, self.config, self.workers = list(paths), config, workers

    def measure(self, network: str, weights: dict[str, Tensor]) -> dict[str, float]:
        """{solve_nodes, solve_lp_iterations, solve_cpu_s, solved} of the network of that name, as milp/network.py
        runs it."""
        with tempfile.TemporaryDirectory(prefix="neurosolve-") as place:
            export_weights(weights, {"network": network}, "", Path(place))
            return self.of(PolicySpec("model", model_dir=Path(place)))

    def of(self, policy: PolicySpec) -> dict[str, float]:
        """The same of any policy, and the nodes of each family where there are several."""
        config = self.config

        def work(one: tuple[Path, int]) -> Solved:
            return solve(one[0], policy, config.time_s, config.protocol, one[1])

        with ThreadPoolExecutor(self.workers) as pool:
            runs = list(pool.map(work, [(path, seed) for seed in range(config.seeds) for path in self.paths]))
        return self._of_families(runs) | {
            "solve_nodes": cost_of(runs, "nodes", config.shift),
            "solve_lp_iterations": cost_of(runs, "lp_iterations", config.shift),
            "solve_cpu_s": cost_of(runs, "cpu", 1.0),
            "solved": sum(run.finished for run in runs) / len(runs),
        }

    def _of_families(self, runs: Sequence[Solved]) -> dict[str, float]:
        families = [origin(bare(path).name, path.parent.name, 0).family for path in self.paths] * self.config.seeds
        return {
            f"solve_nodes_{family}": cost_of(own, "nodes", self.config.shift)
            for family in sorted(set(families))
            if len(own := [run for run, name in zip(runs, families, strict=True) if name == family]) < len(runs)
        }
