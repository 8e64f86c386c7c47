"""What a file's name and place say: which files are instances, a sample's name, family, size and seed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from neurosolve.errors import UsageError
from neurosolve.milp.instance import kind_by_suffix

GENERATED = re.compile(r"^(?P<family>.+?)(\+[^+]+)*[-_](?P<size>\d+)[-_](?P<seed>\d+)$")


class Origin(NamedTuple):
    """family, size and seed as `generate` writes them into a name."""

    family: str
    size: int
    seed: int


def find_files(root: Path, is_one: Callable[[str], object], what: str) -> list[Path]:
    """Files below `root` whose names `is_one` likes, sorted.  Raises UsageError where there is none: no `what` file."""
    if not root.is_dir():
        raise UsageError(f"{root} is no directory")
    found = sorted(path for path in root.rglob("*") if is_one(path.name) and path.is_file())
    if not found:
        raise UsageError(f"no {what} file below {root}")
    return found


def find_milps(root: Path) -> list[Path]:
    """find_files of MILPs, under any compression."""
    return find_files(root, lambda name: kind_by_suffix(name) not in (None, "cnf"), "MPS, LP or CIP")


def sample_name(path: Path, root: Path, ending: re.Pattern[str]) -> str:
    """The path below root without its suffixes, folders joined by two underscores."""
    return ending.sub("", str(path.relative_to(root))).replace("/", "__")


def milp_sample_name(path: Path, root: Path) -> str:
    """The same of a MILP."""
    return str(bare(path).relative_to(root)).replace("/", "__")


def bare(path: Path) -> Path:
    """A MILP's path without its suffix, and without that of its compression."""
    inner = path.with_suffix("")
    return inner.with_suffix("") if kind_by_suffix(inner.name) == kind_by_suffix(path.name) else inner


def family_of(path: Path, root: Path) -> str:
    """The first folder below root, else root's own name."""
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else root.name


def origin(name: str, family: str, size: int) -> Origin:
    """What a sample's name says; where it is no generated instance's, the family and size given and seed 0."""
    match = GENERATED.match(name.rsplit("__", 1)[-1])
    return Origin(match["family"], int(match["size"]), int(match["seed"])) if match else Origin(family, size, 0)
