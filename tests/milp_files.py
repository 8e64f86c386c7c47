"""Small MILP files for the tests, written by hand or by a few lines: no reader or writer of ours is involved."""

from __future__ import annotations

from pathlib import Path

import numpy as np

INFEASIBLE = "Minimize obj: x\nSubject To\n c: x + y >= 3\nBinary\n x y\nEnd\n"
UNBOUNDED = "Maximize obj: x + y\nSubject To\n c: x - y <= 3\nBounds\n x >= 0\nGeneral\n x y\nEnd\n"
MPS = """NAME small
OBJSENSE
    MAX
ROWS
 N  value
 L  weight
 G  least
COLUMNS
    M1  'MARKER'  'INTORG'
    a  value  5  weight  4
    a  least  1
    b  value  4  weight  3
    c  value  3  weight  2
    c  least  1
    M2  'MARKER'  'INTEND'
    d  value  1  weight  2
RHS
    RHS  weight  8  least  1
BOUNDS
 UP BND  a  1
 UP BND  b  1
 UP BND  c  1
 UP BND  d  0.25
ENDATA
"""
MPS_OPTIMUM = 9.25  # a, b and a quarter of d; c with either is worth less
CIP = """STATISTICS
  Problem name     : small
OBJECTIVE
  Sense            : maximize
VARIABLES
  [binary] <a>: obj=5, original bounds=[0,1]
  [binary] <b>: obj=4, original bounds=[0,1]
  [binary] <c>: obj=3, original bounds=[0,1]
CONSTRAINTS
  [linear] <weight>: 4<a>[B] +3<b>[B] +2<c>[B] <= 7;
END
"""
CIP_OPTIMUM = 9.0


def market_split(rows: int, columns: int, seed: int = 0) -> str:
    """An LP file whose every assignment is feasible and whose optimum nobody finds soon: rows that miss their half
    sums by slacks, which cost."""
    weights = np.random.default_rng(seed).integers(1, 100, (rows, columns))
    slacks = [f"{name}{i}" for i in range(rows) for name in ("s", "t")]
    lines = ["Minimize", " obj: " + " + ".join(slacks), "Subject To"]
    for i, row in enumerate(weights.tolist()):
        terms = " + ".join(f"{weight} x{j}" for j, weight in enumerate(row))
        lines.append(f" r{i}: {terms} + s{i} - t{i} = {sum(row) // 2}")
    return "\n".join([*lines, "Binary", " " + " ".join(f"x{j}" for j in range(columns)), "End", ""])


def cover(rows: int, columns: int, seed: int = 0) -> str:
    """An LP file of a set covering problem that takes some nodes."""
    random = np.random.default_rng(seed)
    lines = ["Minimize", " obj: " + " + ".join(f"{1 + j % 7} x{j}" for j in range(columns)), "Subject To"]
    for i in range(rows):
        chosen = sorted(random.choice(columns, 4, replace=False).tolist())
        lines.append(f" r{i}: " + " + ".join(f"x{j}" for j in chosen) + " >= 1")
    return "\n".join([*lines, "Binary", " " + " ".join(f"x{j}" for j in range(columns)), "End", ""])


def save(text: str, path: Path) -> Path:
    path.write_text(text)
    return path
