"""The draw of the real suite on a small invented collection, and the files that were drawn."""

from __future__ import annotations

import csv
from pathlib import Path

from bench import real, suites
from bench.real import Formula

SUITES = Path(suites.__file__).parent / "suites"


def formula(family: str, number: int, isohash: str = "", norm: str = "", size: int = 100) -> Formula:
    name = f"{family}/{number:02d}.cnf.xz"
    return Formula(name, family, "9", size, "SAT", "s" + name, norm or "n" + name, isohash or "i" + name)


def collection() -> list[Formula]:
    return [formula(family, number) for family in "abcdefghij" for number in range(10)]


def test_duplicates_are_linked_through_either_hash() -> None:
    chain = [formula("a", 1, "x", "p"), formula("a", 2, "x", "q"), formula("a", 3, "y", "q"), formula("a", 4)]
    assert [[item.path for item in group] for group in real.duplicates(chain)] == [
        ["a/01.cnf.xz", "a/02.cnf.xz", "a/03.cnf.xz"],
        ["a/04.cnf.xz"],
    ]


def test_the_draw_is_stratified_and_leaves_families_out() -> None:
    formulas = collection()
    unseen = real.mark(formulas, num_test=30, seed=1)
    assert len(unseen) == 3
    by_family = {family: [item.use for item in formulas if item.family == family] for family in "abcdefghij"}
    assert all(uses.count("test") == 3 for uses in by_family.values())
    assert all("train" not in by_family[family] for family in unseen)
    assert all(by_family[family].count("train") == 7 for family in set("abcdefghij") - unseen)


def test_the_draw_is_the_same_again_and_another_with_another_seed() -> None:
    draws = []
    for seed in (1, 1, 2):
        formulas = collection()
        real.mark(formulas, num_test=30, seed=seed)
        draws.append([item.use for item in formulas])
    assert draws[0] == draws[1] != draws[2]


def test_a_training_kin_keeps_half_and_duplicates_and_giants_are_out() -> None:
    formulas = [*collection(), formula("a", 50, "ia/00.cnf.xz"), formula("b", 51, size=10**9)]
    unseen = real.mark(formulas, num_test=1000, seed=1)
    assert formulas[-2].use == "duplicate"
    assert formulas[-1].use == "too-large"
    for family in set("abcdefghij") - unseen:
        assert [item.use for item in formulas if item.family == family].count("test") == 5


def test_variants_are_one_kin() -> None:
    assert {formula(family, 0).kin for family in ("satlib-uf20", "satlib-uuf250", "sat09-random-7sat")} == {
        "random"
    }
    assert {formula(family, 0).kin for family in ("md4-preimage", "gus-md5-crypto")} == {"md-hash"}
    assert formula("vmpc-crypto", 0).kin == "vmpc-crypto"


def test_the_shipped_draw_keeps_training_and_test_apart() -> None:
    test = suites.read_suite(SUITES / "real.csv")
    assert len(test) == 150
    with (SUITES / "real-split.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    train = [row for row in rows if row["use"] == "train"]
    held = [row for row in rows if row["use"] == "test"]
    assert {row["sha256"] for row in held} == {item.sha256 for item in test}
    for column in ("path", "sha256", "norm_sha256", "isohash"):
        assert not {row[column] for row in train} & {row[column] for row in held}
    unseen = {item.family for item in test if item.split == "unseen-family"}
    assert len(unseen) >= 5
    assert not unseen & {row["kin"] for row in train}
