"""The two sparse kernels against the plainest code that says the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosolve import kernels


def some_pattern(seed: int, num_rows: int, num_columns: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows of 0 to 4 entries; an entry may repeat."""
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 5, num_rows)
    indices = random.integers(0, num_columns, int(lengths.sum())).astype(np.int32)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32), indices


def summed(indptr: NDArray[np.int32], indices: NDArray[np.int32], x: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    out = np.zeros((indptr.size - 1, x.shape[1]))
    np.add.at(out, rows, x[indices])
    return out


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(1, 9), st.integers(1, 5))
def test_sums_and_transposes(seed: int, num_rows: int, num_columns: int, width: int) -> None:
    indptr, indices = some_pattern(seed, num_rows, num_columns)
    x = np.random.default_rng(seed).normal(size=(num_columns, width)).astype(np.float32)
    ones = np.ones(indices.size, np.float32)
    np.testing.assert_allclose(kernels.sum_rows(indptr, indices, ones, x), summed(indptr, indices, x), atol=1e-5)
    t_indptr, t_indices = kernels.transpose(num_rows, num_columns, indptr, indices)
    rows = np.repeat(np.arange(num_rows), np.diff(indptr))
    for column in range(num_columns):
        found = t_indices[t_indptr[column] : t_indptr[column + 1]]
        assert found.tolist() == rows[indices == column].tolist()


@pytest.mark.parametrize("threshold", [0, 1 << 60])
def test_one_thread_or_two_is_the_same(threshold: int, monkeypatch: pytest.MonkeyPatch) -> None:
    indptr, indices = some_pattern(3, 500, 40)
    x = np.random.default_rng(3).normal(size=(40, 8)).astype(np.float32)
    monkeypatch.setattr(kernels, "_PARALLEL_FROM", threshold)
    out = kernels.sum_rows(indptr, indices, np.ones(indices.size, np.float32), x)
    np.testing.assert_allclose(out, summed(indptr, indices, x), atol=1e-4)


def test_a_strided_or_double_input_is_taken_too() -> None:
    indptr, indices = some_pattern(1, 20, 6)
    x = np.random.default_rng(1).normal(size=(6, 8))[:, ::2]
    out = kernels.sum_rows(indptr, indices, np.ones(indices.size, np.float32), x)  # type: ignore[arg-type]
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, summed(indptr, indices, x.astype(np.float32)), atol=1e-5)


def test_the_kernels_come_without_the_package_around_them() -> None:
    import subprocess
    import sys

    code = (
        "import sys, numpy as np\n"
        "from neurosolve.kernels import transpose\n"
        "transpose(1, 2, np.array([0, 1], np.int32), np.array([1], np.int32))\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] == 'scipy'))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
