"""A program's matrix, for tests that look at its structure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosolve.milp.problem import Problem


def dense(problem: Problem) -> npt.NDArray[np.float64]:
    """A, with each entry in its place; fails on a column that stands twice in a row."""
    matrix = np.zeros((problem.num_rows, problem.num_columns))
    place = (problem.row_of_nonzero(), problem.indices)
    np.add.at(matrix, place, 1.0)
    assert matrix.max() == 1.0
    matrix[place] = problem.coefficients
    return matrix
