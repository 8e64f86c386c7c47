"""The branching rule under everything that can go wrong inside it: SCIP decides, it is counted, the answer stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosolve.milp import branching, features
from neurosolve.milp.branching import NeuralBranching
from neurosolve.milp.features import Candidates
from neurosolve.milp.policies import PRIORITY, PolicySpec
from tests.milp.scripted_policy import Scripted, cover, fraction, solve
from tests.milp.small_scip import knapsacks
from tests.milp.tiny_policy import write_policy


@pytest.fixture(scope="module")
def truth() -> dict[Any, float]:
    answers = {}
    for make in (cover, knapsacks):
        scip = make()
        scip.optimize()
        answers[make] = scip.getObjVal()
    return answers


def check(scip: Any, truth: Any, make: Any = cover) -> None:
    assert scip.getStatus() == "optimal"
    assert scip.getObjVal() == pytest.approx(truth[make])


@pytest.mark.parametrize("make", [cover, knapsacks])
def test_it_branches_at_every_node(make: Any, truth: Any) -> None:
    policy = Scripted(fraction)
    report, scip = solve(policy, make)
    check(scip, truth, make)
    assert policy.calls == report.num_calls > 5
    assert report.num_handed_over == report.num_errors == 0 and not report.notes
    assert min(report.root_s, report.features_s, report.network_s, report.branch_s) > 0
    assert report.seconds < scip.getSolvingTime() + 0.1


def test_the_best_score_is_branched_on(truth: Any) -> None:
    wanted: list[str] = []

    def script(_: int, candidates: Candidates) -> Any:
        scores = np.random.default_rng(len(wanted)).random(len(candidates)).astype(np.float32)
        wanted.append(candidates.variables[int(scores.argmax())].name)
        return scores

    branched: list[str] = []

    class Watched(NeuralBranching):
        def _choose(self) -> Any:
            chosen = super()._choose()
            branched.append(chosen.name)
            return chosen

    _, scip = solve(Scripted(script), kind=Watched)
    check(scip, truth)
    assert branched == wanted


def nans(call: int, candidates: Candidates) -> Any:
    scores = fraction(call, candidates)
    if call % 3 == 0:
        scores[-1] = np.nan
    return scores


def infinities(call: int, candidates: Candidates) -> Any:
    return np.full(len(candidates), np.inf if call % 2 else -np.inf, np.float32)


def raises(call: int, candidates: Candidates) -> Any:
    if call % 2:
        raise ZeroDivisionError("injected")
    return fraction(call, candidates)


def wrong_shape(call: int, candidates: Candidates) -> Any:
    return np.zeros(len(candidates) + 1, np.float32)


@pytest.mark.parametrize("fallback", ["relpscost", "pscost"])
@pytest.mark.parametrize("make", [cover, knapsacks])
@pytest.mark.parametrize(
    ("script", "reason", "words"),
    [
        (nans, "nan", "no number"),
        (infinities, "nan", "no number"),
        (raises, "error", "ZeroDivisionError: injected"),
        (wrong_shape, "error", "ModelError"),
    ],
)
def test_a_bad_score_leaves_the_node_to_scip(
    script: Any, reason: str, words: str, make: Any, fallback: str, truth: Any
) -> None:
    report, scip = solve(Scripted(script), make, fallback=fallback)
    check(scip, truth, make)
    assert report.num_errors == report.num_handed_over == report.reasons[reason] > 0
    assert len(report.notes) == 1 and words in report.notes[0]


def test_no_candidates(truth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Candidates(np.empty(0, np.int32), np.empty((0, len(features.NODE_FEATURES)), np.float32), [])
    monkeypatch.setattr(branching, "node_features", lambda scip, root: empty)
    report, scip = solve(Scripted(fraction))
    check(scip, truth)
    assert report.reasons == {"no candidates": report.num_calls} and report.num_errors == 0


def test_features_of_an_empty_list(truth: Any) -> None:
    """SCIP itself never asks with an empty list, so the list is emptied under way."""

    class Emptied:
        def __init__(self, scip: Any) -> None:
            self.scip = scip

        def getLPBranchCands(self) -> Any:  # noqa: N802
            return [], [], [], 0, 0, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.scip, name)

    sizes = []

    class Emptying(NeuralBranching):
        def _choose(self) -> Any:
            chosen = super()._choose()
            sizes.append(len(features.node_features(Emptied(self.model), self.root)))  # type: ignore[arg-type]
            return chosen

    scip = cover()
    scip.includeBranchrule(Emptying(PolicySpec("model"), Scripted(fraction)), "neurosolve", "", PRIORITY, -1, 1.0)
    scip.optimize()
    check(scip, truth)
    assert sizes and set(sizes) == {0}


@pytest.mark.parametrize("broken", ["features", "missing", "root"])
def test_a_network_that_does_not_fit(broken: str, truth: Any, tmp_path: Path) -> None:
    """Trained on other features, not there at all, or failing at the root: off for the whole search, noted once."""

    class Failing(Scripted):
        def at_root(self, graph: Any) -> None:
            raise MemoryError("injected")

    directory = tmp_path / "m"
    if broken == "features":
        write_policy(directory, feature_version=0)
    report, scip = solve(Failing(fraction) if broken == "root" else None, model_dir=directory)
    check(scip, truth)
    assert report.reasons == {"model": report.num_calls} and report.num_calls > 5
    assert report.num_errors == 1 and len(report.notes) == 1 and "SCIP decides" in report.notes[0]


def test_an_lp_past_the_budget(truth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosolve.milp.root.MAX_NONZEROS", 10)
    report, scip = solve(Scripted(fraction))
    check(scip, truth)
    assert report.reasons == {"size": report.num_calls} and report.num_errors == 0
    assert report.gate is not None and "past the budget of 10" in report.gate["reason"]


def test_the_depth_switch(truth: Any) -> None:
    policy = Scripted(fraction, max_depth=2)
    report, scip = solve(policy)
    check(scip, truth)
    assert policy.calls <= 7 and report.num_calls == policy.calls + report.reasons["depth"]
    overruled, _ = solve(Scripted(fraction, max_depth=2), max_depth=100)
    assert not overruled.reasons


@pytest.mark.parametrize("fallback", ["relpscost", "pscost"])
def test_the_margin_hands_over_to_the_fallback(fallback: str, truth: Any) -> None:
    """Every second call the best leads by 1, else by nothing."""

    def script(call: int, candidates: Candidates) -> Any:
        scores = np.zeros(len(candidates), np.float32)
        scores[0] = call % 2
        return scores

    policy = Scripted(script, margin=0.5, fallback=fallback)
    report, scip = solve(policy)
    check(scip, truth)
    assert 0 < report.reasons["margin"] <= policy.calls // 2 and report.num_errors == 0
    assert (scip.getNStrongbranchLPIterations() > 0) == (fallback == "relpscost")
    assert scip.getParam("branching/pscost/priority") == (1_000_000 if fallback == "pscost" else 2000)


def test_an_interrupt_ends_the_search() -> None:
    def script(call: int, candidates: Candidates) -> Any:
        if call == 5:
            raise KeyboardInterrupt
        return fraction(call, candidates)

    policy = Scripted(script)
    _, scip = solve(policy)
    assert scip.getStatus() == "userinterrupt" and policy.calls <= 6


def test_branching_priorities_are_respected(truth: Any) -> None:
    """SCIP offers only candidates of the highest priority to a rule; the others are not even scored."""
    scip = cover()
    preferred = {f"t_x{j}" for j in range(20)}
    for variable in scip.getVars():
        if f"t_{variable.name}" in preferred:
            scip.chgVarBranchPriority(variable, 10)
    mixed = []

    def script(call: int, candidates: Candidates) -> Any:
        names = {v.name for v in candidates.variables}
        mixed.append(bool(names & preferred) and bool(names - preferred))
        return fraction(call, candidates)

    rule = NeuralBranching(PolicySpec("model"), Scripted(script))
    scip.includeBranchrule(rule, "neurosolve", "", PRIORITY, -1, 1.0)
    scip.optimize()
    check(scip, truth)
    assert len(mixed) > 5 and not any(mixed)
    assert rule.report.num_errors == 0


def test_the_whole_tree_is_the_same_twice(tmp_path: Path) -> None:
    directory = write_policy(tmp_path / "m")
    runs = [solve(None, model_dir=directory)[1] for _ in range(2)]
    assert runs[0].getNTotalNodes() == runs[1].getNTotalNodes() > 10
    assert runs[0].getNLPIterations() == runs[1].getNLPIterations()


@pytest.mark.parametrize("network", ["film", "mlp", "sparse", "gcnn"])
def test_every_network_under_untouched_scip(network: str, tmp_path: Path) -> None:
    """Presolving, cuts, heuristics and restarts on."""
    scip = cover(seed=5)
    scip.resetParams()
    scip.hideOutput()
    rule = NeuralBranching(PolicySpec("model", write_policy(tmp_path / "m", network)))
    scip.includeBranchrule(rule, "neurosolve", "", PRIORITY, -1, 1.0)
    scip.optimize()
    report = rule.report
    other = cover(seed=5)
    other.optimize()
    assert scip.getStatus() == "optimal" and scip.getObjVal() == pytest.approx(other.getObjVal())
    assert report.num_errors == 0 and report.num_calls > 0, report.notes
    assert report.model == "m" and report.model_hash
