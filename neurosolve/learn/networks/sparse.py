"""`sparse`: a quadratic form over few features and products of two, fitted by lasso.  No graph, a few dozen weights.

After Bayramoglu, Nemhauser and Sahinidis (arXiv 2604.00094).  score = z w + b + sum_p v_p z_i z_j over the chosen pairs
(i, j), z = the standardised features; milp/network.py is the NumPy twin.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurosolve.learn.milp_batches import NodeBatch
from neurosolve.learn.networks.film import Standard


class Products(nn.Module):
    """One weight a pair."""

    def __init__(self, num_pairs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_pairs))


class SparseNet(nn.Module):
    """forward(batch) -> scores (K,).  pairs int64 (num_terms, 2): unused ones are (0, 0) of weight 0."""

    pairs: Tensor

    def __init__(
        self, num_features: int, num_column_features: int = 0, num_row_features: int = 0, num_terms: int = 60
    ) -> None:
        super().__init__()
        self.standard = Standard(num_features)
        self.linear = nn.Linear(num_features, 1)
        self.register_buffer("pairs", torch.zeros((num_terms, 2), dtype=torch.int64))
        self.products = Products(num_terms)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, batch: NodeBatch) -> Tensor:
        z = self.standard(batch.features)
        product = z[:, self.pairs[:, 0]] * z[:, self.pairs[:, 1]]
        return self.linear(z).squeeze(-1) + product @ self.products.weight  # type: ignore[no-any-return]
