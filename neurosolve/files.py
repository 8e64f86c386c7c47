"""Files as byte streams: plain or compressed, told by content, decompressed inside this process.

No file name is ever given to a shell or to another program.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from neurosolve.errors import InputError, UsageError

DEFAULT_CAP = 8 << 30  # bytes after decompression: beyond every published benchmark, short of a bomb
CAP_VARIABLE = "NEUROSOLVE_MAX_BYTES"  # in the environment: another default
PIECE = 1 << 16  # bytes read at once unless told otherwise
_ZSTD_PIECE = 2048  # compressed bytes fed at once: they never expand past about 64 MiB
_LONGEST_MAGIC = 6
_looked_at: tuple[object, Any] = (None, None)  # a standard input, and the same from where a look at it began


class Source(Protocol):
    """What a reader takes besides a path: anything with read(n) -> bytes, b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


class _Restarted:
    """A source from its beginning, after `start` was read from it."""

    def __init__(self, start: bytes, rest: Source) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = PIECE, /) -> bytes:
        out, self._start = self._start[:size], self._start[size:]
        return out + self._rest.read(size - len(out)) if len(out) < size else out


class _Noted:
    """A source, and all that has been read from it."""

    def __init__(self, source: Source) -> None:
        self._source, self.data = source, b""

    def read(self, size: int = PIECE, /) -> bytes:
        piece = self._source.read(size)
        self.data += piece
        return piece


class _Zstd:
    """read(n) over zstd frames; EOFError when the last one is cut (the library's own reader is silent)."""

    def __init__(self, raw: Source) -> None:
        import zstandard

        self._raw, self._decompressor = raw, zstandard.ZstdDecompressor()
        self._frame: Any = None  # the frame under way, None between two
        self._left, self._out = b"", io.BytesIO()

    def read(self, size: int, /) -> bytes:
        while not (out := self._out.read(size)):
            piece = self._left or self._raw.read(_ZSTD_PIECE)
            if not piece and self._frame is not None:
                raise EOFError
            if not piece:
                break
            frame = self._frame or self._decompressor.decompressobj()
            self._out = io.BytesIO(frame.decompress(piece))
            self._frame, self._left = (None, frame.unused_data) if frame.eof else (frame, b"")
        return out


# the first bytes of a file, the format's name for people, its decompressor
_FORMATS: tuple[tuple[bytes, str, Callable[[Any], Source]], ...] = (
    (b"\x1f\x8b", "gzip", lambda raw: gzip.GzipFile(fileobj=raw)),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ\0", "xz", lzma.LZMAFile),
    (b"\x5d\0\0", "lzma", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", "zstd", _Zstd),
    *((bytes([low]) + b"\x2a\x4d\x18", "zstd", _Zstd) for low in range(0x50, 0x60)),  # skippable frames
)


class ByteStream:
    """The decompressed bytes of one file; `name` is its path as given, for messages.

    read(n) returns up to n bytes, b"" at the end.  It raises InputError on truncated or damaged compression,
    and once more than `max_bytes` have come out (DEFAULT_CAP: or what $NEUROSOLVE_MAX_BYTES says).  Leaving the `with`
    closes the file if it was opened here.
    """

    def __init__(
        self, raw: Source, name: str, max_bytes: int, close: Callable[[], None] | None = None
    ) -> None:
        self.name, self._close = name, close
        self._left = self._max_bytes = _default_cap() if max_bytes == DEFAULT_CAP else max_bytes
        self._raw, self._format, self._source = raw, "", raw

    @property
    def compression(self) -> str:
        """ "file" (none), "gzip", "bzip2", "xz", "lzma" or "zstd"; "" before the first read."""
        return self._format

    def _sniff(self) -> None:
        start = b""
        while len(start) < _LONGEST_MAGIC and (more := self._raw.read(_LONGEST_MAGIC - len(start))):
            if not isinstance(more, bytes):
                raise TypeError(f"{self.name}: open the file in binary mode")
            start += more
        self._format, self._source = "file", _Restarted(start, self._raw)
        for magic, label, opener in _FORMATS:
            if start.startswith(magic):
                self._format, self._source = label, opener(self._source)

    def read(self, size: int = PIECE, /) -> bytes:
        try:
            if not self._format:
                self._sniff()
            data = self._source.read(min(size, self._left + 1))
        except EOFError as error:
            raise InputError(self.name, None, f"truncated {self._format} data") from error
        except (OSError, zlib.error, lzma.LZMAError, _zstd_error()) as error:
            if getattr(error, "errno", None):  # the system's; a decompressor's OSError has none
                raise unreadable(self.name, getattr(error, "strerror", error)) from error
            raise InputError(self.name, None, f"damaged {self._format} data: {error}") from error
        self._left -= len(data)
        if self._left < 0:
            raise InputError(self.name, None, f"more than {self._max_bytes} bytes after decompression")
        return data

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read():
            yield data

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._close:
            self._close()


def _default_cap() -> int:
    """Raises UsageError for an environment that names no number of bytes."""
    text = os.environ.get(CAP_VARIABLE)
    if text is None:
        return DEFAULT_CAP
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"${CAP_VARIABLE} is '{text}': set it to a number of bytes")
    return int(text)


def _zstd_error() -> type[Exception]:
    """zstd's own exception, without importing the library for a file that is not zstd."""
    module = sys.modules.get("zstandard")
    return module.ZstdError if module else zlib.error


def unreadable(path: str | Path, why: object) -> InputError:
    """What to raise for a file that the system does not give: nothing was parsed, and no line is to blame."""
    error = InputError(str(path), None, f"cannot be read: {why}")
    error.args = (f"{path}: {error.what}",)
    return error


def open_decompressed(source: str | Path | Source, max_bytes: int = DEFAULT_CAP) -> ByteStream:
    """A path, "-" (standard input) or an open binary file as a ByteStream; use it in a `with`.

    Raises InputError where the path cannot be opened.
    """
    if source == "-":
        return ByteStream(_standard_input(), "<stdin>", max_bytes)
    if not isinstance(source, str | Path):
        return ByteStream(source, str(getattr(source, "name", "<stream>")), max_bytes)
    try:
        file = Path(source).open("rb")  # noqa: SIM115 - the ByteStream closes it
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(source, getattr(error, "strerror", error)) from error
    return ByteStream(file, str(source), max_bytes, file.close)


@contextlib.contextmanager
def looked_at(source: str | Path) -> Iterator[ByteStream]:
    """As open_decompressed, but what is read of standard input is there to be read again."""
    global _looked_at
    if source != "-":
        with open_decompressed(source) as stream:
            yield stream
        return
    before = _standard_input()
    noted = _Noted(before)
    try:
        yield ByteStream(noted, "<stdin>", DEFAULT_CAP)
    finally:
        _looked_at = (sys.stdin.buffer, _Restarted(noted.data, before))


def _standard_input() -> Source:
    """What is still to be read of it, from where a look at it began."""
    stream, source = _looked_at
    return source if stream is sys.stdin.buffer else sys.stdin.buffer


def read_decompressed(source: str | Path | Source, max_bytes: int = DEFAULT_CAP) -> bytes:
    """The whole file's bytes; errors as in ByteStream.read."""
    with open_decompressed(source, max_bytes) as stream:
        return b"".join(stream)
