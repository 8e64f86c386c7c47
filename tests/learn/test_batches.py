from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosolve.errors import UsageError  # noqa: E402
from neurosolve.learn.batches import FOLLOWER, UNDECIDED, SampleSet, bucketed, collate  # noqa: E402
from neurosolve.learn.samples import write_sample  # noqa: E402
from tests.learn.examples import planted_sample  # noqa: E402


def test_the_union_keeps_every_formula_whole() -> None:
    samples = [planted_sample(1, 5, 9), planted_sample(2, 8, 12)]
    batch = collate(samples)
    dense = batch.edges.by_clause.to_dense().numpy()
    assert dense.shape == (21, 26)
    expected = np.zeros_like(dense)
    for sample, first_row, first_variable in ((samples[0], 0, 0), (samples[1], 9, 5)):
        for i, clause in enumerate(sample.cnf.clauses()):
            for literal in clause:
                node = first_variable + abs(literal) - 1 + (13 if literal < 0 else 0)
                expected[first_row + i, node] += 1
    np.testing.assert_array_equal(dense, expected)
    np.testing.assert_array_equal(batch.edges.by_literal.to_dense().numpy(), expected.T)
    degree = expected.sum(0)
    np.testing.assert_allclose(batch.features[:, 0].numpy(), np.log1p(degree), rtol=1e-6)
    np.testing.assert_allclose(batch.features[:, 1].numpy(), np.log1p(np.roll(degree, 13)), rtol=1e-6)
    assert batch.formula_of_variable.tolist() == [0] * 5 + [1] * 8
    np.testing.assert_array_equal(batch.target[:5].numpy(), samples[0].assignments[0] > 0)


def test_weights_follow_what_is_known() -> None:
    sample = planted_sample(0, 4, 20)
    two = np.asarray([[1, 1, 1, -1], [1, -1, 1, -1]], np.int8)
    literals = np.where(
        np.abs(sample.literals) == 4, np.sign(sample.literals), sample.literals
    )  # drop variable 4
    batch = collate([dataclasses.replace(sample, assignments=two, literals=literals.astype(np.int32))])
    assert batch.weight.tolist() == pytest.approx([1 + UNDECIDED, UNDECIDED, 1 + UNDECIDED, 0])
    unknown = collate([dataclasses.replace(sample, assignments=two[:0], status=0)])
    assert unknown.weight.tolist() == [0, 0, 0, 0]
    assert unknown.status.isnan().all()


def test_variables_that_follow_from_planted_ones_count_less() -> None:
    sample = planted_sample(0, 4, 30)
    batch = collate([dataclasses.replace(sample, primary=np.asarray([True, False, False, True]))])
    full = 1 + UNDECIDED
    assert batch.weight.tolist() == pytest.approx([full, full * FOLLOWER, full * FOLLOWER, full])


def test_buckets_use_every_index_once_within_the_budget() -> None:
    edges = np.random.default_rng(0).integers(10, 1000, 200).tolist()
    batches = bucketed(edges, 2000, seed=1, epoch=0)
    assert sorted(i for batch in batches for i in batch) == list(range(200))
    assert max(sum(edges[i] for i in batch) for batch in batches) <= 2000
    spread = [max(edges[i] for i in b) / min(edges[i] for i in b) for b in batches]
    assert np.median(spread) < 3  # of 100 over all: like sizes stand together


def test_buckets_are_a_function_of_seed_and_epoch() -> None:
    edges = list(range(1, 100))
    assert bucketed(edges, 300, 5, 2) == bucketed(edges, 300, 5, 2)
    assert bucketed(edges, 300, 5, 2) != bucketed(edges, 300, 5, 3)
    assert bucketed([50, 7], 10, 0, 0) in ([[0], [1]], [[1], [0]])  # too large for the budget: alone


def test_what_cannot_be_used_is_dropped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_sample(planted_sample(0, 5, 5), tmp_path / "good.npz")
    write_sample(planted_sample(0, 50, 200), tmp_path / "large.npz")
    unlabelled = planted_sample(0, 5, 5)
    write_sample(
        dataclasses.replace(unlabelled, status=0, assignments=unlabelled.assignments[:0]),
        tmp_path / "none.npz",
    )
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    with caplog.at_level(logging.WARNING):
        found = SampleSet([str(tmp_path)], max_edges=100)
    assert [p.name for p in found.paths] == ["good.npz"]
    assert found.num_dropped == 3
    assert "3 samples dropped" in caplog.text


def test_samples_beyond_the_cache_are_read_again(tmp_path: Path) -> None:
    for i in range(3):
        write_sample(planted_sample(i, 5 + i, 9), tmp_path / f"{i}.npz")
    cold, warm = SampleSet([str(tmp_path)], 100, cache_bytes=0), SampleSet([str(tmp_path)], 100)
    assert [cold[i].cnf for i in range(3)] == [warm[i].cnf for i in range(3)]


def test_an_empty_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no usable samples"):
        SampleSet([str(tmp_path)], 100)
