from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from neurosolve.learn.batches import collate  # noqa: E402
from neurosolve.learn.networks import NETWORKS, build  # noqa: E402
from neurosolve.learn.samples import Sample  # noqa: E402
from neurosolve.sat.cnf import CNF  # noqa: E402
from tests.learn.examples import planted_sample  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)
EXACT = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def network(request: pytest.FixtureRequest) -> torch.nn.Module:
    if request.param == "neuroback":
        pytest.importorskip("torch_geometric")
    return fresh(request.param)


def fresh(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return build(name).eval()


@pytest.fixture(scope="module")
def ours() -> torch.nn.Module:
    return fresh("literal_clause")


def predict(network: torch.nn.Module, *samples: Sample) -> np.ndarray:
    batch = collate(samples)
    with torch.no_grad():
        logit, share = network(batch.features, batch.edges, 6)[-1]
    assert logit.shape == share.shape == (sum(s.num_variables for s in samples),)
    return logit.numpy()


def some_formula(seed: int) -> Sample:
    random = np.random.default_rng(seed)
    return planted_sample(seed, int(random.integers(4, 15)), int(random.integers(5, 40)))


def renamed(sample: Sample, image: np.ndarray, rows: np.ndarray | None = None) -> Sample:
    """image: the signed new variable (1-based) of each variable.  rows: a new order of the clauses."""
    clauses = [[int(image[abs(x) - 1]) * (1 if x > 0 else -1) for x in c] for c in sample.cnf.clauses()]
    cnf = CNF.from_clauses([clauses[i] for i in (range(len(clauses)) if rows is None else rows)],
                           sample.num_variables)  # fmt: skip
    return dataclasses.replace(sample, literals=cnf.literals, offsets=cnf.offsets)


@EXACT
@given(seed=SEEDS)
def test_flipping_a_sign_flips_that_phase_and_no_other(ours: torch.nn.Module, seed: int) -> None:
    sample = some_formula(seed)
    flips = np.random.default_rng(seed).choice([-1, 1], sample.num_variables)
    flipped = renamed(sample, np.arange(1, sample.num_variables + 1) * flips)
    np.testing.assert_allclose(predict(ours, flipped), predict(ours, sample) * flips, atol=1e-5)


@EXACT
@given(seed=SEEDS)
def test_permuting_variables_and_clauses_permutes_predictions(network: torch.nn.Module, seed: int) -> None:
    sample = some_formula(seed)
    random = np.random.default_rng(seed)
    order = random.permutation(sample.num_variables)  # variable i becomes order[i]
    shuffled = renamed(sample, order + 1, random.permutation(sample.num_clauses))
    np.testing.assert_allclose(predict(network, shuffled)[order], predict(network, sample), atol=1e-5)


@EXACT
@given(seed=SEEDS)
def test_a_formula_alone_and_in_a_union_gives_the_same(network: torch.nn.Module, seed: int) -> None:
    samples = [some_formula(seed), some_formula(seed + 1), some_formula(seed + 2)]
    alone = np.concatenate([predict(network, s) for s in samples])
    np.testing.assert_allclose(predict(network, *samples), alone, atol=1e-5)


def test_unused_variables_and_one_sided_formulas_are_harmless(network: torch.nn.Module) -> None:
    sample = planted_sample(0, 6, 4)
    lonely = dataclasses.replace(sample, literals=np.abs(sample.literals))  # no negative edge at all
    assert np.isfinite(predict(network, lonely)).all()


def test_a_variable_that_occurs_nowhere_has_no_opinion(ours: torch.nn.Module) -> None:
    sample = planted_sample(0, 6, 12)
    wider = dataclasses.replace(
        sample, num_variables=7, assignments=np.ones((1, 7), np.int8), backbone=np.zeros(7, np.int8)
    )
    assert abs(predict(ours, wider)[6]) < 1e-6  # rows of one product are rounded alike on some processors only


def test_rounds_read_out_are_the_rounds_asked_for(ours: torch.nn.Module) -> None:
    batch = collate([planted_sample(0)])
    with torch.no_grad():
        outputs = ours(batch.features, batch.edges, 11, read_from=3)
        early = ours(batch.features, batch.edges, 3)[-1][0]
    assert len(outputs) == 3  # rounds 3, 7 and 11
    torch.testing.assert_close(outputs[0][0], early)


def test_neurobacks_network_has_the_published_shape() -> None:
    """109,983: what the authors' gt_model.py (commit 1832e82) amounts to, part by part."""
    pytest.importorskip("torch_geometric")
    parts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in build("neuroback").named_children()
    }
    gin = 2 + 3 * 96 + 4 * 3 + 3 * (96 + 2352) + 9 * 2 * 2352
    attention = 2 * (96 + 3 * 4800 + 2 * 2352)
    patches = 3 * (96 + 816 + 1088 + 2 * 2352)
    assert parts == {"gin": gin, "edge_attention": attention, "patch_attention": patches, "head": 1489}
    assert sum(parts.values()) == 109_983


def test_neuroback_gives_every_component_a_root() -> None:
    pytest.importorskip("torch_geometric")
    from neurosolve.learn.networks.neuroback import variable_clause_graph

    cnf = CNF.from_clauses([[1, -2], [2, 3], [4, -5], [-4]], 6)  # {1, 2, 3}, {4, 5}, and 6 in no clause
    sample = dataclasses.replace(planted_sample(0, 6, 4), literals=cnf.literals, offsets=cnf.offsets)
    graph = variable_clause_graph(collate([sample]).edges)
    assert graph.x.flatten().tolist() == [1] * 6 + [-1] * 4 + [0] * 2
    pairs = [{tuple(e) for e in edges.t().tolist()} for edges in graph.edges]
    negative, root, positive = pairs
    assert {(s, r) for s, r in negative if s < 6} == {(1, 6), (4, 8), (3, 9)}
    assert {(s, r) for s, r in positive if s < 6} == {(0, 6), (1, 7), (2, 7), (3, 8)}
    assert {(s, r) for s, r in root if s >= 10} == {(10, 6), (10, 7), (11, 8), (11, 9)}
    for both, matrix in zip(pairs, graph.adjacency, strict=True):
        assert {(s, r) for r, s in both} == both  # mirrored
        assert {tuple(i) for i in matrix.to_dense().nonzero().tolist()} == both


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError, match="literal_clause"):
        build("transformer")
