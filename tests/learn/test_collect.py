from __future__ import annotations

import gzip
import json
import lzma
import time
from pathlib import Path

import numpy as np
import pytest

from neurosolve.errors import InputError, UsageError
from neurosolve.learn import collect
from neurosolve.learn.collect import Outcome, collect_sat
from neurosolve.learn.naming import sample_name
from neurosolve.learn.samples import read_sample, write_sample
from neurosolve.learn.sidecars import CNF_NAME, find_backbone, read_backbone, read_planted
from neurosolve.sat.labels import Emit
from tests.learn.examples import planted_sample

CHAIN = b"p cnf 4 4\n1 0\n-1 2 0\n-2 3 0\n3 4 0\n"  # 1, 2 and 3 are forced, 4 is free


def run(directory: Path, out: Path, **options: object) -> tuple[collect.Collected, list[Outcome]]:
    outcomes: list[Outcome] = []
    found = collect_sat(
        directory, out, time_s=10, progress=lambda o, done, total: outcomes.append(o), **options
    )  # type: ignore[arg-type]
    return found, outcomes


def test_backbone_and_diverse_assignments(tmp_path: Path) -> None:
    (tmp_path / "chain-4-7.cnf").write_bytes(CHAIN)
    found, (outcome,) = run(tmp_path, tmp_path / "out")
    assert (found.num_written, found.num_satisfiable, found.num_refuted, found.num_errors) == (1, 1, 0, 0)
    sample = read_sample(tmp_path / "out" / "chain-4-7.npz")
    assert sample.backbone.tolist() == [1, 1, 1, 0] and sample.backbone_complete
    assert sorted(sample.assignments[:, 3].tolist()) == [-1, 1]
    assert (sample.assignments[:, :3] == 1).all()
    assert (sample.family, sample.size, sample.seed, sample.status) == ("chain", 4, 7, 1)
    assert outcome.num_assignments == 2 and outcome.num_backbone == 3


def test_planted_literals_are_completed(tmp_path: Path) -> None:
    (tmp_path / "a.cnf.gz").write_bytes(gzip.compress(CHAIN))
    (tmp_path / "a.planted").write_text("-4 0\n")
    run(tmp_path, tmp_path / "out", labels="planted")
    sample = read_sample(tmp_path / "out" / "a.npz")
    assert sample.assignments.tolist() == [[1, 1, 1, -1]]
    assert not sample.backbone.any() and not sample.backbone_complete
    assert sample.primary.tolist() == [False, False, False, True]


def test_unsatisfiable_formulas_are_labelled_as_such(tmp_path: Path) -> None:
    (tmp_path / "u.cnf").write_bytes(b"p cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n")
    found, _ = run(tmp_path, tmp_path / "out")
    sample = read_sample(tmp_path / "out" / "u.npz")
    assert sample.status == -1 and len(sample.assignments) == 0
    assert (found.num_satisfiable, found.num_refuted) == (0, 1)


def test_samples_made_with_other_labels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.cnf").write_bytes(CHAIN)
    run(tmp_path, tmp_path / "out", labels="models")
    before = (tmp_path / "out" / "a.npz").read_bytes()
    with pytest.raises(UsageError, match=r"1 of the samples in .*out were made with --labels models: for planted,"):
        run(tmp_path, tmp_path / "out", labels="backbone, planted")
    assert run(tmp_path, tmp_path / "out", labels="models")[0].num_skipped == 1
    assert (tmp_path / "out" / "a.npz").read_bytes() == before
    write_sample(read_sample(tmp_path / "out" / "a.npz"), tmp_path / "out" / "a.npz")  # as of an older neurosolve
    assert run(tmp_path, tmp_path / "out", labels="planted")[0].num_skipped == 1


