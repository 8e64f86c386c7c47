"""What a network is worth on formulas it was not trained on: loss, accuracy, and the cost of solving with
its phases."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurosolve.learn.batches import SampleSet, collate
from neurosolve.learn.config import TrainConfig
from neurosolve.learn.losses import formula_logit, loss_of
from neurosolve.learn.samples import Sample

CONFIDENT = 0.8  # |2p - 1| from which a variable counts as confident


@dataclasses.dataclass
class Scores:
    """Sums over variables or formulas; `row` turns them into the shares that are logged."""

    loss: list[float] = dataclasses.field(default_factory=list)
    decided: float = 0.0  # variables, weighted by |2t - 1|, and what was right of them
    right: float = 0.0
    primary: float = 0.0  # the same over the planted variables, which the others follow
    primary_right: float = 0.0
    confident: float = 0.0
    confident_right: float = 0.0
    backbone: int = 0
    backbone_right: int = 0
    status: int = 0
    status_right: int = 0

    def row(self) -> dict[str, float]:
        """nan where there was nothing to measure."""
        pairs = {
            "accuracy": (self.right, self.decided),
            "primary_accuracy": (self.primary_right, self.primary),
            "confident_share": (self.confident, self.decided),
            "confident_accuracy": (self.confident_right, self.confident),
            "backbone_accuracy": (self.backbone_right, self.backbone),
            "sat_accuracy": (self.status_right, self.status),
        }
        shares = {name: part / whole if whole else float("nan") for name, (part, whole) in pairs.items()}
        return {"loss": float(np.mean(self.loss)) if self.loss else float("nan"), **shares}


def choose(samples: SampleSet, count: int) -> list[int]:
    """At most `count` indices evenly over the sorted files, hence over the families."""
    if len(samples) <= count:
        return list(range(len(samples)))
    return [int(i) for i in np.unique(np.linspace(0, len(samples) - 1, count).round())]


@torch.no_grad()
def score(
    network: nn.Module, samples: Sequence[Sample], config: TrainConfig, device: torch.device
) -> tuple[dict[str, float], list[NDArray[np.float32]]]:
    """The logged row and each formula's phase logits (n,)."""
    network.eval()
    rounds = config.validation_rounds or config.rounds_max
    scores, predictions = Scores(), []
    for batch_of in _packed(samples, config.batch_edges):
        batch = collate(batch_of).to(device)
        outputs = network(batch.features, batch.edges, rounds)
        logit, share = outputs[-1]
        scores.loss.append(float(loss_of(config.loss, outputs, batch, config.sat_weight)))
        values = logit.float().cpu().numpy()
        sat = formula_logit(share, batch).cpu().numpy()
        starts = np.concatenate([[0], np.cumsum([s.num_variables for s in batch_of])])
        for i, sample in enumerate(batch_of):
            own = values[starts[i] : starts[i + 1]]
            predictions.append(own)
            add(scores, sample, own, float(sat[i]))
    network.train()
    return scores.row(), predictions


def add(scores: Scores, sample: Sample, logit: NDArray[np.float32], sat_logit: float) -> None:
    """Count one formula in."""
    target = sample.targets()
    weight = np.abs(2 * np.nan_to_num(target, nan=0.5) - 1)
    right = (logit > 0) == (target > 0.5)
    sure = np.abs(np.tanh(logit / 2)) >= CONFIDENT
    scores.decided += float(weight.sum())
    scores.right += float(weight[right].sum())
    if sample.primary.any():
        scores.primary += float(weight[sample.primary].sum())
        scores.primary_right += float(weight[sample.primary & right].sum())
    scores.confident += float(weight[sure].sum())
    scores.confident_right += float(weight[sure & right].sum())
    bone = sample.backbone != 0
    scores.backbone += int(bone.sum())
    scores.backbone_right += int(((logit > 0) == (sample.backbone > 0))[bone].sum())
    if sample.status:
        scores.status += 1
        scores.status_right += (sat_logit > 0) == (sample.status > 0)


def _packed(samples: Sequence[Sample], batch_edges: int) -> list[list[Sample]]:
    """In order, as many as fit."""
    packs: list[list[Sample]] = []
    room = 0
    for sample in samples:
        if not packs or sample.num_edges > room:
            packs.append([])
            room = batch_edges
        packs[-1].append(sample)
        room -= sample.num_edges
    return packs
