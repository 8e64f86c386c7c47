"""`film-q`: `film` with a dueling value.  Q estimates log2 of the nodes of the subtree after branching on a candidate.

With h_j and score_j of candidate j as in film.py (higher: branch here) and its node's n candidates:

    V = v . relu( W [mean_j h_j, max_j h_j] + b ) + c,        Q_j = V - (score_j - mean_j score_j)

so that what is deployed is a plain `film`: V says nothing about the order.  film's parameters bear film's names.  With
bins > 0 score and V are logits over bins of log2 nodes (Wang and others' dueling, arXiv 1511.06581, bin by bin, as in
distributional DQN; the loss is HL-Gauss, arXiv 2403.03950), and Q is the expectation:

    p_j = softmax( V + score_j - mean_j score_j ),            Q_j = p_j . centres

which milp/network.py runs as `film-bins`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurosolve.learn.milp_batches import NodeBatch
from neurosolve.learn.networks.film import FilmNet
from neurosolve.learn.trajectories import node_batch


class FilmQNet(FilmNet):
    """`film-q` by name.  forward(batch) -> Q (K,) of the batch's candidates, lower is better.

    bins: of the distribution, 0: Q is a number.  max_log2: the last bin's end; the first begins at 0.
    """

    centres: Tensor

    def __init__(
        self, num_features: int, num_column_features: int, num_row_features: int,
        hidden: int = 64, width: int = 32, rounds: int = 2, bins: int = 0, max_log2: float = 18.0,
    ) -> None:  # fmt: skip
        super().__init__(num_features, num_column_features, num_row_features, hidden, width, rounds)
        self.bins = bins
        self.value_first, self.value_second = nn.Linear(2 * hidden, hidden), nn.Linear(hidden, max(bins, 1))
        nn.init.zeros_(self.value_second.weight)
        if bins:
            self.score = nn.Linear(hidden, bins)
            nn.init.zeros_(self.score.weight)
            nn.init.zeros_(self.score.bias)
            self.register_buffer("centres", (torch.arange(bins) + 0.5) * (max_log2 / bins))

    collate = staticmethod(node_batch)

    def forward(self, batch: NodeBatch) -> Tensor:
        out = self.dueling(batch)
        return torch.softmax(out, dim=1) @ self.centres if self.bins else out.squeeze(-1)

    def dueling(self, batch: NodeBatch) -> Tensor:
        """Q (K, 1), or with bins the logits of its distribution (K, bins)."""
        h = self.hidden(batch)
        value = self.value_second(torch.relu(self.value_first(pooled(h, batch.node, batch.num_nodes))))
        advantage = self.score(h) if self.bins else -self.score(h)
        centre = segment_mean(advantage, batch.node, batch.num_nodes)
        return (value - centre)[batch.node] + advantage  # type: ignore[no-any-return]

    def begin_from(self, weights: dict[str, Tensor], scale: float) -> None:
        """Take over an imitation policy's `film`, its scores times `scale`; V stays.  With bins the order is the same.

        Raises KeyError or RuntimeError for weights of another shape.
        """
        begin_from_film(self, weights, scale, self.centres if self.bins else None)

    def exported(self) -> tuple[str, dict[str, Tensor]]:
        """Name and weights of the network that milp/network.py runs."""
        if self.bins:
            return "film-bins", dict(self.state_dict())
        return "film", {name: value for name, value in self.state_dict().items() if not name.startswith("value_")}


def begin_from_film(
    network: nn.Module, weights: dict[str, Tensor], scale: float, centres: Tensor | None = None
) -> None:
    """Copy a film's weights by name into a network that has film's parts; its scores come multiplied by `scale`.  An
    agent's own weights (they tell of a value) are taken as they are.  centres: of the network's bins."""
    own: dict[str, Any] = dict(network.state_dict())
    is_agent = any(name.startswith("value_") for name in weights)
    for name, value in weights.items():
        if name.startswith("score.") and not is_agent:
            of_bins = centres is not None and len(value) == 1
            value = scale * (tilted(value, centres) if of_bins and centres is not None else value)
        own[name] = value
    network.load_state_dict(own)


def tilted(scores: Tensor, centres: Tensor) -> Tensor:
    """Weights (1, h) or (1,) of a score -> of logits of bins, (bins, h) or (bins,): the higher the score, the lower the
    expectation, by as much where the logits were alike and by ever less beyond."""
    from_mean = centres - centres.mean()
    tilt = -from_mean / from_mean.square().mean()
    return tilt.view(-1, *(1 for _ in scores.shape[1:])) * scores.to(tilt.device)


def pooled(h: Tensor, node: Tensor, num_nodes: int) -> Tensor:
    """Mean and maximum over each node's candidates: h (K, H), not negative -> (num_nodes, 2 H)."""
    largest = h.new_zeros(num_nodes, h.shape[1]).scatter_reduce(0, node[:, None].expand_as(h), h, "amax")
    return torch.cat([segment_mean(h, node, num_nodes), largest], dim=1)


def segment_mean(x: Tensor, node: Tensor, num_nodes: int) -> Tensor:
    """The mean over each node's rows: (K, ...) -> (num_nodes, ...)."""
    total = x.new_zeros(num_nodes, *x.shape[1:]).index_add(0, node, x)
    counts = torch.bincount(node, minlength=num_nodes).clamp(min=1).to(x.dtype)
    return total / counts.view(-1, *(1 for _ in x.shape[1:]))
