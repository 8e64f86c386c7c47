"""Phases: the preferred value of every variable, with a confidence, and the guidances that need no network.

Every function here is a control that a network has to beat: constants, random signs, Jeroslow-Wang, a short
local search (`sat/walk.py`), the majority of a family's training assignments, and a file of literals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import numpy.typing as npt

from neurosolve.errors import InputError, ModelError, UsageError
from neurosolve.files import unreadable

if TYPE_CHECKING:
    from neurosolve.sat.dimacs import CNF

Int8 = npt.NDArray[np.int8]
Float32 = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Phases:
    """What a guide would try first, one entry a variable (variable v at v - 1).

    values: int8 of shape (num_variables,): +1 true, -1 false, 0 no opinion (the engine's default stays).
    confidence: float32 of shape (num_variables,), in [0, 1]; 0 where there is no opinion.
    source: the guidance that made them, as a person would name it on the command line.
    """

    values: Int8
    confidence: Float32
    source: str

    def __post_init__(self) -> None:
        if self.values.shape != self.confidence.shape or self.values.ndim != 1:
            raise ValueError(f"phases of shape {self.values.shape}, confidence {self.confidence.shape}")

    @classmethod
    def of(cls, values: npt.ArrayLike, source: str, confidence: npt.ArrayLike | None = None) -> Phases:
        """Phases from signs (any numbers); a confidence that is not finite counts as 0.

        Raises UsageError for booleans, whose False would be no opinion, and for what is no number.
        """
        numbers = np.asarray(values)
        if numbers.dtype.kind not in "iuf":
            raise UsageError(f"phases are numbers, +1 true, -1 false, 0 no opinion; these are {numbers.dtype}")
        signs = np.sign(np.nan_to_num(numbers)).astype(np.int8)
        if confidence is None:
            trust = (signs != 0).astype(np.float32)
        else:
            given = np.nan_to_num(np.asarray(confidence, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
            trust = np.where(signs != 0, np.clip(given, 0, 1), 0).astype(np.float32)
        return cls(signs, trust, source)

    @classmethod
    def of_logits(cls, logit: npt.NDArray[np.float32], source: str) -> Phases:
        """Phase: the sign.  Confidence: |2p - 1| of p = sigmoid(logit).  What is not finite is no opinion."""
        finite = np.where(np.isfinite(logit), logit, 0).astype(np.float32)
        return cls.of(finite, source, np.tanh(np.abs(finite) / 2))

    @classmethod
    def of_literals(cls, literals: npt.NDArray[np.int32], num_variables: int, source: str) -> Phases:
        """Full confidence in these literals, no opinion on the rest."""
        values = np.zeros(num_variables, dtype=np.int8)
        values[np.abs(literals) - 1] = np.sign(literals)
        return cls.of(values, source)

    @property
    def num_variables(self) -> int:
        return len(self.values)

    @property
    def mass(self) -> float:
        """Mean confidence over all variables: what the gate calls confidence mass."""
        return float(self.confidence.mean()) if len(self.confidence) else 0.0

    def literals(self) -> npt.NDArray[np.int32]:
        """The opinions as DIMACS literals, in order of variables."""
        variables = np.flatnonzero(self.values).astype(np.int32)
        return (variables + 1) * self.values[variables].astype(np.int32)

    def confident(self, threshold: float) -> Phases:
        """These phases with opinions below `threshold` dropped."""
        keep = self.confidence >= threshold
        return Phases(
            np.where(keep, self.values, 0).astype(np.int8),
            np.where(keep, self.confidence, 0).astype(np.float32),
            self.source,
        )


def all_true(num_variables: int) -> Phases:
    return Phases.of(np.ones(num_variables), "true")


def all_false(num_variables: int) -> Phases:
    return Phases.of(-np.ones(num_variables), "false")


def random_phases(num_variables: int, seed: int) -> Phases:
    """Fair coins; the same seed gives the same coins on every machine."""
    return Phases.of(np.random.default_rng(seed).integers(0, 2, num_variables) * 2 - 1, "random")


def jeroslow_wang(cnf: CNF) -> Phases:
    """The sign with the larger sum of 2^-|clause|; confidence is |difference| over the sum."""
    lengths = cnf.clause_lengths
    weights = np.repeat(np.exp2(-np.minimum(lengths, 60).astype(np.float64)), lengths)
    variables = np.abs(cnf.literals) - 1
    total = np.bincount(variables, weights, minlength=cnf.num_variables)
    balance = np.bincount(variables, weights * np.sign(cnf.literals), minlength=cnf.num_variables)
    confidence = np.divide(np.abs(balance), total, out=np.zeros(len(total)), where=total > 0)
    return Phases.of(balance, "jw", confidence)


def walk(cnf: CNF, seed: int = 0) -> Phases:
    """The best assignment of a short local search, `sat.walk.local_search` with its own budget."""
    from neurosolve.sat.walk import local_search

    return Phases.of(local_search(cnf, seed).values, "walk")


MAJORITY_FILE = "majority.npz"


def majority(source: str | Path, num_variables: int) -> Phases:
    """The majority value that each variable index had in a family's training assignments.

    source: a model directory that holds majority.npz, or such a file.  Indices beyond it get no opinion;
    confidence is |mean|.  Raises ModelError where there is none.
    """
    path = Path(source)
    path = path / MAJORITY_FILE if path.is_dir() else path
    try:
        with np.load(path, allow_pickle=False) as arrays:
            stored = np.asarray(arrays["mean"], dtype=np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"no majority of training assignments in {path}: {error}") from error
    mean = np.zeros(num_variables, dtype=np.float32)
    shared = min(num_variables, len(stored))
    mean[:shared] = stored[:shared]
    return Phases.of(mean, "majority", np.abs(mean))


def write_majority(path: Path, samples: Iterable[npt.NDArray[Any]]) -> None:
    """Keep the mean of every variable index over samples of +-1 assignments, each (k, n) with its own n.

    A sample's k assignments are one vote between them: an instance with many does not outweigh the rest.
    """
    total, count = np.zeros(0), np.zeros(0)
    for assignments in samples:
        if not len(assignments):
            continue
        longer = assignments.shape[1] - len(total)
        if longer > 0:
            total, count = np.pad(total, (0, longer)), np.pad(count, (0, longer))
        total[: assignments.shape[1]] += assignments.mean(axis=0)
        count[: assignments.shape[1]] += 1
    np.savez_compressed(path, mean=(total / np.maximum(count, 1)).astype(np.float32))


def read_phases(path: str | Path, num_variables: int) -> Phases:
    """Phases from a text file of literals: any white space, 0 allowed.

    `c` and `s` lines and a leading `v` are skipped, so a solver's own answer will do.  Raises InputError for
    anything that is no literal of this formula, for a variable named with both signs, and for a file without a phase.
    """
    name = str(path)
    values = np.zeros(num_variables, dtype=np.int8)
    for number, literal in _literals_of(name):
        if abs(literal) > num_variables:
            raise InputError(name, number, f"literal {literal} of {num_variables} variables")
        sign = (literal > 0) - (literal < 0)
        if sign and values[abs(literal) - 1] == -sign:
            raise InputError(name, number, f"variable {abs(literal)} has both phases")
        if sign:
            values[abs(literal) - 1] = sign
    if num_variables and not values.any():
        raise _silent(name)
    return Phases.of(values, f"file:{name}")


def refuse_silent(path: str | Path) -> None:
    """What read_phases finds wrong without knowing the formula.  Raises InputError."""
    literals = [literal for _, literal in _literals_of(str(path))]
    if not any(literals):
        raise _silent(str(path))


def _literals_of(name: str) -> Iterator[tuple[int, int]]:
    """Line number and number of every word that should be a literal."""
    try:
        lines = Path(name).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise unreadable(name, error.strerror) from error
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if words[:1] in (["c"], ["s"]):
            continue
        for word in words[1:] if words[:1] == ["v"] else words:
            try:
                yield number, int(word)
            except ValueError:
                raise InputError(name, number, f"'{word[:40]}' is no literal") from None


def _silent(name: str) -> InputError:
    error = InputError(name, None, "no phase in it (a solver's answer has `v` lines where it is satisfiable)")
    error.args = (f"{name}: {error.what}",)  # no line is to blame
    return error


def write_phases(phases: Phases, file: TextIO) -> None:
    """The opinions as literals on lines of ten, ending in 0: what `read_phases` reads."""
    literals = phases.literals().tolist()
    for start in range(0, len(literals), 10):
        file.write(" ".join(map(str, literals[start : start + 10])) + "\n")
    file.write("0\n")
