"""Which half files and rows belong to, and what is counted of a run."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench import kinds
from bench.rows import BenchError


@pytest.mark.parametrize(
    ("name", "kind", "stem"),
    [
        ("a.cnf", "SAT", "a"), ("a.b.cnf.xz", "SAT", "a.b"), ("x/air05.mps.gz", "MILP", "x/air05"),
        ("P.txt_3.spa.mps.gz", "MILP", "P.txt_3.spa"), ("m.lp", "MILP", "m"), ("c.cip.zst", "MILP", "c"),
        ("a.planted", None, "a.planted"), ("mps", None, "mps"), ("a.mps.txt", None, "a.mps.txt"),
        ("a.cnf.out", None, "a.cnf.out"), ("a.cnf.d/b.log", None, "a.cnf.d/b.log"), ("d.dimacs", "SAT", "d"),
        ("d.dimacs.gz", "SAT", "d"), ("A.CNF.XZ", "SAT", "A"), ("M.Lp", "MILP", "M"), ("a.cnf.lzma", "SAT", "a"),
        (".cnf", None, ".cnf"),
    ],
)  # fmt: skip
def test_files(name: str, kind: str | None, stem: str) -> None:
    found = kinds.of_file(Path(name))
    assert (found and found.name) == kind
    assert kinds.stem(name) == stem


def test_counts() -> None:
    stats = {
        "num_nodes": 10, "num_lp_iterations": 500, "num_strong_branching_lp_iterations": 70,
        "num_domain_reductions": 4, "num_cutoffs": 3,
    }  # fmt: skip
    assert kinds.MILP.counts(stats) == {"nodes": 10, "fair nodes": 10 + 2 * 7, "LP": 500, "LP + SB": 570}
    partial = kinds.MILP.counts({**stats, "num_cutoffs": None})
    assert math.isnan(partial["fair nodes"])
    assert partial["nodes"] == 10
    assert kinds.SAT.counts({"num_conflicts": 3}) == {"conflicts": 3}
    assert math.isnan(kinds.SAT.counts({})["conflicts"])


def test_rows_of_one_half_and_one_protocol() -> None:
    sat, paper = {"engine": "cadical195"}, {"engine": "scip", "protocol": "paper"}
    assert kinds.of_rows([sat, sat]) is kinds.SAT
    assert kinds.of_rows([paper]) is kinds.MILP
    with pytest.raises(BenchError, match="SAT and MILP"):
        kinds.of_rows([sat, paper])
    with pytest.raises(BenchError, match=r"two protocols.*default, paper"):
        kinds.of_rows([paper, {"engine": "scip", "protocol": "default"}])
