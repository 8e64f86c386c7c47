"""The vocabulary that networks are written in: every function here is one exported operation.

A network is traced by torch.fx with LEAVES kept whole; `infer.py` holds the NumPy twin of each, so that a
network is defined once, in PyTorch, and runs without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass
class Incidence:
    """The literal-clause edges of a batch (a disjoint union of formulas), as CSR in both directions.

    by_clause (num_clauses, num_literal_nodes), by_literal its transpose: sparse CSR tensors of ones.
    """

    by_clause: Tensor
    by_literal: Tensor

    def to(self, device: torch.device) -> Incidence:
        return Incidence(self.by_clause.to(device), self.by_literal.to(device))


class _SumRows(torch.autograd.Function):
    """Sparse times dense whose gradient is the other direction's product: both are at hand, none is transposed."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(transposed)
        return (matrix @ x.float()).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:
        (transposed,) = ctx.saved_tensors
        return None, None, (transposed @ grads[0].contiguous().float()).to(grads[0].dtype)


def product(matrix: Tensor, transposed: Tensor, x: Tensor) -> Tensor:
    """A constant sparse CSR matrix times x; its transpose, with the same values, serves the gradient."""
    return _SumRows.apply(matrix, transposed, x)  # type: ignore[no-any-return, no-untyped-call]


def to_clauses(edges: Incidence, x: Tensor) -> Tensor:
    """Sum over each clause's literals: (num_literal_nodes, d) -> (num_clauses, d)."""
    return product(edges.by_clause, edges.by_literal, x)


def to_literals(edges: Incidence, x: Tensor) -> Tensor:
    """Sum over each literal's clauses: (num_clauses, d) -> (num_literal_nodes, d)."""
    return product(edges.by_literal, edges.by_clause, x)


def negate(x: Tensor) -> Tensor:
    """Each literal node's row becomes its negation's: positives stand in the first half, negatives in the second."""
    half = x.shape[0] // 2
    return torch.cat([x[half:], x[:half]])


def positive(x: Tensor) -> Tensor:
    """The rows of the positive literals: (2n, d) -> (n, d)."""
    return x[: x.shape[0] // 2]


def rms_norm(x: Tensor) -> Tensor:
    """x over the root mean square of its row (plus 1e-3), no weights: cheap, and linear layers follow anyway."""
    return x * torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-3).to(x.dtype)


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x W^T + b."""
    return torch.nn.functional.linear(x, weight, bias)


class Linear(torch.nn.Linear):
    """torch's linear layer, spoken in this vocabulary."""

    def forward(self, x: Tensor) -> Tensor:
        return affine(x, self.weight, self.bias)


LEAVES = (to_clauses, to_literals, negate, positive, rms_norm, affine)
