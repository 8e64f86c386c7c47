"""Branching networks: what they must not depend on, and that NumPy says what torch says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosolve.learn.config import MilpConfig  # noqa: E402
from neurosolve.learn.export_milp import export  # noqa: E402
from neurosolve.learn.milp_batches import MilpSamples, packed  # noqa: E402
from neurosolve.learn.milp_samples import write_milp_sample  # noqa: E402
from neurosolve.learn.train_milp import build_for  # noqa: E402
from neurosolve.milp.features import Candidates, RootGraph  # noqa: E402
from neurosolve.milp.network import load_policy  # noqa: E402
from tests.learn.milp_examples import made_up  # noqa: E402

NAMES = ("film", "mlp", "sparse", "gcnn")


def samples_of(directory: Path, graphs: bool) -> MilpSamples:
    for seed in range(4):
        write_milp_sample(made_up(seed, graphs=graphs), directory / f"{seed}.npz")
    return MilpSamples([str(directory)], graphs=graphs)


def random_network(name: str, samples: MilpSamples) -> torch.nn.Module:
    torch.manual_seed(1)
    network = build_for(MilpConfig(name="t", samples=[], validation=[], network=name, steps=1), samples)
    for parameter in network.parameters():  # also those that begin at zero
        torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.mark.parametrize("name", NAMES)
def test_numpy_scores_as_torch_does(name: str, tmp_path: Path) -> None:
    samples = samples_of(tmp_path, graphs=name == "gcnn")
    network = random_network(name, samples)
    export(network, {"network": name}, "", tmp_path / "model")
    policy = load_policy(tmp_path / "model")
    sample = samples.samples[2]
    root = RootGraph(sample.column_features, sample.row_features, sample.indptr, sample.indices, sample.coefficients)
    for node in range(3):
        policy.at_root(sample.graph(node) if name == "gcnn" else root)
        own = sample.node(node)
        columns = sample.columns[own].copy()
        if name != "gcnn":
            columns[0] = -1  # a candidate that was no column of the root
        batch = samples.batch([(2, np.asarray([node]))], 0.2)
        batch.columns = torch.from_numpy(columns.astype(np.int64))
        told = policy.scores(Candidates(columns, sample.features[own], [None] * len(columns)))
        with torch.no_grad():
            expected = network(batch).numpy()
        assert np.allclose(told, expected, atol=1e-4 * max(1.0, np.abs(expected).max()))
        assert np.ptp(expected) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_candidates_in_another_order_get_the_same_scores(name: str, tmp_path: Path) -> None:
    samples = samples_of(tmp_path, graphs=name == "gcnn")
    network = random_network(name, samples)
    batch = samples.batch([(0, np.asarray([1]))], 0.2)
    order = torch.randperm(len(batch.columns), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        before = network(batch)
        batch.columns, batch.features = batch.columns[order], batch.features[order]
        assert torch.allclose(network(batch), before[order], atol=1e-5)


@pytest.mark.parametrize("name", ["film", "gcnn"])
def test_instances_of_a_batch_do_not_hear_each_other(name: str, tmp_path: Path) -> None:
    samples = samples_of(tmp_path, graphs=name == "gcnn")
    network = random_network(name, samples)
    picks = [(0, np.asarray([0, 3])), (2, np.asarray([5]))]
    with torch.no_grad():
        together = network(samples.batch(picks, 0.2))
        apart = torch.cat([network(samples.batch([pick], 0.2)) for pick in picks])
    assert torch.allclose(together, apart, atol=1e-4)


def test_every_node_is_seen_once_an_epoch() -> None:
    nodes = [np.arange(k) for k in (5, 40, 1, 17)]
    batches = packed(nodes, 16, 8, seed=2, epoch=1)
    seen = sorted((i, int(node)) for batch in batches for i, own in batch for node in own)
    assert seen == sorted((i, int(node)) for i, own in enumerate(nodes) for node in own)
    assert max(sum(len(own) for _, own in batch) for batch in batches) < 16 + 8
    again = packed(nodes, 16, 8, seed=2, epoch=1)
    assert [[(i, own.tolist()) for i, own in batch] for batch in batches] == [
        [(i, own.tolist()) for i, own in batch] for batch in again
    ]


def test_sparse_finds_the_terms_that_matter(tmp_path: Path) -> None:
    samples = samples_of(tmp_path, graphs=False)
    for sample in samples.samples:  # the expert reads one feature and one product alone
        x = sample.features
        sample.scores[:] = np.exp(x[:, 3] + 0.5 * x[:, 5] * x[:, 8])
    options = {"num_terms": 8}
    config = MilpConfig(name="t", samples=[], validation=[], network="sparse", steps=1, network_options=options)
    network = build_for(config, samples)
    pairs = zip(network.pairs.tolist(), network.products.weight.tolist(), strict=True)
    weights = {tuple(pair): weight for pair, weight in pairs if weight != 0}
    linear = network.linear.weight[0].detach().numpy()
    assert int(np.abs(linear).argmax()) == 3 and linear[3] > 0
    assert weights[5, 8] > 0 and np.count_nonzero(linear) + len(weights) <= 8
