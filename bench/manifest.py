"""Manifests: what to download.  CSV columns: name, family, status, sha256, gbd_hash, url.

`sha256` is of the file as served (compressed), `gbd_hash` the Global Benchmark Database's id: md5 of the
formula normalised; either may be empty, a file is checked against what is there.  A manifest is made from an
export of the database (`gbd get -r ... > export.csv`, or its web page's CSV), from a track's list of
addresses (`.uri`), or from a MIPLIB test set (`.test`: a file name a line).  MIPLIB publishes no checksums: its
entries say `unpublished`, and it is only checked that the file decompresses whole.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.csv_files import commented, read_rows
from bench.rows import BenchError
from bench.suites import decompress

MIPLIB_URL = "https://miplib.zib.de/WebData/instances/{name}"
UNPUBLISHED = "unpublished"
FILE_URL = "https://benchmark-database.de/file/{hash}?context=cnf"
GBD_HASH = re.compile(r"\b[0-9a-f]{32}\b")
RESULTS = {"sat": "SAT", "unsat": "UNSAT"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file of a manifest."""

    name: str
    family: str
    status: str
    sha256: str
    gbd_hash: str
    url: str


COLUMNS = tuple(field.name for field in dataclasses.fields(Entry))


def read_manifest(path: Path) -> list[Entry]:
    """The entries; raises BenchError for a missing column, a name that leaves the folder, or no checksum."""
    rows = read_rows(path, COLUMNS)
    entries = [Entry(**{column: value or "" for column, value in row.items()}) for row in rows]  # a short row has None
    for entry in entries:
        if entry.name in ("", ".", "..") or Path(entry.name).name != entry.name:
            raise BenchError(f"{path}: {entry.name!r} is not a plain file name")
        if not entry.sha256 and not entry.gbd_hash:
            raise BenchError(f"{path}: {entry.name}: neither sha256 nor gbd_hash")
        if not entry.url.startswith(("http://", "https://")):
            raise BenchError(f"{path}: {entry.name}: address {entry.url!r} is not http(s)")
    if len({entry.name for entry in entries}) != len(entries):
        raise BenchError(f"{path}: two files of one name")
    return entries


def write_manifest(path: Path, entries: Sequence[Entry], comment: str) -> None:
    """Write a manifest; `comment` says how it was made."""
    with path.open("w", newline="") as file:
        file.write(commented(comment))
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(entry) for entry in entries)


def from_export(path: Path) -> list[Entry]:
    """Entries of a GBD export (a CSV with a column `hash`), a list of addresses, or a MIPLIB test set."""
    text = path.read_text()
    first = text.partition("\n")[0]
    names = [name.strip() for name in first.split(",")]
    if path.suffix == ".test":
        entries = _from_test_set(text.splitlines(), path.stem)
    else:
        entries = _from_table(text) if "hash" in names else _from_addresses(text.splitlines())
    if not entries:
        raise BenchError(f"{path}: neither a CSV with a column `hash`, nor a list of addresses, nor a test set")
    return entries


def _from_table(text: str) -> list[Entry]:
    entries = []
    for row in csv.DictReader(text.splitlines(), skipinitialspace=True):
        digest = row["hash"].strip()
        name = (row.get("filename") or "").split(",")[0].strip()
        entries.append(
            Entry(
                name=f"{digest}-{Path(name).name}" if name else f"{digest}.cnf.xz",
                family=(row.get("family") or "").strip(),
                status=RESULTS.get((row.get("result") or "").strip(), ""),
                sha256="",
                gbd_hash=digest,
                url=FILE_URL.format(hash=digest),
            )
        )
    return entries


def _from_addresses(lines: Iterable[str]) -> list[Entry]:
    entries = []
    for line in lines:
        found = GBD_HASH.search(line)
        if found and line.strip().startswith("http"):
            digest = found.group()
            entries.append(Entry(f"{digest}.cnf.xz", "", "", "", digest, line.strip()))
    return entries


def _from_test_set(lines: Iterable[str], family: str) -> list[Entry]:
    names = [Path(line.strip()).name for line in lines if line.strip().endswith(".mps.gz")]
    return [Entry(name, family, "", UNPUBLISHED, "", MIPLIB_URL.format(name=name)) for name in names]


def gbd_hash(data: bytes) -> str:
    """The Global Benchmark Database's id of a CNF: md5 of its numbers between single spaces."""
    lines = decompress(data).splitlines()
    body = b" ".join(line for line in lines if not line.lstrip().startswith((b"c", b"p")))
    return hashlib.md5(b" ".join(body.split()), usedforsecurity=False).hexdigest()
