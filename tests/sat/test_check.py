"""Assignments against formulas, and answer files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosolve.errors import InputError, SoundnessError
from neurosolve.result import Status
from neurosolve.sat.check import parse_answer, read_answer, satisfies
from neurosolve.sat.cnf import CNF

FORMULA = CNF.from_clauses([[1, 2], [-1, 3], [-2, -3]], 4)


def test_first_falsified_clause() -> None:
    assert satisfies(FORMULA, [1, -2, 3, 4]) is None
    assert satisfies(FORMULA, np.array([4, 3, 2, 1], np.int32)) == 2
    assert satisfies(FORMULA, [1, -2, -3, 4]) == 1
    assert satisfies(FORMULA, [-1, -2, -3, -4]) == 0


def test_empty_clauses_and_formulas() -> None:
    assert satisfies(CNF.from_clauses([]), []) is None
    assert satisfies(CNF.from_clauses([], 2), [1, -2]) is None
    assert satisfies(CNF.from_clauses([[]]), []) == 0
    assert satisfies(CNF.from_clauses([[1], [], [1]]), [1]) == 1
    assert satisfies(CNF.from_clauses([[1], [1], []]), [1]) == 2
    assert satisfies(CNF.from_clauses([[], [1], []]), [1]) == 0


@pytest.mark.parametrize(
    ("assignment", "what"),
    [
        ([1, 2, 3], "leaves out variable 4"),
        ([], "leaves out variable 1"),
        ([1, 2, 3, -3], "gives variable 3 more than one value"),
        ([1, 2, 3, 3, 4], "gives variable 3 more than one value"),
        ([1, 2, 3, 4, 5], "none of 4 variables"),
        ([1, 2, 3, 4, 0], "none of 4 variables"),
        ([1, 2, 3, -(2**63)], "none of 4 variables"),
        ([[1, 2], [3, 4]], "none of 4 variables"),
    ],
)
def test_refuses_what_is_no_assignment(assignment: list[int], what: str) -> None:
    with pytest.raises(SoundnessError, match=what):
        satisfies(FORMULA, assignment)


def test_partial_assignments() -> None:
    assert satisfies(FORMULA, [1, -2, 3], partial=True) is None
    assert satisfies(FORMULA, [1, -2], partial=True) == 1
    assert satisfies(FORMULA, [], partial=True) == 0
    with pytest.raises(SoundnessError, match="more than one value"):
        satisfies(FORMULA, [1, -1], partial=True)


literal = st.integers(1, 8).flatmap(lambda variable: st.sampled_from([variable, -variable]))


@given(
    clauses=st.lists(st.lists(literal, max_size=4), max_size=20),
    signs=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_agrees_with_a_plain_loop(clauses: list[list[int]], signs: list[bool]) -> None:
    assignment = [variable if sign else -variable for variable, sign in enumerate(signs, 1)]
    expected = next((i for i, clause in enumerate(clauses) if not set(clause) & set(assignment)), None)
    assert satisfies(CNF.from_clauses(clauses, 8), assignment) == expected


def test_answer_file(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_bytes(gzip.compress(b"c hello\r\ns SATISFIABLE\r\nv 1 -2\nc between\nv 3\nv 0\n"))
    answer = read_answer(path)
    assert answer.status is Status.SATISFIABLE
    assert answer.assignment is not None and answer.assignment.dtype == np.int32
    assert answer.assignment.tolist() == [1, -2, 3]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"s UNSATISFIABLE\n", Status.UNSATISFIABLE),
        (b"s UNKNOWN", Status.UNKNOWN),
        (b"c UNKNOWN\n", Status.UNKNOWN),
        (b"c UNKNOWN so far\ns SATISFIABLE\n", Status.SATISFIABLE),
        (b"c UNKNOWN\ns UNSATISFIABLE\n", Status.UNSATISFIABLE),
    ],
)
def test_answers_without_an_assignment(text: bytes, status: Status) -> None:
    answer = parse_answer(text)
    assert (answer.status, answer.assignment) == (status, None)


def test_answer_with_an_empty_assignment() -> None:
    assignment = parse_answer(b"s SATISFIABLE\nv 0\n").assignment
    assert assignment is not None and assignment.tolist() == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (b"", None, "no 's' line"),
        (b"c nothing\nv 1 0\n", None, "no 's' line"),
        (b"s SATISFIABLE\nc\ns UNKNOWN\n", 3, "a second 's' line"),
        (b"s SATISFIED\n", 1, "expected 's SATISFIABLE'"),
        (b"s SATISFIABLE\n1 2 0\n", 2, "expected a line that starts with"),
        (b"s SATISFIABLE\nv 1 2\nv -3\n", 3, "must end in their only 0"),
        (b"s SATISFIABLE\nv 1 0\nv 2 0\n", 3, "must end in their only 0"),
        (b"s SATISFIABLE\nv 1 0 2\n", 2, "must end in their only 0"),
        (b"s SATISFIABLE\nv 1\nv x 0\n", 3, "expected literals"),
        (b"s SATISFIABLE\nv 1\nv\n", 3, "must end in their only 0"),
        (b"s SATISFIABLE\nv -4294967297 0\n", 2, "a literal past 2\\^31-1"),
    ],
)
def test_refuses_answers_with_the_line(text: bytes, line: int | None, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        parse_answer(text, "answer")
    assert caught.value.line == line
