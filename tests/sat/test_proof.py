"""The DRAT reader and checker: what must pass, what must not, and who says so."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat.solvers import Solver

from neurosolve.errors import InputError
from neurosolve.sat.cnf import CNF
from neurosolve.sat.drat import copy_proof, read_drat
from neurosolve.sat.proof import check_drat, check_proof
from neurosolve.sat.renaming import Renaming
from tests.sat.formulas import pigeons, random_3sat

SQUARE = CNF.from_clauses([[1, 2], [1, -2], [-1, 2], [-1, -2]])


def _binary(lines: list[tuple[bool, list[int]]]) -> bytes:
    out = bytearray()
    for deleted, literals in lines:
        out += b"d" if deleted else b"a"
        for literal in literals:
            number = 2 * abs(literal) + (literal < 0)
            while number > 127:
                out.append(number & 127 | 128)
                number >>= 7
            out.append(number)
        out.append(0)
    return bytes(out)


def _text(lines: list[tuple[bool, list[int]]]) -> bytes:
    return b"".join(
        (("d " if deleted else "") + "".join(f"{x} " for x in literals) + "0\n").encode()
        for deleted, literals in lines
    )


def _lines(data: bytes) -> list[tuple[bool, list[int]]]:
    found = []
    for block in read_drat(io.BytesIO(data)):
        ends = block.offsets.tolist()
        flat = block.literals.tolist()
        found += [(bool(d), flat[ends[i] : ends[i + 1]]) for i, d in enumerate(block.deleted)]
    return found


def test_a_resolution_proof_is_verified() -> None:
    result = check_drat(SQUARE, ["1 0", "0"])
    assert result.verified is True and result.checker == "neurosolve"


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "never reached"),
        (["0"], "line 1 is neither"),
        (["3 0"], "never reached"),  # 3 is new: RAT, harmless, and no refutation
        (["1 2 0", "d 1 2 0"], "never reached"),
    ],
)
def test_what_is_no_refutation_is_not_verified(lines: list[str], what: str) -> None:
    result = check_drat(SQUARE, lines) if lines != ["0"] else check_drat(CNF.from_clauses([[1, 2]]), lines)
    assert result.verified is False and what in result.what


def test_a_clause_that_does_not_follow_is_refused() -> None:
    cnf = CNF.from_clauses([[1, 2], [-1, 2, 3], [-2, 3, 1]])
    assert check_drat(cnf, ["-2 0", "0"]).verified is False


def test_deletion_matters_and_reasons_of_units_stay() -> None:
    cut = CNF.from_clauses([[1, 2], [1, -2], [-1, 2], [-1, -2], [3, 4]])
    assert check_drat(cut, ["d -1 -2 0", "1 0", "0"]).verified is False
    assert check_drat(cut, ["d 3 4 0", "d 9 10 0", "1 0", "0"]).verified is True
    unit = CNF.from_clauses([[1], [-1, 2, 3], [-1, 2, -3], [-2, 3], [-2, -3]])
    assert check_drat(unit, ["d 1 0", "2 0", "0"]).verified is True


def test_rat_on_the_first_literal_only() -> None:
    """x3 := x1 and x2, an extension: its clauses are RAT on 3, and on nothing else."""
    definition = ["3 -1 -2 0", "-3 1 0", "-3 2 0"]
    assert check_drat(SQUARE, [*definition, "1 0", "0"]).verified is True
    implication = CNF.from_clauses([[-1, 3]])
    assert check_drat(implication, ["1 2 0"]).what == "line 1 is neither RUP nor RAT"  # no: 2 or 3
    assert check_drat(implication, ["2 1 0"]).what == "the empty clause is never reached"  # nothing has -2


def test_formulas_refuted_by_their_own_units_need_no_line() -> None:
    assert check_drat(CNF.from_clauses([[1], [-1, 2], [-2]]), []).verified is True
    assert check_drat(CNF.from_clauses([[1], []], 1), []).verified is True
    assert check_drat(CNF.from_clauses([[1, 1, -1], [2, 2], [-2]]), []).verified is True


@pytest.mark.parametrize("engine", ["cadical195", "cadical300", "glucose4", "lingeling"])
@pytest.mark.parametrize("cnf", [random_3sat(70, 6.0, 3), pigeons(5)], ids=["3sat", "pigeons"])
def test_solver_proofs_verify_and_damaged_ones_do_not(engine: str, cnf: CNF) -> None:
    with Solver(name=engine, bootstrap_with=cnf.clauses(), with_proof=True) as solver:
        assert solver.solve_limited() is False if engine != "lingeling" else not solver.solve()
        lines = solver.get_proof()
    assert check_drat(cnf, lines).verified is True
    weaker = CNF(cnf.num_variables, cnf.literals[: cnf.offsets[-40]], cnf.offsets[:-39])
    assert check_drat(weaker, lines).verified is False


def test_a_time_limit_is_no_refutation() -> None:
    result = check_drat(SQUARE, ["1 0", "0"], time_s=0.0)
    assert result.verified is None and "time limit" in result.what


LITERALS = st.lists(st.integers(-3000, 3000).filter(bool), max_size=5)
LINES = st.lists(st.tuples(st.booleans(), LITERALS), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(LINES)
def test_text_and_binary_read_alike(lines: list[tuple[bool, list[int]]]) -> None:
    assert _lines(_text(lines)) == lines
    assert _lines(_binary(lines)) == lines


def test_blocks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosolve.sat.drat.READ_BYTES", 64)
    rng = np.random.default_rng(0)
    lines = [(bool(rng.integers(2)), rng.integers(1, 2000, rng.integers(0, 40)).tolist()) for _ in range(200)]
    assert _lines(_text(lines)) == lines
    assert _lines(_binary(lines)) == lines


def test_comments_and_crlf_are_fine() -> None:
    assert _lines(b"c made by hand\r\n1 -2 0\r\nd  3 0\n\n0") == [(False, [1, -2]), (True, [3]), (False, [])]


@pytest.mark.parametrize(
    "data", [b"1 2\n", b"1 x 0\n", b"1 d 2 0\n", b"1.5 0\n", b"a\x02", b"b\x02\x00", b"3000000000 0\n"]
)
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        _lines(data)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (b"1 0\nc a\n1 x 0\n", 3, "literals, 'd' and 0 only"),
        (b"1 0\n\n3000000000 0\n2 0\n", 3, "literals, 'd' and 0 only"),
        (b"1 0\n2 d 3 0\n", 2, "a 'd' within"),
        (b"1 0\nd 1 0\n2 3\n\n", 3, "no 0"),
    ],
)
def test_the_line_that_is_no_proof_is_named(text: bytes, line: int, what: str) -> None:
    for padding in (0, 200_000):  # more than one block
        with pytest.raises(InputError, match=rf"^p:{line + padding}: .*{what}"):
            list(read_drat(io.BytesIO(b"4 -5 0\n" * padding + text), "p"))


def test_copy_maps_back_closes_and_counts() -> None:
    renaming = Renaming.of(np.array([True, False]), np.array([0.9, 0.1]))
    seen = [renaming.clause(x) for x in ([1], [-2, 1])]
    target = io.BytesIO()
    assert copy_proof(io.BytesIO(_binary([(False, seen[0]), (True, [*seen[1], 7])])), target, renaming) == 3
    assert target.getvalue() == b"1 0\nd -2 1 7 0\n0\n"


def test_who_checks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = tmp_path / "p.drat"
    proof.write_bytes(_binary([(False, [1]), (False, [])]))
    assert check_proof(SQUARE, proof) == check_drat(SQUARE, ["1 0", "0"])
    monkeypatch.setenv("PATH", str(tmp_path))
    alone = check_proof(SQUARE, proof, max_lines=1)
    assert (alone.verified, alone.checker) == (None, "none") and "drat-trim is not on PATH" in alone.what
    # drat-trim's own words, from a stand-in that sees the formula and the proof as text
    tool = tmp_path / "drat-trim"
    for word, verdict in (("VERIFIED", True), ("NOT VERIFIED", False), ("TIMEOUT", None)):
        sees = 'read a < "$1"; read b < "$2"; [ "$a" = "p cnf 2 4" ] && [ "$b" = "1 0" ]'
        tool.write_text(f'#!/bin/sh\n{sees} && echo "s {word}"\n')
        tool.chmod(0o755)
        result = check_proof(SQUARE, proof, max_lines=1)
        assert (result.verified, result.checker) == (verdict, "drat-trim")
