from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosolve.errors import InputError
from neurosolve.sat import labels
from neurosolve.sat.cnf import CNF
from neurosolve.sat.labels import DIVERSE, LabelOptions, complete, label, solve_diverse

CLAUSES = st.lists(
    st.lists(st.integers(1, 6).flatmap(lambda v: st.sampled_from([v, -v])), min_size=1, max_size=3),
    min_size=1,
    max_size=14,
)


def assignments_of(cnf: CNF) -> np.ndarray:
    """Every satisfying assignment, by trying all."""
    bits = (np.arange(2**cnf.num_variables)[:, None] >> np.arange(cnf.num_variables)) & 1
    values = (2 * bits - 1).astype(np.int8)
    keep = [all(any(v[abs(x) - 1] * x > 0 for x in c) for c in cnf.clauses()) for v in values]
    return values[keep]


@settings(max_examples=40, deadline=None)
@given(clauses=CLAUSES)
def test_labels_are_what_enumeration_finds(clauses: list[list[int]]) -> None:
    cnf = CNF.from_clauses(clauses, 6)
    every = assignments_of(cnf)
    findings: list[tuple[str, Any]] = []
    label(cnf, None, LabelOptions(num_assignments=4), findings.append)
    found = dict(findings)
    if not len(every):
        assert findings == [("status", -1)]
        return
    assert found["status"] == 1
    given_ = [value for kind, value in findings if kind == "assignment"]
    assert 1 <= len({v.tobytes() for v in given_}) == len(given_) <= 4
    assert all((every == v).all(axis=1).any() for v in given_)
    bone, is_complete = found["backbone"]
    mean = every.mean(axis=0)
    used = np.isin(np.arange(1, 7), np.abs(cnf.literals))
    np.testing.assert_array_equal(bone, np.where((np.abs(mean) == 1) & used, mean, 0))
    assert is_complete


@pytest.mark.parametrize("engine", DIVERSE)
def test_every_engine_gives_diverse_assignments(engine: str) -> None:
    cnf = CNF.from_clauses([[1, 2, 3], [-1, -2], [4, 5, 6, 7, 8]], 8)
    found = [solve_diverse(cnf, engine, 1000, seed) for seed in range(6)]
    assert all(status == 1 for status, _ in found)
    assert len({v.tobytes() for _, v in found if v is not None}) > 1


def test_a_spent_budget_is_unknown_never_unsatisfiable() -> None:
    """Satisfiable, and far too hard for one conflict."""
    random = np.random.default_rng(0)
    hidden = random.integers(0, 2, 300) * 2 - 1
    clauses = []
    while len(clauses) < 1270:
        variables = random.choice(300, 3, replace=False)
        signs = random.integers(0, 2, 3) * 2 - 1
        if (hidden[variables] == signs).any():
            clauses.append(((variables + 1) * signs).tolist())
    cnf = CNF.from_clauses(clauses)
    statuses = {solve_diverse(cnf, engine, 1, seed)[0] for engine in DIVERSE for seed in range(3)}
    assert 0 in statuses and -1 not in statuses
    assert any(complete(cnf, np.asarray([], np.int32), 1, seed) is None for seed in range(5))


def test_planted_literals() -> None:
    cnf = CNF.from_clauses([[1, 2], [-1, 3]], 3)
    values = complete(cnf, np.asarray([1], np.int32), 1000, seed=0)
    assert values is not None and values[0] == 1 and values[2] == 1
    free = [complete(cnf, np.asarray([-1, 2], np.int32), 1000, seed) for seed in range(8)]
    assert {int(v[2]) for v in free if v is not None} == {-1, 1}  # what is not planted varies
    with pytest.raises(InputError, match="contradict"):
        complete(cnf, np.asarray([1, -3], np.int32), 1000, seed=0)


def test_a_partial_backbone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cnf = CNF.from_clauses([[1], [2], [3, 4]], 4)
    findings: list[tuple[str, Any]] = []
    label(cnf, None, LabelOptions(time_s=-1.0, num_assignments=1), findings.append)
    assert findings == []  # no time, nothing found, nothing claimed
    monkeypatch.setattr(labels, "REPORT_S", 0.0)
    planted = np.asarray([1, 2, 3, 4], np.int32)
    label(cnf, planted, LabelOptions(time_s=-1.0, models=False), findings.append)
    bone, is_complete = dict(findings)["backbone"]
    assert not bone.any() and not is_complete
