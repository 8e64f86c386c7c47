"""Branching networks in NumPy: equal to their torch twins, to plain dense algebra, and picky about what they load."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from neurosolve.errors import ModelError
from neurosolve.kernels import sum_columns
from neurosolve.milp.features import (
    FEATURE_VERSION,
    NODE_FEATURES,
    ROOT_COLUMN_FEATURES,
    ROOT_ROW_FEATURES,
    Candidates,
    RootGraph,
)
from neurosolve.milp.network import load_policy
from tests.milp.tiny_policy import weights_of, write_policy


def random_graph(rows: int = 30, columns: int = 20, density: float = 0.2, seed: int = 0) -> RootGraph:
    random = np.random.default_rng(seed)
    dense = np.where(random.random((rows, columns)) < density, random.normal(size=(rows, columns)), 0)
    dense[0] = 0  # an empty row
    norms = np.linalg.norm(dense, axis=1)
    where = np.nonzero(dense)
    indptr = np.concatenate(([0], np.cumsum((dense != 0).sum(axis=1)))).astype(np.int32)
    return RootGraph(
        random.random((columns, len(ROOT_COLUMN_FEATURES)), np.float32),
        random.random((rows, len(ROOT_ROW_FEATURES)), np.float32),
        indptr, where[1].astype(np.int32), (dense[where] / norms[where[0]]).astype(np.float32),
    )  # fmt: skip


def random_candidates(count: int = 7, columns: int = 20, seed: int = 1) -> Candidates:
    random = np.random.default_rng(seed)
    chosen = random.permutation(columns)[:count].astype(np.int32)
    features = random.random((len(NODE_FEATURES), count), np.float32).T  # as node_features lays it out
    return Candidates(chosen, features, [None] * count)


def standard(weights: dict[str, Any], prefix: str, x: Any) -> Any:
    return np.clip((x - weights[f"{prefix}.mean"]) / weights[f"{prefix}.deviation"], -5, 5)


def dense(weights: dict[str, Any], name: str, x: Any) -> Any:
    return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0.0)


def embedding(weights: dict[str, Any], graph: RootGraph) -> Any:
    """The equations of network.py with full matrices in float64."""
    matrix = np.zeros((graph.num_rows, graph.num_columns))
    for i in range(graph.num_rows):
        own = slice(graph.indptr[i], graph.indptr[i + 1])
        matrix[i, graph.indices[own]] = graph.coefficients[own]
    lengths = np.maximum((matrix != 0).sum(axis=1, keepdims=True), 1)
    weighed = matrix * np.sqrt(lengths)  # root mean square 1
    x = np.maximum(dense(weights, "root.column", standard(weights, "root.column_standard", graph.column_features)), 0)
    r = np.maximum(dense(weights, "root.row", standard(weights, "root.row_standard", graph.row_features)), 0)
    for i in range(2):
        r = np.maximum(dense(weights, f"root.to_rows.{i}.own", r)
                       + dense(weights, f"root.to_rows.{i}.heard", weighed @ x / lengths), 0)  # fmt: skip
        each = np.maximum((matrix != 0).sum(axis=0)[:, None], 1)
        x = np.maximum(dense(weights, f"root.to_columns.{i}.own", x)
                       + dense(weights, f"root.to_columns.{i}.heard", weighed.T @ r / each), 0)  # fmt: skip
    return x


def expected_scores(network: str, weights: dict[str, Any], graph: RootGraph, candidates: Candidates) -> Any:
    known = np.concatenate([embedding(weights, graph), np.zeros((1, 8))]) if "root.row.weight" in weights else None
    if network == "gcnn":
        return dense(weights, "score", np.maximum(dense(weights, "first", known), 0))[candidates.columns, 0]
    z = standard(weights, "standard", candidates.features.astype(np.float64))
    if network == "sparse":
        products = z[:, weights["pairs"][:, 0]] * z[:, weights["pairs"][:, 1]]
        return dense(weights, "linear", z)[:, 0] + products @ weights["products.weight"]
    h = np.maximum(dense(weights, "first", z), 0)
    if known is not None:
        own = known[candidates.columns]
        h = h * (1 + dense(weights, "scale", own)) + dense(weights, "shift", own)
    return dense(weights, "score", np.maximum(dense(weights, "second", h), 0))[:, 0]


@pytest.mark.parametrize("network", ["film", "mlp", "sparse", "gcnn"])
def test_scores_are_the_equations(network: str, tmp_path: Path) -> None:
    policy, graph, candidates = load_policy(write_policy(tmp_path / "m", network)), random_graph(), random_candidates()
    policy.at_root(graph)
    scores = policy.scores(candidates)
    assert scores.dtype == np.float32 and scores.shape == (7,)
    np.testing.assert_allclose(scores, expected_scores(network, weights_of(network), graph, candidates), atol=1e-4)
    assert scores.std() > 1e-3
    np.testing.assert_array_equal(policy.scores(candidates), scores)  # a second call, the same


def test_film_agrees_with_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    film = pytest.importorskip("neurosolve.learn.networks.film")
    batches = pytest.importorskip("neurosolve.learn.milp_batches")
    torch.manual_seed(0)
    network = film.FilmNet(len(NODE_FEATURES), len(ROOT_COLUMN_FEATURES), len(ROOT_ROW_FEATURES))
    for name, value in network.state_dict().items():
        value.copy_(torch.rand_like(value) + 0.5 if name.endswith("deviation") else torch.randn_like(value) * 0.3)
    directory = write_policy(tmp_path / "m")
    weights = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    save_file(weights, directory / "weights.safetensors")
    policy, graph, candidates = load_policy(directory), random_graph(), random_candidates()
    candidates.columns[2] = -1
    policy.at_root(graph)
    root = batches.collate_roots([batches.root_of(graph)])
    count = len(candidates)
    batch = batches.NodeBatch(
        root, torch.from_numpy(candidates.columns.astype(np.int64)), torch.from_numpy(candidates.features.copy()),
        torch.zeros(count, dtype=torch.int64), 1, torch.zeros(count), torch.zeros(count), torch.zeros(count),
    )  # fmt: skip
    with torch.no_grad():
        truth = network(batch).numpy()
    assert truth.std() > 1e-2
    np.testing.assert_allclose(policy.scores(candidates), truth, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("network", ["film", "mlp", "sparse"])
def test_nan_in_nan_out(network: str, tmp_path: Path) -> None:
    policy, candidates = load_policy(write_policy(tmp_path / "m", network)), random_candidates()
    policy.at_root(random_graph())
    candidates.features[3, 5] = np.nan
    assert np.isnan(policy.scores(candidates)).tolist() == [k == 3 for k in range(7)]


def test_a_column_that_is_not_of_the_root(tmp_path: Path) -> None:
    """film reads a zero embedding; gcnn has nothing to say."""
    graph, candidates = random_graph(), random_candidates()
    candidates.columns[0] = -1
    for network in ("film", "gcnn"):
        policy = load_policy(write_policy(tmp_path / network, network))
        policy.at_root(graph)
        assert np.isfinite(policy.scores(candidates)[1:]).all()
        assert np.isfinite(policy.scores(candidates)[0]) == (network == "film")


def test_sum_columns_is_the_transposed_product() -> None:
    graph, x = random_graph(), np.random.default_rng(0).random((30, 4), np.float32)
    dense_matrix = np.zeros((30, 20), np.float32)
    for i in range(30):
        own = slice(graph.indptr[i], graph.indptr[i + 1])
        dense_matrix[i, graph.indices[own]] = graph.coefficients[own]
    found = sum_columns(20, graph.indptr, graph.indices, graph.coefficients, x)
    np.testing.assert_allclose(found, dense_matrix.T @ x, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "sat"}, "no kind"),
        ({"schema": 99}, "schema 99"),
        ({"feature_version": FEATURE_VERSION + 1}, "feature_version"),
        ({"network": "oracle"}, "unknown network 'oracle'"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=words):
        load_policy(write_policy(tmp_path / "m", **change))


def test_weights_of_other_features_or_none_are_refused(tmp_path: Path) -> None:
    directory = write_policy(tmp_path / "m")
    path = directory / "weights.safetensors"
    weights = load_file(path)
    save_file({**weights, "standard.mean": np.zeros(3, np.float32)}, path)
    with pytest.raises(ModelError, match="3 features"):
        load_policy(directory)
    save_file({k: v for k, v in weights.items() if k != "scale.weight"}, path)
    with pytest.raises(ModelError, match=r"scale\.weight"):
        load_policy(directory)
    path.write_bytes(b"not weights")
    with pytest.raises(ModelError, match="damaged"):
        load_policy(directory)
    path.unlink()
    with pytest.raises(ModelError, match="No such file"):
        load_policy(directory)
    (directory / "config.json").write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        load_policy(directory)


def test_the_hash_tells_weights_and_config_apart(tmp_path: Path) -> None:
    one, two = write_policy(tmp_path / "one"), write_policy(tmp_path / "two")
    assert load_policy(one).hash == load_policy(two).hash
    config = json.loads((two / "config.json").read_text())
    (two / "config.json").write_text(json.dumps(config | {"margin": 0.5}))
    assert load_policy(one).hash != load_policy(two).hash


def test_the_head_is_fast(tmp_path: Path) -> None:
    """CPU time of this thread, the best of many: 0.1 ms is promised at 100 candidates, some room left for slow CPUs."""
    directory = write_policy(tmp_path / "m")
    save_file(weights_of("film", hidden=64, width=32), directory / "weights.safetensors")
    policy, candidates = load_policy(directory), random_candidates(100, 1000)
    policy.at_root(random_graph(200, 1000, 0.05))
    times = []
    for _ in range(50):
        started = time.thread_time()
        policy.scores(candidates)
        times.append(time.thread_time() - started)
    assert min(times) < 0.5e-3
