"""The first LP is the root's, before cuts; and what a model's search goes over to there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyscipopt
import pytest

import neurosolve
from neurosolve.errors import UsageError
from neurosolve.fingerprints import Fingerprint
from neurosolve.milp import gate
from neurosolve.milp.features import root_graph
from neurosolve.milp.first_look import fingerprint_of
from neurosolve.milp.first_lp import FirstLP
from tests.milp.small_scip import set_cover
from tests.milp.tiny_policy import write_policy


def covers(**params: Any) -> pyscipopt.Model:
    """A small set cover with SCIP's cuts and heuristics."""
    scip = set_cover()
    scip.setSeparating(pyscipopt.SCIP_PARAMSETTING.DEFAULT)
    scip.setHeuristics(pyscipopt.SCIP_PARAMSETTING.DEFAULT)
    for name, value in params.items():
        scip.setParam(name.replace("__", "/"), value)
    return scip


def num_cuts(scip: pyscipopt.Model) -> int:
    return int(scip.getNCutsApplied())


def test_it_is_called_once_at_the_root_before_any_cut() -> None:
    seen: list[tuple[int, int, int]] = []
    scip = covers()
    place = lambda: seen.append((scip.getDepth(), scip.getNLPRows(), num_cuts(scip)))  # noqa: E731
    scip.includeEventhdlr(FirstLP(place), "first", "")
    scip.optimize()
    assert seen == [(0, 120, 0)] and num_cuts(scip) > 0 and scip.getNTotalNodes() > 1


@pytest.mark.parametrize("protocol", ["lean", "paper", "default"])
def test_a_models_search_goes_over_to_its_protocol(protocol: str, tmp_path: Path) -> None:
    model = write_policy(tmp_path / "tiny", "mlp", validation={"protocol": protocol})
    scip, untouched = covers(), covers()
    report = neurosolve.include_neural_branching(scip, f"model:{model}")
    scip.optimize()
    untouched.optimize()
    assert scip.getObjVal() == untouched.getObjVal() and report.num_calls > 0, report.notes
    assert report.adopted == (None if protocol == "default" else protocol)
    assert (num_cuts(scip) == 0) == (protocol == "lean")
    assert scip.getParam("separating/maxrounds") == (-1 if protocol == "default" else 0)


def test_a_second_search_is_as_the_first_was(tmp_path: Path) -> None:
    """Another problem in the same SCIP: the model is asked anew, and nothing of the first search is left."""
    model = write_policy(tmp_path / "tiny", "mlp", validation={"protocol": "lean"}, fallback="pscost")
    scip = covers()
    scip.writeProblem(str(tmp_path / "f.mps"))
    names = ("separating/maxrounds", "branching/pscost/priority")
    untouched = [scip.getParam(name) for name in names]
    report = neurosolve.include_neural_branching(scip, f"model:{model}")
    calls = []
    for _ in range(2):
        scip.readProblem(str(tmp_path / "f.mps"))
        scip.optimize()
        calls.append(report.num_calls)
        assert report.adopted == "lean" and scip.getParam(names[0]) == 0 and scip.getParam(names[1]) > untouched[1]
        scip.freeProb()
        assert [scip.getParam(name) for name in names] == untouched
    assert calls[1] == 2 * calls[0] > 0


def test_a_policy_is_included_once_and_before_the_search(tmp_path: Path) -> None:
    model = write_policy(tmp_path / "tiny", "mlp")
    scip = covers()
    neurosolve.include_neural_branching(scip, f"model:{model}")
    with pytest.raises(UsageError, match="has a policy already"):
        neurosolve.include_neural_branching(scip, f"model:{model}")
    late = covers()
    late.optimize()
    with pytest.raises(UsageError, match="before optimize"):
        neurosolve.include_neural_branching(late, f"model:{model}")


def test_what_the_gate_sees_needs_no_search(tmp_path: Path) -> None:
    """Of a file, the fingerprint that the search's own first LP has."""
    covers().writeProblem(str(tmp_path / "f.mps"))
    seen: list[Fingerprint] = []
    scip = covers()
    scip.setPresolve(pyscipopt.SCIP_PARAMSETTING.DEFAULT)
    scip.includeEventhdlr(FirstLP(lambda: seen.append(gate.fingerprint(root_graph(scip)))), "first", "")
    scip.optimize()
    assert len(seen) == 1 and seen[0] == pytest.approx(fingerprint_of(tmp_path / "f.mps"))


def test_it_need_not(tmp_path: Path) -> None:
    model = write_policy(tmp_path / "tiny", "mlp", validation={"protocol": "lean"})
    scip = covers()
    report = neurosolve.include_neural_branching(scip, f"model:{model}", adopts=False)
    scip.optimize()
    assert report.adopted is None and scip.getParam("separating/maxrounds") == -1 and num_cuts(scip) > 0


def test_a_strangers_search_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate declines: no parameter is touched, and the search is SCIP's node for node."""
    monkeypatch.setattr("neurosolve.models.search_path", lambda: [tmp_path])
    fingerprint: dict[str, Any] = {"features": {}, "trained": [0.0, 0.0], "allowed": [0.0, 0.1], "num_problems": 1}
    fingerprint["features"] = {n: {"slope": 0.0, "level": 9.0, "spread": 0.0} for n in gate.FEATURES[1:]}
    write_policy(tmp_path / "other", "mlp", validation={"protocol": "lean"}, fingerprint=fingerprint)
    scip, untouched = covers(), covers()
    report = neurosolve.include_neural_branching(scip)
    scip.optimize()
    untouched.optimize()
    assert report.gate is not None and not report.gate["guided"] and report.adopted is None
    assert scip.getNTotalNodes() == untouched.getNTotalNodes()
    assert scip.getNLPIterations() == untouched.getNLPIterations()
