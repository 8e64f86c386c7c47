"""SCIP's own C functions that PySCIPOpt does not wrap, or wraps one coefficient at a time, through ctypes.

The whole constraint matrix of the LP comes in one call (0.8 ms for 75,000 coefficients; 97 ms through PySCIPOpt's
rows), and so do all values, duals and reduced costs (8 us for 1000 rows and columns).  Every function called here
is of SCIP's public interface, read only, and is looked up in the library that PySCIPOpt itself has loaded.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosolve.errors import EngineError

if TYPE_CHECKING:
    from pyscipopt import Model

_POINTER, _INT, _REAL = ctypes.c_void_p, ctypes.c_int, ctypes.c_double
_SCIP_OKAY = 1

# name -> (result, arguments)
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "SCIPgetLPI": (_INT, [_POINTER, _POINTER]),
    "SCIPgetLPRows": (_POINTER, [_POINTER]),
    "SCIPgetLPCols": (_POINTER, [_POINTER]),
    "SCIPgetNLPCols": (_INT, [_POINTER]),
    "SCIPgetVarAvgInferenceCutoffScore": (_REAL, [_POINTER, _POINTER, _REAL]),
    "SCIPgetVarConflictScore": (_REAL, [_POINTER, _POINTER]),
    "SCIPgetVarPseudocostCount": (_REAL, [_POINTER, _POINTER, _INT]),
    "SCIPlpiGetNRows": (_INT, [_POINTER, _POINTER]),
    "SCIPlpiGetNCols": (_INT, [_POINTER, _POINTER]),
    "SCIPlpiGetNNonz": (_INT, [_POINTER, _POINTER]),
    "SCIPlpiGetObj": (_INT, [_POINTER, _INT, _INT, _POINTER]),
    "SCIPlpiGetBase": (_INT, [_POINTER, _POINTER, _POINTER]),
    "SCIPlpiGetRows": (_INT, [_POINTER, _INT, _INT] + [_POINTER] * 6),
    "SCIPlpiGetCols": (_INT, [_POINTER, _INT, _INT] + [_POINTER] * 6),
    "SCIPlpiGetSol": (_INT, [_POINTER] * 6),
    "SCIPlpiWasSolved": (_INT, [_POINTER]),
    "SCIPlpiInfinity": (_REAL, [_POINTER]),
}


@dataclass(frozen=True)
class Matrix:
    """Rows (or columns) of the LP, compressed: indptr int32 (n+1,), indices int32, values float64, and the lower and
    upper ends float64 (n,), infinite where there is none."""

    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


@dataclass(frozen=True)
class LPSolution:
    """Of the LP as last solved, all float64: primal and reduced costs by column, dual and activity by row."""

    primal: NDArray[np.float64]
    dual: NDArray[np.float64]
    activity: NDArray[np.float64]
    reduced_cost: NDArray[np.float64]


@functools.cache
def _library() -> dict[str, Any]:
    """The functions above.  Raises EngineError where this build of PySCIPOpt does not have them."""
    import pyscipopt.scip

    library = ctypes.PyDLL(pyscipopt.scip.__file__)  # a symbol is found in what the module was linked with
    functions = {}
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise EngineError(f"this PySCIPOpt does not offer {name}: install its wheel, 6.3 or newer") from error
        function.restype, function.argtypes = result, arguments
        functions[name] = function
    return functions


def scip_pointer(scip: Model) -> int:
    """The address of the SCIP behind a model."""
    unpack = ctypes.pythonapi.PyCapsule_GetPointer
    unpack.restype, unpack.argtypes = _POINTER, [ctypes.py_object, ctypes.c_char_p]
    return int(unpack(scip.to_ptr(False), b"scip"))


class NativeLP:
    """The LP of the node that SCIP is working on, in LP order.  Only valid while that SCIP is solving."""

    def __init__(self, scip: Model) -> None:
        self._call = _library()
        self._scip = scip_pointer(scip)
        self._solved, self._solution = self._call["SCIPlpiWasSolved"], self._call["SCIPlpiGetSol"]

    def _lpi(self) -> int:
        lpi = _POINTER()
        self._okay(self._call["SCIPgetLPI"](self._scip, ctypes.addressof(lpi)))
        return int(lpi.value or 0)

    @staticmethod
    def _okay(code: int) -> None:
        if code != _SCIP_OKAY:
            raise EngineError(f"SCIP's LP interface returned {code}")

    def _count(self, name: str, lpi: int) -> int:
        count = _INT()
        self._okay(self._call[name](lpi, ctypes.addressof(count)))
        return count.value

    @property
    def num_rows(self) -> int:
        return self._count("SCIPlpiGetNRows", self._lpi())

    @property
    def num_columns(self) -> int:
        return self._count("SCIPlpiGetNCols", self._lpi())

    @property
    def num_nonzeros(self) -> int:
        return self._count("SCIPlpiGetNNonz", self._lpi())

    def rows(self) -> Matrix:
        """Coefficients by row; lower and upper are the sides."""
        return self._matrix("SCIPlpiGetRows", "SCIPlpiGetNRows")

    def columns(self) -> Matrix:
        """Coefficients by column; lower and upper are the bounds."""
        return self._matrix("SCIPlpiGetCols", "SCIPlpiGetNCols")

    def _matrix(self, getter: str, counter: str) -> Matrix:
        lpi = self._lpi()
        size, nonzeros, written = self._count(counter, lpi), self._count("SCIPlpiGetNNonz", lpi), _INT()
        lower, upper = np.empty(size), np.empty(size)
        indptr, indices = np.zeros(size + 1, np.int32), np.empty(nonzeros, np.int32)
        values = np.empty(nonzeros)
        if size:
            arrays = [array.ctypes.data for array in (indptr, indices, values)]
            ends = lower.ctypes.data, upper.ctypes.data
            self._okay(self._call[getter](lpi, 0, size - 1, *ends, ctypes.addressof(written), *arrays))
        indptr[size] = nonzeros
        infinity = self._call["SCIPlpiInfinity"](lpi)
        lower[lower <= -infinity], upper[upper >= infinity] = -np.inf, np.inf
        return Matrix(indptr, indices, values, lower, upper)

    def objective(self) -> NDArray[np.float64]:
        """The coefficients that are minimised, (num_columns,)."""
        lpi = self._lpi()
        objective = np.zeros(self._count("SCIPlpiGetNCols", lpi))
        if objective.size:
            self._okay(self._call["SCIPlpiGetObj"](lpi, 0, objective.size - 1, objective.ctypes.data))
        return objective

    def basis(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Status of each column and of each row: 0 at lower, 1 basic, 2 at upper, 3 free."""
        lpi = self._lpi()
        columns = np.zeros(self._count("SCIPlpiGetNCols", lpi), np.int32)
        rows = np.zeros(self._count("SCIPlpiGetNRows", lpi), np.int32)
        self._okay(self._call["SCIPlpiGetBase"](lpi, columns.ctypes.data, rows.ctypes.data))
        return columns, rows

    def solution(self) -> LPSolution | None:
        """None where the LP in memory was changed since it was solved."""
        lpi = self._lpi()
        if not self._solved(lpi):
            return None
        rows, columns = self._count("SCIPlpiGetNRows", lpi), self._count("SCIPlpiGetNCols", lpi)
        primal, reduced = np.empty(columns), np.empty(columns)
        dual, activity = np.empty(rows), np.empty(rows)
        arrays = [array.ctypes.data for array in (primal, dual, activity, reduced)]
        self._okay(self._solution(lpi, None, *arrays))
        return LPSolution(primal, dual, activity, reduced)

    def row_pointers(self, num_rows: int) -> NDArray[np.uint64]:
        """The address of each LP row: what tells whether two LPs have the same rows.  num_rows: SCIP's own count."""
        return self._addresses("SCIPgetLPRows", num_rows)

    def column_pointers(self) -> NDArray[np.uint64]:
        """The address of each LP column."""
        return self._addresses("SCIPgetLPCols", self._call["SCIPgetNLPCols"](self._scip))

    def _addresses(self, getter: str, count: int) -> NDArray[np.uint64]:
        if not count:
            return np.empty(0, np.uint64)
        address = self._call[getter](self._scip)
        return np.frombuffer(memoryview((ctypes.c_uint64 * count).from_address(address)), np.uint64).copy()

    def variable_scores(self, pointers: list[int]) -> NDArray[np.float64]:
        """(4, k): average inference-and-cutoff score, conflict score, and how often the pseudocosts down and up were
        updated, of the variables at those addresses (Variable.ptr())."""
        scip, call = self._scip, self._call
        inference, conflict = call["SCIPgetVarAvgInferenceCutoffScore"], call["SCIPgetVarConflictScore"]
        count = call["SCIPgetVarPseudocostCount"]
        return np.array(
            [
                [inference(scip, one, 1.0) for one in pointers],
                [conflict(scip, one) for one in pointers],
                [count(scip, one, 0) for one in pointers],
                [count(scip, one, 1) for one in pointers],
            ]
        )
