"""From samples to what a branching network reads: some instances' roots side by side, and some nodes of each."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosolve.errors import InputError, UsageError
from neurosolve.kernels import transpose
from neurosolve.learn.milp_losses import soft_targets
from neurosolve.learn.milp_samples import LP, MilpSample, read_milp_sample
from neurosolve.learn.samples import find_samples

log = logging.getLogger(__name__)
warnings.filterwarnings("ignore", message="Sparse")  # torch's beta notice on every CSR tensor


class Movable:
    """A dataclass of tensors, and of others like it, that goes to another device whole."""

    def to(self, device: torch.device) -> Any:
        """The same on another device."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        moved = {k: v.to(device) if isinstance(v, Tensor | Movable) else v for k, v in fields.items()}
        return type(self)(**moved)


@dataclasses.dataclass
class RootBatch(Movable):
    """Roots side by side: N columns and M rows.  over_columns (M, N) CSR: each row's mean over its columns, weighed by
    coefficient / root mean square of the row; over_rows (N, M): each column's mean over its rows."""

    column_features: Tensor
    row_features: Tensor
    over_columns: Tensor
    over_columns_transposed: Tensor
    over_rows: Tensor
    over_rows_transposed: Tensor


@dataclasses.dataclass
class NodeBatch(Movable):
    """S nodes with K candidates: columns (K,) int64 of the batch's root columns, -1 for one the root did not have;
    features (K, F); node (K,) int64 in [0, S); target (K,): sums to 1 in a node; scores and pseudocosts (K,)."""

    root: RootBatch
    columns: Tensor
    features: Tensor
    node: Tensor
    num_nodes: int
    target: Tensor
    scores: Tensor
    pseudocosts: Tensor


@dataclasses.dataclass(frozen=True)
class Root:
    """One instance's root with the values of both means, in CSR by rows and by columns."""

    column_features: NDArray[np.float32]
    row_features: NDArray[np.float32]
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    by_column_indptr: NDArray[np.int32]
    by_column_indices: NDArray[np.int32]
    over_columns: NDArray[np.float32]
    over_rows: NDArray[np.float32]
    by_column_over_columns: NDArray[np.float32]
    by_column_over_rows: NDArray[np.float32]


def root_of(sample: LP) -> Root:
    """Weights: coefficients come with row norm 1, so times sqrt(row's length) their root mean square is 1."""
    m, n = sample.num_rows, sample.num_columns
    lengths = np.diff(sample.indptr)
    row = np.repeat(np.arange(m), lengths)
    column_lengths = np.bincount(sample.indices, minlength=n)
    values = sample.coefficients * np.sqrt(lengths)[row]
    over_columns = (values / lengths[row]).astype(np.float32)
    over_rows = (values / column_lengths[sample.indices]).astype(np.float32)
    indptr, indices = transpose(m, n, sample.indptr.astype(np.int32), sample.indices.astype(np.int32))
    order = np.argsort(sample.indices, kind="stable")  # the same order as the counting sort's
    return Root(
        sample.column_features, sample.row_features, sample.indptr, sample.indices, indptr, indices,
        over_columns, over_rows, over_columns[order], over_rows[order],
    )  # fmt: skip


