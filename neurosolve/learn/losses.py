"""What training minimises."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from neurosolve.learn.batches import FormulaBatch

Output = tuple[Tensor, Tensor]  # phase logit (N,), share (N,) of the formula's satisfiability logit


def mean_per_formula(values: Tensor, weight: Tensor, batch: FormulaBatch) -> Tensor:
    """Weighted mean over each formula's variables, then the mean over formulas that have any weight: a
    scalar."""
    zeros = torch.zeros(batch.num_formulas, device=values.device)
    total = zeros.index_add(0, batch.formula_of_variable, values * weight)
    mass = zeros.index_add(0, batch.formula_of_variable, weight)
    labelled = (mass > 0).float()
    return (total / mass.clamp(min=1e-9)).sum() / labelled.sum().clamp(min=1)


def formula_logit(share: Tensor, batch: FormulaBatch) -> Tensor:
    """Satisfiability logit (B,): the mean of its variables' shares."""
    zeros = torch.zeros(batch.num_formulas, device=share.device)
    counts = torch.bincount(batch.formula_of_variable, minlength=batch.num_formulas).clamp(min=1)
    return zeros.index_add(0, batch.formula_of_variable, share.float()) / counts


def phase_loss(logit: Tensor, batch: FormulaBatch) -> Tensor:
    """Soft-target binary cross-entropy; undecided variables count little."""
    losses = functional.binary_cross_entropy_with_logits(logit.float(), batch.target, reduction="none")
    return mean_per_formula(losses, batch.weight, batch)


def sat_loss(share: Tensor, batch: FormulaBatch) -> Tensor:
    """Binary cross-entropy of the satisfiability logit over the formulas whose status is known."""
    known = torch.isfinite(batch.status)
    if not bool(known.any()):
        return share.sum() * 0.0
    logit = formula_logit(share, batch)
    return functional.binary_cross_entropy_with_logits(logit[known], batch.status[known])


def deep_supervision(outputs: Sequence[Output], batch: FormulaBatch, sat_weight: float) -> Tensor:
    """All readouts, the i-th of k weighted by i / (1 + ... + k): later rounds matter more, early ones still
    learn."""
    weights = [2 * (i + 1) / (len(outputs) * (len(outputs) + 1)) for i in range(len(outputs))]
    total = outputs[0][0].sum() * 0.0
    for weight, (logit, share) in zip(weights, outputs, strict=True):
        total = total + weight * phase_loss(logit, batch)
        if sat_weight:
            total = total + weight * sat_weight * sat_loss(share, batch)
    return total


def backbone_loss(logit: Tensor, values: Tensor) -> Tensor:
    """NeuroBack's: cross-entropy on backbone variables alone, class c weighted by N / (2 (N_c + 1)).

    logit (N,), values (N,) in {-1, 0, +1}; variables at 0 are masked out.  The mean over the rest, 0 if
    there are none.
    """
    chosen = values != 0
    if not bool(chosen.any()):
        return logit.sum() * 0.0
    true = (values[chosen] > 0).float()
    count = true.numel()
    weight_true, weight_false = count / (2 * (true.sum() + 1)), count / (2 * (count - true.sum() + 1))
    losses = functional.binary_cross_entropy_with_logits(logit[chosen].float(), true, reduction="none")
    return (losses * torch.where(true > 0, weight_true, weight_false)).mean()


def loss_of(kind: str, outputs: Sequence[Output], batch: FormulaBatch, sat_weight: float) -> Tensor:
    """kind: 'phases' (soft targets, all readouts), 'backbone' (NeuroBack's, last readout, proven backbones
    only) or 'agreed' (the same with the variables in which all known assignments agree counted as
    backbone)."""
    if kind == "phases":
        return deep_supervision(outputs, batch, sat_weight)
    return backbone_loss(outputs[-1][0], batch.backbone if kind == "backbone" else batch.agreed)
