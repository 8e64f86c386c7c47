"""The record: shapes, products, hashes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.milp.problems import small


def test_counts_and_products() -> None:
    problem = small()
    assert (problem.num_rows, problem.num_columns, problem.num_nonzeros) == (3, 3, 7)
    values = np.array([3.0, 1.5, 1.0])
    assert problem.activities(values).tolist() == [5.5, 1.0, 2.5]
    assert problem.objective_of(values) == 9.0 + 3.0 - 1.0 + 10.0
    assert problem.row_of_nonzero().tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_rows_without_entries_have_activity_zero() -> None:
    problem = small(indptr=np.array([0, 0, 7, 7]))
    assert problem.activities(np.ones(3)).tolist() == [0.0, 4.0, 0.0]
    none = small(indptr=np.zeros(4, np.int64), indices=np.zeros(0, np.int32), coefficients=np.zeros(0))
    assert none.activities(np.ones(3)).dtype == np.float64


def test_hash_is_of_the_content() -> None:
    problem = small()
    assert problem == small() and problem.content_hash() == small().content_hash()
    assert problem == small(name="other", warnings=("said",))  # neither is part of the problem
    for change in (
        {"minimize": True},
        {"offset": 9.0},
        {"upper": np.array([3.0, 5.0, 1.0])},
        {"integer": np.array([True, True, True])},
        {"column_names": ("x", "y", "w")},
        {"row_names": ("c1", "c2", "c4")},
    ):
        assert problem != small(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"objective": np.zeros(2)},
        {"lhs": np.zeros(2)},
        {"indptr": np.array([0, 3, 5, 6])},
        {"indptr": np.array([0, 5, 3, 7])},
        {"indices": np.array([0, 1, 3, 0, 2, 1, 2], np.int32)},
        {"indices": np.array([0, 1, -1, 0, 2, 1, 2], np.int32)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"arrays|indptr|row"):
        small(**change)


def test_wrong_types_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        small(objective=np.zeros(3, np.float32))
    with pytest.raises(TypeError, match="int32"):
        small(indices=np.array([0, 1, 2, 0, 2, 1, 2]))


def test_it_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        small().offset = 1.0  # type: ignore[misc]
