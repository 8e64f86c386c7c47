"""From samples to what a network reads: disjoint unions of formulas, batched by size."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosolve.errors import InputError, UsageError
from neurosolve.graph import from_rows
from neurosolve.learn.networks.ops import Incidence
from neurosolve.learn.samples import Sample, find_samples, read_sample

log = logging.getLogger(__name__)
warnings.filterwarnings("ignore", message="Sparse")  # torch's beta notice on every CSR tensor

FOLLOWER = 0.03  # an error bit of a code has some twenty counter variables, which propagation sets anyway
MAX_FORMULAS = 64  # of a batch
UNDECIDED = 0.05  # weight of a variable that is true in half of the assignments; a decided one has 1 + this


@dataclasses.dataclass
class FormulaBatch:
    """A disjoint union of B formulas with N variables in all.

    Literal nodes: all N positives first, then all N negatives.  features (2N, 2): log1p of the occurrences
    of the literal and of its negation.  formula_of_variable (N,) int64.  target (N,) in [0, 1]; weight
    (N,), 0 where the target is unknown or the variable occurs nowhere.  agreed (N,) int8: backbone, or
    agreement of assignments. status (B,): 1 satisfiable, 0 unsatisfiable, nan unknown.
    """

    features: Tensor
    edges: Incidence
    formula_of_variable: Tensor
    num_formulas: int
    target: Tensor
    weight: Tensor
    agreed: Tensor
    backbone: Tensor
    status: Tensor

    def to(self, device: torch.device) -> FormulaBatch:
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        moved: dict[str, Any] = {
            name: value.to(device) if isinstance(value, Tensor | Incidence) else value
            for name, value in fields.items()
        }
        return FormulaBatch(**moved)


def union(samples: Sequence[Sample]) -> tuple[int, NDArray[np.int32], NDArray[np.int64]]:
    """One formula out of many: number of variables N, literal nodes (num_literals,), offsets (num_clauses +
    1,)."""
    starts = np.concatenate([[0], np.cumsum([s.num_variables for s in samples])])
    num_variables = int(starts[-1])
    nodes = [np.where(s.literals > 0, s.literals - 1 + start, num_variables + start - s.literals - 1)
             for s, start in zip(samples, starts, strict=False)]  # fmt: skip
    ends = np.concatenate([[0], np.cumsum([s.num_edges for s in samples])])
    rows = [np.asarray([0]), *[s.offsets[1:] + end for s, end in zip(samples, ends, strict=False)]]
    return num_variables, np.concatenate(nodes).astype(np.int32), np.concatenate(rows)


def collate(samples: Sequence[Sample]) -> FormulaBatch:
    """The disjoint union of one sample or more."""
    num_variables, nodes, offsets = union(samples)
    graph = from_rows(2 * num_variables, offsets, nodes)
    degree = graph.right_degree.astype(np.float32)
    other = np.concatenate([degree[num_variables:], degree[:num_variables]])
    target = np.concatenate([s.targets() for s in samples])
    known = np.isfinite(target) & ((degree + other)[:num_variables] > 0)
    importance = np.concatenate([_importance(s) for s in samples])
    weight = np.where(known, np.abs(2 * target - 1) + UNDECIDED, 0) * importance
    status = np.asarray([{1: 1.0, -1: 0.0}.get(s.status, np.nan) for s in samples], np.float32)
    sizes = [s.num_variables for s in samples]
    by_clause = _csr(graph.indptr, graph.indices, (graph.num_left, graph.num_right))
    by_literal = _csr(graph.transposed_indptr, graph.transposed_indices, (graph.num_right, graph.num_left))
    return FormulaBatch(
        features=torch.from_numpy(np.log1p(np.stack([degree, other], axis=1))),
        edges=Incidence(by_clause, by_literal),
        formula_of_variable=torch.from_numpy(np.repeat(np.arange(len(samples)), sizes)),
        num_formulas=len(samples),
        target=torch.from_numpy(np.nan_to_num(target, nan=0.5).astype(np.float32)),
        weight=torch.from_numpy(weight.astype(np.float32)),
        agreed=torch.from_numpy(np.concatenate([s.agreed() for s in samples])),
        backbone=torch.from_numpy(np.concatenate([s.backbone for s in samples])),
        status=torch.from_numpy(status),
    )


def _importance(sample: Sample) -> NDArray[np.float32]:
    """(n,): 1 on primary variables and FOLLOWER on those that follow from them; 1 everywhere if none is
    known."""
    if not sample.primary.any():
        return np.ones(sample.num_variables, np.float32)
    return np.where(sample.primary, 1, FOLLOWER).astype(np.float32)


def _csr(indptr: NDArray[np.int32], indices: NDArray[np.int32], shape: tuple[int, int]) -> Tensor:
    """A pattern of ones; int32 indices, which both MKL and cuSPARSE take as they are."""
    ones = torch.ones(indices.size)
    return torch.sparse_csr_tensor(
        torch.from_numpy(indptr), torch.from_numpy(indices), ones, shape, check_invariants=False
    )


class SampleSet:
    """Samples of some directories, in memory up to `cache_bytes` and read again from disk beyond.

    Damaged files, samples without labels and formulas over `max_edges` literal occurrences are dropped,
    counted in `num_dropped` and warned of once; `num_telling` of the others have phases to learn.  Raises UsageError
    if nothing remains.
    """

    def __init__(self, directories: list[str], max_edges: int, cache_bytes: int = 3 << 30) -> None:
        self.paths: list[Path] = []
        self.edges: list[int] = []
        self._cache: dict[int, Sample] = {}
        self.num_dropped = self.num_telling = 0
        room = cache_bytes
        for path in find_samples(directories):
            try:
                sample = read_sample(path)
            except InputError as error:
                log.warning("%s", error)
                self.num_dropped += 1
                continue
            if not 0 < sample.num_edges <= max_edges or not sample.is_labelled:
                self.num_dropped += 1
                continue
            room -= _bytes(sample)
            if room > 0:
                self._cache[len(self.paths)] = sample
            self.num_telling += sample.tells_phases
            self.paths.append(path)
            self.edges.append(sample.num_edges)
        if self.num_dropped:
            reason = f"damaged, empty, without labels or over {max_edges} edges"
            log.warning("%d samples dropped: %s", self.num_dropped, reason)
        if not self.paths:
            raise UsageError(f"no usable samples in {', '.join(map(str, directories))}")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        return self._cache.get(index) or read_sample(self.paths[index])


def _bytes(sample: Sample) -> int:
    return sum(a.nbytes for a in (sample.literals, sample.offsets, sample.assignments, sample.backbone))


def bucketed(edges: Sequence[int], batch_edges: int, seed: int, epoch: int) -> list[list[int]]:
    """One epoch's batches of indices: every one once, formulas of like size together, pure in its arguments.

    A batch holds at most `batch_edges` edges (one formula over it makes a batch alone) and MAX_FORMULAS formulas.
    """
    random = np.random.default_rng([seed, epoch])
    noisy = np.log(np.asarray(edges) + 1.0) + random.normal(0, 0.2, len(edges))  # new neighbours
    batches: list[list[int]] = []
    room = 0
    for index in np.argsort(noisy, kind="stable").tolist():
        if not batches or edges[index] > room or len(batches[-1]) == MAX_FORMULAS:
            batches.append([])
            room = batch_edges
        batches[-1].append(index)
        room -= edges[index]
    return [batches[i] for i in random.permutation(len(batches))]
