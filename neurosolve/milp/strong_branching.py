"""Full strong branching as an expert: scores of candidates that leave SCIP's state as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyscipopt import Model

LEAST_GAIN = 1e-6  # below which a gain counts as this, as in SCIP's product score
_NO_LIMIT = 2**31 - 1  # of LP iterations


def strong_branching_scores(scip: Model, variables: Sequence[Any]) -> NDArray[np.float64]:
    """Product scores (k,) float64 of branching on each candidate: max(gain down, eps) * max(gain up, eps).

    A gain is how far the child's LP bound rises; it is cut off at the distance to the incumbent, which is also the
    gain of an infeasible child (without an incumbent: twice the largest gain seen at this node, at least 1).  NaN for
    a candidate whose LPs SCIP could not solve.  Call it inside a branching rule, for current LP candidates only.
    """
    objective, cutoff = scip.getLPObjVal(), scip.getCutoffbound()
    gains, infeasible = np.zeros((2, len(variables))), np.zeros((2, len(variables)), bool)
    scip.startStrongbranch()
    try:
        for i, variable in enumerate(variables):
            down, up, _, _, down_infeasible, up_infeasible, _, _, error = scip.getVarStrongbranch(
                variable, _NO_LIMIT, idempotent=True
            )
            gains[:, i] = (np.nan, np.nan) if error else (down - objective, up - objective)
            infeasible[:, i] = down_infeasible, up_infeasible
    finally:
        scip.endStrongbranch()
    return product_scores(gains, infeasible, cutoff - objective if cutoff < scip.infinity() else np.inf)


def product_scores(gains: NDArray[np.float64], infeasible: NDArray[np.bool_], distance: float) -> NDArray[np.float64]:
    """gains and infeasible (2, k), distance to the incumbent (infinite without one) -> scores (k,)."""
    seen = gains[~infeasible & np.isfinite(gains)]
    ceiling = max(distance, 0.0) if np.isfinite(distance) else max(2.0 * float(seen.max(initial=0.0)), 1.0)
    gains = np.where(infeasible & ~np.isnan(gains), ceiling, np.minimum(gains, ceiling))
    scores: NDArray[np.float64] = np.prod(np.maximum(gains, LEAST_GAIN), axis=0)
    return scores
