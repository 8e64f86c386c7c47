"""The command line: the only modules that print or exit are this one and cli_*.py beside it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from neurosolve.errors import InputError, NeurosolveError, UsageError

# Before NumPy is imported: its products are small here, and kernels.py cuts the large ones in two by itself.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = typer.Typer(
    help="Makes stock SAT and MILP solvers faster with learning, and never wrong.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="DIMACS CNF, plain or compressed; - is stdin.")]
GuidanceOption = Annotated[str, typer.Option("--guidance", "-g", help="What guides: auto, none, model:NAME, walk, ...")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of all that is random.", min=0)]
ProtocolOption = Annotated[
    str,
    typer.Option(
        "--protocol",
        help="MILP: default (SCIP untouched), paper (cuts at the root only, no restarts) or lean (no cuts).",
    ),
]
RelaxedOption = Annotated[bool, typer.Option("--relaxed", help="Header counts that disagree only warn.")]

NOT_CHECKED = 3  # `check` found nobody to tell; 2 is what wrong usage exits with inside Typer

_startup_s = 0.0  # from the start of the process to main(); 0 where a test calls a command


def main() -> None:
    """Entry point.  Exit status: 10, 20 or 0 of a solve, 3 of a check; 1 of every error, told on standard error."""
    global _startup_s
    _startup_s = _process_age_s()
    _keep_freed_memory()
    _print_any_name()
    # They add their commands to app, in the order of the help.
    from neurosolve import cli_solve, cli_check, cli_compare, cli_tools, cli_training  # noqa: F401, I001
    from neurosolve import signals

    try:
        with signals.keeping_signals():
            app()
    except SystemExit as stop:
        _leave(int(stop.code or 0) if stop.code in (0, None, 10, 20, NOT_CHECKED) else 1)
    except NeurosolveError as error:
        print(error if isinstance(error, InputError) else f"neurosolve: error: {error}", file=sys.stderr)
        _leave(1)
    except BrokenPipeError:
        _leave(1)


def _print_any_name() -> None:
    """A file name may hold bytes that the terminal's encoding lacks: they are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a test may put something else there
            stream.reconfigure(errors="backslashreplace")


def _keep_freed_memory() -> None:
    """Tell glibc to keep what is freed: a network's rounds would fault it in again, a fifth of their time."""
    import ctypes  # NumPy loads it anyway

    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 25)  # M_MMAP_THRESHOLD, the most it takes
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD


def _leave(code: int) -> None:
    """Flush and exit; a reader that went away is not an error worth a traceback."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _process_age_s() -> float:
    """Seconds since this process started: the interpreter and its imports, to the kernel's 10 ms."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))


def emit(lines: Iterable[str]) -> None:
    """Lines to standard output, in one write."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def write_text(target: str, text: str) -> None:
    """Text to a file, or to standard output for `-`."""
    if target == "-":
        emit([text])
        return
    try:
        Path(target).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from error


def age_s() -> float:
    """Seconds that the start of this process took, or 0 where a test calls a command."""
    return _process_age_s() if _startup_s else 0.0
