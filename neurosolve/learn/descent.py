"""One gradient step: AdamW, gradients averaged over ranks and clipped, a rate that warms up and then falls."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import torch
from torch import Tensor, nn

from neurosolve.learn.config import RunConfig
from neurosolve.learn.distributed import Group


class Descent:
    """The optimizer of a network, and how a run's config wants it used."""

    def __init__(self, network: nn.Module, config: RunConfig, device: torch.device, group: Group) -> None:
        self.network, self.config, self.device, self.group = network, config, device, group
        self.optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """Where the loss is worked out: in bfloat16 on a GPU, if the config says so."""
        if self.config.amp and self.device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def step(self, loss: Tensor, step: int, share: float) -> None:
        """Take step number `step`, with `share` of the budget used.

        A loss that is not finite, or that no weight has part in, gives no gradient; its rank joins the average even so,
        for the others wait for it.
        """
        config = self.config
        self.optimizer.zero_grad(set_to_none=True)
        if loss.requires_grad and bool(torch.isfinite(loss)):
            loss.backward()  # type: ignore[no-untyped-call]
        self.group.average_gradients(self.network.parameters())
        nn.utils.clip_grad_norm_(self.network.parameters(), config.grad_clip)
        rate = config.learning_rate * learning_rate_factor(step, share, config.warm_up)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        self.optimizer.step()


def learning_rate_factor(step: int, share: float, warm_up: int) -> float:
    """Linear warm-up over steps times a cosine over the budget's share, ending at 1% of the peak."""
    cosine = (1 + math.cos(math.pi * min(share, 1.0))) / 2
    return min(1.0, (step + 1) / max(warm_up, 1)) * (0.01 + 0.99 * cosine)
