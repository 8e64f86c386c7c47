"""Renaming: a signed permutation of the variables, by which any engine takes phases and an order unpatched.

The default phase is one constant in every engine.  Negating each variable whose predicted value differs from
it makes "constant" mean "predicted" wherever the engine uses it: first decisions, "original" rephases, lucky
phases.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosolve.errors import UsageError
from neurosolve.sat.cnf import CNF
from neurosolve.sat.phases import Phases

Int32 = npt.NDArray[np.int32]
Flips = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class Renaming:
    """A signed permutation of the variables, both ways.

    forward[n + literal] is what the engine sees for `literal` of the formula; backward[n + literal] undoes
    it.  Both are int32 of shape (2n + 1,) for n variables.
    """

    forward: Int32
    backward: Int32

    @classmethod
    def of(cls, flips: Flips, priority: npt.NDArray[np.floating[Any]] | None = None) -> Renaming:
        """Negate the variables where `flips`; the highest priority gets the last number, decided first."""
        n = len(flips)
        numbers = np.arange(1, n + 1, dtype=np.int32)
        if priority is not None:
            numbers[np.argsort(np.nan_to_num(priority), kind="stable")] = np.arange(1, n + 1, dtype=np.int32)
        image = np.where(flips, -numbers, numbers).astype(np.int32)
        forward = np.concatenate([-image[::-1], np.zeros(1, np.int32), image])
        backward = np.zeros_like(forward)
        backward[forward + n] = np.arange(-n, n + 1, dtype=np.int32)
        return cls(forward, backward)

    @property
    def num_variables(self) -> int:
        return len(self.forward) // 2

    def apply(self, cnf: CNF) -> CNF:
        """The formula that the engine sees: same clauses in the same order."""
        return CNF(cnf.num_variables, self.forward[cnf.literals + np.int32(self.num_variables)], cnf.offsets)

    def phases(self, phases: Phases) -> Phases:
        """Phases of the formula as phases of what the engine sees."""
        image = self.backward[self.num_variables + 1 :]
        places = np.abs(image) - 1
        values = (phases.values[places] * np.sign(image)).astype(np.int8)
        return dataclasses.replace(phases, values=values, confidence=phases.confidence[places])

    def clause(self, literals: Sequence[int]) -> list[int]:
        """Literals of the formula (a clause, assumptions) for the engine; new variables keep their names."""
        return _look_up(self.forward, literals)

    def back(self, literals: Sequence[int]) -> list[int]:
        """The engine's literals (an assignment, a core, a line of a proof) for the formula."""
        return _look_up(self.backward, literals)

    def assignment(self, literals: Int32) -> Int32:
        """The engine's assignment, one literal a variable, for the formula: in order of variables."""
        mapped = self.backward[literals + np.int32(self.num_variables)]
        ordered: Int32 = mapped[np.argsort(np.abs(mapped), kind="stable")]
        return ordered


def _look_up(table: Int32, literals: Sequence[int]) -> list[int]:
    n = len(table) // 2
    return [int(table[n + literal]) if abs(literal) <= n else literal for literal in literals]


def opinions(phases: Phases, num_variables: int) -> npt.NDArray[np.int8]:
    """The signs to inject, int8 (num_variables,); a confidence that is no number counts as no opinion."""
    if phases.num_variables != num_variables:
        raise UsageError(f"phases of {phases.num_variables} variables for a formula of {num_variables}")
    return np.where(np.isnan(phases.confidence), 0, np.sign(phases.values)).astype(np.int8)


def literals_of(phases: Phases, num_variables: int) -> list[int]:
    """The opinions as literals, most confident first."""
    signs = opinions(phases, num_variables).astype(np.int32)
    literals = signs * np.arange(1, num_variables + 1, dtype=np.int32)
    order = np.argsort(-np.nan_to_num(phases.confidence), kind="stable")
    ranked: list[int] = literals[order][signs[order] != 0].tolist()
    return ranked


def flips_of(phases: Phases | None, num_variables: int, default_phase: int | None) -> Flips:
    """Which variables to negate so that the engine's default phase is the predicted one."""
    if phases is None:
        return np.zeros(num_variables, np.bool_)
    flips: Flips = opinions(phases, num_variables) == -(default_phase or +1)
    return flips


def rename(cnf: CNF, phases: Phases, default_phase: int | None) -> tuple[CNF, Flips]:
    """The formula with those variables negated whose phase differs from `default_phase`, and which."""
    flips = flips_of(phases, cnf.num_variables, default_phase)
    return Renaming.of(flips).apply(cnf), flips


def map_assignment(assignment: Int32, flips: Flips) -> Int32:
    """An assignment of the renamed formula, for the formula as read.  Its own inverse."""
    return np.where(flips[np.abs(assignment) - 1], -assignment, assignment).astype(np.int32)


def map_proof(lines: Iterable[str], flips: Flips | Renaming) -> Iterator[str]:
    """Text DRAT of the renamed formula, line by line, for the formula as read; comments pass through.

    Whole files go faster through `drat.copy_proof`.
    """
    renaming = flips if isinstance(flips, Renaming) else Renaming.of(flips)
    for line in lines:
        words = line.split()
        if not words or words[0] == "c":
            yield line
            continue
        tail = words[1:] if words[0] == "d" else words
        mapped = renaming.back([int(word) for word in tail])
        yield " ".join(map(str, ["d", *mapped] if words[0] == "d" else mapped))
