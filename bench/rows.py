"""Result rows: JSON lines, fsynced one by one while a run goes on, compressed when it is done.

A file holds `{"kind": "header", ...}` rows, one a session (machine, versions, arms), and
`{"kind": "run", ...}` rows, each with the id of its session.
"""

from __future__ import annotations

import fcntl
import json
import lzma
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import zstandard

Row = dict[str, Any]
KEY_FIELDS = (
    "sha256", "engine", "guidance", "delivery", "model_hash", "seed", "limit_s", "memory_limit",
    "arm", "extra", "protocol",
)  # fmt: skip


class BenchError(Exception):
    """A suite, results file or manifest that cannot be used; the message names the file and says why."""


def key(row: Row) -> tuple[str, ...]:
    """What makes a run the same run: nothing with an equal key is ever run twice into one file."""
    return tuple(json.dumps(row.get(field)) for field in KEY_FIELDS)


def run_name(path: Path) -> str:
    """A results file's name without its suffixes: `real.jsonl.xz` -> `real`."""
    return path.name.split(".jsonl")[0]


def load_bytes(path: Path) -> bytes:
    """The file's content, decompressed by its suffix (.xz, .zst, anything else: plain)."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def read(path: Path) -> tuple[list[Row], list[Row]]:
    """The header rows and the run rows of one results file.

    A last line without its newline was torn by a kill and is left out.
    Raises BenchError for any other line that is not JSON.
    """
    headers: list[Row] = []
    runs: list[Row] = []
    lines = load_bytes(path).split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BenchError(f"{path}:{number}: not a JSON row: {error}") from None
        (headers if row.get("kind") == "header" else runs).append(row)
    return headers, runs


class Appender:
    """The one writer of a results file; a torn last line is cut off when it opens.  An error before the first row
    leaves no empty file.

    Raises BenchError when another process is writing the same file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Appender:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise BenchError(f"{self.path}: another run is writing it") from None
        _cut_torn_line(self._file)
        return self

    def append(self, row: Row) -> None:
        assert self._file is not None, "an Appender is used inside its with block"
        self._file.write(json.dumps(row, sort_keys=True).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        if kind is not None and not os.fstat(self._file.fileno()).st_size:
            self.path.unlink(missing_ok=True)  # while it is locked
        self._file.close()


def _cut_torn_line(file: IO[bytes]) -> None:
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        file.truncate(whole)
    file.seek(0, os.SEEK_END)


def pack(path: Path) -> Path:
    """Compress `x.jsonl` to `x.jsonl.xz`, check that it reads back the same, remove the plain file."""
    if path.suffix in (".xz", ".zst"):
        return path
    content = path.read_bytes()
    content = content[: content.rfind(b"\n") + 1]
    target = path.with_name(path.name + ".xz")
    if target.exists():
        raise BenchError(f"{target}: already there; score both files or remove one")
    partial = path.with_name(path.name + ".xz.tmp")
    partial.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
    if lzma.decompress(partial.read_bytes()) != content:
        raise BenchError(f"{partial}: does not read back what was written")
    partial.replace(target)
    path.unlink()
    return target


def read_all(paths: Iterable[Path]) -> tuple[list[Row], list[Row]]:
    """Headers and runs of several files; of two runs with one key the first counts that was no ERROR."""
    headers: list[Row] = []
    runs: dict[tuple[str, ...], Row] = {}
    for path in paths:
        some_headers, some_runs = read(path)
        headers += some_headers
        for row in some_runs:
            before = runs.get(key(row))
            if before is None or (before.get("status") == "ERROR" and row.get("status") != "ERROR"):
                runs[key(row)] = row
    return headers, list(runs.values())
