"""The small instances shipped in data/: what the manifest says, and what the generators still draw."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from pathlib import Path

import pytest

from neurosolve.families import FAMILIES, SAT_FAMILIES
from neurosolve.milp.mps import write_mps
from neurosolve.sat.dimacs import write_dimacs

DATA = Path(__file__).resolve().parents[2] / "data"
SIBLINGS = {"geffe", "keystream_unsat", "decoding_unsat"}  # of a family that ships one: 60 kB each saved
ROWS = list(csv.DictReader((DATA / "MANIFEST.csv").open()))


def test_every_sat_family_but_siblings_ships_one_and_no_file_is_unlisted() -> None:
    assert {row["family"] for row in ROWS} & SAT_FAMILIES.keys() == SAT_FAMILIES.keys() - SIBLINGS
    assert {row["name"] for row in ROWS} == {path.name for path in DATA.glob("*.gz")}
    assert sum(path.stat().st_size for path in DATA.glob("*.gz")) < 250_000


def test_make_solve_has_one_of_either_kind() -> None:
    makefile = (DATA.parent / "Makefile").read_text()
    assert [row["name"].split(".")[1] for row in ROWS if f"data/{row['name']}\n" in makefile] == ["cnf", "mps"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_files_are_what_the_generators_draw(row: dict[str, str]) -> None:
    """Fails where an edit, or a new NumPy or PySAT, changes what a seed means; suites hang on it."""
    family, size, seed = FAMILIES[row["family"]], int(row["size"]), int(row["seed"])
    packed = (DATA / row["name"]).read_bytes()
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == row["sha256"]
    drawn = io.BytesIO()
    if family.kind == "milp":
        write_mps(family.generate(size, seed), drawn)
    else:
        write_dimacs(family.generate(size, seed).cnf, drawn)
    assert hashlib.sha256(drawn.getvalue()).hexdigest() == row["sha256"]
    assert row["name"] == f"{family.name}-{size}-{seed}.{'mps' if family.kind == 'milp' else 'cnf'}.gz"
    if family.kind == "milp":
        assert float(row["status"].removeprefix("OPTIMAL="))
    else:
        assert row["status"] == ("SAT" if family.satisfiable else "UNSAT")
