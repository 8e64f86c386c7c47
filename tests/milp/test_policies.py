"""Policies by name: each solves to the same answer, and is the one that branched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurosolve.errors import UsageError
from neurosolve.milp.policies import NAMES, RULES, PolicySpec, attach
from tests.milp.small_scip import knapsacks, set_cover
from tests.milp.tiny_policy import write_policy


def solved(scip: Any) -> tuple[str, float]:
    scip.optimize()
    return scip.getStatus(), round(scip.getObjVal(), 6)


@pytest.fixture(scope="module")
def answers() -> dict[Any, tuple[str, float]]:
    return {make: solved(make()) for make in (set_cover, knapsacks)}


def branchings(scip: Any, rule: str, tmp_path: Path) -> int:
    """How many children SCIP's own statistics give to a rule."""
    import json

    path = tmp_path / "statistics.json"
    scip.writeStatisticsJson(str(path))
    return int(json.loads(path.read_text())["branchrules"]["plugins"][rule]["nchildren"])


@pytest.mark.parametrize("make", [set_cover, knapsacks])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("random", "mostinf")])
def test_every_policy_has_the_same_answer(name: str, make: Any, answers: Any, tmp_path: Path) -> None:
    scip = make()
    directory = write_policy(tmp_path / "m")
    spec = PolicySpec(name, directory if name == "model" else None, (directory,) if name == "auto" else ())
    report = attach(scip, spec)
    assert solved(scip) == answers[make]
    assert report.num_errors == 0
    if name in RULES:
        assert branchings(scip, RULES[name][0], tmp_path) > 0
    if name == "model":
        assert branchings(scip, "neurosolve", tmp_path) == 2 * report.num_calls > 0
        assert report.num_handed_over == 0


@pytest.mark.parametrize("name", ["random", "mostinf"])
def test_the_weak_rules(name: str, answers: Any, tmp_path: Path) -> None:
    scip = knapsacks()
    attach(scip, PolicySpec(name), seed=3)
    assert solved(scip) == answers[knapsacks]
    assert branchings(scip, RULES[name][0], tmp_path) > 0
    if name == "random":
        assert scip.getParam("branching/random/seed") == 3


def test_none_leaves_scip_untouched() -> None:
    touched, untouched = set_cover(), set_cover()
    attach(touched, PolicySpec("none"))
    assert touched.getParams() == untouched.getParams()


def test_fsb_leaves_no_trace() -> None:
    scip = set_cover()
    attach(scip, PolicySpec("fsb"))
    assert scip.getParam("branching/vanillafullstrong/idempotent") is True


def test_nonsense_is_refused() -> None:
    for spec in (PolicySpec("oracle"), PolicySpec("model"), PolicySpec("auto", fallback="fsb")):
        with pytest.raises(UsageError):
            attach(set_cover(), spec)
