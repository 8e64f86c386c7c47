"""The suite of real formulas: a stratified test set, and what of the rest may be trained on.

How: (1) formulas that are one another up to isomorphism (gbdc's isohash) or up to white space
(norm_sha256) are one; its shortest-named copy stands for it. (2) Families that are variants of one
source are one kin (KIN). (3) A seeded draw sets whole kins aside (`unseen-family`): nothing of them may
be trained on. Kins that a generator of neurosolve's families imitates (IMITATED) are never set aside,
since the universal model has seen their like. (4) The test set is filled in rounds, one formula of
every kin a round, kins in a seeded order and formulas within a kin in a seeded order that takes its
families in turn, until it is full; of a kin not set aside at most half goes into the test. Formulas
past MAX_RAW_BYTES are left out. Neither answers nor times are looked at.
"""

from __future__ import annotations

import csv
import dataclasses
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.csv_files import commented
from bench.suites import Instance

SEED = 20240607
NUM_TEST = 150
UNSEEN_SHARE = 0.3  # of the kins that may be set aside
IMITATED = ("random", "latin-squares", "colouring", "hardware", "planning", "md-hash", "parity", "arithmetic")
MAX_RAW_BYTES = 20_000_000
KIN = (
    (
        r"satlib-u?uf|satlib-bms|satlib-rti|random-3sat|sat09-random|random-5sat|random-fla|satlib-jnh",
        "random",
    ),
    (r"satlib-aim", "aim"),
    (r"md4|md5|gus-md5|sha1", "md-hash"),
    (r"graph-colouring|coloring|satlib-flat|satlib-sw100|gcp|kcolor", "colouring"),
    (r"parity|tseitin|dubois|pret|urquhart", "parity"),
    (r"phole|pigeonhole|relativised-php|channel|fpga$|clique|counting", "pigeonhole"),
    (r"^fm-", "feature-models"),
    (r"latin|sudoku|qcp|satlib-qg", "latin-squares"),
    (r"nqueens", "queens"),
    (r"factoring|arith|bitvector|miter", "arithmetic"),
    (r"bmc|pipe|spear-swv|ssa|satlib-bf|circuit-debugging", "hardware"),
    (r"blocksworld|logistics|plan-recognition|hanoi", "planning"),
    (r"vdw|ramsey|misc", "misc"),
)


@dataclasses.dataclass
class Formula:
    """One row of the data's manifest with what this module adds."""

    path: str
    family: str
    variables: str
    raw_bytes: int
    status: str
    sha256: str
    norm_sha256: str
    isohash: str
    use: str = ""  # test, train, duplicate, unseen-family, too-large

    @property
    def kin(self) -> str:
        """The group of families that share a source; a family of no group is its own kin."""
        return next((kin for pattern, kin in KIN if re.search(pattern, self.family)), self.family)


def read_formulas(data: Path) -> list[Formula]:
    """Every CNF of the data's manifest, with its isohash (about half a minute for a thousand)."""
    import gbdc

    formulas = []
    with (data / "sat" / "MANIFEST.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            status = row["status20"] if row["status20"] in ("SAT", "UNSAT") else ""
            isohash = str(gbdc.isohash(str(data / "sat" / row["path"])))
            hashes = (row["sha256"], row["norm_sha256"], isohash)
            size = int(row["raw_bytes"])
            formulas.append(Formula(row["path"], row["family"], row["variables"], size, status, *hashes))
    return formulas


def mark(formulas: Sequence[Formula], num_test: int = NUM_TEST, seed: int = SEED) -> set[str]:
    """Sets every formula's `use`; returns the kins set aside whole."""
    chosen: list[Formula] = []
    for group in duplicates(formulas):
        for formula in group[1:]:
            formula.use = "duplicate"
        if group[0].raw_bytes > MAX_RAW_BYTES:
            group[0].use = "too-large"
        else:
            chosen.append(group[0])
    by_kin: dict[str, list[Formula]] = defaultdict(list)
    for formula in sorted(chosen, key=lambda formula: formula.path):
        by_kin[formula.kin].append(formula)
    generator = random.Random(seed)
    kins = sorted(by_kin)
    generator.shuffle(kins)
    eligible = [kin for kin in kins if kin not in IMITATED]
    unseen = set(eligible[: round(UNSEEN_SHARE * len(eligible))])
    queues = {kin: _taking_turns(by_kin[kin], generator) for kin in kins}
    for kin in kins:
        for formula in by_kin[kin]:
            formula.use = "unseen-family" if kin in unseen else "train"
    _draw(queues, kins, unseen, num_test)
    return unseen


def _draw(queues: Mapping[str, list[Formula]], kins: Sequence[str], unseen: set[str], num_test: int) -> None:
    """Rounds over the kins until `num_test` formulas are test; a kin that trains keeps at least half."""
    quota = {kin: len(queue) if kin in unseen else len(queue) // 2 for kin, queue in queues.items()}
    taken = 0
    for turn in range(max(quota.values(), default=0)):
        for kin in kins:
            if turn < quota[kin] and taken < num_test:
                queues[kin][turn].use = "test"
                taken += 1


def _taking_turns(formulas: Sequence[Formula], generator: random.Random) -> list[Formula]:
    """A seeded order in which a kin's families come one after the other."""
    families: dict[str, list[Formula]] = defaultdict(list)
    for formula in formulas:
        families[formula.family].append(formula)
    piles = [families[family] for family in sorted(families)]
    for pile in piles:
        generator.shuffle(pile)
    generator.shuffle(piles)
    longest = max(map(len, piles))
    return [pile[turn] for turn in range(longest) for pile in piles if turn < len(pile)]


def duplicates(formulas: Sequence[Formula]) -> list[list[Formula]]:
    """Groups of formulas linked by an equal isohash or norm_sha256, the one of the shortest path first."""
    parent = list(range(len(formulas)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, formula in enumerate(formulas):
        for mark_ in ("iso " + formula.isohash, "norm " + formula.norm_sha256):
            parent[root(index)] = root(first.setdefault(mark_, index))
    groups: dict[int, list[Formula]] = defaultdict(list)
    for index, formula in enumerate(formulas):
        groups[root(index)].append(formula)
    return [sorted(group, key=lambda formula: (len(formula.path), formula.path)) for group in groups.values()]


def suite_of(formulas: Sequence[Formula], unseen: set[str]) -> list[Instance]:
    """The test formulas as a suite; its splits are `seen-family` and `unseen-family`."""
    return [
        Instance(
            formula.path.removesuffix(".cnf.xz").replace("/", "."), formula.kin, formula.variables, "",
            "unseen-family" if formula.kin in unseen else "seen-family", formula.status,
            f"data:sat/{formula.path}", formula.sha256,
        )
        for formula in sorted(formulas, key=lambda formula: formula.path)
        if formula.use == "test"
    ]  # fmt: skip


def write_split(path: Path, formulas: Sequence[Formula], comment: str) -> None:
    """Every formula with its use, so that training reads only what is marked `train`."""
    columns = ("path", "family", "kin", "use", "sha256", "norm_sha256", "isohash")
    with path.open("w", newline="") as file:
        file.write(commented(comment))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for formula in sorted(formulas, key=lambda formula: formula.path):
            writer.writerow([getattr(formula, column) for column in columns])
