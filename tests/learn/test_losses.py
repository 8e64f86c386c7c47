from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosolve.learn.batches import UNDECIDED, collate  # noqa: E402
from neurosolve.learn.losses import (  # noqa: E402
    backbone_loss,
    deep_supervision,
    formula_logit,
    loss_of,
    phase_loss,
    sat_loss,
)
from tests.learn.examples import planted_sample  # noqa: E402


def test_phase_loss_is_the_weighted_mean_per_formula_then_over_formulas() -> None:
    batch = collate([planted_sample(0, 4, 9), planted_sample(1, 12, 40)])
    batch.target = torch.linspace(0, 1, 16)
    batch.weight = (2 * batch.target - 1).abs() + UNDECIDED
    logit = torch.linspace(-3, 2, 16)
    p, t, w = torch.sigmoid(logit).numpy(), batch.target.numpy(), batch.weight.numpy()
    entropy = -(t * np.log(p) + (1 - t) * np.log(1 - p)) * w
    expected = (entropy[:4].sum() / w[:4].sum() + entropy[4:].sum() / w[4:].sum()) / 2
    assert phase_loss(logit, batch).item() == pytest.approx(expected, rel=1e-5)


def test_a_formula_without_labels_adds_nothing() -> None:
    labelled = planted_sample(0, 4, 9)
    without = dataclasses.replace(planted_sample(1, 6, 9), assignments=np.zeros((0, 6), np.int8), status=-1)
    alone, both = collate([labelled]), collate([labelled, without])
    logit = torch.linspace(-1, 1, 10, requires_grad=True)
    loss = phase_loss(logit, both)
    assert loss.item() == pytest.approx(phase_loss(logit[:4], alone).item(), rel=1e-6)
    loss.backward()
    assert logit.grad[4:].abs().max() == 0


def test_sat_loss_sees_known_statuses_only() -> None:
    base = planted_sample(0, 4, 9)
    batch = collate([base, dataclasses.replace(base, status=0), dataclasses.replace(base, status=-1)])
    share = torch.cat([torch.full((4,), 2.0), torch.full((4,), 9.0), torch.full((4,), 1.0)])
    assert formula_logit(share, batch).tolist() == [2, 9, 1]
    expected = (math.log1p(math.exp(-2)) + math.log1p(math.exp(1))) / 2
    assert sat_loss(share, batch).item() == pytest.approx(expected, rel=1e-5)
    unknown = collate([dataclasses.replace(base, status=0)])
    assert sat_loss(torch.ones(4), unknown).item() == 0


def test_deep_supervision_weights_later_rounds_more() -> None:
    batch = collate([planted_sample(0, 4, 9)])
    good = (2 * batch.target - 1) * 5
    outputs = [(good, torch.zeros(4)), (-good, torch.zeros(4))]
    right, wrong = phase_loss(good, batch).item(), phase_loss(-good, batch).item()
    assert deep_supervision(outputs, batch, 0).item() == pytest.approx(right / 3 + wrong * 2 / 3, rel=1e-5)
    with_sat = deep_supervision(outputs, batch, 0.5).item()
    assert with_sat == pytest.approx(right / 3 + wrong * 2 / 3 + 0.5 * math.log(2), rel=1e-5)


def test_backbone_loss_weights_classes_and_masks_the_rest() -> None:
    values = torch.tensor([1, 1, 1, -1, 0], dtype=torch.int8)
    logit = torch.tensor([1.0, 2.0, -1.0, 0.5, 99.0])
    w_true, w_false = 4 / (2 * 4), 4 / (2 * 2)
    terms = [math.log1p(math.exp(-1)), math.log1p(math.exp(-2)), math.log1p(math.exp(1))]
    expected = (w_true * sum(terms) + w_false * math.log1p(math.exp(0.5))) / 4
    assert backbone_loss(logit, values).item() == pytest.approx(expected, rel=1e-5)
    assert backbone_loss(logit, torch.zeros(5, dtype=torch.int8)).item() == 0


def test_the_two_backbone_kinds_differ_in_what_they_trust() -> None:
    batch = collate([planted_sample(0, 4, 9)])  # one assignment, no proven backbone
    outputs = [(torch.ones(4), torch.zeros(4))]
    assert loss_of("backbone", outputs, batch, 0).item() == 0
    assert loss_of("agreed", outputs, batch, 0).item() > 0
