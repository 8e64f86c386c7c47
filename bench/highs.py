"""HiGHS as a second opinion: what it says of a results file's instances, in that file, as an arm that only answers.

Its rows are claims like any other (answers.py): an objective it calls optimal must be the others', and where it met its
limit its bounds must hold theirs.  They are in no table and no mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench import rows, suites
from bench.arms import Arm, Limits
from bench.kinds import HIGHS, MILP, of_engine
from bench.rows import BenchError, Row
from bench.runner import Plan
from bench.suites import Instance, Places

ARM = Arm(HIGHS, HIGHS)


def plan_of(results: Path, limits: Limits, places: Places, given: Sequence[str] = ()) -> Plan:
    """One solve of each instance that the file has rows of.

    given: suites, names or files, where the instances are looked for before the suites that the rows name.  Raises
    BenchError for a packed file, one without MILP rows, and an instance that is in no suite.
    """
    if results.suffix != ".jsonl":
        raise BenchError(f"{results}: rows are added to plain .jsonl files; unpack it first")
    found = {row["sha256"]: row for row in rows.read(results)[1] if of_engine(row["engine"]) is MILP}
    if not found:
        raise BenchError(f"{results}: no row of a MILP")
    names = [*given, *sorted({row["suite"] for row in found.values()})]
    known: dict[str, Instance] = {}
    for name in names:
        try:
            path = suites.find_suite(name)
        except BenchError:
            if name in given:
                raise
            continue
        known = {item.sha256: item for item in suites.read_suite(path)} | known
    if lost := sorted(row["instance"] for sha, row in found.items() if sha not in known):
        raise BenchError(f"{results}: {', '.join(lost[:5])}: not in {', '.join(names)}; name their suite by --suite")
    return Plan([known[sha] for sha in found], [ARM], limits, places)


def opinions(runs: Sequence[Row]) -> list[str]:
    """What a reader must know of the arms that only answer: a line for each and its limit."""
    answering = [row for row in runs if row.get("answers_only")]
    lines = []
    for arm, limit_s in dict.fromkeys((row["arm"], row["limit_s"]) for row in answering):
        own = [row for row in answering if (row["arm"], row["limit_s"]) == (arm, limit_s)]
        said = Counter(row["status"] for row in own)
        counts = ", ".join(f"{count} {status}" for status, count in sorted(said.items()))
        agree = sum(not row.get("wrong") for row in own)
        lines.append(
            f"Answers compared with {arm} (gap 0, limit {limit_s:g} s) on {len(own)} instances: {counts}; "
            f"{agree} of them contradict nobody."
        )
    return lines
