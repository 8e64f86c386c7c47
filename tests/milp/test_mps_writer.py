"""What is written comes back, and HiGHS and SCIP read it and real instances alike."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from neurosolve.milp.mps import read_mps
from neurosolve.milp.problem import Problem
from tests.milp.problems import REAL, mps_of, problems, real_instance, small
from tests.milp.readers import highs_differs, scip_columns


@settings(max_examples=30, deadline=None)
@given(problems())
def test_what_is_written_comes_back(problem: Problem) -> None:
    back = read_mps(mps_of(problem), "p.mps")
    assert back == problem and not back.warnings


@settings(max_examples=12, deadline=None)
@given(problems())
def test_highs_and_scip_read_what_is_written_alike(problem: Problem) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert not highs_differs(mps_of(problem), problem, Path(folder))
        columns = scip_columns(mps_of(problem), Path(folder))
    mine = zip(problem.lower.tolist(), problem.upper.tolist(), problem.integer.tolist(), strict=True)
    assert columns == dict(zip(problem.column_names, mine, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        {"column_names": ("x", "y y", "z")},
        {"column_names": ("x", "", "z")},
        {"row_names": ("c1", "c1", "c3")},
        {"objective": np.array([1.0, np.nan, 0.0])},
        {"lhs": np.array([5.0, 1.0, 2.5])},
        {"upper": np.array([-1.0, 1.0, 1.0])},
    ],
)
def test_what_mps_cannot_say_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"name|finite|NaN"):
        mps_of(small(**change))


def test_a_row_named_like_the_objective_is_no_trouble() -> None:
    problem = small(row_names=("OBJ", "OBJ0", "c"))
    assert read_mps(mps_of(problem), "p") == problem


@pytest.mark.parametrize("name", REAL)
def test_real_instances_are_read_as_highs_reads_them(name: str, tmp_path: Path) -> None:
    path, data = real_instance(name)
    problem = read_mps(data, str(path))
    different = highs_differs(data, problem, tmp_path)
    if name.startswith("mipcc23/bnd"):  # BV, then FX: HiGHS keeps the first, SCIP the last, which is meant
        assert different <= {"lower", "upper"} and "bounded again" in problem.warnings[0]
        columns = scip_columns(data, tmp_path)
        assert [columns[each][:2] for each in problem.column_names] == list(
            zip(problem.lower.tolist(), problem.upper.tolist(), strict=True)
        )
    else:
        assert not different
    assert dataclasses.replace(read_mps(mps_of(problem), "again"), warnings=()) == problem
