"""The real MILP suites from a small manifest, and the ones that were drawn."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from bench import real_milp, suites
from bench.rows import BenchError

SUITES = Path(suites.__file__).parent / "suites"


def row(path: str, family: str, **more: str) -> dict[str, str]:
    blank = dict.fromkeys(("status20", "primal20", "highs1200_status", "highs1200_objective", "source_path"), "")
    own = {"path": path, "family": family, "variables": "9", "sha256": "s" + path, "norm_sha256": "n" + path}
    return {**blank, **own, **more}


def collection() -> list[dict[str, str]]:
    folder = "test_instances/combinatorial_auction_n_items_{}_n_bids_{}/i.lp"
    return [
        *(row(f"mipcc23/s{number}.mps.gz", "mipcc23-a") for number in range(7)),
        row("mipcc23/alone.mps.gz", "mipcc23-b"),
        row("miplib2017/air05.mps.gz", "m", highs1200_status="Optimal", highs1200_objective="2.6374000000e+04"),
        row("miplib2017/mas76.mps.gz", "m", highs1200_status="Optimal", highs1200_objective="N/A"),
        row("miplib3/rgn.mps.gz", "m3", status20="optimal", primal20="82.1999992"),
        row("treedqn/instance_1.lp.gz", "gasse-cauctions", source_path=folder.format(100, 500)),
        row("treedqn/instance_1__2.lp.gz", "gasse-cauctions", source_path=folder.format(200, 1000)),
        row("balans/x.lp.gz", "other"),
    ]


def test_rooms_names_sizes_and_statuses() -> None:
    found = real_milp.suites_of(collection())
    assert [(item.name, item.split, item.status) for item in found["milp-miplib"]] == [
        ("miplib2017.air05", "miplib2017", "OPTIMAL~26374"), ("miplib2017.mas76", "miplib2017", ""),
        ("miplib3.rgn", "miplib3", "OPTIMAL~82.1999992"),
    ]  # fmt: skip
    assert [(item.name, item.split, item.size) for item in found["milp-treedqn"]] == [
        ("treedqn.instance_1", "test-size", "100x500"), ("treedqn.instance_1__2", "beyond", "200x1000"),
    ]  # fmt: skip
    assert found["milp-miplib"][0].source == "data:milp/miplib2017/air05.mps.gz"


def test_series_are_halved_and_the_odd_member_tests() -> None:
    first, again = (real_milp.suites_of(collection())["milp-mipcc23"] for _ in range(2))
    assert first == again
    assert Counter((item.family, item.split) for item in first) == {
        ("mipcc23-a", "train-half"): 3, ("mipcc23-a", "test-half"): 4, ("mipcc23-b", "test-half"): 1,
    }  # fmt: skip
    others = [real_milp.suites_of(collection(), seed)["milp-mipcc23"] for seed in range(5)]
    assert any(other != first for other in others), "the draw depends on its seed"


def test_equal_content_is_one_instance(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"MANIFEST\.csv is not there"):
        real_milp.read_manifest(tmp_path)
    (tmp_path / "milp").mkdir()
    rows = [*collection(), row("miplib3/longer-name.mps.gz", "m3", norm_sha256="nmiplib3/rgn.mps.gz")]
    with (tmp_path / "milp" / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    paths = [item["path"] for item in real_milp.read_manifest(tmp_path)]
    assert "miplib3/rgn.mps.gz" in paths
    assert "miplib3/longer-name.mps.gz" not in paths


def test_the_shipped_halves_keep_training_and_test_apart() -> None:
    halves = defaultdict(set)
    for item in suites.read_suite(SUITES / "milp-mipcc23.csv"):
        halves[item.split].add(item.sha256)
    assert set(halves) == {"train-half", "test-half"}
    assert not halves["train-half"] & halves["test-half"]
    assert len(suites.read_suite(SUITES / "milp-treedqn.csv")) == 200
