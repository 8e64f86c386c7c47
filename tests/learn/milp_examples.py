"""Made-up nodes whose right choice can be learnt, and small MILPs as files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from neurosolve.families import MILP_FAMILIES
from neurosolve.families.write import write_instance
from neurosolve.learn.milp_samples import MilpSample, pack_graphs
from neurosolve.milp import gate
from neurosolve.milp.features import FEATURE_VERSION, NODE_FEATURES, ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES, RootGraph


def made_up(seed: int, num_nodes: int = 12, graphs: bool = False) -> MilpSample:
    """A random LP of 30 columns and 20 rows; the expert's score is told by one feature of the candidate and one of its
    column."""
    random = np.random.default_rng(seed)
    n, m = 30, 20
    rows = [np.sort(random.choice(n, 5, replace=False)) for _ in range(m)]
    counts = random.integers(3, 9, num_nodes)
    columns = np.concatenate([random.choice(n, k, replace=False) for k in counts]).astype(np.int32)
    column_features = random.normal(size=(n, len(ROOT_COLUMN_FEATURES))).astype(np.float32)
    features = random.normal(size=(len(columns), len(NODE_FEATURES))).astype(np.float32)
    scores = np.exp(2 * features[:, 0] + column_features[columns, 1])
    row_features = random.normal(size=(m, len(ROOT_ROW_FEATURES))).astype(np.float32)
    lp = RootGraph(
        column_features, row_features, np.arange(0, 5 * m + 1, 5, dtype=np.int32),
        np.concatenate(rows).astype(np.int32), np.full(5 * m, 5**-0.5, np.float32),
    )  # fmt: skip
    return MilpSample(
        **dataclasses.asdict(lp),
        node_offsets=np.cumsum([0, *counts]),
        columns=columns,
        features=features,
        scores=scores.astype(np.float32),
        pseudocosts=random.random(len(columns)).astype(np.float32),
        depth=np.arange(num_nodes, dtype=np.int32),
        feature_version=FEATURE_VERSION,
        fingerprint=np.array(list(gate.fingerprint(lp).values())),
        family="made_up",
        size=n,
        seed=seed,
        name=f"made_up-{n}-{seed}",
        **(pack_graphs([_fewer_rows(lp, m - s % 3) for s in range(num_nodes)]) if graphs else {}),
    )


def _fewer_rows(lp: RootGraph, m: int) -> dict[str, np.ndarray]:
    """The LP without its last rows: nodes have rows of their own."""
    end = lp.indptr[m]
    return {"column_features": lp.column_features, "row_features": lp.row_features[:m], "indptr": lp.indptr[: m + 1],
            "indices": lp.indices[:end], "coefficients": lp.coefficients[:end]}  # fmt: skip


def small_milps(directory: Path, count: int = 2, family: str = "auctions", size: int = 40) -> list[Path]:
    """Instances of a family small enough for a test."""
    return [write_instance(MILP_FAMILIES[family], size, seed, directory) for seed in range(count)]
