from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosolve.learn.milp_losses import segment_log_softmax, soft_cross_entropy, soft_targets  # noqa: E402

NODE = np.asarray([0, 0, 0, 1, 1])


def test_targets_follow_the_ratio_and_ties_share() -> None:
    target = soft_targets(np.asarray([8.0, 4.0, 8.0, 1e-12, 3.0], np.float32), NODE, 2, 0.5)
    assert target[0] == target[2] and target[1] == pytest.approx(target[0] / 4)
    assert target[:3].sum() == pytest.approx(1) and target[3:].tolist() == pytest.approx([0, 1], abs=1e-6)


def test_log_softmax_is_of_each_node() -> None:
    scores = torch.tensor([1.0, 2.0, 3.0, 500.0, 490.0])
    found = segment_log_softmax(scores, torch.from_numpy(NODE), 2)
    expected = torch.cat([torch.log_softmax(scores[:3], 0), torch.log_softmax(scores[3:], 0)])
    assert torch.allclose(found, expected)


def test_the_gradient_pushes_towards_the_targets() -> None:
    scores = torch.zeros(5, requires_grad=True)
    target = torch.tensor([0.0, 1.0, 0.0, 0.5, 0.5])
    soft_cross_entropy(scores, target, torch.from_numpy(NODE), 2).backward()
    assert scores.grad is not None
    assert scores.grad.tolist() == pytest.approx([1 / 6, -1 / 3, 1 / 6, 0, 0])
