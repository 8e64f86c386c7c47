from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import InputError
from neurosolve.learn.milp_samples import MilpSample, read_milp_sample, write_milp_sample
from neurosolve.learn.samples import write_sample
from tests.learn.examples import planted_sample
from tests.learn.milp_examples import made_up


def test_what_is_written_is_read(tmp_path: Path) -> None:
    sample = made_up(3, graphs=True)
    write_milp_sample(sample, tmp_path / "a.npz")
    again = read_milp_sample(tmp_path / "a.npz")
    for field in dataclasses.fields(MilpSample):
        before, after = getattr(sample, field.name), getattr(again, field.name)
        assert type(before) is type(after) and np.array_equal(before, after)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_a_sample_of_before_node_graphs_is_read(tmp_path: Path) -> None:
    path, sample = tmp_path / "a.npz", made_up(3)
    write_milp_sample(sample, path)
    with np.load(path) as arrays:
        old = {name: arrays[name] for name in arrays if name != "format" and not name.startswith("graph_")}
        newer = {name: arrays[name] for name in arrays} | {"format": np.asarray(99)}
    np.savez(path, **old, node_columns=np.zeros((0, 0, 0), np.float16))
    again = read_milp_sample(path)
    assert np.array_equal(again.scores, sample.scores) and not again.has_graphs
    np.savez(path, **newer)
    with pytest.raises(InputError, match="format 99"):
        read_milp_sample(path)


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_sample(planted_sample(1), path)
    with pytest.raises(InputError, match="kind 'sat'"):
        read_milp_sample(path)
    write_milp_sample(made_up(1), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a readable MilpSample"):
        read_milp_sample(path)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        dataclasses.replace(made_up(1), scores=np.ones(3, np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        dataclasses.replace(made_up(1, graphs=True), graph_indices=np.zeros(3, np.int32))


def test_nodes_without_a_lesson_are_left_out() -> None:
    sample = made_up(1, num_nodes=5)
    sample.scores[sample.node(1)] = 2.0  # all alike
    sample.scores[sample.node(2)][0] = np.nan
    sample.scores[sample.node(4)] = 1e-12  # no gain anywhere
    assert sample.taught().tolist() == [0, 3]
