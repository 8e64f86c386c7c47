"""The mean of what solves cost."""

from __future__ import annotations

import math
from collections.abc import Sequence


def geometric_mean(values: Sequence[float], shift: float) -> float:
    """exp(mean(log(value + shift))) - shift; the shift keeps the cheapest solves from deciding alone."""
    return math.exp(sum(math.log(v + shift) for v in values) / len(values)) - shift
