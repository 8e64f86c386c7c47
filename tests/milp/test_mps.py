"""The strict MPS reader: what it refuses and where, and what a file means."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosolve.errors import InputError
from neurosolve.milp.mps import read_mps
from tests.milp.problems import INF
from tests.milp.readers import PLAIN, changed, read, scip_columns


def test_a_plain_file() -> None:
    problem = read(PLAIN)
    assert (problem.name, problem.minimize, problem.offset, problem.warnings) == ("t", True, 0.0, ())
    assert (problem.column_names, problem.row_names) == (("x", "y"), ("r", "e", "g"))
    assert problem.objective.tolist() == [1.0, 0.0]
    assert problem.indptr.tolist() == [0, 2, 3, 4] and problem.indices.tolist() == [0, 1, 0, 1]
    assert problem.coefficients.tolist() == [1.5, 2.0, -2.0, 0.5]
    assert problem.lhs.tolist() == [-INF, -3.0, 0.0] and problem.rhs.tolist() == [4.0, -3.0, INF]
    assert problem.lower.tolist() == [0.0, 0.0] and problem.upper.tolist() == [1.0, 7.0]
    assert problem.integer.tolist() == [True, False]


@pytest.mark.parametrize(
    ("changes", "line", "what"),
    [
        ((("r  1.5", "r  2.x"),), 9, "not a number: 2.x"),
        ((("r  1.5", "r  nan"),), 9, "not a number: nan"),
        ((("r  1.5", "r  1e400"),), 9, "not a number: 1e400"),
        ((("r  1.5", "r  1_0"),), 9, "not a number: 1_0"),
        ((("r  1.5", "r  1.5D2"),), 9, "not a number"),
        ((("r  1.5", "r  0x10"),), 9, "not a number"),
        ((("r  1.5", "r  inf"),), 9, "infinite coefficient"),
        ((("r  1.5", "r  1e20"),), 9, "infinite coefficient"),
        ((("r  1.5", "q  1.5"),), 9, "row q is not declared"),
        ((("x  cost  1  r  1.5", "x  cost  1  r"),), 9, "one or two pairs"),
        ((("    x  e  -2e0", "    x  r  1"),), 10, "column x has two entries in one row"),
        ((("    x  e  -2e0", "    x  cost  1"),), 10, "column x has two entries in one row"),
        ((("    y  g  +.5  r  2.", "    y  g  1\n    x  g  2"),), 13, "column x do not stand together"),
        (((" E  e", " L  r"),), 5, "row r is declared twice"),
        (((" E  e", " X  e"),), 5, "a row is N, E, L or G"),
        (((" E  e", " E"),), 5, "a row is N, E, L or G"),
        ((("'INTORG'", "'INTEND'"),), 8, "take turns"),
        ((("'INTORG'", "'SOSORG'"),), 8, "take turns"),
        ((("r  4", "r  nan"),), 14, "not a number: nan"),
        ((("r  4", "q  4"),), 14, "row q is not declared"),
        ((("r  4  e  -3", "r  4  r  4"),), 14, "second right-hand side"),
        ((("r  4  e", "r  4  e  -3  g"),), 14, "one or two pairs"),
        ((("e  -3", "e  1e30"),), 14, "no E row can meet"),
        ((("r  4", "r  -1e30"),), 14, "no L row can meet"),
        (((" UP BND  y  7", " UP BND  q  7"),), 16, "column q is not declared"),
        (((" UP BND  y  7", " XX BND  y  7"),), 16, "unknown kind of bound XX"),
        (((" UP BND  y  7", " up BND  y  7"),), 16, "unknown kind of bound up"),
        (((" UP BND  y  7", " UP BND  y  nan"),), 16, "not a number"),
        (((" UP BND  y  7", " UP BND  y"),), 16, "not a number"),
        (((" UP BND  y  7", " UP BND  y  -inf"),), 16, "bound UP of -inf"),
        (((" UP BND  y  7", " FX BND  y  inf"),), 16, "bound FX of inf"),
        (((" UP BND  y  7", " SC BND  y  7"),), 16, "semi-continuous"),
        (((" UP BND  y  7", " UP BND  x  1\n LO BND  x  0"),), 17, "SCIP would forget the upper one"),
        (((" UP BND  y  7", " BV BND  x\n LI BND  x  0"),), 17, "SCIP would forget the upper one"),
        ((("ENDATA\n", ""),), 16, "cut short: no ENDATA"),
        ((("ENDATA\n", "SOS\nENDATA\n"),), 17, "section SOS: only linear"),
        ((("ENDATA\n", "QUADOBJ\n    x  x  1\nENDATA\n"),), 17, "section QUADOBJ: only linear"),
        ((("ENDATA\n", "FOO\nENDATA\n"),), 17, "unknown section FOO"),
        ((("ENDATA\n", "RHS\nENDATA\n"),), 17, "a second section RHS"),
        ((("ENDATA\n", "RANGES\nENDATA\n"),), 17, "RANGES comes too late"),
        ((("NAME t\n", ""),), 1, "no NAME line"),
        ((("    RHS  r  4  e  -3\n", ""), ("RHS\n", "")), 15, "no RHS section"),
        ((("ROWS\n", "OBJSENSE\n    BIG\nROWS\n"),), 2, "OBJSENSE is MIN or MAX"),
        ((("ROWS\n", "OBJNAME\n    nope\nROWS\n"),), 4, "OBJNAME nope is no N row"),
        ((("BOUNDS", "RANGES\n    R  r  1  r  1\nBOUNDS"),), 16, "a second range"),
        ((("BOUNDS", "RANGES\n    R  cost  1\nBOUNDS"),), 16, "range of the objective row"),
        ((("r  1.5", "r  1.5" + " " * 1100),), 9, "SCIP reads 1022"),
        ((("y  g", "y" * 300 + "  g"),), 12, "a name of 300 characters"),
        ((("    x  cost", "x  cost"),), 9, "unknown section x"),
    ],
)
def test_what_is_refused_and_where(changes: tuple[tuple[str, str], ...], line: int, what: str) -> None:
    with pytest.raises(InputError) as refused:
        read(changed(*changes))
    assert what in refused.value.what
    assert refused.value.line == line and str(refused.value).startswith(f"t.mps:{line}: parse error: ")


@pytest.mark.parametrize("text", ["", "\n\n", "hello\n", "\0\0", "NAME\n", "* only a comment\n", "p cnf 1 1\n1 0\n"])
def test_what_is_no_mps_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read(text)


def test_every_truncation_is_refused() -> None:
    for end in range(len(PLAIN) - 1):
        with pytest.raises(InputError):
            read(PLAIN[:end].removesuffix("ENDATA"))


def test_names_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(InputError, match="UTF-8"):
        read_mps(PLAIN.encode().replace(b" r", b" \xff"), "t.mps")


def test_comments_blank_lines_windows_and_what_follows_the_end() -> None:
    text = "* head\n\n" + changed(("r  1.5", "r  1.5  $ word"), ("RHS\n", "*\n \t\nRHS\n")) + "nonsense after it\n"
    assert read(text) == read(PLAIN) == read(PLAIN.replace("\n", "\r\n")) == read(PLAIN.replace("  ", "\t"))


@pytest.mark.parametrize(
    ("section", "minimize"),
    [
        ("OBJSENSE\n    MAX\n", False),
        ("OBJSENSE MAX\n", False),
        ("OBJSENSE\n MAXIMIZE\n", False),
        ("OBJSENSE\n    MIN\n", True),
        ("OBJSEN\n    MAX\n", False),
    ],
)
def test_the_sense_stands_on_the_line_or_below(section: str, minimize: bool) -> None:
    assert read(changed(("ROWS\n", section + "ROWS\n"))).minimize is minimize


def test_the_objective_rows_right_hand_side_is_minus_the_constant() -> None:
    assert read(changed(("r  4", "cost  4"))).offset == -4.0
    assert read(changed(("r  4", "cost  -2.5"))).offset == 2.5


def test_ranges_by_kind_and_sign() -> None:
    def sides(kind: str, width: str) -> tuple[float, float]:
        problem = read(changed((" L  r", f" {kind}  r"), ("BOUNDS", f"RANGES\n    R  r  {width}\nBOUNDS")))
        return float(problem.lhs[0]), float(problem.rhs[0])

    assert sides("L", "3") == sides("L", "-3") == (1.0, 4.0)
    assert sides("G", "3") == sides("G", "-3") == (4.0, 7.0)
    assert sides("E", "3") == (4.0, 7.0)
    assert sides("E", "-3") == (1.0, 4.0)
    assert sides("E", "0") == (4.0, 4.0)
    assert sides("L", "1e30") == (-INF, 4.0)


def test_free_rows_and_further_vectors_are_left_out_with_a_word() -> None:
    problem = read(changed((" G  g", " N  g"), ("e  -3", "e  -3\n    R2  e  5")))
    assert problem.row_names == ("r", "e") and problem.num_nonzeros == 3 and problem.rhs.tolist() == [4.0, -3.0]
    assert len(problem.warnings) == 2
    named = read(changed((" G  g", " N  g"), ("ROWS\n", "OBJNAME\n    g\nROWS\n")))
    assert named.objective.tolist() == [0.0, 0.5]


def test_no_objective_and_tiny_coefficients_give_a_word() -> None:
    none = read(changed((" N  cost\n", ""), ("cost  1  ", "")))
    assert none.objective.tolist() == [0.0, 0.0] and "no objective row" in none.warnings[0]
    assert "1e-9" in read(changed(("r  1.5", "r  1e-12"))).warnings[0]


def test_the_fixed_form_may_have_blanks_in_names(tmp_path: Path) -> None:
    text = (
        "NAME          blanks\nROWS\n N  COST\n L  MY ROW\nCOLUMNS\n"
        "    MY COL    MY ROW             1.0   COST               1.0\n"
        "    B         MY ROW             1.0\n"
        "RHS\n    RHS       MY ROW             4.0\nBOUNDS\n UP BND       MY COL             3.0\nENDATA\n"
    )
    problem = read(text)
    assert (problem.column_names, problem.row_names) == (("MY_COL", "B"), ("MY_ROW",))  # as SCIP names them
    assert problem.upper.tolist() == [3.0, INF] and problem.rhs.tolist() == [4.0]
    assert set(scip_columns(text.encode(), tmp_path)) == {"MY_COL", "B"}
    with pytest.raises(InputError, match=r"t\.mps:6: parse error: row MY_RAW"):
        read(text.replace("    MY COL    MY ROW ", "    MY COL    MY RAW "))


def test_words_that_scip_joins_to_one_name_are_refused(tmp_path: Path) -> None:
    """Up to the first line that is not of the fixed form, `BND  X` is a name for SCIP, and would be a new column."""
    text = (
        "NAME\nROWS\n N  COST\n G  ROW\nCOLUMNS\n"
        "    X         COST               1.0   ROW                1.0\n"
        "RHS\n    RHS       ROW               -4.0\nBOUNDS\n UP BND  X                   7\nENDATA\n"
    )
    assert scip_columns(text.encode(), tmp_path).keys() == {"X", "BND__X"}
    with pytest.raises(InputError, match=r"t\.mps:10: parse error: .*BND__X.*SCIP takes this file for fixed form"):
        read(text)
    freed = text.replace("    X         COST               1.0   ", "    X  COST  1.0  ")
    assert read(freed).upper.tolist() == [7.0] and scip_columns(freed.encode(), tmp_path)["X"][1] == 7.0


def test_what_is_refused_in_the_free_form_is_not_read_in_the_fixed_one() -> None:
    """` FR BND  q`, read with a blank in a name, would be a bound of another vector, and left out."""
    with pytest.raises(InputError, match=r"t\.mps:17: parse error: column q is not declared"):
        read(changed((" UP BND  y  7\n", " UP BND  y  7\n FR BND  q\n")))
