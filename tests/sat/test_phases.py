"""Phases and the controls: what each one says, and that nothing but a literal gets in through a file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import InputError, ModelError, UsageError
from neurosolve.sat import phases
from neurosolve.sat.dimacs import CNF
from neurosolve.sat.walk import default_budget, local_search


def random_3sat(num_variables: int, ratio: float, seed: int) -> CNF:
    rng = np.random.default_rng(seed)
    clauses = [
        ((rng.choice(num_variables, 3, replace=False) + 1) * rng.choice([-1, 1], 3)).tolist()
        for _ in range(int(num_variables * ratio))
    ]
    return CNF.from_clauses(clauses, num_variables=num_variables)


def num_falsified(cnf: CNF, values: np.ndarray) -> int:
    true = values[np.abs(cnf.literals) - 1] * cnf.literals > 0
    return sum(not true[a:b].any() for a, b in zip(cnf.offsets[:-1], cnf.offsets[1:], strict=True))


def test_constants_and_coins() -> None:
    assert phases.all_true(3).values.tolist() == [1, 1, 1]
    assert phases.all_false(3).values.tolist() == [-1, -1, -1]
    coins = phases.random_phases(1000, seed=7)
    assert (coins.values == phases.random_phases(1000, seed=7).values).all()
    assert (coins.values != phases.random_phases(1000, seed=8).values).any()
    assert set(coins.values.tolist()) == {-1, 1} and abs(coins.values.mean()) < 0.15
    assert coins.mass == 1.0


def test_confidence_that_is_no_number_is_no_confidence() -> None:
    odd = phases.Phases.of([1, -2, 0, np.nan], "x", [np.nan, np.inf, 1, 0.5])
    assert odd.values.tolist() == [1, -1, 0, 0]
    assert odd.confidence.tolist() == [0, 0, 0, 0]


def test_truth_values_are_no_phases() -> None:
    for values in ([True, False], ["1"]):
        with pytest.raises(UsageError, match="phases are numbers"):
            phases.Phases.of(values, "mine")


def test_confident_drops_the_rest() -> None:
    sure = phases.Phases.of([1, -1, 1], "x", [0.9, 0.2, 0.6]).confident(0.5)
    assert sure.literals().tolist() == [1, 3]
    assert sure.confidence.tolist() == pytest.approx([0.9, 0, 0.6])


def test_jeroslow_wang_weighs_short_clauses_more() -> None:
    cnf = CNF.from_clauses([[1, 2], [-1, 2, 3], [-1, -2, 3, 4]], num_variables=5)
    told = phases.jeroslow_wang(cnf)
    assert told.values.tolist() == [1, 1, 1, 1, 0]  # 1: 1/4 against 1/8 + 1/16; 5 never occurs
    assert told.confidence[0] == pytest.approx((1 / 4 - 3 / 16) / (1 / 4 + 3 / 16))


@pytest.mark.parametrize(("clauses", "num_variables"), [([], 0), ([[]], 0), ([], 2)])
def test_jeroslow_wang_without_literals(clauses: list[list[int]], num_variables: int) -> None:
    told = phases.jeroslow_wang(CNF.from_clauses(clauses, num_variables))
    assert told.values.tolist() == told.confidence.tolist() == [0] * num_variables


@pytest.mark.parametrize("seed", range(3))
def test_walk_counts_what_it_falsifies(seed: int) -> None:
    cnf = random_3sat(150, 4.0, seed)
    walk = local_search(cnf, seed)
    assert num_falsified(cnf, walk.values) == walk.num_falsified
    start = local_search(cnf, seed, budget=0)
    assert walk.num_falsified < start.num_falsified / 4
    assert walk.num_flips <= default_budget(cnf)
    assert (walk.values == local_search(cnf, seed).values).all()


def test_walk_solves_an_easy_formula_and_stops() -> None:
    cnf = random_3sat(200, 3.0, 1)
    walk = local_search(cnf, 0)
    assert walk.num_falsified == 0 and walk.num_flips < 2000
    assert phases.walk(cnf, 0).values.tolist() == walk.values.tolist()


@pytest.mark.parametrize("clauses", [[], [[]], [[1, 1], [-1, 1]], [[1], [-1]], [[], [1, 2]]])
def test_walk_survives_degenerate_formulas(clauses: list[list[int]]) -> None:
    cnf = CNF.from_clauses(clauses, num_variables=2)
    walk = local_search(cnf, 0, budget=50)
    assert walk.num_falsified == num_falsified(cnf, walk.values)


def test_majority_is_read_from_a_model_directory(tmp_path: Path) -> None:
    samples = [np.array([[1, -1, 1], [1, -1, -1]]), np.array([[1, 1]]), np.zeros((0, 9))]
    phases.write_majority(tmp_path / phases.MAJORITY_FILE, samples)
    told = phases.majority(tmp_path, 5)
    assert told.values.tolist() == [1, 0, 0, 0, 0]
    assert told.confidence[0] == 1.0
    assert phases.majority(tmp_path / phases.MAJORITY_FILE, 1).values.tolist() == [1]


def test_majority_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        phases.majority(tmp_path, 5)
    (tmp_path / phases.MAJORITY_FILE).write_bytes(b"no zip")
    with pytest.raises(ModelError):
        phases.majority(tmp_path, 5)


def test_phases_come_back_from_a_file(tmp_path: Path) -> None:
    told = phases.random_phases(370, seed=1)
    text = io.StringIO()
    phases.write_phases(told, text)
    (tmp_path / "p").write_text(text.getvalue())
    assert phases.read_phases(tmp_path / "p", 370).values.tolist() == told.values.tolist()


def test_a_solver_answer_is_a_phases_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("c hello\ns SATISFIABLE\nv 1 -2\n\n v\t4 0\n")
    assert phases.read_phases(tmp_path / "p", 4).values.tolist() == [1, -1, 0, 1]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("1 2 x", 1, "no literal"),
        ("1\n5 0", 2, "literal 5"),
        ("1 2\n\n-1", 3, "both phases"),
        ("1.5", 1, "1.5"),
    ],
)
def test_a_bad_phases_file_names_the_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    (tmp_path / "p").write_text(text)
    with pytest.raises(InputError, match=what) as caught:
        phases.read_phases(tmp_path / "p", 4)
    assert caught.value.line == line


def test_a_missing_phases_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: cannot be read: No such file"):  # no fault of its first line
        phases.read_phases(tmp_path / "none", 4)


@pytest.mark.parametrize("text", ["", "s UNSATISFIABLE\n", "c nothing\n0\n"])
def test_a_file_without_a_phase_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "p").write_text(text)
    with pytest.raises(InputError, match="p: no phase in it"):
        phases.read_phases(tmp_path / "p", 4)
    with pytest.raises(InputError, match="p: no phase in it"):
        phases.refuse_silent(tmp_path / "p")
