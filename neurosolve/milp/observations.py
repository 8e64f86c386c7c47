"""Candidates as arrays of a fixed shape, as a Gymnasium space wants them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosolve.milp.features import NODE_FEATURES, Candidates

LEAST, MOST = np.float32(-1e6), np.float32(1e6)  # of a feature; they are scale-free, most within 0 and 1
_SCORE = NODE_FEATURES.index("score_to_max")


def best(candidates: Candidates, count: int) -> Candidates:
    """At most `count` of the candidates, those of best pseudocost score, in the order they have."""
    if len(candidates) <= count:
        return candidates
    kept = np.sort(np.argsort(-candidates.features[:, _SCORE], kind="stable")[:count])
    variables = [candidates.variables[index] for index in kept.tolist()]
    return Candidates(candidates.columns[kept], candidates.features[kept], variables)


def padded(candidates: Candidates | None, size: int) -> dict[str, NDArray[Any]]:
    """features float32 (size, F), finite, columns int32 (size,) and action_mask int8 (size,); None: no candidates."""
    features = np.zeros((size, len(NODE_FEATURES)), np.float32)
    columns, mask = np.full(size, -1, np.int32), np.zeros(size, np.int8)
    if candidates is not None:
        count = len(candidates)
        mask[:count], columns[:count] = 1, candidates.columns
        np.clip(np.nan_to_num(candidates.features), LEAST, MOST, out=features[:count])
    return {"features": features, "columns": columns, "action_mask": mask}


def without_scip(candidates: Candidates) -> Candidates:
    """A copy with the variables' names for SCIP's own objects, which must not outlive it."""
    names = [variable.name for variable in candidates.variables]
    return Candidates(candidates.columns.copy(), candidates.features.copy(), names)
