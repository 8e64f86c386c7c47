"""The layers of branching networks in NumPy, named and shaped as their torch twins; network.py has the equations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosolve.kernels import affine, sum_columns, sum_rows

if TYPE_CHECKING:
    from neurosolve.milp.lp_graph import RootGraph

CLIP = 5.0  # standard deviations

Floats = NDArray[np.float32]
Weights = dict[str, Floats]


class Standard:
    """(x - mean) / deviation, clipped; a NaN stays one."""

    def __init__(self, weights: Weights, prefix: str) -> None:
        self.mean = weights[f"{prefix}.mean"]
        self.scale = np.float32(1.0) / weights[f"{prefix}.deviation"]

    def __call__(self, x: Floats) -> Floats:
        out = np.subtract(x, self.mean, order="C")
        out *= self.scale
        return np.clip(out, -CLIP, CLIP, out=out)


class Dense:
    """x W + b, the torch layer of that name; W is kept transposed, as the product wants it."""

    def __init__(self, weights: Weights, prefix: str) -> None:
        self.weight = np.ascontiguousarray(weights[f"{prefix}.weight"].T)
        self.bias = weights[f"{prefix}.bias"]

    def __call__(self, x: Floats) -> Floats:
        out: Floats = x @ self.weight
        out += self.bias
        return out


def relu(x: Floats) -> Floats:
    return np.maximum(x, np.float32(0.0), out=x)


class RootNetwork:
    """RootGraph -> embedding of every column, (n, width)."""

    def __init__(self, weights: Weights, prefix: str) -> None:
        self.weights, self.prefix = weights, prefix
        self.columns = Standard(weights, f"{prefix}.column_standard")
        self.rows = Standard(weights, f"{prefix}.row_standard")
        self.num_rounds = sum(name.startswith(f"{prefix}.to_rows.") for name in weights) // 3
        if not self.num_rounds:
            raise KeyError(f"{prefix}.to_rows")

    def _of(self, name: str) -> Floats:
        return self.weights[f"{self.prefix}.{name}"]

    def _half(self, name: str, states: Floats, heard: Floats) -> Floats:
        out = affine(states, self._of(f"{name}.own.weight"), self._of(f"{name}.own.bias"))
        out += heard @ self._of(f"{name}.heard.weight").T
        return relu(out)

    def __call__(self, graph: RootGraph) -> Floats:
        lengths = np.diff(graph.indptr).astype(np.float32)
        # a row has norm 1: times the root of its length, its root mean square is 1
        per_row: Floats = np.sqrt(np.maximum(lengths, np.float32(1)))[:, None]
        columns_each = np.bincount(graph.indices, minlength=graph.num_columns)
        per_column = (1.0 / np.maximum(columns_each, 1)).astype(np.float32)[:, None]
        x = relu(affine(self.columns(graph.column_features), self._of("column.weight"), self._of("column.bias")))
        r = relu(affine(self.rows(graph.row_features), self._of("row.weight"), self._of("row.bias")))
        for i in range(self.num_rounds):
            heard = sum_rows(graph.indptr, graph.indices, graph.coefficients, x) / per_row
            r = self._half(f"to_rows.{i}", r, heard)
            heard = sum_columns(graph.num_columns, graph.indptr, graph.indices, graph.coefficients, r * per_row)
            x = self._half(f"to_columns.{i}", x, heard * per_column)
        return x