def test_bad_instances_end_nothing_and_are_told(tmp_path: Path) -> None:
    (tmp_path / "bad.cnf").write_bytes(b"p cnf 1 1\nx 0\n")
    (tmp_path / "wrong.cnf").write_bytes(CHAIN)
    (tmp_path / "wrong.planted").write_text("-2 0")
    (tmp_path / "good.cnf").write_bytes(CHAIN)
    found, _ = run(tmp_path, tmp_path / "out", workers=2)
    assert (found.num_written, found.num_errors) == (1, 2)
    rows = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
    assert {row["name"] for row in rows} == {"bad", "wrong"}
    assert "contradict" in next(row["error"] for row in rows if row["name"] == "wrong")


def test_a_second_run_only_does_what_is_missing(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.cnf").write_bytes(CHAIN)
    run(tmp_path, tmp_path / "out")
    (tmp_path / "out" / "b.npz").unlink()
    kept = (tmp_path / "out" / "a.npz").stat().st_mtime_ns
    found, outcomes = run(tmp_path, tmp_path / "out")
    assert (found.num_written, found.num_skipped) == (1, 2)
    assert [o.name for o in outcomes] == ["b"]
    assert (tmp_path / "out" / "a.npz").stat().st_mtime_ns == kept


def test_a_labelling_that_hangs_is_killed_and_what_it_found_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(cnf: object, planted: object, options: object, emit: Emit) -> None:
        emit(("status", 1))
        emit(("assignment", np.ones(4, np.int8)))
        time.sleep(60)

    monkeypatch.setattr(collect, "label", hang)
    monkeypatch.setattr(collect, "GRACE_S", 0.2)
    (tmp_path / "a.cnf").write_bytes(CHAIN)
    began = time.monotonic()
    collect_sat(tmp_path, tmp_path / "out", time_s=0.2, progress=lambda o, d, t: None)
    assert time.monotonic() - began < 5
    assert read_sample(tmp_path / "out" / "a.npz").assignments.tolist() == [[1, 1, 1, 1]]


def test_a_databack_directory(tmp_path: Path) -> None:
    for folder in ("cnf/pretrain", "backbone/pretrain"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cnf/pretrain/x.cnf.xz").write_bytes(lzma.compress(CHAIN))
    (tmp_path / "backbone/pretrain/x.cnf.backbone.xz").write_bytes(lzma.compress(b"b 1\nb 2\nb 3\nb 0\n"))
    run(tmp_path, tmp_path / "out", labels="backbone")
    sample = read_sample(tmp_path / "out" / "cnf__pretrain__x.npz")
    assert sample.backbone.tolist() == [1, 1, 1, 0] and sample.backbone_complete
    assert sample.status == 1 and len(sample.assignments) == 0 and sample.is_labelled


def test_backbones_are_found_beside_the_formula_too(tmp_path: Path) -> None:
    cnf = tmp_path / "x.cnf.bz2"
    assert find_backbone(cnf, tmp_path) is None
    (tmp_path / "x.backbone.xz").write_bytes(lzma.compress(b"-2 3\n0\n"))
    found = find_backbone(cnf, tmp_path)
    assert found is not None and read_backbone(found, 3).tolist() == [0, -1, 1]
    with pytest.raises(InputError, match="beyond 2 variables"):
        read_backbone(found, 2)


def test_planted_files(tmp_path: Path) -> None:
    assert read_planted(tmp_path / "x.cnf", 3) is None
    (tmp_path / "x.planted").write_text("c known\nv 1 -2\n3 0\n")
    literals = read_planted(tmp_path / "x.cnf.xz", 3)
    assert literals is not None and literals.tolist() == [1, -2, 3]
    (tmp_path / "x.planted").write_text("1 two 0")
    with pytest.raises(InputError, match="not a list of literals"):
        read_planted(tmp_path / "x.cnf", 3)


def test_names_and_labels() -> None:
    assert sample_name(Path("a/b/c.dimacs.zst"), Path("a"), CNF_NAME) == "b__c"
    with pytest.raises(UsageError, match="unknown labels cores"):
        collect_sat(".", "out", labels="cores,models")
    assert planted_sample(0).family == "planted"
