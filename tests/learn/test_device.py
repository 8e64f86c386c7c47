"""The learner on another device.  No GPU is needed: `meta` computes nothing, but refuses what lies on two devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from neurosolve.learn.networks import film  # noqa: E402
from neurosolve.learn.q_losses import double_values  # noqa: E402
from tests.learn.played import fresh  # noqa: E402
from tests.learn.test_reinforce import config_of, learning  # noqa: E402


def nothing(rows: int, like: Any) -> Any:
    """So many rows of zeros that need `like`, in place of what meta lacks."""
    return like.new_zeros(rows, *like.shape[1:]) + like.sum() * 0


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")  # meta holds no numbers
@pytest.mark.parametrize("loss", ["log", "hl_gauss"])
@pytest.mark.parametrize("network", ["film-q", "revival"])
def test_all_of_a_step_is_on_the_learners_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str, loss: str
) -> None:
    monkeypatch.setattr(film, "product", lambda mean, transposed, others: nothing(mean.shape[0], others))
    monkeypatch.setattr(torch, "bincount", lambda node, minlength: nothing(minlength, node))
    bins = {"bins": 8, "max_log2": 8.0} if loss == "hl_gauss" else {}
    agent = fresh(network, **bins)
    one = learning(agent, config_of(tmp_path, network=network, loss=loss))
    picks = one.replay.draw(np.random.default_rng(0), 4, 16, 0.5)
    one.device = torch.device("meta")
    for both in (agent, one.target):
        both.to("meta")
    batch = one._collated([(pick.slot.trajectory, pick.decisions) for pick in picks])
    losses, error, q = one._losses(batch, picks)
    losses.sum().backward()
    values = double_values(agent(batch), one.target(batch), batch.node, batch.num_nodes)
    assert {x.device.type for x in (losses, error, q, values)} == {"meta"}
    assert all(p.grad is not None and p.grad.device.type == "meta" for p in agent.value_second.parameters())
    agent.begin_from(dict(fresh("film").state_dict()), 0.1)  # weights come from the CPU
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(3) + torch.ones(3, device="meta")  # what the test rests on
