from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import InputError
from neurosolve.learn.samples import Sample, find_samples, read_sample, write_sample
from tests.learn.examples import planted_sample


def with_labels(assignments: list[list[int]], backbone: list[int], complete: bool = False) -> Sample:
    n = len(backbone)
    return dataclasses.replace(
        planted_sample(0, n, 3),
        assignments=np.asarray(assignments, np.int8).reshape(-1, n),
        backbone=np.asarray(backbone, np.int8),
        backbone_complete=complete,
    )


def test_a_sample_survives_the_disk(tmp_path: Path) -> None:
    sample = planted_sample(3)
    write_sample(sample, tmp_path / "a.npz")
    read = read_sample(tmp_path / "a.npz")
    for field in dataclasses.fields(Sample):
        np.testing.assert_array_equal(getattr(read, field.name), getattr(sample, field.name))
    assert read.cnf == sample.cnf
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]  # no temporary file is left


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", None])
def test_a_damaged_sample_is_an_input_error(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "a.npz"
    write_sample(planted_sample(3), path)
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    with pytest.raises(InputError, match=r"a\.npz"):
        read_sample(path)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", kind=np.asarray("milp"))
    with pytest.raises(InputError, match="milp"):
        read_sample(tmp_path / "a.npz")


def test_labels_must_fit_the_formula() -> None:
    with pytest.raises(ValueError, match="labels of shape"):
        dataclasses.replace(planted_sample(0), backbone=np.zeros(3, np.int8))


def test_targets_are_shares_and_backbones_override_them() -> None:
    sample = with_labels([[1, 1, -1, 1], [1, -1, -1, 1], [1, -1, -1, -1], [1, -1, 1, -1]], [0, 0, 0, -1])
    np.testing.assert_array_equal(sample.targets(), np.float32([1, 0.25, 0.25, 0]))


def test_targets_without_assignments_are_unknown_off_the_backbone() -> None:
    np.testing.assert_array_equal(with_labels([], [1, 0, -1]).targets(), np.float32([1, np.nan, 0]))


@pytest.mark.parametrize(
    ("assignments", "backbone", "complete", "expected"),
    [
        ([[1, -1, 1], [1, -1, -1]], [0, 0, 0], False, [1, -1, 0]),
        ([[1, -1, 1], [1, -1, -1]], [1, 0, 0], True, [1, 0, 0]),  # the agreement on 2 is known to be chance
        ([], [0, -1, 0], False, [0, -1, 0]),
    ],
)
def test_agreed(
    assignments: list[list[int]], backbone: list[int], complete: bool, expected: list[int]
) -> None:
    assert with_labels(assignments, backbone, complete).agreed().tolist() == expected


def test_is_labelled() -> None:
    assert planted_sample(0).is_labelled
    assert not dataclasses.replace(with_labels([], [0, 0, 0]), status=0).is_labelled
    assert dataclasses.replace(with_labels([], [0, 0, 0]), status=-1).is_labelled


def test_find_samples_looks_below_and_skips_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    for name in ("x/y/b.npz", "a.npz", ".c.npz.12.tmp", ".d.npz", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert find_samples([tmp_path]) == [tmp_path / "a.npz", tmp_path / "x/y/b.npz"]
    assert find_samples([tmp_path / "a.npz"]) == [tmp_path / "a.npz"]
