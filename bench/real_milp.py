"""Suites of real MILP instances, drawn from $NEUROSOLVE_DATA/milp/MANIFEST.csv.

`milp-miplib`: what of MIPLIB 3 and MIPLIB 2017's benchmark set is there; nothing is trained on it.
`milp-mipcc23`: series of related real instances. A seeded draw halves every series: `train-half` may be
trained on, `test-half` is for testing (an odd member, and a series of one, go to the test).
`milp-treedqn`: TreeDQN's own test instances, at its training size (`test-size`) and at the next (`beyond`).
Neither answers nor times are looked at. Where HiGHS is known to have finished, its objective stands as
OPTIMAL~VALUE (its default gap is 1e-4), and likewise where SCIP had finished.
"""

from __future__ import annotations

import csv
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import kinds
from bench.rows import BenchError
from bench.suites import Instance

SEED = 20240607
ROOMS = {
    "milp-miplib": ("miplib2017", "miplib3"),
    "milp-mipcc23": ("mipcc23",),
    "milp-treedqn": ("treedqn",),
}
BEYOND = ("200_n_bids_1000", "knapsacks_12", "nodes_1000", "rows_500_n_cols_1000", "customers_60")
Manifest = Sequence[Mapping[str, str]]


def read_manifest(data: Path) -> list[dict[str, str]]:
    """The rows of the data's manifest, one of each content, the shortest path first."""
    path = data / "milp" / "MANIFEST.csv"
    if not path.is_file():
        raise BenchError(f"{path} is not there")
    with path.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (len(row["path"]), row["path"]))
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["norm_sha256"] or row["sha256"], row)
    return list(found.values())


def suites_of(manifest: Manifest, seed: int = SEED) -> dict[str, list[Instance]]:
    """Name of the suite -> its instances, by name."""
    halves = _halves([row for row in manifest if _room(row) == "mipcc23"], seed)
    return {
        suite: sorted(
            (_instance(row, halves) for row in manifest if _room(row) in rooms), key=lambda item: item.name
        )
        for suite, rooms in ROOMS.items()
    }


def _room(row: Mapping[str, str]) -> str:
    return row["path"].partition("/")[0]


def _halves(members: Manifest, seed: int) -> dict[str, str]:
    """Path -> train-half or test-half, drawn within each series."""
    series: dict[str, list[str]] = defaultdict(list)
    for row in members:
        series[row["family"]].append(row["path"])
    halves = {}
    for family in sorted(series):
        paths = sorted(series[family])
        random.Random(f"{seed}:{family}").shuffle(paths)
        for index, path in enumerate(paths):
            halves[path] = "train-half" if index < len(paths) // 2 else "test-half"
    return halves


def _instance(row: Mapping[str, str], halves: Mapping[str, str]) -> Instance:
    split, size = _room(row), row["variables"]
    if row["path"] in halves:
        split = halves[row["path"]]
    elif split == "treedqn":
        folder = Path(row["source_path"]).parent.name
        split = "beyond" if any(part in folder for part in BEYOND) else "test-size"
        size = "x".join(re.findall(r"\d+", folder))
    name = kinds.stem(row["path"]).replace("/", ".")
    return Instance(name, row["family"], size, "", split, _status(row), f"data:milp/{row['path']}", row["sha256"])


def _status(row: Mapping[str, str]) -> str:
    solvers = (("highs1200_status", "Optimal", "highs1200_objective"), ("status20", "optimal", "primal20"))
    for status, finished, objective in solvers:
        if row[status] == finished and row[objective] != "N/A":
            return f"OPTIMAL~{float(row[objective]):.10g}"
    return ""
