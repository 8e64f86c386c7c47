"""What every family is made of: two records, the builder of clauses, the shuffle that hides the numbering.

A family is a function `generate(size, seed) -> Instance`, the same on every machine and in every process:
its randomness comes from `family_rng` alone, never from NumPy's global state. Inside, it draws variables
from a `Builder`, adds clauses and ends with `builder.instance(rng, planted)`, which shuffles variables,
signs, clauses and the literals inside clauses, so that no index and no sign tells anything about the
answer.

Of sat/ families import `neurosolve.sat.dimacs` alone, and of that the record CNF and the writer.  Families of
mixed-integer programs have a record and a builder of their own: milp_base.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from pysat.card import CardEnc, EncType

from neurosolve.errors import UsageError
from neurosolve.sat.dimacs import CNF

Literals = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Instance:
    """A formula and, where the generator knows one, an assignment that extends to a satisfying one.

    `planted`: int32 literals, one per variable that the generator knows (often the primary variables only),
    sorted by variable; None where nothing was planted.
    """

    cnf: CNF
    planted: Literals | None = None


@dataclass(frozen=True)
class Family:
    """One row of the table.

    models: in one line, what the formulas stand for.
    sizes: named sizes: `small` (for tests), `train`, `test` (as in training, other seeds), `beyond` (never
    trained on).
    satisfiable: True or False where the construction fixes it for every seed, None where it does not.
    phases: in one line, whether preferred values can carry signal (see the family's docstring).
    """

    name: str
    models: str
    generate: Callable[..., Instance]  # (size, seed, and knobs by name)
    sizes: Mapping[str, tuple[int, ...]]
    satisfiable: bool | None
    phases: str
    kind: Literal["sat"] = "sat"


def family_rng(family: str, size: int, seed: int) -> np.random.Generator:
    """The stream of random numbers of one instance: a function of its name, size and seed alone."""
    return np.random.default_rng([zlib.crc32(family.encode()), size, seed])


def require(condition: bool, what: str) -> None:
    """Raises UsageError(what) for a size or a knob out of range."""
    if not condition:
        raise UsageError(what)


@dataclass
class Builder:
    """Hands out variables from 1 and collects clauses (lists of literals)."""

    num_variables: int = 0
    clauses: list[list[int]] = field(default_factory=list)

    def variable(self) -> int:
        self.num_variables += 1
        return self.num_variables

    def variables(self, count: int) -> list[int]:
        first = self.num_variables + 1
        self.num_variables += count
        return list(range(first, self.num_variables + 1))

    def add(self, *literals: int) -> None:
        self.clauses.append(list(literals))

    def extend(self, clauses: Iterable[Sequence[int]]) -> None:
        self.clauses.extend(list(clause) for clause in clauses)

    def xor(self, literals: Sequence[int], parity: int) -> None:
        """The sum of `literals` (distinct variables) is `parity` modulo 2: 2^(k-1) clauses."""
        self.extend(xor_clauses(literals, parity))

    def at_most(self, literals: Sequence[int], bound: int) -> None:
        """At most `bound` of `literals`, by PySAT's sequential counter with fresh auxiliary variables."""
        if bound >= len(literals):
            return
        if bound <= 0:
            self.extend([-literal] for literal in literals)
            return
        encoded = CardEnc.atmost(
            lits=list(literals), bound=bound, top_id=self.num_variables, encoding=EncType.seqcounter
        )
        self.extend(encoded.clauses)
        self.num_variables = max(self.num_variables, encoded.nv)

    def at_most_one(self, literals: Sequence[int]) -> None:
        """Pairwise up to six literals, the sequential counter above."""
        if len(literals) <= 6:
            self.extend([-a, -b] for i, a in enumerate(literals) for b in literals[i + 1 :])
        else:
            self.at_most(literals, 1)

    def exactly_one(self, literals: Sequence[int]) -> None:
        self.add(*literals)
        self.at_most_one(literals)

    def instance(self, rng: np.random.Generator, planted: Iterable[int] | None = None) -> Instance:
        """The shuffled formula, with the planted literals carried through the same renaming."""
        return shuffle(self.clauses, self.num_variables, planted, rng)


def xor_clauses(literals: Sequence[int], parity: int) -> list[list[int]]:
    """One clause for each assignment of the wrong parity.  Of no literals with parity 1: the empty clause."""
    count = len(literals)
    wrong = [mask for mask in range(1 << count) if mask.bit_count() % 2 != parity % 2]
    return [[-lit if mask >> i & 1 else lit for i, lit in enumerate(literals)] for mask in wrong]


def shuffle(
    clauses: Sequence[Sequence[int]],
    num_variables: int,
    planted: Iterable[int] | None,
    rng: np.random.Generator,
) -> Instance:
    """Renumbers variables, flips signs, reorders clauses and the literals inside them, all at random.

    Variables that no clause mentions are dropped first, from `planted` too, so that every index is in use.
    """
    lengths = np.fromiter((len(clause) for clause in clauses), dtype=np.int64, count=len(clauses))
    flat = np.fromiter((lit for clause in clauses for lit in clause), dtype=np.int64, count=int(lengths.sum()))
    used = np.unique(np.abs(flat))
    image = np.zeros(num_variables + 1, dtype=np.int64)
    image[used] = (rng.permutation(used.size) + 1) * rng.choice(np.array([-1, 1]), used.size)

    clause_rank = rng.permutation(len(clauses))
    # Sorting by (new place of the clause, a random number) moves whole clauses and mixes their literals.
    order = np.lexsort((rng.random(flat.size), np.repeat(clause_rank, lengths)))
    offsets = np.zeros(len(clauses) + 1, dtype=np.int64)
    new_lengths = np.empty_like(lengths)
    new_lengths[clause_rank] = lengths
    np.cumsum(new_lengths, out=offsets[1:])
    literals = (image[np.abs(flat)] * np.sign(flat))[order].astype(np.int32)
    cnf = CNF(num_variables=int(used.size), literals=literals, offsets=offsets)
    return Instance(cnf, None if planted is None else _rename(planted, image))


def _rename(planted: Iterable[int], image: npt.NDArray[np.int64]) -> Literals:
    known = np.array(list(planted), dtype=np.int64)
    renamed = (image[np.abs(known)] * np.sign(known)).astype(np.int32)
    renamed = renamed[renamed != 0]
    ordered: Literals = renamed[np.argsort(np.abs(renamed))]
    return ordered
