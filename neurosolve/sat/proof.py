"""Checking a DRAT proof against the formula as read: our own checker for short ones, drat-trim for long."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from neurosolve import process
from neurosolve.sat.cnf import CNF
from neurosolve.sat.dimacs import write_dimacs
from neurosolve.sat.drat import copy_proof, read_drat

MAX_OWN_LINES = 10_000
TIME_S = 600.0  # of either checker
OWN, DRAT_TRIM = "neurosolve", "drat-trim"

Line = tuple[bool, list[int]]  # (a deletion, literals)


@dataclasses.dataclass(frozen=True)
class ProofResult:
    """verified: None if nobody could tell.  checker: "neurosolve", "drat-trim" or "none".  what: in words."""

    verified: bool | None
    checker: str
    what: str


def check_proof(cnf: CNF, path: Path, *, max_lines: int = MAX_OWN_LINES) -> ProofResult:
    """Check a proof file, text or binary: up to max_lines lines here, longer ones by drat-trim.

    Raises InputError for a file that is no DRAT.
    """
    with path.open("rb") as file:
        num_lines = sum(len(block) for block in read_drat(file, str(path)))
    if num_lines <= max_lines:
        return check_drat(cnf, read_lines(path), time_s=TIME_S)
    if shutil.which(DRAT_TRIM) is None:
        what = f"{num_lines} lines, past the {max_lines} of the own checker, and drat-trim is not on PATH"
        return ProofResult(None, "none", what)
    return _drat_trim(cnf, path)


def read_lines(path: Path) -> Iterator[Line]:
    """A proof file's lines as lists."""
    with path.open("rb") as file:
        for block in read_drat(file, str(path)):
            flat, ends = block.literals.tolist(), block.offsets.tolist()
            for i, deleted in enumerate(block.deleted.tolist()):
                yield deleted, flat[ends[i] : ends[i + 1]]


def parse_lines(lines: Iterable[str]) -> Iterator[Line]:
    """Text lines as PySAT's get_proof() gives them; a missing last 0 is forgiven."""
    for line in lines:
        words = line.split()
        if words and words[0] != "c":
            deleted = words[0] == "d"
            yield deleted, [int(word) for word in words[deleted:] if word != "0"]


def _drat_trim(cnf: CNF, path: Path) -> ProofResult:
    with tempfile.TemporaryDirectory(prefix="neurosolve-") as folder:
        formula, proof = Path(folder, "formula.cnf"), Path(folder, "proof.drat")
        with formula.open("wb") as file:
            write_dimacs(cnf, file)
        with path.open("rb") as source, proof.open("wb") as target:
            copy_proof(source, target, None)  # as text: drat-trim guesses the form, wrongly at times
        argv = [DRAT_TRIM, str(formula), str(proof), "-t", str(int(TIME_S))]
        run = process.run_binary(argv, time_s=TIME_S + 10)
    words = {line.strip() for line in run.output.splitlines()}
    if b"s VERIFIED" in words:
        return ProofResult(True, DRAT_TRIM, "verified")
    if b"s NOT VERIFIED" in words:
        return ProofResult(False, DRAT_TRIM, "not verified")
    return ProofResult(None, DRAT_TRIM, run.reason or "no verdict within the time limit")


def check_drat(
    cnf: CNF, lines: Iterable[str] | Iterable[Line], *, time_s: float | None = None
) -> ProofResult:
    """Check every line forward: each added clause must be RUP, or RAT on its first literal, until one
    conflicts.

    lines: text lines or (deleted, literals) pairs.  As in drat-trim, a deletion of a clause that is the
    reason of a unit is ignored.  time_s: past it the result is None, not a refutation.
    """
    deadline = None if time_s is None else time.monotonic() + time_s
    checker = _Checker(cnf)
    pairs = (line if isinstance(line, tuple) else next(parse_lines([line]), None) for line in lines)
    number = 0
    for number, pair in enumerate(pairs, start=1):
        if checker.refuted:
            break
        if deadline is not None and time.monotonic() > deadline:
            return ProofResult(None, OWN, f"stopped at line {number} by the time limit")
        if pair is None:
            continue
        deleted, literals = pair
        if deleted:
            checker.delete(literals)
        elif not checker.check(literals):
            return ProofResult(False, OWN, f"line {number} is neither RUP nor RAT")
        else:
            checker.add(literals)
    if checker.refuted:
        return ProofResult(True, OWN, f"refuted after {number} lines")
    return ProofResult(False, OWN, "the empty clause is never reached")


