"""Downloads from a local server that breaks off, refuses, lies and ignores ranges."""

from __future__ import annotations

import hashlib
import lzma
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from bench.fetch import Policy, as_suite, fetch, fetch_all
from bench.manifest import UNPUBLISHED, Entry, gbd_hash
from bench.rows import BenchError

BODY = bytes(range(256)) * 2000  # 512,000 bytes
CNF = lzma.compress(b"p cnf 2 2\n1 2 0\n-1 0\n")
QUICK = Policy(tries=4, backoff_s=0.01)


class Handler(BaseHTTPRequestHandler):
    """/whole, /breaks (half a transfer, twice), /busy (503 twice), /norange, /gone, /lies, /cnf, /half (of cnf)."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Range")))
        before = sum(path == self.path for path, _ in self.seen) - 1
        kind = self.path.strip("/")
        if kind == "gone":
            return self.send_error(404)
        if kind == "busy" and before < 2:
            return self.send_error(503)
        body = {"cnf": CNF, "half": CNF[:-20], "lies": b"wrong" * 100}.get(kind, BODY)
        start = 0
        ranged = self.headers.get("Range")
        if ranged and kind != "norange":
            start = int(ranged.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if kind in ("breaks", "norange") and before < 2:
            self.wfile.write(body[start : start + (len(body) - start) // 2])
            self.close_connection = True
            return None
        self.wfile.write(body[start:])
        return None

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def entry(server: str, kind: str, body: bytes = BODY) -> Entry:
    return Entry(f"{kind}.bin", "f", "SAT", hashlib.sha256(body).hexdigest(), "", f"{server}/{kind}")


def test_a_file_comes_whole_and_only_once(server: str, tmp_path: Path) -> None:
    path = fetch(entry(server, "whole"), tmp_path, QUICK)
    assert path.read_bytes() == BODY
    fetch(entry(server, "whole"), tmp_path, QUICK)
    assert len(Handler.seen) == 1
    assert [item.name for item in tmp_path.iterdir()] == ["whole.bin"]


def test_an_interrupted_download_goes_on_where_it_stopped(server: str, tmp_path: Path) -> None:
    assert fetch(entry(server, "breaks"), tmp_path, QUICK).read_bytes() == BODY
    half, three_quarters = len(BODY) // 2, len(BODY) * 3 // 4
    assert [ranged for _, ranged in Handler.seen] == [None, f"bytes={half}-", f"bytes={three_quarters}-"]


def test_a_part_file_of_an_earlier_process_is_taken_up(server: str, tmp_path: Path) -> None:
    (tmp_path / "whole.bin.part").write_bytes(BODY[:1000])
    assert fetch(entry(server, "whole"), tmp_path, QUICK).read_bytes() == BODY
    assert Handler.seen == [("/whole", "bytes=1000-")]


def test_a_spoilt_part_file_is_thrown_away(server: str, tmp_path: Path) -> None:
    (tmp_path / "whole.bin.part").write_bytes(b"x" * 1000)
    assert fetch(entry(server, "whole"), tmp_path, QUICK).read_bytes() == BODY
    assert [ranged for _, ranged in Handler.seen] == ["bytes=1000-", None]


def test_a_finished_part_file_is_only_checked(server: str, tmp_path: Path) -> None:
    (tmp_path / "whole.bin.part").write_bytes(BODY)
    assert fetch(entry(server, "whole"), tmp_path, QUICK).read_bytes() == BODY


def test_a_server_without_ranges_starts_over(server: str, tmp_path: Path) -> None:
    assert fetch(entry(server, "norange"), tmp_path, QUICK).read_bytes() == BODY
    assert Handler.seen[-1][1] is not None


def test_a_busy_server_is_asked_again(server: str, tmp_path: Path) -> None:
    assert fetch(entry(server, "busy"), tmp_path, QUICK).read_bytes() == BODY
    with pytest.raises(BenchError, match="gave up after 1 tries: HTTP 503"):
        Handler.seen.clear()
        fetch(entry(server, "busy"), tmp_path / "other", Policy(1, 0))


def test_a_wrong_checksum_leaves_no_file(server: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="sha256 is"):
        fetch(entry(server, "lies"), tmp_path, QUICK)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_on_disk_is_fetched_again(server: str, tmp_path: Path) -> None:
    (tmp_path / "whole.bin").write_bytes(b"old")
    assert fetch(entry(server, "whole"), tmp_path, QUICK).read_bytes() == BODY


def test_the_gbd_hash_is_checked(server: str, tmp_path: Path) -> None:
    good = Entry("a.cnf.xz", "f", "SAT", "", gbd_hash(CNF), f"{server}/cnf")
    assert fetch(good, tmp_path, QUICK).read_bytes() == CNF
    bad = Entry("b.cnf.xz", "f", "SAT", "", "0" * 32, f"{server}/cnf")
    with pytest.raises(BenchError, match="gbd hash is"):
        fetch(bad, tmp_path, QUICK)


def test_without_a_published_checksum_the_file_must_decompress(server: str, tmp_path: Path) -> None:
    kinds = ("cnf", "half", "lies")
    good, *bad = (Entry(f"{kind}.cnf.xz", "f", "", UNPUBLISHED, "", f"{server}/{kind}") for kind in kinds)
    assert fetch(good, tmp_path, QUICK).read_bytes() == CNF
    for entry_, problem in zip(bad, ("does not decompress", "is not a compressed file"), strict=True):
        with pytest.raises(BenchError, match=problem):
            fetch(entry_, tmp_path, QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["cnf.cnf.xz"]


def test_one_failure_does_not_stop_the_others(server: str, tmp_path: Path) -> None:
    heard: list[tuple[str, bool]] = []
    entries = [entry(server, "gone"), Entry("a.cnf.xz", "f", "SAT", "", gbd_hash(CNF), f"{server}/cnf")]
    problems = fetch_all(
        entries, tmp_path / "m", QUICK, lambda item, problem: heard.append((item.name, problem is None))
    )
    assert len(problems) == 1
    assert "HTTP 404" in problems[0]
    assert heard == [("gone.bin", False), ("a.cnf.xz", True)]
    suite = as_suite(entries, tmp_path / "m")
    assert [(item.name, item.source, item.status) for item in suite] == [("a", "fetched:m/a.cnf.xz", "SAT")]


def test_nobody_listening(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="gave up after 2 tries"):
        fetch(Entry("x", "", "", "0" * 64, "", "http://127.0.0.1:9/x"), tmp_path, Policy(2, 0.01))


def test_a_host_that_cannot_be_resolved_ends_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unresolved(host: str, *rest: object, **more: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    monkeypatch.setenv("no_proxy", "*")
    entries = [Entry(name, "f", "", UNPUBLISHED, "", f"http://nowhere.invalid/{name}") for name in ("a.xz", "b.xz")]
    told = fetch_all(entries, tmp_path, QUICK)
    assert told == ["nowhere.invalid: no such host: is there a network? Nothing more was tried"]
    assert asked == ["nowhere.invalid"], "one file, one try"
