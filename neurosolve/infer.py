"""Runs an exported network on the CPU without torch, and loads model directories (refusing a mismatch).

A model directory holds config.json, network.json (straight-line programs, see learn/export.py), weights.safetensors
and card.md.  Nothing is unpickled.  Programs are interpreted in NumPy with the sparse products of kernels.py: a round
is about fifteen operations, so the interpreter itself costs microseconds.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosolve import model_files
from neurosolve.errors import LimitError, ModelError
from neurosolve.graph import BipartiteGraph
from neurosolve.kernels import affine, rms_norm, sum_rows

if TYPE_CHECKING:
    from neurosolve.neuroback import NeuroBackModel

SCHEMA_VERSION = 1
FEATURE_VERSION = 1
ASSUMED_RATE = 1.0e10  # multiply-adds a second on two cores; docs/experiments.md has measured ones
BYTES_PER_LITERAL = 600  # the memory promise; a formula that would need more is declined

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """Per variable: logit (num_variables,), positive means true.  Per formula: the satisfiability logit."""

    logit: Array
    sat_logit: float
    num_rounds: int


class _Edges:
    """A graph (left: clauses, right: literal nodes) with the ones its products multiply by."""

    def __init__(self, graph: BipartiteGraph) -> None:
        self.graph = graph
        self.ones = np.ones(graph.num_edges, np.float32)

    def to_clauses(self, x: Array) -> Array:
        return sum_rows(self.graph.indptr, self.graph.indices, self.ones, x)

    def to_literals(self, x: Array) -> Array:
        return sum_rows(self.graph.transposed_indptr, self.graph.transposed_indices, self.ones, x)


def _negate(x: Array) -> Array:
    half = x.shape[0] // 2
    return np.concatenate((x[half:], x[:half]))


# The NumPy twin of every operation of learn/networks/ops.py, and below of those whose result may be written over the
# first argument when nothing else reads that.
_OPERATIONS: dict[str, Any] = {
    "to_clauses": lambda edges, x: edges.to_clauses(x),
    "to_literals": lambda edges, x: edges.to_literals(x),
    "affine": affine,
    "negate": _negate,
    "positive": lambda x: x[: x.shape[0] // 2],
    "rms_norm": rms_norm,
    "relu": lambda x: np.maximum(x, np.float32(0.0)),
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "squeeze": lambda x: x[..., 0],
}
_IN_PLACE: dict[str, Any] = {
    "relu": lambda x: np.maximum(x, np.float32(0.0), out=x),
    "add": lambda x, y: np.add(x, y, out=x),
    "subtract": lambda x, y: np.subtract(x, y, out=x),
}


class _Program:
    """A straight-line program with the last use of every value worked out, so that memory is reused at once."""

    def __init__(self, spec: dict[str, Any], weights: dict[str, Array]) -> None:
        self.inputs, self.outputs = spec["inputs"], spec["outputs"]
        last: dict[str, int] = {}
        for i, (_, _, *arguments) in enumerate(spec["steps"]):
            last.update({a: i for a in arguments})
        self.steps = []
        owned: set[str] = set()
        for i, (op, out, *arguments) in enumerate(spec["steps"]):
            if op not in _OPERATIONS:
                raise ModelError(f"network.json uses the unknown operation {op!r}: it was made by a newer neurosolve")
            dying = [a for a in dict.fromkeys(arguments) if last[a] == i and a not in self.outputs and a[0] != "@"]
            first = arguments[0]
            in_place = op in _IN_PLACE and first in dying and first in owned and arguments.count(first) == 1
            self.steps.append(((_IN_PLACE if in_place else _OPERATIONS)[op], out, arguments, dying))
            if op not in ("positive", "squeeze"):  # these two are views of another value's memory
                owned.add(out)
        self.weights = {"@" + key: value for key, value in weights.items()}
        named = {a for _, _, *arguments in spec["steps"] for a in arguments if a[0] == "@"}
        if lacking := named - set(self.weights):
            raise ModelError(f"weights.safetensors lacks {', '.join(sorted(lacking))}: export the model again")

    def __call__(self, *inputs: Any) -> list[Array]:
        values: dict[str, Any] = dict(zip(self.inputs, inputs, strict=True))
        lookup = self.weights
        for function, out, arguments, dying in self.steps:
            result = function(*[lookup[a] if a[0] == "@" else values[a] for a in arguments])
            for name in dying:
                del values[name]
            values[out] = result
        return [values[name] for name in self.outputs]


def literal_features(graph: BipartiteGraph) -> Array:
    """(num_right, 2): log(1 + occurrences) of each literal node and of its negation."""
    degree = np.log1p(graph.right_degree.astype(np.float32))
    half = degree.size // 2
    return np.stack([degree, np.concatenate((degree[half:], degree[:half]))], axis=1)


class Model:
    """A loaded model: `name`, `config` (config.json), `hash` (sha256 of the three files), `directory`.

    Raises ModelError, naming the directory, for files that are missing, damaged or of another version.
    """

    def __init__(self, directory: Path) -> None:
        self.directory, self.name = directory, directory.name
        names = ("config.json", "network.json", "weights.safetensors")
        texts = {name: model_files.read(directory / name) for name in names}
        self.hash = hashlib.sha256(b"".join(texts.values())).hexdigest()
        self.config: dict[str, Any] = model_files.parse_json(directory / "config.json", texts["config.json"])
        _refuse_mismatch(directory, self.config)
        weights = model_files.unpack_weights(directory, texts["weights.safetensors"])
        programs = model_files.parse_json(directory / "network.json", texts["network.json"])
        try:
            split = {part: {k: v for k, v in weights.items() if k.startswith(part + ".")} for part in programs}
            self._embed, self._round, self._readout = (
                _Program(programs[part], split[part]) for part in ("embed", "round", "readout")
            )
            self.width = int(split["round"]["round.out.bias"].size)
        except KeyError as error:
            raise ModelError(f"{directory}/network.json lacks {error}: export the model again") from error
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise ModelError(f"{directory}/network.json is damaged ({error}): fetch the model again") from error
        self._dense = {part: sum(v.size for v in split[part].values()) for part in split}

    def cost(self, graph: BipartiteGraph, num_rounds: int) -> float:
        """Multiply-adds of a prediction: two sparse products a round, and the dense layers of every literal."""
        once = graph.num_right * (self._dense["embed"] + self._dense["readout"])
        return float(once + num_rounds * (2 * graph.num_edges * self.width + graph.num_right * self._dense["round"]))

    def num_rounds(self, graph: BipartiteGraph, budget_s: float) -> int:
        """As many rounds as the configuration asks for and the budget allows at ASSUMED_RATE: no clock, so the same
        formula always gets the same prediction.  Raises LimitError below the configured minimum."""
        wanted, least = int(self.config["rounds"]), int(self.config.get("min_rounds", 4))
        one = self.cost(graph, 1) - self.cost(graph, 0)
        allowed = int((budget_s * ASSUMED_RATE - self.cost(graph, 0)) / max(one, 1.0))
        if min(wanted, allowed) < min(wanted, least):
            seconds = self.cost(graph, least) / ASSUMED_RATE
            raise LimitError(
                f"{least} rounds of {self.name} need about {seconds:.2f} s, past the budget of {budget_s:g} s"
            )
        return min(wanted, allowed)

    def predict(self, graph: BipartiteGraph, budget_s: float = 1.0, num_rounds: int | None = None) -> Prediction:
        """One forward pass.  Raises LimitError where even the fewest rounds pass the budget, or the wall clock passes
        four times the budget (a machine far slower than assumed)."""
        rounds = num_rounds if num_rounds is not None else self.num_rounds(graph, budget_s)
        deadline = time.perf_counter() + 4 * budget_s if num_rounds is None else float("inf")
        edges = _Edges(graph)
        (h,) = self._embed(literal_features(graph))
        for _ in range(rounds):
            (h,) = self._round(h, edges)
            if time.perf_counter() > deadline:
                raise LimitError(f"{self.name} took more than four times its budget of {budget_s:g} s")
        logit, sat = self._readout(h)
        sat_logit = float(sat.mean()) if sat.size else 0.0
        return Prediction(np.ascontiguousarray(logit, dtype=np.float32), sat_logit, rounds)


def load_model(directory: Path) -> Model | NeuroBackModel:
    """The model in that directory.  Raises ModelError when it is missing, damaged or of another version."""
    if load_config(Path(directory)).get("network") != "neuroback":
        return Model(Path(directory))
    from neurosolve.neuroback import NeuroBackModel  # the yardstick: its module is loaded by those who ask for it

    return NeuroBackModel(Path(directory))


def load_config(directory: Path) -> dict[str, Any]:
    """config.json alone: what the gate's first stage reads, before any weight is touched.  Raises ModelError."""
    config: dict[str, Any] = model_files.read_json(directory / "config.json")
    _refuse_mismatch(directory, config)
    return config


def _refuse_mismatch(directory: Path, config: Any) -> None:
    """Raises ModelError for a config.json that is no object, of MILP, or of another version."""
    if not isinstance(config, dict):
        raise ModelError(f"{directory}/config.json is not an object: fetch the model again")
    if config.get("kind") == "milp":
        raise ModelError(f"{directory} is a model of branching: it has nothing to say of a formula")
    model_files.refuse_version(directory, config, {"schema": SCHEMA_VERSION, "feature_version": FEATURE_VERSION})
