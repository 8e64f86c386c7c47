"""Our branching networks: `film`, a graph network at the root that conditions a small head, and `mlp`, the head alone.

At the root, once, over the columns X (n, w) and rows R (m, w) of the LP relaxation, both standardised and embedded by a
linear layer and relu; `mean` weighs a neighbour by its coefficient over the row's root mean square:

    R <- relu( R W_own + mean_{columns of the row} X W_heard + b )       twice, each time with weights of its own,
    X <- relu( X W_own + mean_{rows of the column} R W_heard + b )       and E = X at the end

At a node, for each candidate with features x (standardised) and its column's E (0 for a column not of the root):

    h = relu( x W_1 + b_1 );  h = h (1 + E W_scale + b_scale) + E W_shift + b_shift;  h = relu( h W_2 + b_2 )
    score = h w_3 + b_3       higher means: branch here

milp/network.py is the NumPy twin and reads these parameters by their names here.  After Gupta et al., arXiv 2006.15212.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosolve.learn.milp_batches import MilpSamples, NodeBatch, RootBatch
from neurosolve.learn.networks.ops import product

CLIP = 5.0  # standard deviations


class Standard(nn.Module):
    """(x - mean) / deviation, clipped; mean and deviation (f,) are buffers that the training set fills."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("deviation", torch.ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / self.deviation).clamp(-CLIP, CLIP)


    def fill(self, rows: Iterable[NDArray[np.floating[Any]]]) -> None:
        """From the training set: arrays (any, f).  What never changes gets deviation 1 and so reads 0."""
        x = np.concatenate(list(rows)).astype(np.float64)
        deviation = x.std(axis=0)
        self.mean.copy_(torch.from_numpy(x.mean(axis=0)))
        self.deviation.copy_(torch.from_numpy(np.where(deviation > 1e-6, deviation, 1.0)))


def standardise(network: nn.Module, samples: MilpSamples) -> None:
    """Fill every Standard of a branching network from its training set."""
    if isinstance(standard := getattr(network, "standard", None), Standard):
        standard.fill(s.features for s in samples.samples)
    if isinstance(root := getattr(network, "root", None), RootNet):
        of_nodes = samples.graphs
        columns = (s.graph_columns if of_nodes else s.column_features for s in samples.samples)
        rows = (s.graph_rows if of_nodes else s.row_features for s in samples.samples)
        root.column_standard.fill(x.reshape(-1, x.shape[-1]) for x in columns)
        root.row_standard.fill(x.reshape(-1, x.shape[-1]) for x in rows)


class HalfRound(nn.Module):
    """One side hears the other: (a, w) own states, (b, w) of the other side, a mean over neighbours -> (a, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, width)
        self.heard = nn.Linear(width, width, bias=False)

    def forward(self, states: Tensor, mean: Tensor, transposed: Tensor, others: Tensor) -> Tensor:
        return torch.relu(self.own(states) + self.heard(product(mean, transposed, others)))


class RootNet(nn.Module):
    """The root's LP relaxation -> one embedding a column, (n, width)."""

    def __init__(self, num_column_features: int, num_row_features: int, width: int, rounds: int) -> None:
        super().__init__()
        self.column_standard, self.row_standard = Standard(num_column_features), Standard(num_row_features)
        self.column, self.row = nn.Linear(num_column_features, width), nn.Linear(num_row_features, width)
        self.to_rows = nn.ModuleList(HalfRound(width) for _ in range(rounds))
        self.to_columns = nn.ModuleList(HalfRound(width) for _ in range(rounds))

    def forward(self, root: RootBatch) -> Tensor:
        columns = torch.relu(self.column(self.column_standard(root.column_features)))
        rows = torch.relu(self.row(self.row_standard(root.row_features)))
        for to_rows, to_columns in zip(self.to_rows, self.to_columns, strict=True):
            rows = to_rows(rows, root.over_columns, root.over_columns_transposed, columns)
            columns = to_columns(columns, root.over_rows, root.over_rows_transposed, rows)
        return columns


class FilmNet(nn.Module):
    """`film` by name.  forward(batch) -> scores (K,) of the batch's candidates."""

    def __init__(
        self, num_features: int, num_column_features: int, num_row_features: int,
        hidden: int = 64, width: int = 32, rounds: int = 2, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.standard = Standard(num_features)
        self.root = RootNet(num_column_features, num_row_features, width, rounds)
        self.first, self.second = nn.Linear(num_features, hidden), nn.Linear(hidden, hidden)
        self.scale, self.shift = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.score, self.dropout = nn.Linear(hidden, 1), nn.Dropout(dropout)
        for layer in (self.scale, self.shift):  # begins as the head alone
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, batch: NodeBatch) -> Tensor:
        return self.score(self.dropout(self.hidden(batch))).squeeze(-1)  # type: ignore[no-any-return]

    def hidden(self, batch: NodeBatch) -> Tensor:
        """(K, hidden), what the scores are made of."""
        embedding = self.root(batch.root)
        unknown = embedding.new_zeros(1, embedding.shape[1])
        of_candidate = self.dropout(torch.cat([embedding, unknown]))[batch.columns]  # -1: the zeros
        h = torch.relu(self.first(self.standard(batch.features)))
        h = self.dropout(h * (1 + self.scale(of_candidate)) + self.shift(of_candidate))
        return torch.relu(self.second(h))


def sizes_of(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """The hidden, width and rounds that a FilmNet of these weights was built with.  Raises KeyError for others."""
    rounds = sum(name.startswith("root.to_rows.") and name.endswith(".own.bias") for name in weights)
    return {"hidden": len(weights["first.bias"]), "width": len(weights["root.column.bias"]), "rounds": rounds}


class MlpNet(nn.Module):
    """`mlp` by name: the same head without the root's embedding."""

    def __init__(
        self, num_features: int, num_column_features: int = 0, num_row_features: int = 0,
        hidden: int = 64, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.standard = Standard(num_features)
        self.first, self.second = nn.Linear(num_features, hidden), nn.Linear(hidden, hidden)
        self.score, self.dropout = nn.Linear(hidden, 1), nn.Dropout(dropout)

    def forward(self, batch: NodeBatch) -> Tensor:
        h = self.dropout(torch.relu(self.first(self.standard(batch.features))))
        return self.score(self.dropout(torch.relu(self.second(h)))).squeeze(-1)  # type: ignore[no-any-return]
