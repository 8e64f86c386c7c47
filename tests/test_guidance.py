"""Guidances: the table of names, the gate in front of models, and what happens when a guide goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neurosolve import asking, guidance
from neurosolve.errors import InputError, LimitError, ModelError, UsageError
from neurosolve.infer import FEATURE_VERSION, SCHEMA_VERSION, Prediction
from neurosolve.result import Limits
from neurosolve.sat import gate, phases
from neurosolve.sat.dimacs import CNF

CLAUSES = [[1, 2, -3], [-1, 4, 5], [3, -4, 5], [-2, -5, 1], [2, 3, 4]] * 4
CNF_ = CNF.from_clauses(CLAUSES, num_variables=5)


def make_model(places: Path, name: str, **config: Any) -> Path:
    directory = places / name
    directory.mkdir(parents=True)
    base = {
        "schema": SCHEMA_VERSION,
        "feature_version": FEATURE_VERSION,
        "fingerprint": gate.describe([gate.fingerprint(CNF_)]),
        "engine": "cadical195",
        "delivery": "rename",
    }
    (directory / "config.json").write_text(json.dumps({**base, **config}))
    return directory


class FakeModel:
    """Answers with a fixed logit; `calls` counts the passes."""

    hash = "f" * 64

    def __init__(self, logit: Any, sat_logit: float = 3.0) -> None:
        self.logit, self.sat_logit, self.calls = np.asarray(logit, dtype=np.float32), sat_logit, 0

    def predict(self, graph: Any, budget_s: float) -> Prediction:
        self.calls += 1
        return Prediction(self.logit, self.sat_logit, 8)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for models, the only one."""
    monkeypatch.setattr(guidance.models, "search_path", lambda: [tmp_path / "models"])
    return tmp_path / "models"


