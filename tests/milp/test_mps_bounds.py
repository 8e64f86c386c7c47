"""Bounds of an MPS file: every kind, its defaults, and SCIP reading the very same file so."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosolve.errors import InputError
from neurosolve.milp.problem import Problem
from tests.milp.problems import INF
from tests.milp.readers import changed, read, scip_columns


def bounded(lines: str, integer: bool = True) -> Problem:
    """PLAIN with other bounds of x, which stands in a marker section or not."""
    text = changed((" UP BND  y  7\n", lines))
    if not integer:
        text = "".join(line + "\n" for line in text.splitlines() if "MARKER" not in line)
    return read(text)


@pytest.mark.parametrize(
    ("lines", "integer", "lower", "upper", "becomes_integer"),
    [
        ("", True, 0.0, 1.0, True),
        ("", False, 0.0, INF, False),
        (" UP B x 5\n", True, 0.0, 5.0, True),
        (" UP B x 0\n", True, 0.0, 0.0, True),
        (" LO B x 2\n", True, 2.0, INF, True),
        (" LO B x 0\n UP B x 1\n", True, 0.0, 1.0, True),
        (" UP B x 5\n LO B x 2\n", True, 2.0, 5.0, True),
        (" PL B x\n", True, 0.0, INF, True),
        (" MI B x\n", True, -INF, INF, True),
        (" MI B x\n UP B x -2\n", False, -INF, -2.0, False),
        (" FR B x\n", True, -INF, INF, True),
        (" FR B x\n", False, -INF, INF, False),
        (" FX B x 1\n", True, 1.0, 1.0, True),
        (" FX B x 4\n", False, 4.0, 4.0, False),
        (" BV B x\n", False, 0.0, 1.0, True),
        (" BV B x 1\n", False, 0.0, 1.0, True),
        (" LI B x 2\n", False, 2.0, INF, True),
        (" LI B x 2\n UI B x 5\n", False, 2.0, 5.0, True),
        (" UI B x 5\n", False, 0.0, 5.0, True),
        (" UP B x 1e20\n", False, 0.0, INF, False),
        (" UP B x Inf\n", False, 0.0, INF, False),
        (" LO B x -1e+30\n", False, -INF, INF, False),
        (" UP x 5\n", False, 0.0, 5.0, False),
        (" FR x\n", False, -INF, INF, False),
    ],
)
def test_bounds(
    lines: str, integer: bool, lower: float, upper: float, becomes_integer: bool, tmp_path: Path
) -> None:
    """As the table has them, and SCIP reads the very same file so."""
    problem = bounded(lines, integer)
    assert (problem.lower[0], problem.upper[0], problem.integer[0]) == (lower, upper, becomes_integer)
    text = changed((" UP BND  y  7\n", lines))
    if not integer:
        text = "".join(line + "\n" for line in text.splitlines() if "MARKER" not in line)
    assert scip_columns(text.encode(), tmp_path)["x"] == (lower, upper, becomes_integer)


@pytest.mark.parametrize(
    ("lines", "lower", "upper", "warning"),
    [
        (" UP B x -1\n", 0.0, -1.0, "upper bound -1 below the lower bound 0"),
        (" BV B x\n FX B x 0\n", 0.0, 0.0, "column x is bounded again"),
        (" UP B x 9\n UP B x 3\n", 0.0, 3.0, "column x is bounded again"),
        (" FX B x 1\n BV B x\n", 1.0, 1.0, "column x is bounded again"),
        (" UP B x 9\n UP C x 3\n", 0.0, 9.0, "bounds C are left out: B is the first"),
    ],
)
def test_where_readers_differ_scips_reading_counts_with_a_word(
    lines: str, lower: float, upper: float, warning: str, tmp_path: Path
) -> None:
    problem = bounded(lines)
    assert (problem.lower[0], problem.upper[0]) == (lower, upper)
    assert any(warning in word for word in problem.warnings)
    assert scip_columns(changed((" UP BND  y  7\n", lines)).encode(), tmp_path)["x"] == (lower, upper, True)


@pytest.mark.parametrize("before", [" LO B x 2\n", " FX B x -1\n", " MI B x\n UP B x -3\n"])
def test_a_binary_bound_that_scip_would_not_obey_is_refused(before: str) -> None:
    with pytest.raises(InputError, match="column x: BV after bounds beyond 0 and 1"):
        bounded(before + " BV B x\n")
