"""README.md's table says what docs/results.md says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"\d+(?:\.\d+)?")

# the README's row, the suite in results.md, its row of all instances, the stock arm, our arm
ROWS = [
    ("SAT: diagnosis", "diagnosis3", "diagnosis", "kissat-sat", "tuned"),
    ("decoding", "decoding2", "decoding", "sat", "ours"),
    ("keystream", "keystream2", "keystream", "kissat-sat", "ours"),
    ("random 3-SAT", "random3sat2", "random3sat", "kissat-sat", "ours"),
    ("nine families", "unguided3", "all", "none", "ours"),
    ("real formulas", "real", "all", "kissat", "ours"),
    ("MILP: auctions", "auctions-default", "auctions, beyond", "lean", "ours"),
    ("independent set", "independent_set-default", "independent_set, beyond", "paper", "ours"),
    ("set covering", "set_cover-default", "set_cover, beyond", "lean-pscost", "ours"),
    ("MIPLIB", "milp-strangers-default", "all", "none", "ours"),
]


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@cache
def solved_table(suite: str) -> dict[tuple[str, str], dict[str, str]]:
    """The rows of a suite's table of time, by (instances, arm): column to cell."""
    section = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split(f"\n## {suite}\n", 1)[1]
    table = section.split("\n### Solved and time", 1)[1].split("\n### ", 1)[0]
    head, _, *lines = [cells_of(line) for line in table.splitlines() if line.startswith("|")]
    rows, group = {}, ""
    for cells in lines:
        group = cells[0] or group
        rows[group, cells[1]] = dict(zip(head, cells, strict=True))
    return rows


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def agrees(said: str, found: str) -> bool:
    """Whether what the README says is the figure found, rounded to the README's digits (found is itself rounded)."""
    digits = len(said.partition(".")[2])
    slack = 0.5 * 10 ** -len(found.partition(".")[2])
    return abs(float(said) - float(found)) <= 0.5 * 10**-digits + slack


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_the_readme_says_what_the_results_say(row: tuple[str, str, str, str, str]) -> None:
    label, suite, group, stock, ours = row
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith(f"| {label}")]
    assert len(lines) == 1, label
    cells = cells_of(lines[0])
    table = solved_table(suite)
    theirs, found = table[group, stock], table[group, ours]
    seconds, base, best = ("wall s", "wall vs base", "wall vs best stock") if "wall s" in found else (
        "geomean s", "vs base", "vs best stock")  # fmt: skip
    assert "best stock" in theirs.values()
    for cell, told in ((cells[1], theirs), (cells[2], found)):
        said = numbers(cell)
        assert agrees(said[0], told[seconds]) and said[1:] == [told["solved"], told["n"]], cell
    for said, told in zip(numbers(cells[3]), numbers(found[best])[:3], strict=True):
        assert agrees(said, told), (said, told)
    assert agrees(numbers(cells[4])[0], numbers(found[base])[0])


def test_a_wrong_figure_would_be_noticed() -> None:
    assert agrees("4.5", "4.54") and not agrees("4.6", "4.54")
    assert agrees("0.33", "0.325") and not agrees("0.31", "0.325")
