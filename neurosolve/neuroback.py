"""NeuroBack's network without torch: the graph it reads, and its forward pass in NumPy on the sparse kernels.

learn/networks/neuroback.py is the same network in PyTorch, where it is described and trained; a test holds
the two together to 1e-4.  Here GATv2's sums are one sparse product a head, its messages weighted by the
attention.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosolve import model_files
from neurosolve.errors import LimitError, ModelError
from neurosolve.graph import BipartiteGraph
from neurosolve.infer import Prediction, load_config
from neurosolve.kernels import sum_rows

Float = NDArray[np.float32]
Int = NDArray[np.int32]

RELATIONS = 3  # negative occurrence, root and clause, positive occurrence
CHUNK_EDGES = 1 << 18  # edges whose attention is worked out at once: 100 MB
CHUNK_NODES = 1 << 14
ASSUMED_SECONDS_PER_EDGE = 3e-5  # measured on one core, 24k to 600k edges
FILES = ("config.json", "network.json", "weights.safetensors")


@dataclass(frozen=True)
class Relation:
    """One relation's edges, both directions, as CSR by receiver: indptr (num_nodes + 1,), senders
    (num_edges,)."""

    indptr: Int
    senders: Int


@dataclass(frozen=True)
class VariableClauseGraph:
    """Nodes: the variables, the clauses, then one root for each component that has a clause."""

    num_variables: int
    num_clauses: int
    num_roots: int
    relations: tuple[Relation, ...]

    @property
    def num_nodes(self) -> int:
        return self.num_variables + self.num_clauses + self.num_roots

    def node_values(self) -> Float:
        """(num_nodes, 1): 1 for a variable, -1 for a clause, 0 for a root."""
        sizes = (self.num_variables, self.num_clauses, self.num_roots)
        return np.repeat(np.asarray([1, -1, 0], np.float32), sizes)[:, None]


def variable_clause_graph(
    indptr: NDArray[Any], literals: NDArray[Any], num_variables: int
) -> VariableClauseGraph:
    """From clauses as rows of literal nodes (+v at v - 1, -v at num_variables + v - 1)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    num_clauses = len(indptr) - 1
    size = num_variables + num_clauses
    clause = np.repeat(np.arange(num_variables, size), np.diff(indptr))
    variable, positive = literals % max(num_variables, 1), literals < num_variables
    pattern = coo_matrix((np.ones(len(clause), np.int8), (variable, clause)), (size, size))
    _, component = connected_components(pattern, directed=False)
    roots, root = np.unique(component[num_variables:], return_inverse=True)
    pairs = (
        (variable[~positive], clause[~positive]),
        (root.reshape(-1) + size, np.arange(num_variables, size)),
        (variable[positive], clause[positive]),
    )
    total = size + len(roots)
    relations = tuple(_mirrored(left, right, total) for left, right in pairs)
    return VariableClauseGraph(num_variables, num_clauses, len(roots), relations)


def _mirrored(left: NDArray[Any], right: NDArray[Any], num_nodes: int) -> Relation:
    sender, receiver = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.argsort(receiver, kind="stable")
    counts = np.bincount(receiver, minlength=num_nodes)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return Relation(indptr, sender[order].astype(np.int32))


