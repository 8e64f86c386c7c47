"""Strong branching's samples of small auctions, collected for real."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import UsageError
from neurosolve.learn.collect_milp import collect_milp
from neurosolve.learn.milp_samples import read_milp_sample
from neurosolve.milp.features import NODE_FEATURES, ROOT_COLUMN_FEATURES
from neurosolve.milp.policies import PolicySpec
from neurosolve.milp.sampling import SamplingOptions
from tests.learn.milp_examples import small_milps
from tests.milp.tiny_policy import write_policy
from tests.test_cli import call

OPTIONS = SamplingOptions(share=0.5, max_nodes=4, time_s=20.0)
SIZE = 60  # auctions that branch


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("auctions")
    small_milps(directory, count=2, size=SIZE)
    return directory


def test_samples_hold_the_experts_scores(instances: Path, tmp_path: Path) -> None:
    found = collect_milp(instances, tmp_path, OPTIONS, workers=2)
    assert (found.num_written, found.num_errors) == (2, 0)
    sample = read_milp_sample(tmp_path / f"auctions-{SIZE}-1.npz")
    assert (sample.family, sample.size, sample.seed) == ("auctions", SIZE, 1)
    assert 1 <= sample.num_nodes <= 4 and sample.depth[0] == 0
    assert sample.features.shape == (len(sample.columns), len(NODE_FEATURES))
    assert np.isfinite(sample.features).all() and (sample.scores[sample.node(0)] > 0).all()
    assert ((sample.columns >= 0) & (sample.columns < sample.num_columns)).all()
    assert not sample.has_graphs and (sample.pseudocosts >= 0).all()


def test_what_is_there_is_not_done_again(instances: Path, tmp_path: Path) -> None:
    one = SamplingOptions(share=0.0, max_nodes=1, time_s=20.0)
    assert collect_milp(instances, tmp_path, one).num_written == 2
    written = tmp_path / f"auctions-{SIZE}-0.npz"
    before = written.stat().st_mtime_ns
    (tmp_path / f"auctions-{SIZE}-1.npz").unlink()
    found = collect_milp(instances, tmp_path, one)
    assert (found.num_written, found.num_skipped) == (1, 1) and written.stat().st_mtime_ns == before


def test_a_model_may_drive_the_search(instances: Path, tmp_path: Path) -> None:
    policy = PolicySpec("model", write_policy(tmp_path / "tiny"))
    found = collect_milp(instances, tmp_path / "out", OPTIONS, policy=policy)
    assert (found.num_written, found.num_errors) == (2, 0)
    assert read_milp_sample(tmp_path / "out" / f"auctions-{SIZE}-0.npz").num_nodes > 1


def test_one_bad_instance_never_ends_a_run(instances: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "a.mps").write_text("ROWS\n this is no MPS\n")
    (mixed / "easy.lp").write_text("maximize x\nsubject to x <= 1\nbinaries x\nend\n")
    packed = (instances / f"auctions-{SIZE}-0.mps.gz").read_bytes()
    (mixed / "undeclared.mps").write_bytes(gzip.decompress(packed).replace(b"ENDATA", b" LO BND  nobody  1\nENDATA"))
    (mixed / "z.mps.gz").write_bytes(packed)
    heard: list[str] = []
    one = SamplingOptions(max_nodes=1)
    found = collect_milp(mixed, tmp_path / "out", one, progress=lambda o, *_: heard.append(o.name))
    assert (found.num_written, found.num_errors) == (1, 3) and sorted(heard) == ["a", "easy", "undeclared", "z"]
    rows = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
    told = {row["name"]: row["error"] for row in rows}
    assert told.keys() == {"a", "easy", "undeclared"} and "without branching" in told["easy"]
    assert "column nobody is not declared" in told["undeclared"]  # SCIP would make it a column


def test_graphs_of_nodes_for_gcnn(instances: Path, tmp_path: Path) -> None:
    found = collect_milp(instances, tmp_path, SamplingOptions(share=0.5, max_nodes=3, follow=True, graphs=True))
    assert found.num_written == 2
    sample = read_milp_sample(tmp_path / f"auctions-{SIZE}-0.npz")
    assert sample.num_nodes > 1 and sample.graph_columns.shape == (sample.num_nodes, *sample.column_features.shape)
    first = sample.graph(0)
    assert np.array_equal(first.indptr, sample.indptr) and np.array_equal(first.indices, sample.indices)
    assert np.array_equal(first.coefficients, sample.coefficients)
    assert np.allclose(first.column_features, sample.column_features, atol=2e-3)
    assert np.allclose(first.row_features, sample.row_features, atol=4e-3)
    depth, value = NODE_FEATURES.index("depth"), ROOT_COLUMN_FEATURES.index("fractionality")
    assert len(np.unique(sample.features[:, depth])) > 1
    for s in range(sample.num_nodes):  # a candidate is fractional in its own LP
        assert (sample.graph(s).column_features[sample.columns[sample.node(s)], value] > 1e-4).all()


def test_a_node_whose_rows_are_its_own(tmp_path: Path) -> None:
    """Under the paper protocol the root's cuts come and go: what is kept of a node is the LP it has."""
    small_milps(tmp_path / "in", count=1, size=80)
    collect_milp(tmp_path / "in", tmp_path, SamplingOptions(share=0.3, max_nodes=12, graphs=True))
    sample = read_milp_sample(tmp_path / "auctions-80-0.npz")
    graphs = [sample.graph(s) for s in range(sample.num_nodes)]
    assert any(graph.num_rows != sample.num_rows for graph in graphs)
    for graph in graphs:
        assert graph.indptr[-1] == graph.num_nonzeros and graph.num_columns == sample.num_columns
        norms = np.add.reduceat(np.square(graph.coefficients), graph.indptr[:-1])
        assert np.allclose(norms, 1, atol=1e-4)


def test_every_name_and_compression_that_solve_takes(instances: Path, tmp_path: Path) -> None:
    text = gzip.decompress((instances / f"auctions-{SIZE}-0.mps.gz").read_bytes())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.MPS").write_bytes(text)
    (tmp_path / "in" / "b.lp.mps.xz").write_bytes(lzma.compress(text))
    (tmp_path / "in" / "c.MPS.gz").write_bytes(gzip.compress(text))
    (tmp_path / "in" / "d.mps.bz2").write_bytes(bz2.compress(text))
    (tmp_path / "in" / "e.cnf").write_text("p cnf 1 0\n")
    found = collect_milp(tmp_path / "in", tmp_path / "out", SamplingOptions(max_nodes=1))
    assert (found.num_written, found.num_errors) == (4, 0)
    assert sorted(one.stem for one in (tmp_path / "out").glob("*.npz")) == ["a", "b.lp", "c", "d"]


def test_a_directory_without_instances_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for kind in ("milp", "sat"):
        for name, why in (("none", "is no directory"), ("empty", "file below")):
            run = call("collect", kind, tmp_path / name, "--out", tmp_path / "s" / "x")
            assert run.returncode == 1 and why in run.stderr and not (tmp_path / "s").exists()


def test_unknown_words_are_refused(instances: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="protocol"):
        collect_milp(instances, tmp_path, OPTIONS, protocol="fast")
    with pytest.raises(UsageError, match="rule"):
        collect_milp(instances, tmp_path, OPTIONS, policy=PolicySpec("guess"))


def test_the_command(instances: Path, tmp_path: Path) -> None:
    run = call("collect", "milp", instances, "-o", tmp_path / "out", "--max-nodes", 1, "--rule", "relpscost")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("2 written (2 nodes), 0 found done, 0 errors")
