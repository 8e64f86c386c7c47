"""`film-bins`: a film whose score and value are logits over bins of log2 nodes; learn/networks/dueling.py has the
equations and the names.  A candidate's score is minus its expected log2 nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosolve.milp.layers import Dense, Floats, Weights, relu
from neurosolve.milp.network import Film

if TYPE_CHECKING:
    from neurosolve.milp.features import Candidates


class FilmBins(Film):
    """The NumPy twin of FilmQNet with bins."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._advantage, self._centres = Dense(weights, "score"), weights["centres"]
        self._value_first, self._value_second = Dense(weights, "value_first"), Dense(weights, "value_second")

    def scores(self, candidates: Candidates) -> Floats:
        h = self._modulate(relu(self._first(self._standard(candidates.features))), candidates.columns)
        h = relu(self._second(h))
        value = self._value_second(relu(self._value_first(np.concatenate([h.mean(axis=0), h.max(axis=0)])[None])))
        logits = self._advantage(h)
        logits += value - logits.mean(axis=0)
        mass = np.exp(logits - logits.max(axis=1, keepdims=True))
        out: Floats = -(mass @ self._centres) / mass.sum(axis=1)
        return out
