"""Branching networks in NumPy: a model directory becomes a Policy that scores the candidates of a node, without torch.

`film`: at the root, once, over the columns X and rows R of the LP relaxation (standard: (x - mean) / deviation, clipped
to 5), where a neighbour is weighed by its coefficient over the root mean square of the row's coefficients:

    X = relu(standard(column features) W + b),   R = relu(standard(row features) W + b)
    each round:  R <- relu(R W_own + b + mean over the row's columns of X, W_heard)
                 X <- relu(X W_own + b + mean over the column's rows of R, W_heard)

and of E = X the tables  scale = 1 + E W + b  and  shift = E W + b.  At a node, x the features of a candidate:

    h = relu(standard(x) W_1 + b_1);  h = h * scale[column] + shift[column];  h = relu(h W_2 + b_2);  score = h w + b

with E = 0 for a candidate that was no column of the root.  `mlp`: the same with scale 1 and shift 0.
`sparse`: score = z w + b + sum of w_p z_i z_j over chosen pairs (i, j), z = standard(x).
`revival`: film that attends to the decisions above the node; revival.py has it.
`gcnn`, the baseline: the graph network over the LP of every node, score = relu(E W + b) w + b.

Weights bear the names of the torch state dicts of learn/networks/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosolve import model_files
from neurosolve.errors import ModelError
from neurosolve.milp.features import FEATURE_VERSION, NODE_FEATURES, ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES
from neurosolve.milp.layers import Dense, Floats, RootNetwork, Standard, Weights, relu

if TYPE_CHECKING:
    from neurosolve.milp.features import Candidates, RootGraph

SCHEMA_VERSION = 1


class Policy:
    """A scorer of candidates.  name, config, hash: of its model directory.  at_every_node: at_root is called with the
    graph of each node, not of the root alone, and candidates come without features.  follows_tree: at_node and branched
    are called."""

    at_every_node = follows_tree = False

    def __init__(self, weights: Weights) -> None:
        self.name, self.hash = "", ""
        self.config: dict[str, Any] = {}

    def at_root(self, graph: RootGraph) -> None:
        """Embed the columns; called before the first scores and again after a restart."""

    def at_node(self, number: int, parent: int, is_up: bool, depth: int) -> None:
        """Where the next scores are wanted: numbers as SCIP counts (0: the root has no parent), is_up: the parent's up
        child.  A number may come again."""

    def scores(self, candidates: Candidates) -> Floats:
        """float32 (k,), higher: branch on it.  NaN in, NaN out."""
        raise NotImplementedError

    def branched(self, chosen: int) -> None:
        """The node is branched on that candidate of the last scores; not called where SCIP decides."""


class Mlp(Policy):
    """The head alone."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._standard = Standard(weights, "standard")
        self._first, self._second = Dense(weights, "first"), Dense(weights, "second")
        self._score, self._bias = weights["score.weight"][0], weights["score.bias"][0]

    def scores(self, candidates: Candidates) -> Floats:
        h = self._modulate(relu(self._first(self._standard(candidates.features))), candidates.columns)
        out: Floats = relu(self._second(h)) @ self._score + self._bias
        return out

    def _modulate(self, h: Floats, columns: NDArray[np.int32]) -> Floats:
        return h


class Film(Mlp):
    """The head, scaled and shifted by what the root network says of each column."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._network = RootNetwork(weights, "root")
        self._to_scale, self._to_shift = Dense(weights, "scale"), Dense(weights, "shift")
        self._scale = self._shift = np.empty((0, 0), np.float32)

    def at_root(self, graph: RootGraph) -> None:
        embedding = self._network(graph)
        known = np.concatenate([embedding, np.zeros((1, embedding.shape[1]), np.float32)])  # the last: column -1
        self._scale, self._shift = self._to_scale(known), self._to_shift(known)
        self._scale += np.float32(1.0)

    def _modulate(self, h: Floats, columns: NDArray[np.int32]) -> Floats:
        h *= self._scale[columns]
        h += self._shift[columns]
        return h


class Sparse(Policy):
    """A quadratic form over few features and products."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._standard = Standard(weights, "standard")
        self._linear, self._bias = weights["linear.weight"][0], weights["linear.bias"][0]
        self._first, self._second = weights["pairs"].astype(np.int64).T
        self._products = weights["products.weight"]

    def scores(self, candidates: Candidates) -> Floats:
        z = self._standard(candidates.features)
        out: Floats = z @ self._linear + (z[:, self._first] * z[:, self._second]) @ self._products + self._bias
        return out


class Gcnn(Policy):
    """A graph network over the whole LP of every node."""

    at_every_node = True

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._network, self._first = RootNetwork(weights, "root"), Dense(weights, "first")
        self._score, self._bias = weights["score.weight"][0], weights["score.bias"][0]
        self._all = np.empty(0, np.float32)

    def at_root(self, graph: RootGraph) -> None:
        known = relu(self._first(self._network(graph))) @ self._score + self._bias
        self._all = np.append(known, np.float32(np.nan))  # it has nothing to say of a column that is not there

    def scores(self, candidates: Candidates) -> Floats:
        out: Floats = self._all[candidates.columns]
        return out


def _revival(weights: Weights) -> Policy:
    from neurosolve.milp.revival import Revival  # it is made of Film

    return Revival(weights)


def _film_bins(weights: Weights) -> Policy:
    from neurosolve.milp.film_bins import FilmBins  # it is made of Film

    return FilmBins(weights)


NETWORKS: dict[str, Callable[[Weights], Policy]] = {
    "film": Film, "mlp": Mlp, "sparse": Sparse, "gcnn": Gcnn, "revival": _revival,
    "film-bins": _film_bins,
}  # fmt: skip


def load_config(directory: Path) -> dict[str, Any]:
    """A MILP model's config.json.  Raises ModelError when it is missing, damaged, not of a branching policy, or of
    another version."""
    config = model_files.read_json(directory / "config.json")
    if not isinstance(config, dict) or config.get("kind") != "milp":
        raise ModelError(f"{directory} is not a model of branching: its config.json has no kind \"milp\"")
    model_files.refuse_version(directory, config, {"schema": SCHEMA_VERSION, "feature_version": FEATURE_VERSION})
    return config


def load_policy(directory: Path) -> Policy:
    """The policy in that directory.  Raises ModelError when it is missing, damaged, of another version or of other
    features than this neurosolve makes."""
    directory = Path(directory)
    config, packed = load_config(directory), model_files.read(directory / "weights.safetensors")
    network = config.get("network")
    if network not in NETWORKS:
        raise ModelError(f"{directory}: unknown network {network!r}; networks: {', '.join(NETWORKS)}")
    weights = model_files.unpack_weights(directory, packed)
    _refuse_misfit(directory, weights)
    try:
        policy = NETWORKS[network](weights)
    except (KeyError, IndexError, ValueError) as error:
        what = f"{directory}/weights.safetensors does not fit the network {network} ({error})"
        raise ModelError(f"{what}: export the model again") from error
    policy.name, policy.config = directory.name, config
    policy.hash = hashlib.sha256(model_files.read(directory / "config.json") + packed).hexdigest()
    return policy


def _refuse_misfit(directory: Path, weights: Weights) -> None:
    expected = {
        "standard.mean": len(NODE_FEATURES),
        "root.column_standard.mean": len(ROOT_COLUMN_FEATURES),
        "root.row_standard.mean": len(ROOT_ROW_FEATURES),
    }
    for name, size in expected.items():
        if name in weights and weights[name].size != size:
            raise ModelError(f"{directory} was trained on {weights[name].size} features ({name}), not on {size}")