class NeuroBackModel:
    """A model directory of this network, with the face of infer.Model: name, config, hash, predict."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.name = directory, directory.name
        self.config: dict[str, Any] = load_config(directory)
        texts = {name: model_files.read(directory / name) for name in FILES}
        self._weights: dict[str, Float] = model_files.unpack_weights(directory, texts["weights.safetensors"])
        self.hash = hashlib.sha256(b"".join(texts.values())).hexdigest()

    def predict(
        self, graph: BipartiteGraph, budget_s: float = 60.0, num_rounds: int | None = None
    ) -> Prediction:
        """One forward pass over a literal-clause graph.  Raises LimitError where its predicted time passes
        the budget.

        The satisfiability logit is nan: this network has none.  num_rounds means nothing to it.
        """
        seconds = graph.num_edges * ASSUMED_SECONDS_PER_EDGE
        if seconds > budget_s:
            raise LimitError(f"{self.name} needs about {seconds:.2f} s, past the budget of {budget_s:g} s")
        own = variable_clause_graph(graph.indptr, graph.indices, graph.num_right // 2)
        try:
            return Prediction(forward(own, self._weights), float("nan"), 1)
        except KeyError as error:
            raise ModelError(f"{self.directory}/weights.safetensors lacks {error}") from error


def forward(graph: VariableClauseGraph, weights: dict[str, Float]) -> Float:
    """Phase logits (num_variables,); weights by their PyTorch names."""
    x = graph.node_values()
    for i in range(4):
        normed = _layer_norm(x, weights, f"gin.norms.{i}")
        x = _gin(normed, graph, weights, f"gin.layers.{i}") + (x if i else np.float32(0))
    for i in range(2):
        x = _edge_attention(x, graph, weights, f"edge_attention.{i}")
    x = x[: graph.num_variables]
    for i in range(3):
        x = _by_chunks(lambda part, i=i: _patch_attention(part, weights, f"patch_attention.{i}"), x)
    for i in (0, 2, 4):
        x = _linear(x, weights, f"head.{i}")
        x = _gelu(x) if i < 4 else x
    return np.ascontiguousarray(x[:, 0])


def _by_chunks(function: Any, x: Float) -> Float:
    parts = [function(x[i : i + CHUNK_NODES]) for i in range(0, len(x), CHUNK_NODES)]
    return np.concatenate(parts) if parts else x


def _linear(x: Float, weights: dict[str, Float], name: str) -> Float:
    out: Float = x @ weights[f"{name}.weight"].T
    out += weights[f"{name}.bias"]
    return out


def _gelu(x: Float) -> Float:
    from scipy.special import erf

    out: Float = x * np.float32(0.5) * (np.float32(1) + erf(x * np.float32(2**-0.5)))
    return out


def _mlp(x: Float, weights: dict[str, Float], name: str) -> Float:
    return _gelu(_linear(_gelu(_linear(x, weights, f"{name}.0")), weights, f"{name}.2"))


def _layer_norm(x: Float, weights: dict[str, Float], name: str) -> Float:
    centred = x - x.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
    out: Float = centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return out


def _gin(x: Float, graph: VariableClauseGraph, weights: dict[str, Float], name: str) -> Float:
    total = np.float32(RELATIONS) * x
    eps = weights[f"{name}.eps"]
    for r, relation in enumerate(graph.relations):
        said = _by_chunks(lambda part, r=r: _mlp(part, weights, f"{name}.mlps.{r}"), x)
        ones = np.ones(len(relation.senders), np.float32)
        total = total + (np.float32(1) + eps[r]) * sum_rows(relation.indptr, relation.senders, ones, said)
    return total


def _edge_attention(x: Float, graph: VariableClauseGraph, weights: dict[str, Float], name: str) -> Float:
    normed = _layer_norm(x, weights, f"{name}.norm")
    out = x + _by_chunks(lambda part: _mlp(part, weights, f"{name}.mlp"), normed)
    for r, relation in enumerate(graph.relations):
        out += _gatv2(normed, relation, weights, f"{name}.attention.{r}")
    return out


def _gatv2(x: Float, relation: Relation, weights: dict[str, Float], name: str) -> Float:
    """softmax over senders of a . leaky_relu(W_l x_sender + W_r x_receiver), times W_l x_sender, by head,
    plus bias."""
    vector = weights[f"{name}.att"][0]  # (heads, dimensions)
    heads, dimensions = vector.shape
    left, right = _linear(x, weights, f"{name}.lin_l"), _linear(x, weights, f"{name}.lin_r")
    score = np.empty((len(relation.senders), heads), np.float32)
    filled = np.flatnonzero(np.diff(relation.indptr))
    for first, last in _row_chunks(relation.indptr):
        start, end = relation.indptr[first], relation.indptr[last]
        degree = np.diff(relation.indptr[first : last + 1])
        both = left[relation.senders[start:end]] + np.repeat(right[first:last], degree, axis=0)
        np.maximum(both, np.float32(0.2) * both, out=both)
        score[start:end] = np.einsum("ehd,hd->eh", both.reshape(-1, heads, dimensions), vector)
    out = np.empty((len(x), heads * dimensions), np.float32)
    if len(filled):
        starts, degree = relation.indptr[filled], np.diff(relation.indptr)[filled]
        score -= np.repeat(np.maximum.reduceat(score, starts), degree, axis=0)
        np.exp(score, out=score)
        score /= np.repeat(np.add.reduceat(score, starts), degree, axis=0) + np.float32(1e-16)
    for h in range(heads):
        part = slice(h * dimensions, (h + 1) * dimensions)
        share = np.ascontiguousarray(score[:, h])
        out[:, part] = sum_rows(relation.indptr, relation.senders, share, left[:, part])
    out += weights[f"{name}.bias"]
    return out


def _row_chunks(indptr: Int) -> list[tuple[int, int]]:
    """Ranges of rows of about CHUNK_EDGES edges each (a row is never cut)."""
    num_rows = len(indptr) - 1
    inner = np.searchsorted(indptr, np.arange(CHUNK_EDGES, int(indptr[-1]), CHUNK_EDGES))
    cuts = np.unique(np.concatenate([[0], inner, [num_rows]])).tolist()
    return list(itertools.pairwise(cuts))


def _patch_attention(x: Float, weights: dict[str, Float], name: str) -> Float:
    """Attention among the patches of each node's own vector: (n, width) -> (n, width)."""
    normed = _layer_norm(x, weights, f"{name}.norm")
    size = weights[f"{name}.attention.out_proj.bias"].size
    heads = 8
    patches = normed.reshape(len(x), -1, size)
    qkv = _linear(patches, weights, f"{name}.qkv")
    matrix, bias = weights[f"{name}.attention.in_proj_weight"], weights[f"{name}.attention.in_proj_bias"]
    query, key, value = (
        (qkv[..., part] @ matrix[part].T + bias[part]).reshape(len(x), -1, heads, size // heads)
        for part in (slice(0, size), slice(size, 2 * size), slice(2 * size, 3 * size))
    )
    score = np.einsum("nphd,nqhd->nhpq", query, key) / np.float32(np.sqrt(size // heads))
    score = np.exp(score - score.max(axis=-1, keepdims=True))
    score /= score.sum(axis=-1, keepdims=True)
    mixed = np.einsum("nhpq,nqhd->nphd", score, value).reshape(len(x), -1, size)
    attended = _linear(mixed, weights, f"{name}.attention.out_proj").reshape(x.shape)
    out: Float = x + attended + _mlp(normed, weights, f"{name}.mlp")
    return out
