"""Samples of the expert: what strong branching said at nodes of one instance.  One .npz an instance, beside SAT's."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosolve.errors import InputError
from neurosolve.learn.samples import write_arrays

KIND = "milp"
NO_GAIN = 1e-6  # a node whose best score is no larger teaches nothing: SCIP's scores start at 1e-6 a child


class LP(Protocol):
    """A root's relaxation, as samples and trajectories keep it (read only)."""

    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    @property
    def column_features(self) -> NDArray[np.float32]: ...
    @property
    def row_features(self) -> NDArray[np.float32]: ...
    @property
    def indptr(self) -> NDArray[np.int32]: ...
    @property
    def indices(self) -> NDArray[np.int32]: ...
    @property
    def coefficients(self) -> NDArray[np.float32]: ...


@dataclasses.dataclass(frozen=True)
class MilpSample:
    """The root's LP relaxation and S labelled nodes with K candidates in all.

    Root, as in milp.features.RootGraph: column_features float32 (n, Fc), row_features float32 (m, Fr), indptr int32
    (m + 1,), indices int32, coefficients float32.  node_offsets int64 (S + 1,): node s has the candidates
    node_offsets[s] to node_offsets[s + 1].  Of each candidate: columns int32, its root column or -1; features float32
    (K, F); scores float32, the expert's product scores; pseudocosts float32, SCIP's own pseudocost scores, the
    baseline.  Of each node: depth int32 (S,).

    For `gcnn` alone, the LP of each node where it was asked for: node_columns float16 (S, n, Gc) and node_rows float16
    (S, m, Gr), empty otherwise.
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
    family: str = ""
    size: int = 0
    seed: int = 0
    name: str = ""
    node_columns: NDArray[np.float16] = dataclasses.field(default_factory=lambda: np.zeros((0, 0, 0), np.float16))
    node_rows: NDArray[np.float16] = dataclasses.field(default_factory=lambda: np.zeros((0, 0, 0), np.float16))

    def __post_init__(self) -> None:
        ends, total = (self.indptr[-1], len(self.row_features) + 1), len(self.columns)
        fits = (
            ends == (len(self.indices), len(self.indptr))
            and len(self.coefficients) == len(self.indices)
            and self.node_offsets[-1] == total == len(self.features) == len(self.scores) == len(self.pseudocosts)
            and len(self.depth) == self.num_nodes
            and len(self.node_columns) == len(self.node_rows)
            and len(self.node_columns) in (0, self.num_nodes)
        )
        if not fits:
            raise ValueError(f"{self.name}: the arrays of {self.num_nodes} nodes do not fit together")

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

    def taught(self) -> NDArray[np.int64]:
        """The nodes there is something to learn from: two finite candidates that differ, and a gain."""
        kept = [s for s in range(self.num_nodes) if _teaches(self.scores[self.node(s)])]
        return np.asarray(kept, np.int64)


def _teaches(scores: NDArray[np.float32]) -> bool:
    finite = bool(np.isfinite(scores).all()) and len(scores) > 1
    return finite and scores.max() > NO_GAIN and scores.max() > scores.min() * (1 + 1e-6)


def write_milp_sample(sample: MilpSample, path: Path) -> None:
    """Write the sample whole or not at all."""
    write_arrays(KIND, sample, path)


def read_milp_sample(path: Path) -> MilpSample:
    """Raises InputError for a file that is damaged, of another kind, or whose arrays do not fit together."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["kind"]) != KIND:
                raise InputError(str(path), None, f"a sample of kind {str(arrays['kind'])!r}, not '{KIND}'")
            values: dict[str, Any] = {
                f.name: arrays[f.name] for f in dataclasses.fields(MilpSample) if f.name in arrays
            }
        for name in ("feature_version", "size", "seed"):
            values[name] = int(values[name])
        for name in ("family", "name"):
            values[name] = str(values[name])
        return MilpSample(**values)
    except (OSError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(str(path), None, f"not a readable sample: {error}") from error
