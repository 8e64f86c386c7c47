"""The README's lines: neural branching in anybody's own PySCIPOpt script."""

from __future__ import annotations

from pathlib import Path

import pyscipopt
import pytest

import neurosolve
from neurosolve import guidance, milp_guidance
from neurosolve.errors import ModelError, UsageError
from neurosolve.milp import gate
from neurosolve.models import find_models
from neurosolve.sat.cnf import CNF
from tests.milp.small_scip import knapsacks, set_cover
from tests.milp.test_gate import root_of
from tests.milp.tiny_policy import write_policy
from tests.small_model import write_model


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of models with one for small set covers."""
    described = gate.describe([gate.fingerprint(root_of(set_cover(seed=seed))) for seed in range(4)])
    write_policy(tmp_path / "covers", fingerprint=described, fallback="pscost")
    monkeypatch.setattr("neurosolve.models.search_path", lambda: [tmp_path])
    return tmp_path


def test_the_example(models: Path, tmp_path: Path) -> None:
    problem = tmp_path / "problem.mps"
    set_cover(seed=9).writeProblem(str(problem))

    scip = pyscipopt.Model()
    scip.hideOutput()
    scip.setPresolve(pyscipopt.SCIP_PARAMSETTING.OFF)
    scip.setHeuristics(pyscipopt.SCIP_PARAMSETTING.OFF)
    scip.setSeparating(pyscipopt.SCIP_PARAMSETTING.OFF)
    report = neurosolve.include_neural_branching(scip)
    scip.readProblem(str(problem))
    scip.optimize()

    assert scip.getStatus() == "optimal"
    assert report.gate == {"stage": 1, "guided": True, "reason": "covers fits"}
    assert report.model == "covers" and report.num_calls > 10 and report.num_handed_over == 0, report.notes


def test_auto_leaves_a_stranger_to_scip(models: Path) -> None:
    """Declined: the search is SCIP's own, node for node."""
    scip, untouched = knapsacks(), knapsacks()
    report = neurosolve.include_neural_branching(scip)
    scip.optimize()
    untouched.optimize()
    assert report.gate is not None and not report.gate["guided"] and "17 columns" in report.gate["reason"]
    assert report.num_handed_over == report.num_calls > 10 and report.reasons == {"gate": report.num_calls}
    assert scip.getNTotalNodes() == untouched.getNTotalNodes()
    assert scip.getNLPIterations() == untouched.getNLPIterations()
    assert scip.getObjVal() == untouched.getObjVal()


def test_without_any_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosolve.models.search_path", lambda: [tmp_path / "empty"])
    scip = set_cover()
    report = neurosolve.include_neural_branching(scip)
    scip.optimize()
    assert scip.getStatus() == "optimal"
    assert report.gate == {"stage": 1, "guided": False, "reason": "no model installed"} and report.num_errors == 0


def test_a_model_by_name_and_what_overrules_it(models: Path) -> None:
    scip = set_cover()
    report = neurosolve.include_neural_branching(scip, "model:covers", max_depth=1)
    scip.optimize()
    assert scip.getStatus() == "optimal" and report.gate is None and report.reasons["depth"] > 0


def test_formulas_and_milps_have_models_of_their_own(models: Path) -> None:
    write_model(models / "formulas")
    assert set(find_models("milp")) == {"covers"} and set(find_models("sat")) == {"formulas"}
    assert set(find_models()) == {"covers", "formulas"}
    assert guidance.resolve("auto", CNF.from_clauses([[1, 2]])).model is None
    with pytest.raises(ModelError, match="model of branching"):
        guidance.resolve("model:covers", CNF.from_clauses([[1, 2]]))
    with pytest.raises(ModelError, match="not a model of branching"):
        milp_guidance.resolve("model:formulas")
    (models / "formulas" / "config.json").write_text("{")
    assert milp_guidance.resolve("auto").model_dirs == (models / "covers",)


def test_names(models: Path) -> None:
    assert milp_guidance.resolve("auto").model_dirs == (models / "covers",)
    assert milp_guidance.resolve("auto:covers").model_dirs == (models / "covers",)
    assert milp_guidance.resolve("model:covers").model_dir == models / "covers"
    for name in ("none", "relpscost", "pscost", "mostinf", "random", "fsb"):
        assert milp_guidance.resolve(name).name == name
    for name in ("oracle", "none:x", "model", "model:", "auto:", "pscost:1"):
        with pytest.raises(UsageError, match="guidances: none, relpscost"):
            milp_guidance.resolve(name)
    with pytest.raises(ModelError, match="no model named"):
        milp_guidance.resolve("model:nobody")
