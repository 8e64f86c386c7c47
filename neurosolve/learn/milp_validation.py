"""How a branching network ranks candidates of nodes it was not trained on, beside SCIP's own pseudocosts."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurosolve.learn.milp_batches import MilpSamples, NodeBatch, packed
from neurosolve.learn.milp_losses import soft_cross_entropy

TOP = 5
TIED = 1 - 1e-3  # of the best score: as good as the best


@dataclasses.dataclass
class HeldOut:
    """Nodes that are scored, in batches of instances."""

    samples: MilpSamples
    picks: list[list[tuple[int, NDArray[np.int64]]]]


def choose(samples: MilpSamples, count: int, batch_nodes: int) -> HeldOut:
    """At most `count` nodes, as many of each instance as of any other."""
    each = max(1, count // len(samples))
    random = np.random.default_rng(0)
    nodes = [np.sort(random.permutation(own)[:each]) for own in samples.nodes]
    return HeldOut(samples, packed(nodes, batch_nodes, each, 0, 0))


@torch.no_grad()
def score(network: nn.Module, held_out: HeldOut, temperature: float, device: torch.device) -> dict[str, float]:
    """{loss, top1, top5, ratio}, and top1 and ratio of pscost, which chooses by SCIP's pseudocosts."""
    network.eval()
    losses, rows = [], []
    for picks in held_out.picks:
        batch = held_out.samples.batch(picks, temperature).to(device)
        scores = network(batch)
        losses.append(float(soft_cross_entropy(scores, batch.target, batch.node, batch.num_nodes)) * batch.num_nodes)
        rows.append(np.stack([*ranks(batch, scores.cpu().numpy()), *ranks(batch, batch.pseudocosts.cpu().numpy())], 1))
    network.train()
    top1, top5, ratio, *pscost = np.concatenate(rows).mean(axis=0).tolist()
    row = {"loss": sum(losses) / sum(map(len, rows)), "top1": top1, "top5": top5, "ratio": ratio}
    return row | dict(zip(("pscost_top1", "pscost_top5", "pscost_ratio"), pscost, strict=True))


def ranks(
    batch: NodeBatch, scores: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each node: is the choice the expert's (or tied with it), is the expert's among the first five, and the
    expert's score of the choice over its best."""
    expert = batch.scores.cpu().numpy()
    ends = np.concatenate([[0], np.cumsum(np.bincount(batch.node.cpu().numpy(), minlength=batch.num_nodes))])
    first, five, ratio = (np.zeros(batch.num_nodes) for _ in range(3))
    for s in range(batch.num_nodes):
        own, truth = scores[ends[s] : ends[s + 1]], expert[ends[s] : ends[s + 1]]
        order = np.argsort(-own, kind="stable")[:TOP]
        ratio[s] = truth[order[0]] / truth.max()
        first[s], five[s] = ratio[s] >= TIED, truth[order].max() >= TIED * truth.max()
    return first, five, ratio
