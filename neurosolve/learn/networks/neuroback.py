"""NeuroBack's network (Wang et al., ICLR 2024, arXiv 2110.14053), rebuilt from its description to be
measured against.

One node per variable and per clause and a root per connected component, joined to the component's clauses.
Three relations: -1 negative occurrence, 0 root and clause, +1 positive occurrence; edges go both ways.
Then

    block 1       4 relational GIN layers, width 48
    blocks 2, 3   x + sum_r GATv2_r(LN x) + MLP(LN x), 8 heads of 6
    blocks 4-6    x + attention among the three 16-wide patches of the node's own vector + MLP(LN x)
    head          48 - 24 - 12 - 1

What differs: a relation's GIN message is its MLP of the sender, so the MLP runs once a node instead of once
an edge (the same sum), and every relation counts in every formula, also where a batch has no edge of it.  A
positive logit means true. Faithfully kept: the first LayerNorm is over one channel, which makes all nodes
alike; only structure tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import GATv2Conv

from neurosolve.learn.networks.ops import Incidence, to_clauses
from neurosolve.neuroback import RELATIONS
from neurosolve.neuroback import variable_clause_graph as arrays


@dataclass
class VariableClauseGraph:
    """Nodes: N variables, C clauses, R roots.  x (N + C + R, 1) is 1, -1 and 0.

    edges: per relation, (2, num_edges) int64, sender over receiver, both directions.  adjacency: the same
    as symmetric CSR of ones, row = receiver.
    """

    x: Tensor
    num_variables: int
    edges: list[Tensor]
    adjacency: list[Tensor]


def variable_clause_graph(incidence: Incidence) -> VariableClauseGraph:
    """From the literal-clause edges of a batch; linear but for one sort of the edges."""
    device = incidence.by_clause.device
    pointers = incidence.by_clause.crow_indices().cpu().numpy()
    literals = incidence.by_clause.col_indices().cpu().numpy()
    graph = arrays(pointers, literals, incidence.by_clause.shape[1] // 2)
    edges, adjacency = [], []
    for relation in graph.relations:
        receiver = np.repeat(np.arange(graph.num_nodes), np.diff(relation.indptr))
        edges.append(torch.from_numpy(np.stack([relation.senders.astype(np.int64), receiver])).to(device))
        matrix = torch.sparse_csr_tensor(
            torch.from_numpy(relation.indptr),
            torch.from_numpy(relation.senders),
            torch.ones(len(relation.senders)),
            (graph.num_nodes, graph.num_nodes),
            check_invariants=False,
        )
        adjacency.append(matrix.to(device))
    x = torch.from_numpy(graph.node_values()).to(device)
    return VariableClauseGraph(x, graph.num_variables, edges, adjacency)


def mlp(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width), nn.GELU())


class RelationalGIN(nn.Module):
    """sum_r ((1 + eps_r) sum_{senders by r} MLP_r(x) + x): (n, inputs) -> (n, width)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.mlps = nn.ModuleList(mlp(inputs, width) for _ in range(RELATIONS))
        self.eps = nn.Parameter(torch.zeros(RELATIONS))

    def forward(self, x: Tensor, graph: VariableClauseGraph) -> Tensor:
        total: Tensor = RELATIONS * x
        for relation, matrix in enumerate(graph.adjacency):
            heard = to_clauses(Incidence(matrix, matrix), self.mlps[relation](x))  # symmetric
            total = total + (1 + self.eps[relation]) * heard
        return total


class GINBlock(nn.Module):
    """Four relational GIN layers, each over a LayerNorm; the last three residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(1), *(nn.LayerNorm(width) for _ in range(3))])
        self.layers = nn.ModuleList(
            [RelationalGIN(1, width), *(RelationalGIN(width, width) for _ in range(3))]
        )

    def forward(self, x: Tensor, graph: VariableClauseGraph) -> Tensor:
        x = self.layers[0](self.norms[0](x), graph)
        for norm, layer in zip(list(self.norms)[1:], list(self.layers)[1:], strict=True):
            x = x + layer(norm(x), graph)
        return x


class EdgeAttention(nn.Module):
    """x + sum_r GATv2_r(LN x) + MLP(LN x)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.ModuleList(
            GATv2Conv(width, width // heads, heads=heads, dropout=dropout, add_self_loops=False)
            for _ in range(RELATIONS)
        )
        self.mlp = mlp(width, width)

    def forward(self, x: Tensor, graph: VariableClauseGraph) -> Tensor:
        normed = self.norm(x)
        out: Tensor = x + self.mlp(normed)
        for attention, edges in zip(self.attention, graph.edges, strict=True):
            out = out + attention(normed, edges)
        return out


class PatchAttention(nn.Module):
    """x + attention among the node's own patches + MLP(LN x); nodes do not see each other here."""

    def __init__(self, width: int, patch: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.patch = patch
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(patch, 3 * patch)
        self.attention = nn.MultiheadAttention(patch, heads, dropout=dropout, batch_first=True)
        self.mlp = mlp(width, width)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        query, key, value = self.qkv(normed.reshape(len(x), -1, self.patch)).chunk(3, dim=-1)
        attended, _ = self.attention(query, key, value, need_weights=False)
        out: Tensor = x + attended.reshape(x.shape) + self.mlp(normed)
        return out


class NeuroBackNet(nn.Module):
    """`neuroback` by name.  forward ignores features and rounds and returns one readout, without a sat
    opinion."""

    def __init__(self, width: int = 48, heads: int = 8, patch: int = 16, dropout: float = 0.2) -> None:
        super().__init__()
        self.gin = GINBlock(width)
        self.edge_attention = nn.ModuleList(EdgeAttention(width, heads, dropout) for _ in range(2))
        self.patch_attention = nn.ModuleList(PatchAttention(width, patch, heads, dropout) for _ in range(3))
        self.head = nn.Sequential(
            nn.Linear(width, width // 2), nn.GELU(), nn.Linear(width // 2, width // 4), nn.GELU(),
            nn.Linear(width // 4, 1))  # fmt: skip

    def forward(
        self, features: Tensor, edges: Incidence, num_rounds: int = 0, read_from: int | None = None
    ) -> list[tuple[Tensor, Tensor]]:
        graph = variable_clause_graph(edges)
        x = self.gin(graph.x, graph)
        for block in self.edge_attention:
            x = block(x, graph)
        x = x[: graph.num_variables]  # from here on nodes are on their own
        for block in self.patch_attention:
            x = block(x)
        logit = self.head(x).squeeze(-1)
        return [(logit, torch.zeros_like(logit))]
