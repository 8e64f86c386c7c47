"""What a network needs without torch: sparse products from SciPy's compiled module alone, and work on two cores.

`import scipy.sparse` costs 0.27 s, loading its one extension module 6 ms: a guided solve pays the latter.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_PARALLEL_FROM = 1 << 21  # multiply-adds below which a second thread costs more than it gives


@functools.cache
def _sparsetools() -> ModuleType:
    """SciPy's _sparsetools extension, without the package around it where that is possible."""
    package = importlib.util.find_spec("scipy")
    folders = list(package.submodule_search_locations or []) if package else []
    for folder in folders:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / "sparse" / f"_sparsetools{suffix}"
            if path.exists():
                loader = importlib.machinery.ExtensionFileLoader("_sparsetools", str(path))
                spec = importlib.util.spec_from_loader("_sparsetools", loader)
                if spec is not None:
                    module = importlib.util.module_from_spec(spec)
                    loader.exec_module(module)
                    return module
    from scipy.sparse import _sparsetools

    module_: ModuleType = _sparsetools
    return module_


@functools.cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # 10 ms that small formulas need not pay

    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="spmm")


def on_two_cores(work: Callable[[int, int], None], middle: int, end: int, cost: float) -> None:
    """work(0, middle) and work(middle, end), at once where `cost` multiply-adds pay for a second thread."""
    if cost < _PARALLEL_FROM:
        work(0, end)
        return
    other = _pool().submit(work, middle, end)
    work(0, middle)
    other.result()


def transpose(
    num_rows: int, num_columns: int, indptr: NDArray[np.int32], indices: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row pointers (num_columns + 1,) and sorted row indices of the transposed pattern; a counting sort."""
    ones = np.ones(indices.size, np.int8)
    out_indptr = np.empty(num_columns + 1, np.int32)
    out_indices, out_ones = np.empty_like(indices), np.empty_like(ones)
    _sparsetools().csr_tocsc(num_rows, num_columns, indptr, indices, ones, out_indptr, out_indices, out_ones)
    return out_indptr, out_indices


def sum_rows(
    indptr: NDArray[np.int32], indices: NDArray[np.int32], ones: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """out[i] = sum of x[j] over j in row i: shapes (num_rows + 1,), (num_edges,), (num_edges,), (num_columns, d).

    Rows are cut into two parts of equal edges; the kernel releases the GIL, so two cores share the work.
    """
    kernel = _sparsetools().csr_matvecs
    x = np.ascontiguousarray(x, dtype=np.float32)
    num_rows, width = indptr.size - 1, x.shape[1]
    out = np.zeros((num_rows, width), np.float32)
    flat, flat_out = x.ravel(), out.reshape(-1)

    def part(first: int, last: int) -> None:
        kernel(last - first, x.shape[0], width, indptr[first : last + 1], indices, ones, flat,
               flat_out[first * width : last * width])  # fmt: skip

    middle = int(np.searchsorted(indptr, indices.size // 2))
    on_two_cores(part, min(middle, num_rows), num_rows, indices.size * width)
    return out


def affine(x: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """x W^T + b: shapes (n, d), (e, d), (e,) -> (n, e); halves of the rows on two cores."""
    out = np.empty((x.shape[0], weight.shape[0]), np.float32)

    def part(first: int, last: int) -> None:
        np.matmul(x[first:last], weight.T, out=out[first:last])
        out[first:last] += bias

    on_two_cores(part, x.shape[0] // 2, x.shape[0], x.size * weight.shape[0] / 8)
    return out


def rms_norm(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """x over the root mean square of its row (plus 1e-3 under the root), shape (n, d)."""
    out = np.empty_like(x)

    def part(first: int, last: int) -> None:
        rows = x[first:last]
        mean = np.einsum("ij,ij->i", rows, rows) / np.float32(x.shape[1])
        np.multiply(rows, (np.float32(1.0) / np.sqrt(mean + np.float32(1e-3)))[:, None], out=out[first:last])

    on_two_cores(part, x.shape[0] // 2, x.shape[0], 4 * x.size)
    return out


def sum_columns(
    num_columns: int,
    indptr: NDArray[np.int32],
    indices: NDArray[np.int32],
    values: NDArray[np.float32],
    x: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The transposed product, from the same arrays by rows: out[j] = sum of values[e] x[i] over the entries e = (i, j).

    Shapes (num_rows + 1,), (num_edges,), (num_edges,), (num_rows, d) -> (num_columns, d); one core.
    """
    x = np.ascontiguousarray(x, dtype=np.float32)
    out = np.zeros((num_columns, x.shape[1]), np.float32)
    _sparsetools().csc_matvecs(num_columns, x.shape[0], x.shape[1], indptr, indices, values, x.ravel(), out.ravel())
    return out
