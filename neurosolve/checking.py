"""`neurosolve check`: a solver's answer, or a proof, against the formula as read."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from neurosolve.errors import InputError, SoundnessError
from neurosolve.output import value_lines
from neurosolve.prediction import Flips, read_flips
from neurosolve.result import Status
from neurosolve.sat.check import read_answer, satisfies
from neurosolve.sat.cnf import CNF
from neurosolve.sat.dimacs import read_dimacs
from neurosolve.sat.drat import copy_proof
from neurosolve.sat.inject import Renaming, map_assignment
from neurosolve.sat.proof import check_proof

_HEAD_BYTES = 1 << 16


@dataclasses.dataclass(frozen=True)
class Verdict:
    """holds: the answer is right.  lines: what to print."""

    holds: bool
    lines: list[str]


def check_file(
    formula: str, answer: Path, of_renamed: Path | None = None, *, relaxed: bool = False
) -> Verdict:
    """Check an answer (`s` and `v` lines) or a DRAT proof, told apart by content.

    of_renamed: the JSON of `neurosolve predict`; the answer is then mapped back first, and a satisfying
    one is printed as `v` lines of the formula.  Raises InputError for a file that is neither.
    """
    cnf = read_dimacs(formula, relaxed=relaxed)
    flips = None if of_renamed is None else read_flips(of_renamed, cnf.num_variables)
    try:
        with answer.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(str(answer), None, f"cannot read: {error.strerror}") from error
    if _is_answer(head):
        return _check_answer(cnf, answer, flips)
    return _check_proof(cnf, answer, flips)


def _is_answer(head: bytes) -> bool:
    """The first line that is no comment starts with s or v."""
    lines = (line.split() for line in head.splitlines())
    return next((words[0] in (b"s", b"v") for words in lines if words and words[0] != b"c"), False)


def _check_answer(cnf: CNF, path: Path, flips: Flips | None) -> Verdict:
    answer = read_answer(path)
    assignment = answer.assignment
    if answer.status is not Status.SATISFIABLE or assignment is None:
        return Verdict(
            False, ["c the answer claims no assignment: give its proof to check it", "s NOT VERIFIED"]
        )
    try:
        falsified = satisfies(cnf, assignment, partial=True)
    except SoundnessError as error:
        return Verdict(False, [f"c {error}", "s NOT VERIFIED"])
    if flips is not None:
        assignment = map_assignment(assignment, flips)
        falsified = satisfies(cnf, assignment, partial=True)
    if falsified is not None:
        clause = cnf.literals[cnf.offsets[falsified] : cnf.offsets[falsified + 1]].tolist()
        return Verdict(False, [f"c clause {falsified + 1} is not satisfied: {clause[:20]}", "s NOT VERIFIED"])
    mapped = ["s SATISFIABLE", *value_lines(assignment)] if flips is not None else ["s VERIFIED"]
    return Verdict(True, [f"c all {cnf.num_clauses} clauses are satisfied", *mapped])


def _check_proof(cnf: CNF, path: Path, flips: Flips | None) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="neurosolve-") as folder:
        if flips is not None:
            mapped = Path(folder, "proof.drat")
            with path.open("rb") as source, mapped.open("wb") as target:
                copy_proof(source, target, Renaming.of(flips))
            path = mapped
        result = check_proof(cnf, path)
    if result.verified is None:
        return Verdict(False, [f"c not checked: {result.what}", "s NOT VERIFIED"])
    answer = "s VERIFIED" if result.verified else "s NOT VERIFIED"
    return Verdict(result.verified, [f"c checked by {result.checker}: {result.what}", answer])
