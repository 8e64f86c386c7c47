"""A bipartite graph in compressed sparse rows, in both directions: what every network of this package reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosolve.kernels import transpose


@dataclass(frozen=True)
class BipartiteGraph:
    """Edges between `num_left` and `num_right` nodes; an edge may repeat (a literal twice in a clause).

    right_of_left.indptr (num_left + 1,), .indices (num_edges,): the right neighbours of each left node;
    left_of_right the same the other way round.  All int32, as the sparse kernels want them.
    """

    num_left: int
    num_right: int
    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    transposed_indptr: NDArray[np.int32]
    transposed_indices: NDArray[np.int32]

    @property
    def num_edges(self) -> int:
        return int(self.indices.size)

    @property
    def left_degree(self) -> NDArray[np.int32]:
        """Shape (num_left,)."""
        return np.diff(self.indptr)

    @property
    def right_degree(self) -> NDArray[np.int32]:
        """Shape (num_right,)."""
        return np.diff(self.transposed_indptr)


def from_rows(num_right: int, indptr: NDArray[np.int64], indices: NDArray[np.int32]) -> BipartiteGraph:
    """The graph whose left node i is joined to indices[indptr[i]:indptr[i+1]]; linear in the edges.

    Raises ValueError past 2^31 - 1 edges, where the 32-bit kernels end.
    """
    num_left = len(indptr) - 1
    if indices.size > np.iinfo(np.int32).max:
        raise ValueError("more than 2^31 - 1 edges")
    pointers = np.ascontiguousarray(indptr, dtype=np.int32)
    rights = np.ascontiguousarray(indices, dtype=np.int32)
    transposed_indptr, transposed_indices = transpose(num_left, num_right, pointers, rights)
    return BipartiteGraph(
        num_left=num_left,
        num_right=num_right,
        indptr=pointers,
        indices=rights,
        transposed_indptr=transposed_indptr,
        transposed_indices=transposed_indices,
    )
