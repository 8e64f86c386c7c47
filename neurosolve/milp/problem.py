"""A mixed-integer linear program as flat arrays, as the file states it: no solver has touched it."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """Minimise (or maximise) objective @ x + offset  where  lhs <= A x <= rhs,  lower <= x <= upper, some x integer.

    n columns, m rows.  objective, lower, upper: float64 (n,); lhs, rhs: float64 (m,); no bound is -inf or +inf.
    A is CSR by rows: row i has columns indices[indptr[i]:indptr[i + 1]] (indptr int64 (m + 1,), indices int32 (nnz,))
    and coefficients (float64, beside indices).  integer: bool (n,).  Names are unique and hold no line break.
    warnings: what a reader accepted with a word to the user.  Treat the arrays as read-only.
    """

    name: str
    minimize: bool
    objective: Floats
    offset: float
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    coefficients: Floats
    lhs: Floats
    rhs: Floats
    lower: Floats
    upper: Floats
    integer: npt.NDArray[np.bool_]
    column_names: tuple[str, ...]
    row_names: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n, m = len(self.column_names), len(self.row_names)
        lengths = {len(self.objective), len(self.lower), len(self.upper), len(self.integer)}
        if lengths != {n} or {len(self.lhs), len(self.rhs), len(self.indptr) - 1} != {m}:
            raise ValueError(f"arrays that do not fit {n} columns and {m} rows")
        if self.indptr.dtype != np.int64 or self.indices.dtype != np.int32 or self.integer.dtype != np.bool_:
            raise TypeError("a Problem takes int64 indptr, int32 indices and bool integer")
        if any(array.dtype != np.float64 for array in self._floats()):
            raise TypeError("a Problem takes float64 numbers")
        nonzeros = len(self.indices)
        if self.indptr[0] != 0 or self.indptr[-1] != nonzeros or len(self.coefficients) != nonzeros:
            raise ValueError("indptr must run from 0 to the number of nonzeros")
        if np.any(np.diff(self.indptr) < 0) or np.any((self.indices < 0) | (self.indices >= n)):
            raise ValueError("a row that runs backwards, or an index beyond the columns")

    def _floats(self) -> tuple[Floats, ...]:
        return (self.objective, self.coefficients, self.lhs, self.rhs, self.lower, self.upper)

    @property
    def num_rows(self) -> int:
        return len(self.row_names)

    @property
    def num_columns(self) -> int:
        return len(self.column_names)

    @property
    def num_nonzeros(self) -> int:
        return len(self.indices)

    def row_of_nonzero(self) -> npt.NDArray[np.int64]:
        """The row of each nonzero, (nnz,)."""
        return np.repeat(np.arange(self.num_rows), np.diff(self.indptr))

    def activities(self, values: Floats) -> Floats:
        """A @ values, (m,)."""
        products = self.coefficients * values[self.indices]
        sums = np.bincount(self.row_of_nonzero(), weights=products, minlength=self.num_rows)
        return sums.astype(np.float64, copy=False)  # an empty matrix sums to integers

    def objective_of(self, values: Floats) -> float:
        """objective @ values + offset."""
        return float(self.objective @ values) + self.offset

    def content_hash(self) -> str:
        """sha256 (hex) of the problem as read: same names, numbers and order give the same hash."""
        import hashlib  # OpenSSL: 10 ms that a solve need not spend

        names = "\n".join((*self.column_names, "", *self.row_names))
        digest = hashlib.sha256(f"milp {self.num_columns} {self.num_rows} {self.minimize}\n{names}".encode())
        digest.update(np.float64(self.offset).tobytes())
        for array in (self.indptr, self.indices, self.integer, *self._floats()):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.content_hash() == other.content_hash()

    def __hash__(self) -> int:
        return hash((self.num_columns, self.num_rows, self.num_nonzeros))
