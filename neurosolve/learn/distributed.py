"""Data-parallel training over processes that torchrun started: disjoint shards, averaged gradients.

Gradients are averaged by one all-reduce of one flat buffer: a network of this package has at most some 300k
parameters, so there is nothing to overlap, and sparse inputs and unused heads need no special care.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable

import torch
from torch import Tensor, distributed, nn


@dataclasses.dataclass(frozen=True)
class Group:
    """This process among `world` of them."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Rank 0 validates, logs and writes checkpoints."""
        return self.rank == 0

    def shard(self, batches: list[list[int]]) -> list[list[int]]:
        """This rank's share; every rank gets the same number, and no batch goes to two ranks.

        With fewer batches than ranks the batches are cut in pieces first; what cannot be shared out evenly
        is left for another epoch, which shuffles anew.
        """
        if self.world == 1:
            return batches
        while len(batches) < self.world and any(len(b) > 1 for b in batches):
            longest = max(batches, key=len)
            batches = [b for b in batches if b is not longest] + [longest[::2], longest[1::2]]
        even = len(batches) - len(batches) % self.world
        return batches[:even][self.rank :: self.world]

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.world == 1:
            return
        kept = [p for p in parameters if p.requires_grad]
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in kept]
        flat = torch.cat([g.reshape(-1) for g in grads])
        distributed.all_reduce(flat)
        flat /= self.world
        for parameter, part in zip(kept, torch.split(flat, [g.numel() for g in grads]), strict=True):
            parameter.grad = part.view_as(parameter).clone()

    def from_leader(self, value: float, device: torch.device) -> float:
        """Rank 0's value on every rank, so that clocks never disagree."""
        if self.world == 1:
            return value
        tensor: Tensor = torch.tensor([value], dtype=torch.float64, device=device)
        distributed.broadcast(tensor, src=0)
        return float(tensor.item())

    def meet(self) -> None:
        """Wait for every process: one that leaves while another still talks to its store may abort."""
        if self.world > 1:
            distributed.barrier()

    def close(self) -> None:
        if self.world > 1:
            distributed.destroy_process_group()


def join(device: torch.device) -> Group:
    """The group that torchrun's environment describes; one process alone without it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Group()
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(distributed.get_rank(), world)
