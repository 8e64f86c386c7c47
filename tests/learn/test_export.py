"""The exported form against the PyTorch network that it was exported from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from neurosolve.errors import ModelError  # noqa: E402
from neurosolve.infer import FEATURE_VERSION, SCHEMA_VERSION, Model, load_model  # noqa: E402
from neurosolve.learn.batches import collate  # noqa: E402
from neurosolve.learn.export import export, program  # noqa: E402
from neurosolve.learn.networks import build  # noqa: E402
from neurosolve.learn.samples import Sample  # noqa: E402
from neurosolve.sat.dimacs import CNF  # noqa: E402
from neurosolve.sat.graph import literal_clause_graph  # noqa: E402
from tests.formulas import pigeons, random_3sat  # noqa: E402

Pair = tuple["torch.nn.Module", Model]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A network with weights away from those of a fresh one, and its exported form."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = build("literal_clause").eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    directory = tmp_path_factory.mktemp("models") / "exported"
    export(network, {"kind": "sat", "rounds": 20}, "# a card\n", directory)
    return network, load_model(directory)


def in_pytorch(network: torch.nn.Module, cnf: CNF, num_rounds: int) -> tuple[np.ndarray, float]:
    nothing = np.zeros((0, cnf.num_variables), np.int8), np.zeros(cnf.num_variables, np.int8)
    batch = collate([Sample(cnf.num_variables, cnf.literals, cnf.offsets, *nothing, False, 0)])
    with torch.no_grad():
        logit, share = network(batch.features, batch.edges, num_rounds)[-1]
    return logit.numpy(), float(share.mean())


def agree(pair: Pair, cnf: CNF, num_rounds: int) -> None:
    logit, sat_logit = in_pytorch(pair[0], cnf, num_rounds)
    prediction = pair[1].predict(literal_clause_graph(cnf), num_rounds=num_rounds)
    np.testing.assert_allclose(prediction.logit, logit, atol=1e-4)
    assert prediction.sat_logit == pytest.approx(sat_logit, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 60), st.floats(0.5, 5), st.integers(1, 20))
def test_both_forms_agree_on_random_formulas(
    pair: Pair, seed: int, num_variables: int, ratio: float, num_rounds: int
) -> None:
    agree(pair, random_3sat(num_variables, ratio, seed), num_rounds)


def test_both_forms_agree_on_structure_and_repeated_literals(pair: Pair) -> None:
    agree(pair, pigeons(5), 20)
    agree(pair, CNF.from_clauses([[1, 1, -2], [2], [-3, 3], [1, 2, 3, -4, 5, -6]], 8), 20)


def test_the_largest_formula_agrees_where_two_threads_share_the_work(pair: Pair) -> None:
    agree(pair, random_3sat(6000, 4.2), 4)


def test_what_an_export_writes(pair: Pair) -> None:
    directory = pair[1].directory
    assert {path.name for path in directory.iterdir()} == {
        "weights.safetensors", "network.json", "config.json", "card.md"
    }  # fmt: skip
    config = json.loads((directory / "config.json").read_text())
    assert (config["schema"], config["feature_version"]) == (SCHEMA_VERSION, FEATURE_VERSION)
    assert pair[1].config["rounds"] == 20 and (directory / "card.md").read_text() == "# a card\n"


def test_an_operation_without_a_twin_is_refused_at_export(tmp_path: Path) -> None:
    class Odd(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(x)

    with pytest.raises(ModelError, match=r"no exported form of operation .*sigmoid.*: add it to ops\.py and infer\.py"):
        program(Odd(), "odd")
