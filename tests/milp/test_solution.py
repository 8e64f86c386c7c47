"""Solution files of four solvers, and SCIP reads the one that is written."""

from __future__ import annotations

import gzip
from pathlib import Path

import highspy
import numpy as np
import pyscipopt
import pytest

from neurosolve.errors import InputError, UsageError
from neurosolve.milp.check import verify
from neurosolve.milp.solution import parse_solution, read_solution, write_solution
from tests.milp.problems import mps_of, small

VALUES = [1.0, 2.5, 0.0]
FORMATS = {
    "scip": "solution status: optimal solution found\nobjective value:       18\nx   1 \t(obj:3)\ny   2.5 \t(obj:2)\n",
    "miplib": "=obj= 18\nx 1\ny 2.5\nz 0\n",
    "gurobi": "# Solution for model small\n# Objective value = 18\nx 1\ny 2.5e0\nz 0\n",
    "highs": (
        "Model status\nOptimal\n\n# Primal solution values\nFeasible\nObjective 18\n"
        "# Columns 3\nx 1\ny 2.5\nz 0\n# Rows 3\nc1 3.5\nc2 1\nc3 2.5\n\n# Dual solution values\nNone\n"
    ),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "a.sol"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS)
def test_every_format_is_read(text: str, tmp_path: Path) -> None:
    solution = parse_solution(written(tmp_path, text), small())
    assert solution.values.tolist() == VALUES and solution.objective == 18.0


def test_compressed_and_without_an_objective(tmp_path: Path) -> None:
    path = tmp_path / "a.sol.gz"
    path.write_bytes(gzip.compress(b"x 1\ny 2.5\n"))
    assert read_solution(path, small()).tolist() == VALUES
    assert parse_solution(path, small()).objective is None
    zero = parse_solution(written(tmp_path, "solution status: optimal\nobjective value: 0\n"), small())
    assert zero.values.tolist() == [0.0, 0.0, 0.0] and zero.objective == 0.0


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("x 1\nw 2\n", 2, "no column 'w'"),
        ("x 1\nx 2\n", 2, "second value"),
        ("x nan\n", 1, "not a finite number"),
        ("x 2.x\n", 1, "not a finite number"),
        ("x inf\n", 1, "not a finite number"),
        ("=obj= what\nx 1\n", 1, "not a finite number"),
        ("x\n", 1, "a column's name and its value"),
        ("x 1 2\n", 1, "a column's name and its value"),
        ("=infeas=\n", 1, "no solution in it"),
        ("no solution available\n", 1, "no solution in it"),
        ("", None, "no solution in it"),
        ("# nothing\n", None, "no solution in it"),
    ],
)
def test_what_is_refused(text: str, line: int | None, what: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_solution(written(tmp_path, text), small())
    assert what in refused.value.what and refused.value.line == line


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_solution(tmp_path / "none.sol", small())
    (tmp_path / "b.sol").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        read_solution(tmp_path / "b.sol", small())


def test_what_is_written_is_read_by_us_and_by_scip(tmp_path: Path) -> None:
    problem, path = small(), tmp_path / "out.sol"
    values = np.array([1.0, 2.5 - 1 / 3e9, 0.0])
    write_solution(path, problem, values, 17.9)
    back = parse_solution(path, problem)
    assert back.values.tolist() == values.tolist() and back.objective == 17.9
    (tmp_path / "p.mps").write_bytes(mps_of(problem))
    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.readProblem(str(tmp_path / "p.mps"))
    solution = scip.readSolFile(str(path))
    assert scip.checkSol(solution, original=True)
    assert scip.getSolObjVal(solution) == pytest.approx(problem.objective_of(values))


def test_without_a_problem_the_names_are_given(tmp_path: Path) -> None:
    write_solution(tmp_path / "out.sol", None, np.array(VALUES), None, ("x", "y", "z"))
    assert (tmp_path / "out.sol").read_text() == "solution status: unknown\nx 1.0\ny 2.5\n"
    assert read_solution(tmp_path / "out.sol", small()).tolist() == VALUES
    with pytest.raises(ValueError, match="argument 2"):
        write_solution(tmp_path / "out.sol", None, np.array(VALUES), None)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        write_solution(tmp_path / "no" / "out.sol", small(), np.array(VALUES), 18.0)


def test_highs_own_file_holds(tmp_path: Path) -> None:
    (tmp_path / "p.mps").write_bytes(mps_of(small()))
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.readModel(str(tmp_path / "p.mps"))
    highs.run()
    highs.writeSolution(str(tmp_path / "h.sol"), 0)
    solution = parse_solution(tmp_path / "h.sol", small())
    assert solution.objective == pytest.approx(18.0)
    assert verify(small(), solution.values, solution.objective) is None
