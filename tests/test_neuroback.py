from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurosolve import neuroback
from neurosolve.errors import LimitError, ModelError
from neurosolve.neuroback import NeuroBackModel, variable_clause_graph
from neurosolve.sat.cnf import CNF
from neurosolve.sat.graph import literal_clause_graph
from tests.formulas import pigeons, random_3sat

FORMULAS = {
    "random": random_3sat(60, 4.0),
    "pigeons": pigeons(4),
    "two components and an unused variable": CNF.from_clauses([[1, -2], [2, 3], [4, -5], [-4], [1, 1]], 6),
    "no negative literal": CNF.from_clauses([[1, 2], [2, 3]], 3),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[NeuroBackModel, object]:
    """The model as exported, and the PyTorch network that it was exported from."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch_geometric")
    from neurosolve.learn.export_neuroback import export
    from neurosolve.learn.networks import build

    torch.manual_seed(1)
    network = build("neuroback").eval()
    with torch.no_grad():
        for parameter in network.parameters():  # away from the zeros and ones of a fresh network
            parameter.add_(0.1 * torch.randn_like(parameter))
    directory = tmp_path_factory.mktemp("neuroback")
    export(network, {"kind": "sat"}, "a card", directory)
    return NeuroBackModel(directory), network


@pytest.mark.parametrize("name", FORMULAS)
def test_numpy_and_pytorch_agree(model: tuple[NeuroBackModel, object], name: str) -> None:
    import torch

    from neurosolve.learn.batches import collate
    from neurosolve.learn.samples import Sample

    cnf = FORMULAS[name]
    nothing = np.zeros((0, cnf.num_variables), np.int8), np.zeros(cnf.num_variables, np.int8)
    batch = collate([Sample(cnf.num_variables, cnf.literals, cnf.offsets, *nothing, False, 0)])
    with torch.no_grad():
        expected = model[1](batch.features, batch.edges)[0][0].numpy()  # type: ignore[operator]
    prediction = model[0].predict(literal_clause_graph(cnf))
    assert np.isnan(prediction.sat_logit)
    assert np.ptp(expected) > 0 or name == "pigeons"  # whose variables are all alike
    np.testing.assert_allclose(prediction.logit, expected, atol=1e-4)


def test_attention_in_chunks_is_the_same(
    model: tuple[NeuroBackModel, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = literal_clause_graph(FORMULAS["random"])
    whole = model[0].predict(graph).logit
    monkeypatch.setattr(neuroback, "CHUNK_EDGES", 7)
    monkeypatch.setattr(neuroback, "CHUNK_NODES", 5)
    np.testing.assert_allclose(model[0].predict(graph).logit, whole, atol=1e-5)


def test_a_budget_that_is_too_small_is_declined(model: tuple[NeuroBackModel, object]) -> None:
    with pytest.raises(LimitError, match="past the budget"):
        model[0].predict(literal_clause_graph(random_3sat(100, 4.0)), budget_s=1e-3)


def test_a_damaged_directory_is_a_model_error(model: tuple[NeuroBackModel, object], tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        NeuroBackModel(tmp_path)
    for file in model[0].directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert NeuroBackModel(tmp_path).hash == model[0].hash
    (tmp_path / "weights.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match="damaged"):
        NeuroBackModel(tmp_path)


def test_a_graph_has_one_root_for_each_component_with_a_clause() -> None:
    literals = literal_clause_graph(FORMULAS["two components and an unused variable"])
    graph = variable_clause_graph(literals.indptr, literals.indices, 6)
    assert (graph.num_variables, graph.num_clauses, graph.num_roots) == (6, 5, 2)
    assert graph.node_values().ravel().tolist() == [1] * 6 + [-1] * 5 + [0] * 2
    negative, root, positive = (np.diff(r.indptr).tolist() for r in graph.relations)
    assert negative[:6] == [0, 1, 0, 1, 1, 0]
    assert positive[:6] == [3, 1, 1, 1, 0, 0]  # variable 1 stands twice in the last clause
    assert root[6:] == [1, 1, 1, 1, 1, 3, 2]
