"""What tells the two halves apart: SAT runs of any engine, and MILP runs of `scip` and `highs` (answers alone)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.rows import BenchError, Row

SCIP, HIGHS = "scip", "highs"
COMPRESSED = (".gz", ".bz2", ".xz", ".lzma", ".zst")
ONE_VARIABLE_MPS = """NAME one
ROWS
 N cost
 G row
COLUMNS
 M0 'MARKER' 'INTORG'
 x cost 1 row 1
 M1 'MARKER' 'INTEND'
RHS
 RHS row 1
BOUNDS
 UP BND x 2
ENDATA
"""
COMMON_FIELDS = (
    "schema", "engine", "guidance", "delivery", "model", "model_hash", "gate", "stages",
    "wall_time_s", "cpu_time_s", "memory_bytes", "stats", "reason", "versions",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Kind:
    """One half.  `answers` are the statuses that settle an instance, `limit` the one of a run that was stopped."""

    name: str
    answers: tuple[str, ...]
    limit: str
    exit_codes: Mapping[str, int]
    suffixes: tuple[str, ...]
    fields: tuple[str, ...]  # of the command line's JSON, kept in every row
    counts: Callable[[Mapping[str, Any]], dict[str, float]]  # from the `stats` of that JSON; nan where not counted
    count_shift: float
    probe: tuple[str, str, str]  # an instance every arm must solve: file name, text, status


def _number(stats: Mapping[str, Any], *names: str) -> float:
    """The sum of some counters, nan where one was not kept."""
    values = [stats.get(name) for name in names]
    return math.nan if None in values else float(sum(value for value in values if value is not None))


def _conflicts(stats: Mapping[str, Any]) -> dict[str, float]:
    return {"conflicts": _number(stats, "num_conflicts")}


def _search(stats: Mapping[str, Any]) -> dict[str, float]:
    """Fair nodes (Gasse 2019) charge a rule for the domain reductions and cutoffs it finds on the side."""
    nodes = _number(stats, "num_nodes")
    return {
        "nodes": nodes,
        "fair nodes": nodes + 2 * _number(stats, "num_domain_reductions", "num_cutoffs"),
        "LP": _number(stats, "num_lp_iterations"),
        "LP + SB": _number(stats, "num_lp_iterations", "num_strong_branching_lp_iterations"),
    }


SAT = Kind(
    name="SAT",
    answers=("SATISFIABLE", "UNSATISFIABLE"),
    limit="UNKNOWN",
    exit_codes={"SATISFIABLE": 10, "UNSATISFIABLE": 20, "UNKNOWN": 0},
    suffixes=(".cnf", ".dimacs"),
    fields=COMMON_FIELDS,
    counts=_conflicts,
    count_shift=10.0,
    probe=("one.cnf", "p cnf 1 1\n1 0\n", "SATISFIABLE"),
)
_MILP_ANSWERS = ("OPTIMAL", "INFEASIBLE", "UNBOUNDED", "INFEASIBLE_OR_UNBOUNDED")
MILP = Kind(
    name="MILP",
    answers=_MILP_ANSWERS,
    limit="LIMIT",
    exit_codes=dict.fromkeys((*_MILP_ANSWERS, "LIMIT"), 0),
    suffixes=(".mps", ".lp", ".cip"),
    fields=(*COMMON_FIELDS, "objective", "dual_bound", "gap", "protocol"),
    counts=_search,
    count_shift=1.0,
    probe=("one.mps", ONE_VARIABLE_MPS, "OPTIMAL"),
)


def of_engine(engine: str) -> Kind:
    return MILP if engine in (SCIP, HIGHS) else SAT


def of_rows(runs: Iterable[Row]) -> Kind:
    """The half the rows belong to; raises BenchError where they belong to both, or to two protocols of MILP."""
    found = {(of_engine(row["engine"]).name, row.get("protocol")) for row in runs}
    if len({name for name, _ in found}) > 1:
        raise BenchError("SAT and MILP rows are not scored together")
    if len(found) > 1:
        raise BenchError(f"two protocols are not scored together: {', '.join(sorted(str(p) for _, p in found))}")
    return MILP if found and next(iter(found))[0] == MILP.name else SAT


def stem(name: str) -> str:
    """A file's name without the suffix of its kind and whatever follows it: `air05.mps.gz` -> `air05`."""
    plain = _decompressed(name)
    return plain.removesuffix(Path(plain).suffix) if of_file(Path(plain)) else plain


def of_file(path: Path) -> Kind | None:
    """The half a file belongs to, by the suffix beneath its compression, as in `neurosolve`; None for neither."""
    suffix = Path(_decompressed(path.name)).suffix.lower()
    return next((kind for kind in (SAT, MILP) if suffix in kind.suffixes), None)


def _decompressed(name: str) -> str:
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in COMPRESSED else name
