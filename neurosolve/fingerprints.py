"""What both gates make of fingerprints: one number a feature, and each feature a line over the instance's size."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

Fingerprint = dict[str, float]
_ONE_SIZE = 0.05  # range of log10 sizes up to which no slope can be told


@dataclasses.dataclass(frozen=True)
class Fit:
    """How an instance lies to a training set.  score: its log density under the set's spread, higher is more usual.
    reason: the worst feature outside, with its number and the range."""

    inside: bool
    score: float
    reason: str


def lines_over(size: str, fingerprints: Sequence[Fingerprint], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Of each feature in `names` the least-squares line over the feature `size` (slope and level), and the largest
    distance of a fingerprint from it (spread)."""
    sizes = np.array([one[size] for one in fingerprints])
    varies = float(sizes.max()) - float(sizes.min()) > _ONE_SIZE
    lines: dict[str, dict[str, float]] = {}
    for name in names:
        values = np.array([one[name] for one in fingerprints])
        slope, level = np.polyfit(sizes, values, 1) if varies else (0.0, float(values.mean()))
        spread = float(np.abs(values - level - slope * sizes).max())
        lines[name] = {"slope": float(slope), "level": float(level), "spread": spread}
    return lines
