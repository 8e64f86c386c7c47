"""Losses of Q: the logarithm, the histogram, lower bounds, and double values."""

from __future__ import annotations

import pytest
import torch

from neurosolve.learn.q_losses import HUBER, double_values, hl_gauss, log_loss

NOT, YES = torch.tensor([False]), torch.tensor([True])


def test_log_loss_is_squared_then_linear_and_one_sided_for_a_bound() -> None:
    q, target = torch.tensor([5.0, 2.0, 14.0]), torch.tensor([4.0, 4.0, 4.0])
    losses, error = log_loss(q, target, torch.zeros(3, dtype=torch.bool))
    assert error.tolist() == [1, -2, 10] and losses.tolist() == pytest.approx([0.5, 2, HUBER * (10 - HUBER / 2)])
    losses, error = log_loss(q, target, torch.ones(3, dtype=torch.bool))
    assert error.tolist() == [0, -2, 0] and losses.tolist() == pytest.approx([0, 2, 0])


def test_hl_gauss_is_least_at_the_target() -> None:
    centres = torch.arange(16) + 0.5
    means = torch.linspace(2, 12, 41)
    logits = -((centres[None] - means[:, None]) ** 2) / (2 * 0.75**2)
    losses = torch.cat([hl_gauss(one[None], centres, torch.tensor([6.0]), NOT, 0.75) for one in logits])
    assert float(means[losses.argmin()]) == pytest.approx(6.0, abs=0.25)
    bounded = torch.cat([hl_gauss(one[None], centres, torch.tensor([6.0]), YES, 0.75) for one in logits])
    assert (bounded.diff() <= 1e-6).all() and bounded[-1] < 1e-3 < bounded[0], "more than the bound is no error"
    beyond = hl_gauss(logits[:1], centres, torch.tensor([40.0]), NOT, 0.75)
    assert torch.isfinite(beyond).all()


def test_double_values_take_the_targets_word_for_the_onlines_choice() -> None:
    online, target = torch.tensor([3.0, 1.0, 2.0, 5.0, 4.0]), torch.tensor([0.5, 9.0, 1.0, 7.0, 8.0])
    assert double_values(online, target, torch.tensor([0, 0, 0, 1, 1]), 2).tolist() == [9, 8]