def collate_roots(roots: Sequence[Root]) -> RootBatch:
    """The disjoint union."""
    columns = np.cumsum([0, *(len(r.column_features) for r in roots)])
    rows = np.cumsum([0, *(len(r.row_features) for r in roots)])
    ends = np.cumsum([0, *(len(r.indices) for r in roots)])
    num_rows, num_columns = int(rows[-1]), int(columns[-1])

    def pattern(indptr: str, indices: str, starts: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        pointers = [np.zeros(1, np.int64), *(getattr(r, indptr)[1:] + e for r, e in zip(roots, ends, strict=False))]
        places = [getattr(r, indices) + s for r, s in zip(roots, starts, strict=False)]
        return (torch.from_numpy(np.concatenate(pointers).astype(np.int32)),
                torch.from_numpy(np.concatenate(places).astype(np.int32)))  # fmt: skip

    by_row = pattern("indptr", "indices", columns)
    by_column = pattern("by_column_indptr", "by_column_indices", rows)

    def csr(where: tuple[Tensor, Tensor], values: str, shape: tuple[int, int]) -> Tensor:
        flat = torch.from_numpy(np.concatenate([getattr(r, values) for r in roots]))
        return torch.sparse_csr_tensor(*where, flat, shape, check_invariants=False)

    return RootBatch(
        column_features=torch.from_numpy(np.concatenate([r.column_features for r in roots])),
        row_features=torch.from_numpy(np.concatenate([r.row_features for r in roots])),
        over_columns=csr(by_row, "over_columns", (num_rows, num_columns)),
        over_columns_transposed=csr(by_column, "by_column_over_columns", (num_columns, num_rows)),
        over_rows=csr(by_column, "by_column_over_rows", (num_columns, num_rows)),
        over_rows_transposed=csr(by_row, "over_rows", (num_rows, num_columns)),
    )


class MilpSamples:
    """The labelled nodes of some directories, in memory.  graphs: batches hold a graph for each node, not one for each
    instance, and samples without are dropped.

    Damaged files, samples of another feature version and those without a node that teaches are dropped, counted in
    `num_dropped` and warned of.  Raises UsageError if nothing remains.
    """

    def __init__(self, directories: Sequence[str], max_candidates: int = 10_000, graphs: bool = False) -> None:
        self.graphs = graphs
        self.samples: list[MilpSample] = []
        self.roots: list[Root] = []
        self.nodes: list[NDArray[np.int64]] = []  # of each sample, those that teach
        self.num_dropped = 0
        for path in find_samples(list(directories)):
            try:
                sample = read_milp_sample(path)
            except InputError as error:
                log.warning("%s", error)
                self.num_dropped += 1
                continue
            nodes = sample.taught()
            nodes = nodes[np.diff(sample.node_offsets)[nodes] <= max_candidates]
            complete = sample.has_graphs or not graphs
            same = not self.samples or sample.feature_version == self.samples[0].feature_version
            if not (len(nodes) and same and complete):
                self.num_dropped += 1
                continue
            self.samples.append(sample)
            self.roots.append(root_of(sample))
            self.nodes.append(nodes)
        if self.num_dropped:
            reason = "damaged, of other features, or without a node that teaches"
            log.warning("%d samples dropped: %s", self.num_dropped, reason)
        if not self.samples:
            raise UsageError(f"no usable samples in {', '.join(map(str, directories))}")

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def num_nodes(self) -> int:
        return sum(map(len, self.nodes))

    @property
    def shape(self) -> dict[str, int]:
        """What a network is built for."""
        one = self.samples[0]
        return {"num_features": one.features.shape[1], "num_column_features": one.column_features.shape[1],
                "num_row_features": one.row_features.shape[1]}  # fmt: skip

    def _graph(self, index: int, nodes: NDArray[np.int64]) -> Root:
        """The instance's root, or with graphs that of its one node."""
        return root_of(self.samples[index].graph(int(nodes[0]))) if self.graphs else self.roots[index]

    def batch(self, picks: Sequence[tuple[int, NDArray[np.int64]]], temperature: float) -> NodeBatch:
        """Collate picks of (sample, its nodes)."""
        if self.graphs:
            picks = [(i, nodes[k : k + 1]) for i, nodes in picks for k in range(len(nodes))]
        starts = np.cumsum([0, *(self.samples[i].num_columns for i, _ in picks)])
        parts: list[tuple[NDArray[Any], ...]] = []
        counts: list[int] = []
        for (i, nodes), start in zip(picks, starts, strict=False):
            sample = self.samples[i]
            where = np.concatenate([np.arange(s.start, s.stop) for s in map(sample.node, nodes)])
            counts += np.diff(sample.node_offsets)[nodes].tolist()
            columns = sample.columns[where].astype(np.int64)
            columns = np.where(columns >= 0, columns + start, -1)
            parts.append((columns, sample.features[where], sample.scores[where], sample.pseudocosts[where]))
        columns, features, scores, pseudocosts = (np.concatenate(p) for p in zip(*parts, strict=True))
        node = np.repeat(np.arange(len(counts)), counts)
        return NodeBatch(
            root=collate_roots([self._graph(i, nodes) for i, nodes in picks]),
            columns=torch.from_numpy(columns),
            features=torch.from_numpy(features),
            node=torch.from_numpy(node),
            num_nodes=len(counts),
            target=torch.from_numpy(soft_targets(scores, node, len(counts), temperature)),
            scores=torch.from_numpy(scores),
            pseudocosts=torch.from_numpy(pseudocosts),
        )


def packed(
    nodes: Sequence[NDArray[np.int64]], batch_nodes: int, nodes_per_instance: int, seed: int, epoch: int
) -> list[list[tuple[int, NDArray[np.int64]]]]:
    """One epoch's batches: every node once, at most `nodes_per_instance` of an instance in a batch; pure in its
    arguments."""
    random = np.random.default_rng([seed, epoch])
    chunks: list[tuple[int, NDArray[np.int64]]] = []
    for i, own in enumerate(nodes):
        mixed = random.permutation(own)
        chunks += [(i, mixed[k : k + nodes_per_instance]) for k in range(0, len(mixed), nodes_per_instance)]
    batches: list[list[tuple[int, NDArray[np.int64]]]] = []
    room = 0
    for place in random.permutation(len(chunks)):
        index, chunk = chunks[int(place)]
        if not batches or room <= 0:
            batches.append([])
            room = batch_nodes
        batches[-1].append((index, chunk))
        room -= len(chunk)
    return batches