class _Checker:
    """Unit propagation with two watched literals over a clause list that grows and shrinks.

    A literal is stored as 2v (positive) or 2v + 1; values[literal] is 1 if true, -1 if false, 0 if free.
    Root-level units stay assigned; everything a check assigns is undone.
    """

    def __init__(self, cnf: CNF) -> None:
        self.values = [0] * (2 * cnf.num_variables + 2)
        self.watches: list[list[int]] = [[] for _ in self.values]
        self.clauses: list[list[int] | None] = []
        self.index: dict[tuple[int, ...], list[int]] = {}
        self.trail: list[int] = []
        self.reasons: dict[int, int] = {}  # clause -> the root literal it implied
        self.head = 0
        self.refuted = False
        for clause in cnf.clauses():
            self.add(clause)

    def _encode(self, literals: list[int]) -> list[int]:
        """Stored form without repetitions, first literal first."""
        stored = list(dict.fromkeys(2 * lit if lit > 0 else 1 - 2 * lit for lit in literals))
        missing = max(stored, default=0) + 2 - len(self.values)
        if missing > 0:
            self.values += [0] * missing
            self.watches += [[] for _ in range(missing)]
        return stored

    def add(self, literals: list[int]) -> None:
        """Add a clause and follow its root-level consequences."""
        clause = self._encode(literals)
        if self.refuted:
            return
        number = len(self.clauses)
        self.index.setdefault(tuple(sorted(clause)), []).append(number)
        self.clauses.append(clause)
        clause.sort(key=lambda lit: -self.values[lit])  # true, free, false: the first two are watched
        if len(clause) > 1:
            self.watches[clause[0]].append(number)
            self.watches[clause[1]].append(number)
        if not clause or self.values[clause[0]] < 0:
            self.refuted = True
        elif self.values[clause[0]] == 0 and (len(clause) == 1 or self.values[clause[1]] < 0):
            self.reasons[number] = clause[0]
            self._assign(clause[0])
            self.refuted = self._propagate(root=True)

    def delete(self, literals: list[int]) -> None:
        """Take one copy of a clause out; unknown clauses and reasons of units stay as they are."""
        key = tuple(sorted(self._encode(literals)))
        copies = self.index.get(key, [])
        number = next((n for n in reversed(copies) if n not in self.reasons), None)
        if number is not None:
            copies.remove(number)
            self.clauses[number] = None  # its watches go when they are next visited

    def check(self, literals: list[int]) -> bool:
        """Whether the clause is RUP, or RAT on its first literal."""
        clause = self._encode(literals)
        mark = len(self.trail)
        try:
            return self._implied(clause) or (bool(clause) and self._is_rat(clause[0]))
        finally:
            self._undo(mark)

    def _implied(self, clause: Iterable[int]) -> bool:
        """Assign the clause's negation on top of what is assigned; True if that conflicts."""
        for literal in clause:
            if self.values[literal] > 0:
                return True
            if self.values[literal] == 0:
                self._assign(literal ^ 1)
        return self._propagate()

    def _is_rat(self, pivot: int) -> bool:
        """With the lemma's negation propagated: every resolvent on the pivot conflicts too."""
        opposite, mark = pivot ^ 1, len(self.trail)
        for clause in self.clauses:
            if clause is None or opposite not in clause:
                continue
            conflicts = self._implied([literal for literal in clause if literal != opposite])
            self._undo(mark)
            if not conflicts:
                return False
        return True

    def _assign(self, literal: int) -> None:
        self.values[literal], self.values[literal ^ 1] = 1, -1
        self.trail.append(literal)

    def _undo(self, mark: int) -> None:
        for literal in self.trail[mark:]:
            self.values[literal] = self.values[literal ^ 1] = 0
        del self.trail[mark:]
        self.head = mark

    def _propagate(self, root: bool = False) -> bool:
        """Follow the trail; True on a conflict."""
        values, watches, clauses, trail = self.values, self.watches, self.clauses, self.trail
        while self.head < len(trail):
            false = trail[self.head] ^ 1
            self.head += 1
            watching, keep = watches[false], []
            for position, number in enumerate(watching):
                clause = clauses[number]
                if clause is None:
                    continue
                if clause[0] == false:
                    clause[0], clause[1] = clause[1], false
                first = clause[0]
                if values[first] > 0:
                    keep.append(number)
                    continue
                for i in range(2, len(clause)):
                    if values[clause[i]] >= 0:
                        clause[1], clause[i] = clause[i], false
                        watches[clause[1]].append(number)
                        break
                else:
                    keep.append(number)
                    if values[first] < 0:
                        watches[false] = keep + watching[position + 1 :]
                        return True
                    if root:
                        self.reasons[number] = first
                    self._assign(first)
            watches[false] = keep
        return False
