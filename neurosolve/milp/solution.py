"""Solution files: SCIP's, MIPLIB's (=obj=), HiGHS's and Gurobi's are read, SCIP's is written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from neurosolve.errors import InputError, UsageError
from neurosolve.files import read_decompressed
from neurosolve.milp.problem import Floats, Problem

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_CLAIM = re.compile(r"(objective value:|=obj=|# Objective value\s*=|Objective\s)\s*(\S+)\s*\Z")
_NONE = ("=infeas=", "=unbd=", "no solution available")


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """values: float64 (n,), by the problem's columns; columns that the file leaves out are 0.  objective: its claim."""

    values: Floats
    objective: float | None = None


def read_solution(path: str | Path, problem: Problem) -> Floats:
    """The values of a solution file, (n,); errors as in parse_solution."""
    return parse_solution(path, problem).values


def parse_solution(path: str | Path, problem: Problem) -> Solution:
    """A solution file, plain or compressed.

    Raises InputError for a column the problem does not have, one given twice, a value that is no finite number, and
    a file that holds no solution.
    """
    try:
        text = read_decompressed(path).decode()
    except UnicodeDecodeError as error:
        raise InputError(str(path), None, "not a text file") from error
    index = {name: column for column, name in enumerate(problem.column_names)}
    values, given, objective = np.zeros(problem.num_columns), set[int](), None
    heads = 0
    for line, words, claim in _entries(str(path), text):
        if claim is not None:
            objective = _number(str(path), line, claim)
            heads += 1
            continue
        column = index.get(words[0])
        if column is None:
            raise InputError(str(path), line, f"the problem has no column {words[0][:60]!r}")
        if column in given:
            raise InputError(str(path), line, f"a second value of column {words[0][:60]!r}")
        given.add(column)
        values[column] = _number(str(path), line, words[1])
    if not (given or heads):
        raise InputError(str(path), None, "no solution in it: neither an objective value nor a column's value")
    return Solution(values, objective)


def _entries(path: str, text: str) -> Iterator[tuple[int, list[str], str | None]]:
    """(line number, words of a column's line, None) or (line number, [], the claimed objective)."""
    lines = list(enumerate(text.split("\n"), 1))
    start = next((i for i, (_, line) in enumerate(lines) if line.startswith("# Columns")), None)
    if start is not None and text.lstrip().startswith("Model status"):  # HiGHS's: columns between two headings
        end = next(i for i in range(start + 1, len(lines) + 1) if i == len(lines) or lines[i][1].startswith("#"))
        claims = [pair for pair in lines[:start] if pair[1].startswith("Objective ")]  # not Objective_bound
        lines = claims + lines[start + 1 : end]
    for number, line in lines:
        stripped = line.strip()
        if claim := _CLAIM.match(stripped):
            yield number, [], claim[2]
        elif stripped.startswith(_NONE):
            raise InputError(path, number, f"no solution in it: {stripped}")
        elif stripped and not stripped.startswith(("#", "solution status:")):
            words = stripped.split()
            if len(words) not in (2, 3) or (len(words) == 3 and not words[2].startswith("(obj:")):
                raise InputError(path, number, "a column's name and its value expected")
            yield number, words, None


def _number(path: str, line: int, word: str) -> float:
    if not _NUMBER.match(word) or not np.isfinite(value := float(word)):
        raise InputError(path, line, f"not a finite number: {word[:60]!r}")
    return value


def write_solution(
    path: str | Path,
    problem: Problem | None,
    values: Floats,
    objective: float | None,
    column_names: Sequence[str] | None = None,
) -> None:
    """SCIP's format, numbers in full; zeros are left out, as SCIP does.

    column_names: of the values, where there is no problem to take them from, and then the costs are not known and left
    out too.  Raises UsageError where the file cannot be written.
    """
    names = problem.column_names if problem is not None else (column_names or ())
    costs = [f" \t(obj:{cost!r})" for cost in problem.objective.tolist()] if problem is not None else [""] * len(names)
    claim = "" if objective is None else f"objective value: {objective!r}\n"
    rows = zip(names, values.tolist(), costs, strict=True)
    body = (f"{name} {value!r}{cost}\n" for name, value, cost in rows if value)
    try:
        Path(path).write_text("solution status: unknown\n" + claim + "".join(body), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
