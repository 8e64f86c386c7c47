"""A short local search in the manner of probSAT: the cheapest honest guess at an assignment, and a control.

The set-up is vectorised; the flips are plain Python over lists, which beat NumPy where a flip touches a dozen
clauses.  Break counts are kept incrementally through each clause's number of true literals and the XOR of the
variables that make it true (with one true literal, that XOR is the variable whose flip breaks the clause).
"""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from neurosolve.sat.dimacs import CNF

# probSAT's base of the exponential break score, by mean clause length, as CaDiCaL and Kissat interpolate it.
_LENGTHS = (0.0, 3.0, 4.0, 5.0, 6.0, 7.0)
_BASES = (2.0, 2.5, 2.85, 3.7, 5.1, 5.4)
_FLIPS_PER_VARIABLE = 10
_MAX_VISITS = 1_000_000  # clauses touched by flips: 0.7 s at most, whatever the formula's size


@dataclasses.dataclass(frozen=True)
class Walk:
    """values: int8 +-1 of shape (num_variables,), the best met; num_falsified: clauses it falsifies."""

    values: npt.NDArray[np.int8]
    num_falsified: int
    num_flips: int


def default_budget(cnf: CNF) -> int:
    """Ten flips a variable, fewer where a flip touches many clauses: the whole stays under a second."""
    touched = max(1.0, len(cnf.literals) / max(1, cnf.num_variables))
    return int(min(_FLIPS_PER_VARIABLE * cnf.num_variables, _MAX_VISITS / touched))


def local_search(cnf: CNF, seed: int = 0, budget: int | None = None) -> Walk:
    """Walk from random values for at most `budget` flips and return the best assignment met.

    Deterministic in (cnf, seed, budget).  A literal's code is 2(v-1) for +v and 2(v-1)+1 for -v; repeated and
    tautological literals inside a clause are counted as they stand, which costs quality, never correctness.
    """
    start = (np.random.default_rng(seed).integers(0, 2, cnf.num_variables)).astype(np.int8)
    if not cnf.num_variables or not len(cnf.literals):
        return Walk((start * 2 - 1).astype(np.int8), int((cnf.clause_lengths == 0).sum()), 0)
    state = _State(cnf, start)
    flipped, best_at, best = state.run(random.Random(seed), default_budget(cnf) if budget is None else budget)
    values = np.array(state.values, dtype=np.int8)
    # Undo what came after the best moment: an odd number of later flips changes a variable.
    later = np.bincount(np.array(flipped[best_at:], dtype=np.int64), minlength=cnf.num_variables) & 1
    return Walk(((values ^ later.astype(np.int8)) * 2 - 1).astype(np.int8), best, len(flipped))


class _State:
    """The search's arrays as Python lists: clauses by literal, literals by clause, true and break counts."""

    def __init__(self, cnf: CNF, start: npt.NDArray[np.int8]) -> None:
        literals = cnf.literals.astype(np.int64)
        variables = np.abs(literals) - 1
        codes = 2 * variables + (literals < 0)
        lengths = cnf.clause_lengths
        owner = np.repeat(np.arange(len(lengths)), lengths)
        true = (start[variables] == 1) == (literals > 0)
        num_true = np.bincount(owner, true, minlength=len(lengths)).astype(np.int64)
        critical = np.zeros(len(lengths), dtype=np.int64)
        np.bitwise_xor.at(critical, owner[true], variables[true])
        self.values: list[int] = start.tolist()
        self.num_true: list[int] = num_true.tolist()
        self.critical: list[int] = critical.tolist()
        self.breaks: list[int] = np.bincount(critical[num_true == 1], minlength=cnf.num_variables).tolist()
        self.variables: list[int] = variables.tolist()
        self.offsets: list[int] = cnf.offsets.tolist()
        self.occurrences: list[int] = owner[np.argsort(codes, kind="stable")].tolist()
        self.starts: list[int] = np.concatenate(
            [[0], np.cumsum(np.bincount(codes, minlength=2 * cnf.num_variables))]
        ).tolist()
        falsified = np.flatnonzero(num_true == 0)
        self.num_empty = int((lengths == 0).sum())
        self.falsified: list[int] = falsified[lengths[falsified] > 0].tolist()
        place = np.zeros(len(lengths), dtype=np.int64)
        place[self.falsified] = np.arange(len(self.falsified))
        self.place: list[int] = place.tolist()
        base = float(np.interp(lengths.mean(), _LENGTHS, _BASES))
        self.score: list[float] = [base**-count for count in range(64)]

    def run(self, rng: random.Random, budget: int) -> tuple[list[int], int, int]:
        """Flip until nothing is falsified or the budget ends: (flips, flips to the best, its falsified)."""
        flipped: list[int] = []
        best_at, best = 0, len(self.falsified)
        for _ in range(budget):
            if not self.falsified:
                break
            variable = self._pick(rng)
            self._flip(variable)
            flipped.append(variable)
            if len(self.falsified) < best:
                best_at, best = len(flipped), len(self.falsified)
        return flipped, best_at, best + self.num_empty

    def _pick(self, rng: random.Random) -> int:
        """A variable of a random falsified clause, drawn by its break score."""
        clause = self.falsified[int(rng.random() * len(self.falsified))]
        candidates = self.variables[self.offsets[clause] : self.offsets[clause + 1]]
        breaks, score = self.breaks, self.score
        scores = [score[min(breaks[variable], 63)] for variable in candidates]
        left = rng.random() * sum(scores)
        for variable, weight in zip(candidates, scores, strict=True):
            left -= weight
            if left < 0:
                return variable
        return candidates[-1]

    def _flip(self, variable: int) -> None:
        """Turn one variable over and bring the counts and the list of falsified clauses along."""
        num_true, critical, breaks = self.num_true, self.critical, self.breaks
        falsified, place = self.falsified, self.place
        was = self.values[variable]
        self.values[variable] = 1 - was
        made = 2 * variable + was  # the code of the literal that becomes true: -v if v was true
        lost = made ^ 1
        for clause in self.occurrences[self.starts[made] : self.starts[made + 1]]:
            count = num_true[clause]
            if count == 0:
                breaks[variable] += 1
                last, hole = falsified.pop(), place[clause]
                if last != clause:
                    falsified[hole], place[last] = last, hole
            elif count == 1:
                breaks[critical[clause]] -= 1
            num_true[clause] = count + 1
            critical[clause] ^= variable
        for clause in self.occurrences[self.starts[lost] : self.starts[lost + 1]]:
            count = num_true[clause] - 1
            num_true[clause] = count
            critical[clause] ^= variable
            if count == 0:
                breaks[variable] -= 1
                place[clause] = len(falsified)
                falsified.append(clause)
            elif count == 1:
                breaks[critical[clause]] += 1
