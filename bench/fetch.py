"""Downloads a manifest's files over HTTP: checksums, resume of a part file, retries, one at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import kinds
from bench.manifest import UNPUBLISHED, Entry, gbd_hash
from bench.rows import BenchError
from bench.suites import Instance, content_sha256, decompress

CHUNK_BYTES = 1 << 16
TIMEOUT_S = 60
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)


@dataclasses.dataclass(frozen=True)
class Policy:
    """How stubborn a download is: tries of one file, and seconds before the second (doubled each time)."""

    tries: int = 5
    backoff_s: float = 1.0


class InterruptedTransferError(Exception):
    """A transfer that may be taken up again."""


class UnknownHostError(BenchError):
    """A host whose name has no address, most often for want of a network: no second try and no next file helps."""


def fetch_all(
    entries: Sequence[Entry],
    folder: Path,
    policy: Policy = Policy(),
    tick: Callable[[Entry, str | None], None] = lambda entry, problem: None,
) -> list[str]:
    """Fetch every file not there yet; `tick` hears each, with what went wrong.  Returns the problems.

    Ends with the first file whose host cannot be resolved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problems = []
    for entry in entries:
        problem = None
        try:
            fetch(entry, folder, policy)
        except BenchError as error:
            problem = str(error)
            problems.append(problem)
            if isinstance(error, UnknownHostError):
                tick(entry, problem)
                break
        tick(entry, problem)
    return problems


def fetch(entry: Entry, folder: Path, policy: Policy) -> Path:
    """One file, whole and checked, at folder/name.

    What is there already is checked, not fetched.  A part file is taken up where it ends; one that turns out
    wrong is fetched again from nothing, once.  Raises BenchError when tries run out or the checksum is wrong.
    """
    target = folder / entry.name
    part = folder / (entry.name + ".part")
    if target.is_file():
        if mismatch(entry, target) is None:
            return target
        target.unlink()
    for fresh in (False, True):
        if fresh:
            part.unlink(missing_ok=True)
        resumed = part.exists()
        _transfer(entry, part, policy)
        wrong = mismatch(entry, part)
        if wrong is None:
            part.replace(target)
            return target
        if not resumed:
            break
    part.unlink(missing_ok=True)
    raise BenchError(f"{entry.name}: {wrong}")


def _transfer(entry: Entry, part: Path, policy: Policy) -> None:
    """Fill the part file, trying again after interruptions and refusals that may pass."""
    for number in range(policy.tries):
        if number:
            time.sleep(policy.backoff_s * 2 ** (number - 1))
        try:
            return _one_request(entry.url, part)
        except InterruptedTransferError as error:
            reason = str(error)
    raise BenchError(f"{entry.name}: gave up after {policy.tries} tries: {reason}")


def _one_request(url: str, part: Path) -> None:
    """One request, from where the part file ends.

    Raises InterruptedTransferError when the transfer stops short, BenchError for a final refusal.
    """
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "neurosolve-bench"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            _receive(response, part, have)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing after what is there: the checksum will tell
            return
        if error.code in TRANSIENT:
            raise InterruptedTransferError(f"HTTP {error.code}") from None
        raise BenchError(f"{url}: HTTP {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(getattr(error, "reason", None), socket.gaierror):
            host = urllib.parse.urlsplit(url).hostname
            raise UnknownHostError(f"{host}: no such host: is there a network? Nothing more was tried") from None
        raise InterruptedTransferError(f"{type(error).__name__}: {error}") from None


def _receive(response: http.client.HTTPResponse, part: Path, have: int) -> None:
    """Append a partial answer (206) or start over with a whole one (200)."""
    append = response.status == 206
    if append and not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
        part.unlink()
        raise InterruptedTransferError("the server sent another range than the one asked for")
    expected = response.headers.get("Content-Length")
    received = 0
    with part.open("ab" if append else "wb") as file:
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            received += len(chunk)
    if expected is not None and received < int(expected):
        raise InterruptedTransferError(f"{received} of {expected} bytes came")


def mismatch(entry: Entry, path: Path) -> str | None:
    """What is wrong with a file, None where every checksum the manifest has agrees."""
    data = path.read_bytes()
    if entry.sha256 == UNPUBLISHED:
        return _torn(data)
    if entry.sha256 and (digest := hashlib.sha256(data).hexdigest()) != entry.sha256:
        return f"sha256 is {digest}, the manifest says {entry.sha256}"
    if entry.gbd_hash:
        digest = "unreadable"
        with contextlib.suppress(Exception):  # a damaged file fails in as many ways as there are compressions
            digest = gbd_hash(data)
        if digest != entry.gbd_hash:
            return f"gbd hash is {digest}, the manifest says {entry.gbd_hash}"
    return None


def _torn(data: bytes) -> str | None:
    """What is wrong with a compressed file of which no checksum is known: a page of words, or half a file."""
    try:
        return "is not a compressed file" if decompress(data) == data else None
    except Exception as error:  # a damaged file fails in as many ways as there are compressions
        return f"does not decompress: {error}"


def as_suite(entries: Sequence[Entry], folder: Path) -> list[Instance]:
    """The fetched files as a suite; the folder is named relative to where fetched files are kept."""
    return [
        Instance(
            kinds.stem(entry.name), entry.family, "", "", folder.name, entry.status,
            f"fetched:{folder.name}/{entry.name}", content_sha256(folder / entry.name),
        )
        for entry in entries
        if (folder / entry.name).is_file()
    ]  # fmt: skip
