"""Exported networks in NumPy: what they promise about signs, order, budgets, memory and damaged directories."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosolve import infer
from neurosolve.errors import LimitError, ModelError
from neurosolve.infer import Model, load_config, load_model
from neurosolve.sat.dimacs import CNF
from neurosolve.sat.graph import literal_clause_graph
from neurosolve.sat.phases import Phases
from tests.formulas import random_3sat
from tests.small_model import write_model

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(write_model(tmp_path_factory.mktemp("models") / "small"))


def logits(model: Model, cnf: CNF) -> NDArray[np.float32]:
    return model.predict(literal_clause_graph(cnf), num_rounds=5).logit


@FEW
@given(SEEDS)
def test_flipping_signs_flips_those_logits_and_no_other(model: Model, seed: int) -> None:
    cnf = random_3sat(14, 3.5, seed)
    flips = np.random.default_rng(seed).choice([-1, 1], 14)
    flipped = CNF(14, (cnf.literals * flips[np.abs(cnf.literals) - 1]).astype(np.int32), cnf.offsets)
    assert np.ptp(logits(model, cnf)) > 0
    np.testing.assert_allclose(logits(model, flipped), logits(model, cnf) * flips, atol=1e-4)


@FEW
@given(SEEDS)
def test_permuting_variables_and_clauses_permutes_logits(model: Model, seed: int) -> None:
    cnf = random_3sat(14, 3.5, seed)
    random = np.random.default_rng(seed)
    image, rows = random.permutation(14), random.permutation(cnf.num_clauses)
    literals = np.sign(cnf.literals) * (image[np.abs(cnf.literals) - 1] + 1)
    shuffled = CNF(14, literals.reshape(-1, 3)[rows].ravel().astype(np.int32), cnf.offsets)
    np.testing.assert_allclose(logits(model, shuffled)[image], logits(model, cnf), atol=1e-4)


def test_a_prediction_says_what_it_was(model: Model) -> None:
    prediction = model.predict(literal_clause_graph(random_3sat(30, 4.0)), budget_s=1.0)
    assert prediction.num_rounds == 12 and np.isfinite(prediction.sat_logit)
    assert prediction.logit.shape == (30,)
    expected = np.abs(2 / (1 + np.exp(-prediction.logit.astype(float))) - 1)
    np.testing.assert_allclose(Phases.of_logits(prediction.logit, "test").confidence, expected, atol=1e-5)


def test_a_formula_of_nothing_is_no_problem(model: Model) -> None:
    prediction = model.predict(literal_clause_graph(CNF.from_clauses([], 0)))
    assert prediction.logit.shape == (0,) and prediction.sat_logit == 0.0
    assert (logits(model, CNF.from_clauses([], 3)) == 0).all()


def test_rounds_come_from_the_budget_and_no_clock(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infer, "ASSUMED_RATE", 1e6)  # budgets of seconds, however busy the machine
    graph = literal_clause_graph(random_3sat(2000, 4.0))
    once, one = model.cost(graph, 0), model.cost(graph, 1) - model.cost(graph, 0)

    def budget(rounds: float) -> float:
        return (once + rounds * one) / infer.ASSUMED_RATE

    for rounds in (4, 7, 11):
        assert model.num_rounds(graph, budget(rounds + 0.5)) == rounds
    assert model.num_rounds(graph, 1e9) == 12
    with pytest.raises(LimitError, match=r"4 rounds of small need about .* past the budget"):
        model.num_rounds(graph, budget(3.5))
    first, again = (model.predict(graph, budget_s=budget(7.5)) for _ in range(2))
    assert first.num_rounds == 7 and (first.logit == again.logit).all()


def test_a_machine_far_slower_than_assumed_is_a_limit(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(infer.time, "perf_counter", lambda: float(next(clock)))
    with pytest.raises(LimitError, match="four times its budget"):
        model.predict(literal_clause_graph(random_3sat(30, 4.0)), budget_s=1.0)


def test_six_hundred_bytes_a_literal_at_most(tmp_path: Path) -> None:
    """Graph and network together, at the width that is shipped at most."""
    wide = load_model(write_model(tmp_path / "wide", width=48, hidden=96))
    cnf = random_3sat(50_000, 4.0)
    assert cnf.num_literals == 600_000
    tracemalloc.start()
    try:
        wide.predict(literal_clause_graph(cnf), num_rounds=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 100 < peak / cnf.num_literals <= infer.BYTES_PER_LITERAL


# -- directories that cannot be used


def copy_of(model: Model, directory: Path) -> Path:
    directory.mkdir()
    for file in model.directory.iterdir():
        (directory / file.name).write_bytes(file.read_bytes())
    return directory


@pytest.mark.parametrize("name", ["config.json", "network.json", "weights.safetensors"])
def test_a_missing_file(model: Model, tmp_path: Path, name: str) -> None:
    directory = copy_of(model, tmp_path / "m")
    (directory / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: No such file.*`neurosolve models`"):
        load_model(directory)


@pytest.mark.parametrize("key", ["schema", "feature_version"])
@pytest.mark.parametrize("value", [0, 2, None, "1"])
def test_another_version(model: Model, tmp_path: Path, key: str, value: object) -> None:
    directory = write_model(tmp_path / "m", **{key: value})
    for load in (load_model, load_config):
        with pytest.raises(ModelError, match=f"{key} .*, this neurosolve reads 1: export the model again"):
            load(directory)


def test_damaged_files(model: Model, tmp_path: Path) -> None:
    whole = model.directory / "weights.safetensors"
    for number, data in enumerate((whole.read_bytes()[:-5], b"", b"pickle")):
        directory = copy_of(model, tmp_path / f"w{number}")
        (directory / whole.name).write_bytes(data)
        with pytest.raises(ModelError, match=r"damaged .*: fetch the model again"):
            load_model(directory)
    for name in ("config.json", "network.json"):
        directory = copy_of(model, tmp_path / name)
        (directory / name).write_text('{"schema": 1,')
        with pytest.raises(ModelError, match=f"{name} is not JSON .*: fetch the model again"):
            load_model(directory)


def test_an_unknown_operation_and_a_missing_part(model: Model, tmp_path: Path) -> None:
    directory = copy_of(model, tmp_path / "m")
    programs = json.loads((directory / "network.json").read_text())
    programs["round"]["steps"][0][0] = "softmax"
    (directory / "network.json").write_text(json.dumps(programs))
    with pytest.raises(ModelError, match="unknown operation 'softmax': it was made by a newer neurosolve"):
        load_model(directory)
    programs["round"]["steps"][0] = ["affine", "said", "h", "@round.gone.weight", "@round.message.bias"]
    (directory / "network.json").write_text(json.dumps(programs))
    with pytest.raises(ModelError, match=r"weights\.safetensors lacks @round\.gone\.weight"):
        load_model(directory)
    del programs["round"]
    (directory / "network.json").write_text(json.dumps(programs))
    with pytest.raises(ModelError, match=r"network\.json lacks 'round'"):
        load_model(directory)


@pytest.mark.parametrize(
    "damaged", ["[]", '{"embed": []}', '{"embed": {"inputs": [], "outputs": [], "steps": [["affine", "a"]]}}', "1"]
)
def test_a_network_of_another_shape(model: Model, tmp_path: Path, damaged: str) -> None:
    directory = copy_of(model, tmp_path / "m")
    (directory / "network.json").write_text(damaged)
    with pytest.raises(ModelError, match=rf"{directory}/network\.json .*: (fetch|export) the model again"):
        load_model(directory)


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_step_that_was_cut_short(model: Model, tmp_path: Path, cut: int) -> None:
    directory = copy_of(model, tmp_path / "m")
    programs = json.loads((directory / "network.json").read_text())
    del programs["round"]["steps"][2][cut:]
    (directory / "network.json").write_text(json.dumps(programs))
    with pytest.raises(ModelError, match=rf"{directory}/network\.json is damaged"):
        load_model(directory)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"schema"'])
def test_a_configuration_that_is_no_object(model: Model, tmp_path: Path, text: str) -> None:
    directory = copy_of(model, tmp_path / "m")
    (directory / "config.json").write_text(text)
    for load in (load_model, load_config):
        with pytest.raises(ModelError, match=rf"{directory}/config\.json is not an object: fetch the model again"):
            load(directory)


def test_the_hash_is_of_all_three_files(model: Model, tmp_path: Path) -> None:
    directory = copy_of(model, tmp_path / "m")
    assert load_model(directory).hash == model.hash
    (directory / "config.json").write_text((directory / "config.json").read_text() + "\n")
    assert load_model(directory).hash != model.hash
