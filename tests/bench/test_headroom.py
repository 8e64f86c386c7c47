"""The headroom study: phases files and arms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import headroom, rows, runner, suites
from bench.arms import Limits, with_repeat
from bench.headroom import Solved
from bench.rows import BenchError
from bench.suites import Instance, Places


def signs(*values: int) -> headroom.Signs:
    return np.array(values, dtype=np.int8)


@pytest.mark.parametrize("share", headroom.WRONG_SHARES)
def test_exactly_the_share_is_turned(share: float) -> None:
    true = np.where(np.arange(100) % 3, 1, -1).astype(np.int8)
    wrong = headroom.damaged(true, share, seed=4)
    assert int(np.sum(wrong != true)) == round(100 * share)
    assert np.array_equal(wrong, headroom.damaged(true, share, seed=4))


def test_majority_leaves_the_instance_itself_out() -> None:
    item = Instance("x", "f", "", "", "", "", "", "0" * 64)
    solved = [Solved(item, signs(1, 1, -1)), Solved(item, signs(-1, 1)), Solved(item, signs(-1, -1, 1, 1))]
    assert headroom.majority(0, solved).tolist() == [-1, 0, 1]
    assert headroom.majority(2, solved).tolist() == [0, 1, -1, 0]


def test_signs_need_every_variable() -> None:
    found = headroom.to_signs([2, -1, 0], 2)
    assert found is not None
    assert found.tolist() == [-1, 1]
    assert headroom.to_signs([2], 2) is None


def test_phases_files_hold_literals(tmp_path: Path) -> None:
    headroom.write_phases(signs(1, 0, -1), tmp_path / "d" / "x.phases")
    assert (tmp_path / "d" / "x.phases").read_text() == "1 -3 0\n"


def test_assignments_come_from_a_stock_solve(instances: list[Instance], places: Places) -> None:
    limits = Limits(5.0)
    path = suites.locate(instances[0], places)
    found = headroom.find_assignment(path, "e", limits, places)
    assert found is not None
    assert found.tolist() == [-1, 1]
    assert headroom.find_assignment(suites.locate(instances[1], places), "e", limits, places) is None


def test_what_the_engine_cannot_solve_is_not_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.cnf"
    path.write_text("p cnf 2 1\n1 2 0\n")
    script = f'[ "$4" = {headroom.FINDER} ] && echo "v 1 -2 0" && exit 10; exit 0'
    found = headroom.find_assignment(path, "e", Limits(5.0), Places(("/bin/sh", "-c", script, "sh")))
    assert found is not None
    assert found.tolist() == [1, -1]


def test_one_instance_has_no_majority_of_others(places: Places, tmp_path: Path) -> None:
    drawn = suites.family_suite("planted", [("headroom", "4")], 1, 50, "", places)
    with pytest.raises(BenchError, match="two are needed"):
        headroom.prepare(drawn, "e", Limits(5.0), places, tmp_path)


def test_a_whole_planted_file_spares_the_solve(tmp_path: Path) -> None:
    (tmp_path / "x.cnf").write_text("p cnf 2 1\n1 2 0\n")
    (tmp_path / "x.planted").write_text("-1 2 0\n")
    nothing = Places(("/no-such-program",))
    found = headroom.find_assignment(tmp_path / "x.cnf", "e", Limits(5.0), nothing)
    assert found is not None
    assert found.tolist() == [-1, 1]


def test_the_study_runs_to_its_table(places: Places, tmp_path: Path) -> None:
    limits, folder = Limits(5.0), tmp_path / "phases"
    drawn = suites.family_suite("planted", [("headroom", "4")], 3, 50, "", places)
    known = headroom.prepare(drawn, "e", limits, places, folder)
    assert known
    assert all((folder / "wrong10" / f"{item.name}.phases").is_file() for item in known)
    arms = with_repeat(headroom.headroom_arms("e", ["rename"], folder))
    assert [arm.name for arm in arms] == [
        "none", "wrong00/rename", "wrong10/rename", "wrong20/rename", "wrong30/rename", "majority/rename",
        "random/rename", "true/rename", "false/rename", "jw/rename", "walk/rename", "none-fair", "none-again",
    ]  # fmt: skip
    runner.run(runner.Plan(known[:1], arms, limits, places), tmp_path / "r.jsonl")
    _, runs = rows.read(tmp_path / "r.jsonl")
    assert len(runs) == len(arms)
    told = {row["arm"]: row["cli"]["guidance"] for row in runs}
    assert told["wrong20/rename"] == f"file:{folder}/wrong20/{known[0].name}.phases"
