"""A formula in conjunctive normal form as two flat arrays."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import operator
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurosolve.errors import UsageError

MAX_VARIABLE = 2**31 - 1


class HasClauses(Protocol):
    """A formula of somebody else's, such as PySAT's: `clauses` as lists of +v/-v, `nv` the number of variables."""

    clauses: Any
    nv: int


@dataclasses.dataclass(frozen=True, eq=False)
class CNF:
    """`literals` holds the clauses one after the other; clause i is literals[offsets[i]:offsets[i + 1]].

    num_variables is the header's count, which may exceed the largest variable used.
    literals: int32 (num_literals,), none of them 0; offsets: int64 (num_clauses + 1,).
    warnings: what a reader accepted with a word to the user.  Treat the arrays as read-only.
    """

    num_variables: int
    literals: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.literals.dtype != np.int32 or self.offsets.dtype != np.int64:
            raise TypeError("a CNF takes int32 literals and int64 offsets")
        if len(self.offsets) < 1 or self.offsets[0] != 0 or self.offsets[-1] != len(self.literals):
            raise ValueError("offsets must run from 0 to the number of literals")

    @classmethod
    def from_clauses(cls, clauses: Iterable[Sequence[int]], num_variables: int | None = None) -> CNF:
        """Clauses as sequences of +v/-v; num_variables defaults to the largest variable used.

        Raises ValueError on a literal that is 0, past 2^31-1 or beyond num_variables.
        """
        rows = list(clauses)
        flat = np.fromiter(itertools.chain.from_iterable(rows), np.int64)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)), out=offsets[1:])
        largest = int(np.abs(flat).max(initial=0))
        bound = largest if num_variables is None else num_variables
        if largest > bound or not 0 <= bound <= MAX_VARIABLE or not flat.all():
            raise ValueError(f"a literal is 0 or beyond {bound} variables")
        return cls(bound, flat.astype(np.int32), offsets)

    @classmethod
    def of(cls, formula: CNF | HasClauses | Sequence[Sequence[int]]) -> CNF:
        """A CNF as it is, PySAT's as one of ours, and a list of clauses.  Raises UsageError for anything else.

        More than clauses, such as the cardinality constraints of PySAT's CNFPlus, is refused.
        """
        if isinstance(formula, CNF):
            return formula
        foreign = hasattr(formula, "clauses") and hasattr(formula, "nv")
        clauses = formula.clauses if foreign else formula  # type: ignore[union-attr]
        if not isinstance(clauses, list | tuple):
            kind = type(formula).__name__
            raise UsageError(f"a formula is a CNF, PySAT's (.clauses and .nv) or a list of clauses, not {kind}")
        if getattr(formula, "atmosts", None):
            raise UsageError("the formula has cardinality constraints (.atmosts) beside its clauses")
        try:
            cnf = cls.from_clauses([list(map(operator.index, clause)) for clause in clauses])
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"a clause is a list of literals, +v or -v: {error}") from None
        if foreign and formula.nv > cnf.num_variables:  # type: ignore[union-attr]
            return dataclasses.replace(cnf, num_variables=formula.nv)  # type: ignore[union-attr]
        return cnf

    @property
    def num_clauses(self) -> int:
        return len(self.offsets) - 1

    @property
    def num_literals(self) -> int:
        return len(self.literals)

    @property
    def clause_lengths(self) -> npt.NDArray[np.int64]:
        """Literals of each clause, (num_clauses,)."""
        return np.diff(self.offsets)

    def clauses(self) -> list[list[int]]:
        """The clauses as Python lists: what PySAT takes, at about 60 bytes a literal."""
        flat = self.literals.tolist()
        return [flat[start:end] for start, end in itertools.pairwise(self.offsets.tolist())]

    def content_hash(self) -> str:
        """sha256 (hex) of the formula as read: same counts, clauses and order give the same hash."""
        digest = hashlib.sha256(f"cnf {self.num_variables} {self.num_clauses}\n".encode())
        digest.update(np.ascontiguousarray(self.literals, "<i4").data)
        digest.update(np.ascontiguousarray(self.offsets, "<i8").data)
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CNF):
            return NotImplemented
        return (
            self.num_variables == other.num_variables
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.literals, other.literals)
        )

    def __hash__(self) -> int:
        return hash((self.num_variables, self.num_clauses, self.num_literals))
