"""The formula's own arithmetic: counts, hashes, what its constructor refuses."""

from __future__ import annotations

import numpy as np
import pytest
from pysat import formula

from neurosolve.errors import UsageError
from neurosolve.sat.cnf import CNF


def test_counts_and_clauses() -> None:
    cnf = CNF.from_clauses([[1, -3], [], [2]], 5)
    assert (cnf.num_variables, cnf.num_clauses, cnf.num_literals) == (5, 3, 3)
    assert cnf.clause_lengths.tolist() == [2, 0, 1]
    assert cnf.clauses() == [[1, -3], [], [2]]
    assert CNF.from_clauses([[1, -3]]).num_variables == 3
    assert CNF.from_clauses([]).clauses() == []


def test_content_hash_tells_formulas_apart() -> None:
    formulas = [
        CNF.from_clauses([[1, 2], [3]]),
        CNF.from_clauses([[1, 2], [3]], 4),
        CNF.from_clauses([[1], [2, 3]]),
        CNF.from_clauses([[3], [1, 2]]),
        CNF.from_clauses([[1, 2], [-3]]),
        CNF.from_clauses([[1, 2], [3], []]),
    ]
    assert len({cnf.content_hash() for cnf in formulas}) == len(formulas)
    again = CNF.from_clauses([[1, 2], [3]])
    assert again.content_hash() == formulas[0].content_hash()
    assert again == formulas[0] and hash(again) == hash(formulas[0]) and again != formulas[2]
    assert again != "p cnf"


def test_hash_is_the_same_on_every_machine() -> None:
    expected = "94bf3fd64702a59fb77dc4a1e368b2cbb4101aa5cb34b57175e8e185769896c1"
    assert CNF.from_clauses([[1, -2], [], [-10, 200]], 300).content_hash() == expected


@pytest.mark.parametrize(
    ("clauses", "num_variables"),
    [([[1, 0]], None), ([[3]], 2), ([[-3]], 2), ([[2**31]], None), ([], -1), ([], 2**31)],
)
def test_refuses_literals_out_of_range(clauses: list[list[int]], num_variables: int | None) -> None:
    with pytest.raises(ValueError, match="a literal is 0 or beyond"):
        CNF.from_clauses(clauses, num_variables)


def test_refuses_arrays_that_do_not_fit() -> None:
    with pytest.raises(TypeError, match="int32 literals and int64 offsets"):
        CNF(1, np.array([1], np.int64), np.array([0, 1], np.int64))
    with pytest.raises(ValueError, match="offsets"):
        CNF(1, np.array([1], np.int32), np.array([0, 2], np.int64))
    with pytest.raises(ValueError, match="offsets"):
        CNF(1, np.zeros(0, np.int32), np.zeros(0, np.int64))


def test_pysats_formula_and_a_list_of_clauses() -> None:
    foreign = formula.CNF(from_clauses=[[1, -2], [2]])
    assert CNF.of(foreign) == CNF.of([(1, -2), np.array([2])]) == CNF.from_clauses([[1, -2], [2]])
    foreign.nv = 7
    assert CNF.of(foreign).num_variables == 7
    foreign.clauses.append([9])  # as PySAT's users do, and nv stays behind
    assert CNF.of(foreign).num_variables == 9


def test_what_is_no_formula_is_refused() -> None:
    limited = formula.CNFPlus()
    limited.append(([1, 2], 1), is_atmost=True)
    for stranger in (None, 3, b"p cnf 1 0", {1: 2}, [1, 2], [[1.5]], [["1"]], [[0]], [[2**70]], limited):
        with pytest.raises(UsageError):
            CNF.of(stranger)  # type: ignore[arg-type]
