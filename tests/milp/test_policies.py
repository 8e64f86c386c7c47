"""Policies by name: each solves to the same answer, and is the one that branched."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyscipopt import Branchrule
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from neurosolve import milp_guidance
from neurosolve.errors import UsageError
from neurosolve.milp.policies import NAMES, PRIORITY, RULES, PolicySpec, attach
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


class ByHand(Branchrule):  # type: ignore[misc]
    """Full strong branching of idempotent calls, one by one: the first of the best product scores, until a candidate
    is infeasible on both sides; a node whose choice is so is cut off."""

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        scip, bound = self.model, self.model.getLPObjVal()
        candidates = scip.getLPBranchCands()[0]
        best, best_score, proved = candidates[0], -np.inf, bound
        scip.startStrongbranch()
        for variable in candidates if len(candidates) > 1 else []:
            down, up, down_valid, up_valid, *infeasible, _, _, error = scip.getVarStrongbranch(
                variable, 2147483647, idempotent=True
            )
            assert not error
            down, up = max(down, bound), max(up, bound)
            score = scip.getBranchScoreMultiple(variable, [down - bound, up - bound])
            if score > best_score:
                best, best_score = variable, score
                proved = min(down, up) if down_valid and up_valid else bound
            if all(infeasible):
                break
        scip.endStrongbranch()
        if scip.isGE(proved, scip.getCutoffbound()):
            return {"result": SCIP_RESULT.CUTOFF}
        scip.branchVar(best)
        return {"result": SCIP_RESULT.BRANCHED}


def counts(scip: Any) -> tuple[int, int, int]:
    scip.optimize()
    return scip.getNTotalNodes(), scip.getNLPIterations(), scip.getNStrongbranchLPIterations()


@pytest.mark.parametrize(
    "make", [lambda: set_cover(60, 60, 0.15), *(functools.partial(knapsacks, seed=s) for s in (0, 2))]
)
def test_fsb_is_idempotent_full_strong_branching(make: Any) -> None:
    """Node by node what it is by hand; and SCIP has no count of its LP iterations."""
    scip, by_hand = make(), make()
    attach(scip, milp_guidance.resolve("fsb"))
    by_hand.includeBranchrule(ByHand(), "by_hand", "", PRIORITY, -1, 1.0)
    found = counts(scip)
    assert found == counts(by_hand) and found[0] > 10 and found[2] == 0
    counted = make()
    attach(counted, PolicySpec("fsb"))
    counted.setParam("branching/vanillafullstrong/idempotent", False)
    other = counts(counted)
    assert other[2] > 0 and other[:2] != found[:2], "with side effects it is counted, and another tree"


def test_nonsense_is_refused() -> None:
    for spec in (PolicySpec("oracle"), PolicySpec("model"), PolicySpec("auto", fallback="fsb")):
        with pytest.raises(UsageError):
            attach(set_cover(), spec)
