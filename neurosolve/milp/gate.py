"""Whether a branching model was trained on anything like this problem, judged from the LP at the root alone.

The fingerprint is of the root's graph (counts, share of binaries, kinds of rows, signs, spread of the objective): the
arrays that training samples hold, so that a model's range is described by the samples it was trained on.  Pure
functions; what is described lives in each model's config.json as "fingerprint".
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosolve.fingerprints import Fingerprint, Fit, lines_over
from neurosolve.milp.lp_graph import ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES

Config = Mapping[str, Any]

SIZE = "log_columns"
_TOLERANCE = {
    "log_columns": 0.05, "log_row_ratio": 0.1, "log_row_length": 0.1, "share_binary": 0.03, "share_integer": 0.03,
    "share_equality": 0.05, "share_covering": 0.05, "share_packing": 0.05, "share_uniform_rows": 0.05,
    "share_mixed_rows": 0.05, "share_costly": 0.05, "objective_spread": 0.1,
}  # fmt: skip
FEATURES = tuple(_TOLERANCE)
SMALLER, LARGER = 2.0, 4.0  # how far past its training, down and up, a model is offered problems


class Graph(Protocol):
    """The five arrays of a RootGraph, or of a training sample."""

    @property
    def column_features(self) -> NDArray[np.float32]: ...
    @property
    def row_features(self) -> NDArray[np.float32]: ...
    @property
    def indptr(self) -> NDArray[np.int32]: ...
    @property
    def indices(self) -> NDArray[np.int32]: ...
    @property
    def coefficients(self) -> NDArray[np.float32]: ...


@dataclasses.dataclass(frozen=True)
class Verdict:
    """guided: the model named is used.  reason: for people."""

    guided: bool
    reason: str
    model: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"stage": 1, "guided": self.guided, "reason": self.reason}


def fingerprint(graph: Graph) -> Fingerprint:
    """One number a feature: log10 of columns, rows per column and row length; shares; spread of the objective."""
    column = {name: graph.column_features[:, i] for i, name in enumerate(ROOT_COLUMN_FEATURES)}
    row = {name: graph.row_features[:, i] for i, name in enumerate(ROOT_ROW_FEATURES)}
    num_columns, num_rows = max(1, len(graph.column_features)), max(1, len(graph.row_features))
    equality, mixed = row["is_equality"] > 0, (row["positive_share"] > 0) & (row["positive_share"] < 1)
    left, right = (row["has_lhs"] > 0) & ~equality, (row["has_rhs"] > 0) & ~equality
    negative = row["positive_share"] <= 0
    costs = np.abs(column["objective"])
    values = {
        "log_columns": math.log10(num_columns),
        "log_row_ratio": math.log10(num_rows / num_columns),
        "log_row_length": math.log10(max(1, graph.indices.size) / num_rows),
        "share_binary": _mean(column["is_binary"]),
        "share_integer": _mean(column["is_integer"]),
        "share_equality": _mean(equality),
        # a sum of positive terms is at least (at most) something, however the row is signed
        "share_covering": _mean(~mixed & np.where(negative, right & ~left, left & ~right)),
        "share_packing": _mean(~mixed & np.where(negative, left & ~right, right & ~left)),
        "share_uniform_rows": _uniform(graph.indptr, np.abs(graph.coefficients)),
        "share_mixed_rows": _mean(mixed),
        "share_costly": _mean(costs > 0),
        "objective_spread": float(costs[costs > 0].std() / costs[costs > 0].mean()) if (costs > 0).any() else 0.0,
    }
    return {name: float(values[name]) for name in FEATURES}


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else 0.0


def _uniform(indptr: NDArray[np.int32], sizes: NDArray[np.float32]) -> float:
    """Share of the rows whose coefficients are all of one magnitude."""
    filled = np.flatnonzero(np.diff(indptr))
    if not filled.size:
        return 0.0
    starts = np.asarray(indptr)[:-1][filled]
    lowest, highest = np.minimum.reduceat(sizes, starts), np.maximum.reduceat(sizes, starts)
    return float((highest - lowest <= 1e-4 * highest).mean())


def describe(fingerprints: Sequence[Fingerprint]) -> dict[str, Any]:
    """What a model stores: the range of log10 columns (from 1/SMALLER of the smallest to LARGER times the largest
    trained on), and each other feature as a line over it with the largest distance of the training set from it."""
    if not fingerprints:
        raise ValueError("a fingerprint of no problems")
    sizes = np.array([one[SIZE] for one in fingerprints])
    low, high = float(sizes.min()), float(sizes.max())
    features = lines_over(SIZE, fingerprints, FEATURES[1:])
    allowed = [low - math.log10(SMALLER), high + math.log10(LARGER)]
    return {"features": features, "num_problems": len(fingerprints), "trained": [low, high], "allowed": allowed}


def fits(found: Fingerprint, described: Config) -> Fit:
    """Compare a fingerprint with a stored one.  Beyond the trained sizes the spread grows by what the line moves."""
    size, (low, high) = found[SIZE], described["trained"]
    beyond = max(low - size, size - high, 0.0)
    score, worst, reason = 0.0, 0.0, "inside every range"
    for name in FEATURES:
        if name == SIZE:
            first, last = described["allowed"]
        else:
            stored = described["features"][name]
            middle = stored["level"] + stored["slope"] * size
            reach = stored["spread"] + abs(stored["slope"]) * beyond
            first, last = middle - reach, middle + reach
        tolerance = _TOLERANCE[name]
        middle, scale = (first + last) / 2, tolerance + (last - first) / 4
        score -= 0.5 * ((found[name] - middle) / scale) ** 2 + math.log(scale)
        outside = max(first - found[name], found[name] - last) / tolerance - 1.0
        if outside > max(worst, 1e-9):
            worst, reason = outside, f"{name} {found[name]:.3g} outside {first:.3g} to {last:.3g}"
    return Fit(worst == 0.0, score, reason)


def _described(configs: Mapping[str, Config]) -> dict[str, Any]:
    return {name: config["fingerprint"] for name, config in configs.items() if config.get("fingerprint")}


def _nobody(configs: Mapping[str, Config]) -> Verdict:
    return Verdict(False, "no model offers itself under this protocol" if configs else "no model installed")


def refuse_size(num_columns: int, configs: Mapping[str, Config]) -> Verdict | None:
    """The verdict on an LP of so many columns where that alone decides; it spares a stranger the reading of its LP."""
    described = _described(configs)
    if not described:
        return _nobody(configs)
    size, tolerance = math.log10(max(1, num_columns)), 2 * _TOLERANCE[SIZE]  # twice that of `fits`
    if any(one["allowed"][0] - tolerance <= size <= one["allowed"][1] + tolerance for one in described.values()):
        return None
    return Verdict(False, f"no model was trained on anything near {num_columns} columns")


def choose(graph: Graph, configs: Mapping[str, Config]) -> Verdict:
    """The model whose training set such a problem fits best, or a Verdict that names the nearest miss."""
    described = _described(configs)
    if not described:
        return _nobody(configs)
    found = fingerprint(graph)
    offered = {name: fits(found, stored) for name, stored in described.items()}
    inside = {name: fit for name, fit in offered.items() if fit.inside}
    if not inside:
        name, fit = max(offered.items(), key=lambda item: item[1].score)
        return Verdict(False, f"no model fits; nearest {name}: {fit.reason}")
    best = max(inside, key=lambda name: inside[name].score)
    return Verdict(True, f"{best} fits", best)
