"""Instances as files: the same bytes, nothing half-written, nothing written twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosolve.errors import UsageError
from neurosolve.families import FAMILIES
from neurosolve.families.write import planted_text, write_instance
from neurosolve.sat.dimacs import read_dimacs

DECODING = FAMILIES["decoding"]


def test_formula_and_planted_come_back(tmp_path: Path) -> None:
    instance = DECODING.generate(40, 3)
    path = write_instance(DECODING, 40, 3, tmp_path / "new")
    assert path == tmp_path / "new" / "decoding-40-3.cnf.gz"
    assert read_dimacs(path).content_hash() == instance.cnf.content_hash()
    words = (tmp_path / "new" / "decoding-40-3.planted").read_text().split()
    assert instance.planted is not None and [int(word) for word in words] == [*instance.planted.tolist(), 0]
    assert planted_text(instance.planted).count("\n") == 3


def test_bytes_are_reproducible_and_existing_files_stay(tmp_path: Path) -> None:
    first = write_instance(DECODING, 40, 0, tmp_path / "a")
    paths = [write_instance(DECODING, 40, seed, tmp_path / "b") for seed in range(2)]
    assert first.read_bytes() == paths[0].read_bytes() != paths[1].read_bytes()
    paths[0].write_bytes(b"kept")
    assert write_instance(DECODING, 40, 0, tmp_path / "b") == paths[0]
    assert paths[0].read_bytes() == b"kept"
    assert sorted(path.suffix for path in (tmp_path / "b").iterdir()) == [
        ".gz",
        ".gz",
        ".planted",
        ".planted",
    ]


def test_unsatisfiable_families_have_no_planted_file(tmp_path: Path) -> None:
    write_instance(FAMILIES["equivalence"], 3, 0, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["equivalence-3-0.cnf.gz"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write_instance(DECODING, 40, 0, tmp_path / "file")
