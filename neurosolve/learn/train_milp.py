"""Training of branching networks by imitation: strong branching's samples -> weights, chosen by what solving costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosolve.learn.building import build
from neurosolve.learn.config import MilpConfig
from neurosolve.learn.fit_sparse import fit
from neurosolve.learn.loop import TIE_BREAK, Loop, Progress
from neurosolve.learn.milp_batches import MilpSamples, packed
from neurosolve.learn.milp_losses import soft_cross_entropy
from neurosolve.learn.milp_solve_cost import MilpSolveCost
from neurosolve.learn.milp_validation import choose, score
from neurosolve.learn.networks.film import standardise
from neurosolve.learn.networks.sparse import SparseNet

Picks = list[tuple[int, NDArray[np.int64]]]


def train(
    config: MilpConfig, device: str = "cpu", resume: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """As learn.train.train, for `kind = "milp"`."""
    with MilpTrainer(config, torch.device(device), resume, progress) as trainer:
        return trainer.run()


def load(config: MilpConfig, directories: list[str]) -> MilpSamples:
    return MilpSamples(directories, config.max_candidates, graphs=config.network == "gcnn")


def build_for(config: MilpConfig, samples: MilpSamples) -> nn.Module:
    """The network of a config with fresh weights, its features standardised over the samples; `sparse` is fitted."""
    network = build(config, samples.shape)
    standardise(network, samples)
    if isinstance(network, SparseNet):
        fit(network, samples)
    return network


class MilpTrainer(Loop[MilpConfig]):
    """Candidate scorers on labelled nodes."""

    samples: MilpSamples

    def load(self) -> None:
        self.samples = load(self.config, self.config.samples)
        self.num_dropped = self.samples.num_dropped

    def build(self) -> nn.Module:
        return build_for(self.config, self.samples)

    def load_validation(self) -> None:
        held_out = load(self.config, self.config.validation)
        self.held_out = choose(held_out, self.config.max_validation, self.config.batch_nodes)
        self.solve_cost = MilpSolveCost(self.config.network, self.config.solve_validation)

    def batches(self, epoch: int) -> list[Picks]:
        config = self.config
        return packed(self.samples.nodes, config.batch_nodes, config.nodes_per_instance, config.seed, epoch)

    def loss(self, batch: Picks) -> Tensor:
        nodes = self.samples.batch(batch, self.config.temperature).to(self.device)
        return soft_cross_entropy(self.network(nodes), nodes.target, nodes.node, nodes.num_nodes)

    def validation(self, share: float) -> tuple[dict[str, float], dict[str, float], float | None]:
        scores = score(self.network, self.held_out, self.config.temperature, self.device)
        if not self.config.solve_validation.count:
            return scores, {}, scores["loss"]
        if share < self.config.solve_validation.start:
            return scores, {}, None
        solved = self.solve_cost.measure(self.network)
        return scores, solved, solved["solve_cost"] + TIE_BREAK * scores["loss"]
