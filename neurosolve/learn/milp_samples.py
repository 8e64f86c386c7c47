"""Samples of the expert: what strong branching said at nodes of one instance.  One .npz an instance, beside SAT's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosolve.learn.samples import read_arrays, write_arrays
from neurosolve.milp.gate import Graph
from neurosolve.milp.lp_graph import RootGraph

KIND = "milp"
# 1, and no number at all: node graphs on the root's matrix; they are not read any more.  2: no fingerprint.
FORMAT = 3
NO_GAIN = 1e-6  # a node whose best score is no larger teaches nothing: SCIP's scores start at 1e-6 a child


class LP(Graph, Protocol):
    """A root's relaxation, as samples and trajectories keep it (read only)."""

    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...


def _empty(dtype: Any, *shape: int) -> Callable[[], Any]:
    return partial(np.zeros, shape, dtype)


@dataclasses.dataclass(frozen=True)
class MilpSample:
    """The root's LP relaxation and S labelled nodes with K candidates in all.

    Root, as in milp.features.RootGraph: column_features float32 (n, Fc), row_features float32 (m, Fr), indptr int32
    (m + 1,), indices int32, coefficients float32.  node_offsets int64 (S + 1,): node s has the candidates
    node_offsets[s] to node_offsets[s + 1].  Of each candidate: columns int32, its root column or -1; features float32
    (K, F); scores float32, the expert's product scores; pseudocosts float32, SCIP's own pseudocost scores, the
    baseline.  Of each node: depth int32 (S,).  fingerprint float64 (len(gate.FEATURES),): of the root's first LP,
    before cuts; empty in samples of format 2.

    For `gcnn` alone, the LP of each node where it was asked for, else empty.  Its columns are the root's, its rows are
    its own: graph_columns float16 (S, n, Fc); node s has the rows graph_row_offsets[s] to [s + 1] of graph_rows float16
    (sum of m_s, Fr) and the entries graph_entry_offsets[s] to [s + 1] of graph_indices int32 and graph_coefficients
    float32, cut into rows by graph_lengths int32 (sum of m_s,).
    """

    column_features: NDArray[np.float32]
    row_features: NDArray[np.float32]
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    coefficients: NDArray[np.float32]
    node_offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    features: NDArray[np.float32]
    scores: NDArray[np.float32]
    pseudocosts: NDArray[np.float32]
    depth: NDArray[np.int32]
    feature_version: int
    fingerprint: NDArray[np.float64] = field(default_factory=_empty(np.float64, 0))
    family: str = ""
    size: int = 0
    seed: int = 0
    name: str = ""
    graph_columns: NDArray[np.float16] = field(default_factory=_empty(np.float16, 0, 0, 0))
    graph_rows: NDArray[np.float16] = field(default_factory=_empty(np.float16, 0, 0))
    graph_lengths: NDArray[np.int32] = field(default_factory=_empty(np.int32, 0))
    graph_indices: NDArray[np.int32] = field(default_factory=_empty(np.int32, 0))
    graph_coefficients: NDArray[np.float32] = field(default_factory=_empty(np.float32, 0))
    graph_row_offsets: NDArray[np.int64] = field(default_factory=_empty(np.int64, 1))
    graph_entry_offsets: NDArray[np.int64] = field(default_factory=_empty(np.int64, 1))

    def __post_init__(self) -> None:
        ends, total = (self.indptr[-1], len(self.row_features) + 1), len(self.columns)
        fits = (
            ends == (len(self.indices), len(self.indptr))
            and len(self.coefficients) == len(self.indices)
            and self.node_offsets[-1] == total == len(self.features) == len(self.scores) == len(self.pseudocosts)
            and len(self.depth) == self.num_nodes
            and self._graphs_fit()
        )
        if not fits:
            raise ValueError(f"{self.name}: the arrays of {self.num_nodes} nodes do not fit together")

    def _graphs_fit(self) -> bool:
        count = len(self.graph_columns)
        return (
            count in (0, self.num_nodes)
            and len(self.graph_row_offsets) == len(self.graph_entry_offsets) == count + 1
            and self.graph_row_offsets[-1] == len(self.graph_rows) == len(self.graph_lengths)
            and self.graph_entry_offsets[-1] == len(self.graph_indices) == len(self.graph_coefficients)
            and self.graph_lengths.sum() == len(self.graph_indices)
        )

    @property
    def has_graphs(self) -> bool:
        return len(self.graph_columns) > 0

    @property
    def num_nodes(self) -> int:
        return len(self.node_offsets) - 1

    @property
    def num_columns(self) -> int:
        return len(self.column_features)

    @property
    def num_rows(self) -> int:
        return len(self.row_features)

    def node(self, s: int) -> slice:
        """The candidates of node s."""
        return slice(int(self.node_offsets[s]), int(self.node_offsets[s + 1]))

    def graph(self, s: int) -> RootGraph:
        """The LP of node s, features as float32."""
        rows = slice(int(self.graph_row_offsets[s]), int(self.graph_row_offsets[s + 1]))
        entries = slice(int(self.graph_entry_offsets[s]), int(self.graph_entry_offsets[s + 1]))
        return RootGraph(
            self.graph_columns[s].astype(np.float32),
            self.graph_rows[rows].astype(np.float32),
            np.concatenate(([0], np.cumsum(self.graph_lengths[rows]))).astype(np.int32),
            self.graph_indices[entries],
            self.graph_coefficients[entries],
        )

    def taught(self) -> NDArray[np.int64]:
        """The nodes there is something to learn from: two finite candidates that differ, and a gain."""
        kept = [s for s in range(self.num_nodes) if _teaches(self.scores[self.node(s)])]
        return np.asarray(kept, np.int64)


def _teaches(scores: NDArray[np.float32]) -> bool:
    finite = bool(np.isfinite(scores).all()) and len(scores) > 1
    return finite and scores.max() > NO_GAIN and scores.max() > scores.min() * (1 + 1e-6)


def pack_graphs(graphs: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The graph_ arrays of a sample from the five arrays of each node's RootGraph; every node has the same columns."""
    lengths = [np.diff(graph["indptr"]) for graph in graphs]
    return {
        "graph_columns": np.stack([graph["column_features"] for graph in graphs]).astype(np.float16),
        "graph_rows": np.concatenate([graph["row_features"] for graph in graphs]).astype(np.float16),
        "graph_lengths": np.concatenate(lengths).astype(np.int32),
        "graph_indices": np.concatenate([graph["indices"] for graph in graphs]).astype(np.int32),
        "graph_coefficients": np.concatenate([graph["coefficients"] for graph in graphs]).astype(np.float32),
        "graph_row_offsets": np.cumsum([0, *map(len, lengths)]),
        "graph_entry_offsets": np.cumsum([0, *(len(graph["indices"]) for graph in graphs)]),
    }


def write_milp_sample(sample: MilpSample, path: Path) -> None:
    """Write the sample whole or not at all."""
    write_arrays(KIND, sample, path, format=FORMAT)


def read_milp_sample(path: Path) -> MilpSample:
    """Raises InputError, as read_arrays."""
    return read_arrays(KIND, MilpSample, path, FORMAT)
