"""`neurosolve check` of a MILP's solution, as a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import neurosolve.cli_check  # noqa: F401 - adds the command
from neurosolve.checking import check_file
from neurosolve.cli import app
from neurosolve.errors import InputError, UsageError
from tests.milp.problems import mps_of, small

RIGHT = "=obj= 18\nx 1\ny 2.5\nz 0\n"


@pytest.fixture
def mps(tmp_path: Path) -> Path:
    path = tmp_path / "small.mps"
    path.write_bytes(mps_of(small()))
    return path


def solution(mps: Path, text: str) -> Path:
    path = mps.with_suffix(".sol")
    path.write_text(text)
    return path


def test_a_right_solution_is_verified(mps: Path) -> None:
    run = CliRunner().invoke(app, ["check", str(mps), str(solution(mps, RIGHT))])
    assert run.exit_code == 0
    assert run.stdout.splitlines()[-1] == "s VERIFIED" and "c objective 18.0" in run.stdout


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("x 1", "x 4"), "c bound x: 4.0 is not in [0.0, 3.0]"),
        (("x 1", "x 1.5"), "c integrality x: 1.5 is not integral"),
        (("y 2.5", "y 2"), "c row c3: 2.0 is not in [2.5, 2.5]"),
        (("=obj= 18", "=obj= 19"), "c objective: 19.0 is claimed, 18.0 is right"),
    ],
)
def test_a_wrong_one_is_not_and_the_reason_is_told(mps: Path, change: tuple[str, str], what: str) -> None:
    run = CliRunner().invoke(app, ["check", str(mps), str(solution(mps, RIGHT.replace(*change)))])
    assert run.exit_code == 1
    assert run.stdout.splitlines()[-1] == "s NOT VERIFIED" and what in run.stdout


def test_what_the_tolerance_hides_and_what_the_reader_said_is_told(mps: Path) -> None:
    mps.write_bytes(mps.read_bytes().replace(b" N  OBJ\n", b" N  OBJ\n N  spare\n"))
    lines = check_file(str(mps), solution(mps, "x 1.0000009\ny 2.5\n")).lines
    assert "free rows are left out, such as spare" in lines[0] and lines[-1] == "s VERIFIED"
    assert "c the file claims no objective" in lines


def test_what_is_no_solution_is_an_error(mps: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'w'"):
        check_file(str(mps), solution(mps, "w 1\n"))
    with pytest.raises(UsageError, match="renamed"):
        check_file(str(mps), solution(mps, RIGHT), tmp_path / "flips.json")
    (tmp_path / "a.cip").write_text("STATISTICS\n")
    with pytest.raises(UsageError, match="only SCIP"):
        check_file(str(tmp_path / "a.cip"), solution(mps, RIGHT))
    with pytest.raises(InputError, match=r"small\.mps"):
        check_file(str(mps), solution(mps, RIGHT), format="lp")
