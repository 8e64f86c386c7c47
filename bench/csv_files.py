"""CSV files with comments on top, as suites and manifests are kept: how the file was made, a `#` before each line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from bench.rows import BenchError


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows below the comment, each with exactly these columns.  Raises BenchError where one is missing."""
    with path.open(newline="") as file:
        reader = csv.DictReader(line for line in file if not line.startswith("#"))
        if missing := set(columns) - set(reader.fieldnames or ()):
            raise BenchError(f"{path}: no column {', '.join(sorted(missing))}")
        return [{column: row[column] for column in columns} for row in reader]


def commented(comment: str) -> str:
    """The lines that go on top of a file."""
    return "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
