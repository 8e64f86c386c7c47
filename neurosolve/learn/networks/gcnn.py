"""`gcnn`: a graph network over the whole LP of every node, the literature's way (Gasse et al., arXiv 1906.01629).

The baseline: the network of film.py's root, wider, on the graph of the node itself, and a head on each candidate's
column: score = relu(E W + b) w + b.  Slow by nature, for the graph is made anew at every node.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurosolve.learn.milp_batches import NodeBatch
from neurosolve.learn.networks.film import RootNet


class GcnnNet(nn.Module):
    """forward(batch) -> scores (K,).  The batch holds a graph for each node (MilpSamples with graphs)."""

    def __init__(
        self, num_features: int, num_column_features: int, num_row_features: int, width: int = 80, rounds: int = 2
    ) -> None:
        super().__init__()
        self.root = RootNet(num_column_features, num_row_features, width, rounds)
        self.first, self.score = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, batch: NodeBatch) -> Tensor:
        embedding = self.root(batch.root)[batch.columns]
        return self.score(torch.relu(self.first(embedding))).squeeze(-1)  # type: ignore[no-any-return]
