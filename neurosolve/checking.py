"""`neurosolve check`: a solver's answer, or a proof, against the file as read, a CNF or a MILP."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from pathlib import Path

from neurosolve.errors import InputError, SoundnessError, UsageError
from neurosolve.files import open_decompressed
from neurosolve.milp.instance import kind_of, read_problem
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
    """holds: the answer is right; None: nobody could tell.  lines: what to print."""

    holds: bool | None
    lines: list[str]


def check_file(
    formula: str,
    answer: Path,
    of_renamed: Path | None = None,
    *,
    relaxed: bool = False,
    format: str | None = None,
) -> Verdict:
    """Check an answer (`s` and `v` lines) or a DRAT proof of a CNF, told apart by content; a solution of a MILP.

    answer: plain or compressed; - is standard input, as for `formula`.  of_renamed: the JSON of `neurosolve predict`;
    the answer is then mapped back first, and a satisfying one is printed as `v` lines of the formula.  format: of the
    formula's file, as for kind_of.  Raises InputError for a file that is none of these, UsageError for a CIP file,
    which only SCIP can read.
    """
    if formula == "-" and str(answer) == "-":
        raise UsageError("the formula and its answer cannot both come by standard input")
    kind = kind_of(formula, format)
    if kind != "cnf" and of_renamed is not None:
        raise UsageError("--renamed is for a CNF")
    with tempfile.TemporaryDirectory(prefix="neurosolve-") as folder:
        plain = _plain(answer, Path(folder))
        try:
            if kind != "cnf":
                return _check_solution(formula, plain, format)
            return _check_cnf(read_dimacs(formula, relaxed=relaxed), plain, of_renamed)
        except InputError as error:
            if error.path != str(plain):
                raise
            raise InputError(str(answer), error.line, error.what) from None


def _plain(answer: Path, folder: Path) -> Path:
    """A file to be read more than once: the answer itself, or a copy of what is compressed or no file at all."""
    with open_decompressed(str(answer)) as stream:
        head = stream.read()
        if stream.compression == "file" and str(answer) != "-" and answer.is_file():
            return answer
        copy = folder / "answer"
        with copy.open("wb") as file:
            file.writelines(itertools.chain([head], stream))
    return copy


def _check_cnf(cnf: CNF, path: Path, of_renamed: Path | None) -> Verdict:
    flips = None if of_renamed is None else read_flips(of_renamed, cnf.num_variables)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return _check_answer(cnf, path, flips) if _is_answer(head) else _check_proof(cnf, path, flips)


def _is_answer(head: bytes) -> bool:
    """The first line that is no comment starts with s or v."""
    lines = (line.split() for line in head.splitlines())
    return next((words[0] in (b"s", b"v") for words in lines if words and words[0] != b"c"), False)


def _check_answer(cnf: CNF, path: Path, flips: Flips | None) -> Verdict:
    answer = read_answer(path)
    assignment = answer.assignment
    if answer.status is not Status.SATISFIABLE or assignment is None:
        return Verdict(None, ["c not checked: the answer claims no assignment; its proof can be checked", "s UNKNOWN"])
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
        return Verdict(None, [f"c not checked: {result.what}", "s UNKNOWN"])
    answer = "s VERIFIED" if result.verified else "s NOT VERIFIED"
    return Verdict(result.verified, [f"c checked by {result.checker}: {result.what}", answer])


def _check_solution(file: str, path: Path, format: str | None) -> Verdict:
    """Bounds, integrality, rows and the claimed objective; that it is the best one is the solver's claim."""
    from neurosolve.milp.check import rounded, verify  # what a CNF's check does not need
    from neurosolve.milp.solution import parse_solution

    problem = read_problem(file, format=format)
    if problem is None:
        raise UsageError(f"{file}: only SCIP reads a CIP file, there is nothing to check it against")
    solution = parse_solution(path, problem)
    lines = [f"c {warning}" for warning in problem.warnings]
    violation = verify(problem, solution.values, solution.objective)
    if violation is not None:
        return Verdict(False, [*lines, f"c {violation}", "s NOT VERIFIED"])
    lines.append(f"c all {problem.num_rows} rows, {problem.num_columns} columns' bounds and integrality hold to 1e-6")
    lines.append(f"c objective {problem.objective_of(solution.values)!r}")
    if solution.objective is None:
        lines.append("c the file claims no objective")
    hidden = verify(problem, rounded(problem, solution.values))
    if hidden is not None:
        lines.append(f"c with its integers rounded it does not hold: {hidden}")
    return Verdict(True, [*lines, "s VERIFIED"])
