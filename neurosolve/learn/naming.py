"""What a file's name and place say: which files are instances, a sample's name, family, size and seed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

GENERATED = re.compile(r"^(?P<family>.+?)(\+[^+]+)*[-_](?P<size>\d+)[-_](?P<seed>\d+)$")


class Origin(NamedTuple):
    """family, size and seed as `generate` writes them into a name."""

    family: str
    size: int
    seed: int


def find_files(root: Path, ending: re.Pattern[str]) -> Iterator[Path]:
    """Files below `root` whose names end like that, sorted."""
    yield from sorted(p for p in root.rglob("*") if ending.search(p.name) and p.is_file())


def sample_name(path: Path, root: Path, ending: re.Pattern[str]) -> str:
    """The path below root without its suffixes, folders joined by two underscores."""
    return ending.sub("", str(path.relative_to(root))).replace("/", "__")


def family_of(path: Path, root: Path) -> str:
    """The first folder below root, else root's own name."""
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else root.name


def origin(name: str, family: str, size: int) -> Origin:
    """What a sample's name says; where it is no generated instance's, the family and size given and seed 0."""
    match = GENERATED.match(name.rsplit("__", 1)[-1])
    return Origin(match["family"], int(match["size"]), int(match["seed"])) if match else Origin(family, size, 0)
