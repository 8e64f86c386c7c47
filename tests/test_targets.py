"""What may be written, and how a finished file comes to its place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurosolve.errors import UsageError
from neurosolve.targets import guard_target, put_in_place


def test_a_target_is_refused_before_the_work(tmp_path: Path) -> None:
    read = tmp_path / "f.lp"
    read.write_text("kept")
    (tmp_path / "link").symlink_to(read)
    os.link(read, tmp_path / "other name")
    for target, told in (
        (tmp_path / "nodir" / "x", "no directory .*nodir"),
        (tmp_path, "it is a directory"),
        (read / "x", "no directory .*f.lp"),
        (read, "would overwrite .*f.lp"),
        (tmp_path / "link", "would overwrite .*f.lp"),
        (tmp_path / "other name", "would overwrite .*f.lp"),
        (tmp_path / ("x" * 300), "name too long"),
        ("-", "x goes to a file"),
    ):
        with pytest.raises(UsageError, match=told):
            guard_target("x", target, [None, "nowhere", str(read)])
    for accepted in (tmp_path / "new", "/dev/null", "bare"):
        guard_target("x", accepted, [read, "/dev/null"])


def test_a_redirected_standard_input_is_not_overwritten(tmp_path: Path) -> None:
    read = tmp_path / "f.lp"
    read.write_text("kept")
    code = "import sys; from neurosolve.targets import guard_target; guard_target('x', sys.argv[1], ['-'])"
    with read.open() as stdin:
        run = subprocess.run([sys.executable, "-c", code, str(read)], stdin=stdin, capture_output=True, text=True)
    assert "UsageError: x would overwrite standard input" in run.stderr


def test_what_is_put_in_place_follows_a_link_and_replaces_no_pipe(tmp_path: Path) -> None:
    finished, real, link, pipe = (tmp_path / name for name in ("finished", "real", "link", "pipe"))
    link.symlink_to(real)
    finished.write_bytes(b"one")
    put_in_place(finished, link)
    assert real.read_bytes() == b"one" and link.is_symlink() and not finished.exists()
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    finished.write_bytes(b"two")
    put_in_place(finished, pipe)
    assert os.read(reader, 9) == b"two" and pipe.is_fifo() and not finished.exists()
    os.close(reader)
