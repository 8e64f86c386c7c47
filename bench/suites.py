"""Suites: CSV files of instances, each a generator's seed, a path under $NEUROSOLVE_DATA, or a fetched file.

Columns: name, family, size, seed, split, status (which there are: answers.of_suite), source, sha256 (of the
content, decompressed).  A source is `generate:FAMILY`, `data:PATH` or `fetched:PATH`; generated instances are made
when they are needed.
"""

from __future__ import annotations

import bz2
import csv
import dataclasses
import gzip
import hashlib
import io
import lzma
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import zstandard

from bench import kinds
from bench.answers import of_suite
from bench.csv_files import commented, read_rows
from bench.rows import BenchError

GENERATE_TIMEOUT_S = 600


@dataclasses.dataclass(frozen=True)
class Instance:
    """One row of a suite; `status` is empty where it is not known."""

    name: str
    family: str
    size: str
    seed: str
    split: str
    status: str
    source: str
    sha256: str
    suite: str = ""


COLUMNS = tuple(field.name for field in dataclasses.fields(Instance) if field.name != "suite")


@dataclasses.dataclass(frozen=True)
class Places:
    """Where files are: generated and fetched ones are cached, data is read in place."""

    cli: tuple[str, ...]
    cache: Path = Path("runs/instances")
    fetched: Path = Path("runs/fetched")
    data: Path | None = None

    @staticmethod
    def default(cli: Sequence[str]) -> Places:
        data = os.environ.get("NEUROSOLVE_DATA")
        return Places(tuple(cli), data=Path(data) if data else None)


def find_suite(name: str) -> Path:
    """A path, or the name of a file in bench/suites."""
    for path in (Path(name), Path(__file__).parent / "suites" / f"{name}.csv"):
        if path.is_file():
            return path
    raise BenchError(f"{name}: no such suite, neither a file nor a name in bench/suites")


def read_suite(path: Path) -> list[Instance]:
    """The instances of a suite file.

    Raises BenchError on a missing column, an unknown status or a repeated name.
    """
    rows = [Instance(**row, suite=path.stem) for row in read_rows(path, COLUMNS)]
    for row in rows:
        try:
            of_suite(row.status)
        except BenchError as error:
            raise BenchError(f"{path}: {row.name}: {error}") from None
    if len({row.name for row in rows}) != len(rows):
        raise BenchError(f"{path}: two instances of one name")
    return rows


def write_suite(path: Path, instances: Sequence[Instance], comment: str, grows: bool = False) -> None:
    """Write a suite file; `comment` (how it was made) goes on top, a `#` before every line.

    Raises BenchError where another one is there already: one of other content, or, if it `grows`, made otherwise.
    """
    head = commented(comment)
    file = io.StringIO(newline="")
    file.write(head)
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(instance) for instance in instances)
    text = file.getvalue()
    kept = head if grows else text
    if path.exists() and not path.read_bytes().startswith(kept.encode()):
        raise BenchError(f"{path}: another suite is already there; give another --out, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def locate(instance: Instance, places: Places) -> Path:
    """The file of an instance, generated first where need be; its content must have the suite's sha256."""
    kind, _, rest = instance.source.partition(":")
    if kind == "generate":
        path = generate(rest, instance.size, instance.seed, places)
    elif kind == "data":
        if places.data is None:
            raise BenchError(f"{instance.name}: set NEUROSOLVE_DATA to the directory that holds {rest}")
        path = places.data / rest
    elif kind == "fetched":
        path = places.fetched / rest
    else:
        raise BenchError(f"{instance.name}: source {instance.source!r} is none of generate:, data:, fetched:")
    if not path.is_file():
        raise BenchError(f"{instance.name}: {path} is not there")
    digest = content_sha256(path)
    if instance.sha256 and digest != instance.sha256:
        raise BenchError(f"{instance.name}: {path} has sha256 {digest}, the suite says {instance.sha256}")
    return path


def generate(family: str, size: str, seed: str, places: Places) -> Path:
    """The file of one seeded instance, from the cache or made by `neurosolve generate`; its planted file
    beside it.  family: FAMILY or FAMILY+KNOB=VALUE.
    """
    folder = places.cache / f"{family}-s{size}-k{seed}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        name, *knobs = family.split("+")
        words = ["generate", name, "--size", size, "--seed", seed, "--count", "1"]
        words += [word for knob in knobs for word in ("--set", knob)]
        argv = [*places.cli, *words, "--out", str(partial)]
        try:
            made = subprocess.run(argv, capture_output=True, text=True, timeout=GENERATE_TIMEOUT_S)
            if made.returncode != 0 or len(_instance_files(partial)) != 1:
                raise BenchError(f"neurosolve {' '.join(words)}: no single instance: {made.stderr.strip()}")
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    found = _instance_files(folder)
    if len(found) != 1:
        raise BenchError(f"{folder}: want one instance, found {len(found)}")
    return found[0]


def _instance_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if kinds.of_file(path))


def decompress(data: bytes) -> bytes:
    """The bytes a compressed file stands for, told by content; plain data comes back as it is."""
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data.startswith(b"BZh"):
        return bz2.decompress(data)
    if data.startswith(b"\xfd7zXZ\x00"):
        return lzma.decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def content_sha256(path: Path) -> str:
    return hashlib.sha256(decompress(path.read_bytes())).hexdigest()


def family_suite(
    family: str, splits: Sequence[tuple[str, str]], count: int, first_seed: int, status: str, places: Places
) -> list[Instance]:
    """`count` instances for each (split, size), with seeds counted on from `first_seed`.

    The status is SAT where the generator planted an assignment, else `status`.
    """
    instances = []
    for position, (split, size) in enumerate(splits):
        for offset in range(count):
            seed = str(first_seed + position * count + offset)
            path = generate(family, size, seed, places)
            planted = any(path.parent.glob("*.planted"))
            instances.append(
                Instance(
                    f"{family}-s{size}-k{seed}", family, size, seed, split, "SAT" if planted else status,
                    f"generate:{family}", content_sha256(path),
                )
            )  # fmt: skip
    return instances


def directory_suite(directory: Path, split: str) -> list[Instance]:
    """Every CNF, MPS, LP or CIP below a directory that $NEUROSOLVE_DATA will name; the family is the folder's name.

    Raises BenchError where there is none, or two would be instances of one name.
    """
    named: dict[str, Path] = {}
    for path in sorted(one for one in directory.rglob("*") if one.is_file() and kinds.of_file(one)):
        name = kinds.stem(str(path.relative_to(directory)).replace("/", "__"))
        if name in named:
            raise BenchError(f"{named[name]} and {path} would both be called {name}: rename one or move it away")
        named[name] = path
    if not named:
        suffixes = ", ".join((*kinds.SAT.suffixes, *kinds.MILP.suffixes))
        raise BenchError(f"{directory}: no file named {suffixes} in it")
    return [
        Instance(
            name, path.parent.name, "", "", split, "", f"data:{path.relative_to(directory)}", content_sha256(path)
        )
        for name, path in named.items()
    ]  # fmt: skip


def parse_splits(specs: Sequence[str]) -> list[tuple[str, str]]:
    """`trained-size=20,24` -> [("trained-size", "20"), ("trained-size", "24")]."""
    splits = []
    for spec in specs:
        split, equals, sizes = spec.partition("=")
        if not equals or not sizes:
            raise BenchError(f"{spec!r}: want SPLIT=SIZE[,SIZE...]")
        splits += [(split, size) for size in sizes.split(",")]
    return splits
