"""Made-up nodes whose right choice can be learnt, and small MILPs as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurosolve.families import MILP_FAMILIES
from neurosolve.families.write import write_instance
from neurosolve.learn.milp_samples import MilpSample
from neurosolve.milp.features import FEATURE_VERSION, NODE_FEATURES, ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES


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
    return MilpSample(
        column_features=column_features,
        row_features=row_features,
        indptr=np.arange(0, 5 * m + 1, 5, dtype=np.int32),
        indices=np.concatenate(rows).astype(np.int32),
        coefficients=np.full(5 * m, 5**-0.5, np.float32),
        node_offsets=np.cumsum([0, *counts]),
        columns=columns,
        features=features,
        scores=scores.astype(np.float32),
        pseudocosts=random.random(len(columns)).astype(np.float32),
        depth=np.arange(num_nodes, dtype=np.int32),
        feature_version=FEATURE_VERSION,
        family="made_up",
        size=n,
        seed=seed,
        name=f"made_up-{n}-{seed}",
        node_columns=_repeated(column_features, num_nodes if graphs else 0),
        node_rows=_repeated(row_features, num_nodes if graphs else 0),
    )


def _repeated(table: np.ndarray, count: int) -> np.ndarray:
    return np.broadcast_to(table.astype(np.float16), (count, *table.shape))


def small_milps(directory: Path, count: int = 2, family: str = "auctions", size: int = 40) -> list[Path]:
    """Instances of a family small enough for a test."""
    return [write_instance(MILP_FAMILIES[family], size, seed, directory) for seed in range(count)]
