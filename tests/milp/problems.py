"""Small problems for the tests: Hypothesis strategies, and real instances where the data is at hand."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from neurosolve.milp.mps import write_mps
from neurosolve.milp.problem import Problem

INF = float("inf")
REAL = ("miplib3/egout", "miplib3/flugpl", "miplib3/p0033", "miplib3/stein27", "miplib3/mod011", "mipcc23/bnd_s2_i01")


def real_instance(name: str) -> tuple[Path, bytes]:
    """A real instance's path and its decompressed bytes; the test is skipped where the data is not at hand."""
    root = os.environ.get("NEUROSOLVE_DATA")
    path = Path(root or ".", "milp", f"{name}.mps.gz")
    if not root or not path.is_file():
        pytest.skip(f"no $NEUROSOLVE_DATA/milp/{name}.mps.gz")
    return path, gzip.decompress(path.read_bytes())


def mps_of(problem: Problem) -> bytes:
    file = io.BytesIO()
    write_mps(problem, file)
    return file.getvalue()


def small(**changes: object) -> Problem:
    """max 3x + 2y - z + 10;  c1: x + y + z <= 4,  c2: 1 <= x - 2z <= 3,  c3: y + z = 2.5;

    x in {0..3}, y >= 0, z in {0, 1}.  changes: fields that differ.
    """
    fields: dict[str, object] = {
        "name": "small",
        "minimize": False,
        "objective": np.array([3.0, 2.0, -1.0]),
        "offset": 10.0,
        "indptr": np.array([0, 3, 5, 7]),
        "indices": np.array([0, 1, 2, 0, 2, 1, 2], np.int32),
        "coefficients": np.array([1.0, 1.0, 1.0, 1.0, -2.0, 1.0, 1.0]),
        "lhs": np.array([-INF, 1.0, 2.5]),
        "rhs": np.array([4.0, 3.0, 2.5]),
        "lower": np.zeros(3),
        "upper": np.array([3.0, INF, 1.0]),
        "integer": np.array([True, False, True]),
        "column_names": ("x", "y", "z"),
        "row_names": ("c1", "c2", "c3"),
    }
    return Problem(**{**fields, **changes})  # type: ignore[arg-type]


NUMBERS = st.one_of(
    st.integers(-1000, 1000).map(float), st.floats(-9e14, 9e14, allow_subnormal=False).filter(lambda x: abs(x) > 1e-8)
)
_SIGNS = st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="*$\x7f\x85\xa0\xad")
_NAMES = st.text(_SIGNS, min_size=1, max_size=9)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Any problem that MPS can say: all kinds of rows and bounds, names beyond ASCII, empty rows and columns."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(0, 5))
    names = draw(st.lists(_NAMES, min_size=n + m, max_size=n + m, unique=True))
    cells = draw(st.lists(st.tuples(st.integers(0, max(m - 1, 0)), st.integers(0, n - 1)), unique=True, max_size=12))
    cells = sorted(cells) if m else []
    number = NUMBERS.filter(lambda x: x != 0)
    lhs, rhs = _interval(draw, m)
    lower, upper = _interval(draw, n)
    free = np.isneginf(lhs) & np.isposinf(rhs)  # a row without sides is dropped by every reader
    rhs[free] = 1.0
    return Problem(
        "p",
        draw(st.booleans()),
        np.array([draw(NUMBERS) for _ in range(n)]),
        draw(NUMBERS),
        np.searchsorted([row for row, _ in cells], np.arange(m + 1)).astype(np.int64),
        np.array([column for _, column in cells], np.int32),
        np.array([draw(number) for _ in cells], np.float64),
        lhs,
        rhs,
        lower,
        upper,
        np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), np.bool_),
        tuple(names[:n]),
        tuple(names[n:]),
    )


def _interval(draw: st.DrawFn, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs low <= high of integers (widths are exact then), either end possibly infinite."""
    low, high = np.zeros(size), np.zeros(size)
    for i in range(size):
        ends = sorted(draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9))))
        low[i] = -INF if draw(st.booleans()) else ends[0]
        high[i] = INF if draw(st.booleans()) else ends[1]
    return low, high