def answer_with(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    monkeypatch.setattr(asking, "load_model", lambda directory: model)


@pytest.mark.parametrize("name", ["true", "false", "random", "jw", "walk"])
def test_controls_speak_for_every_variable(name: str) -> None:
    guide = guidance.resolve(name, CNF_, seed=3)
    assert guide.phases is not None and guide.phases.num_variables == 5
    assert guide.phases.source == guide.name == name
    assert guide.gate is None and guide.model is None


def test_stock_guidances_carry_no_phases() -> None:
    assert guidance.resolve("none", CNF_) == guidance.Guide("none")
    assert guidance.resolve("none-fair", CNF_).lucky is False
    assert guidance.resolve("preset:unsat", CNF_).preset == "unsat"
    assert guidance.resolve("preset", CNF_).preset == "sat"


@pytest.mark.parametrize("name", ["", "x", "none:x", "file", "file:", "model:", "true:1", "preset:both"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        guidance.resolve(name, CNF_)


def test_the_refusal_lists_the_names() -> None:
    with pytest.raises(UsageError, match=r"none, none-fair, .*file:PHASES, model:NAME, auto\[:NAME\]"):
        guidance.look_up("nonsense")


def test_a_phases_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("1 -2 0")
    told = guidance.resolve(f"file:{tmp_path}/p", CNF_).phases
    assert told is not None and told.values.tolist() == [1, -1, 0, 0, 0]
    (tmp_path / "p").write_text("17 0")
    with pytest.raises(InputError):
        guidance.resolve(f"file:{tmp_path}/p", CNF_)


def test_majority_by_name_and_by_gate(places: Path) -> None:
    phases.write_majority(make_model(places, "m") / phases.MAJORITY_FILE, [np.array([[1, -1, 1, 1, -1]])])
    for name in ("majority:m", "majority"):
        told = guidance.resolve(name, CNF_).phases
        assert told is not None and told.values.tolist() == [1, -1, 1, 1, -1]
    other = guidance.resolve("majority", CNF.from_clauses([[1]]))
    assert other.phases is None and other.gate is not None and not other.gate["guided"]


def test_auto_without_models_goes_on_stock(places: Path) -> None:
    guide = guidance.resolve("auto", CNF_)
    assert guide.phases is None
    assert guide.gate == {"guided": False, "stage": 1, "reason": "no model installed"}


def test_auto_guides_what_fits(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(places, "m", confidence_threshold=0.5, engine="glucose4")
    answer_with(monkeypatch, FakeModel([9, -9, 0.1, np.nan, np.inf]))
    guide = guidance.resolve("auto", CNF_)
    assert guide.phases is not None and guide.phases.values.tolist() == [1, -1, 0, 0, 0]
    assert (guide.model, guide.model_hash, guide.config["engine"]) == ("m", "f" * 64, "glucose4")
    assert guide.gate is not None and guide.gate["guided"] and guide.gate["stage"] == 2
    assert guide.gate["confidence_mass"] == pytest.approx((2 + np.tanh(0.05)) / 5, rel=1e-3)


def test_stage_one_loads_no_network(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(places, "m")
    monkeypatch.setattr(asking, "load_model", lambda directory: pytest.fail("loaded"))
    guide = guidance.resolve("auto", CNF.from_clauses([[1, 2], [-1, -2]] * 9))
    assert guide.phases is None and guide.gate is not None and guide.gate["stage"] == 1


@pytest.mark.parametrize(("overruled", "name"), [(False, "auto"), (False, "auto:m"), (True, "model:m")])
def test_stage_two_declines_unless_asked_by_name(
    places: Path, monkeypatch: pytest.MonkeyPatch, overruled: bool, name: str
) -> None:
    make_model(places, "m", min_sat_logit=1.0)
    model = FakeModel([5] * 5, sat_logit=-2.0)
    answer_with(monkeypatch, model)
    guide = guidance.resolve(name, CNF_)
    assert (guide.phases is not None) is overruled
    assert guide.gate is not None and guide.gate["guided"] is overruled
    assert "-2.00 under 1.00" in guide.gate["reason"] and model.calls == 1


@pytest.mark.parametrize("name", ["auto", "model:m"])
@pytest.mark.parametrize("limits", [Limits(time_s=1e-6), Limits(memory_bytes=1000)])
def test_past_a_budget_the_guide_declines(places: Path, name: str, limits: Limits) -> None:
    make_model(places, "m")
    guide = guidance.resolve(name, CNF_, limits=limits)
    assert guide.phases is None and guide.gate is not None and guide.gate["stage"] == 2
    assert "predicted" in guide.gate["reason"]


class Failing(FakeModel):
    def __init__(self, error: Exception) -> None:
        super().__init__([0] * 5)
        self.error = error

    def predict(self, graph: Any, budget_s: float) -> Prediction:
        raise self.error


def test_a_guide_that_fails_on_its_own_is_dropped(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(places, "m")
    for error in (LimitError("too slow"), MemoryError(), ValueError("shapes"), ModelError("weights")):
        answer_with(monkeypatch, Failing(error))
        guide = guidance.resolve("auto", CNF_)
        assert guide.phases is None and guide.gate is not None and not guide.gate["guided"]
        assert (str(error) or "memory") in guide.gate["reason"]


def test_a_model_asked_for_by_name_must_work(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="none installed"):
        guidance.resolve("model:m", CNF_)
    make_model(places, "m")
    answer_with(monkeypatch, Failing(ModelError("weights")))
    with pytest.raises(ModelError, match="weights"):
        guidance.resolve("model:m", CNF_)
    answer_with(monkeypatch, Failing(LimitError("too slow")))
    assert guidance.resolve("model:m", CNF_).phases is None


def test_a_model_of_another_version_does_not_take_the_rest_along(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(places, "old", schema=SCHEMA_VERSION + 1)
    make_model(places, "m")
    answer_with(monkeypatch, FakeModel([5] * 5))
    assert guidance.resolve("auto", CNF_).model == "m"
    with pytest.raises(ModelError, match="schema"):
        guidance.resolve("model:old", CNF_)


def test_damaged_models_are_named_and_do_not_take_the_rest_along(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(places, "stray", fingerprint={})
    (make_model(places, "empty") / "config.json").write_text("[]")
    make_model(places, "m")
    answer_with(monkeypatch, FakeModel([5] * 5))
    guide = guidance.resolve("auto", CNF_)
    assert guide.model == "m" and guide.phases is not None
    other = guidance.resolve("auto", CNF.from_clauses([[1, 2], [-1, -2]] * 9)).gate
    assert other is not None and f"{places}/stray/config.json" in other["reason"]
    assert f"{places}/empty/config.json" in other["reason"]


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, one = make_model(tmp_path / "a", "m"), make_model(tmp_path / "b", "n")
    make_model(tmp_path / "c", "m")
    monkeypatch.setenv("NEUROSOLVE_MODELS", f"{tmp_path}/a:{one}:{tmp_path}/c:{tmp_path}/none")
    found = guidance.models.find_models()
    assert (found["m"], found["n"]) == (mine, one)
    assert guidance.models.model_directory(str(one)) == one
    with pytest.raises(ModelError, match="has no config"):
        guidance.models.model_directory(str(tmp_path))


def test_the_graph_is_the_formula(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(places, "m")
    seen = SimpleNamespace(graph=None)

    class Watching(FakeModel):
        def predict(self, graph: Any, budget_s: float) -> Prediction:
            seen.graph = graph
            return super().predict(graph, budget_s)

    answer_with(monkeypatch, Watching([5] * 5))
    guidance.resolve("auto", CNF_)
    assert (seen.graph.num_left, seen.graph.num_right) == (len(CLAUSES), 10)
