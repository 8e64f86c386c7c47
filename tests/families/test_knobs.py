"""Knobs of families: by name, with their types, and told by the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosolve.errors import UsageError
from neurosolve.families import FAMILIES, MILP_FAMILIES
from neurosolve.families.knobs import checked, knobs_of, parsed
from neurosolve.families.write import write_instance
from neurosolve.learn.naming import origin
from tests.test_cli import call


def test_every_family_tells_its_knobs() -> None:
    assert knobs_of(MILP_FAMILIES["facilities"]) == {"facilities": 100, "ratio": 5.0}
    assert "rules" not in knobs_of(MILP_FAMILIES["auctions"])
    assert all(isinstance(knobs_of(family), dict) for family in FAMILIES.values())


def test_texts_and_values_become_what_the_knob_is() -> None:
    family = MILP_FAMILIES["set_cover"]
    assert parsed(family, ["columns=750", "density=1"]) == {"columns": 750, "density": 1.0}
    assert checked(family, {"density": 1}) == {"density": 1.0}
    for pairs, match in ((["rows=3"], "knobs: columns"), (["columns"], "KNOB=VALUE"), (["columns=7.5"], "int")):
        with pytest.raises(UsageError, match=match):
            parsed(family, pairs)
    with pytest.raises(UsageError, match="not a int"):
        checked(family, {"columns": "many"})


def test_the_name_of_the_file_tells_what_was_set(tmp_path: Path) -> None:
    family = MILP_FAMILIES["facilities"]
    plain, fewer = (write_instance(family, 5, 1, tmp_path, knobs) for knobs in ({}, {"facilities": 7, "ratio": 3.5}))
    assert plain.name == "facilities-5-1.mps.gz" and fewer.name == "facilities+facilities=7+ratio=3.5-5-1.mps.gz"
    assert family.generate(5, 1, facilities=7).num_columns == 5 * 7 + 7
    assert origin(fewer.name.removesuffix(".mps.gz"), "?", 0) == ("facilities", 5, 1)


def test_generate_sets_them(tmp_path: Path) -> None:
    run = call("generate", "facilities", "--size", 5, "--set", "facilities=6", "--out", tmp_path)
    assert run.returncode == 0 and (tmp_path / "facilities+facilities=6-5-0.mps.gz").exists()
    assert "no knob" in call("generate", "facilities", "--size", 5, "--set", "x=6", "--out", tmp_path).stderr
