"""The command line: the only modules that print or exit are this one and cli_*.py beside it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

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
EngineOption = Annotated[str, typer.Option("--engine", "-e", help="A PySAT engine, kissat, exec:PATH or auto.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0)]
RelaxedOption = Annotated[bool, typer.Option("--relaxed", help="Header counts that disagree only warn.")]

_startup_s = 0.0  # from the start of the process to main(); 0 where a test calls a command


class _Interrupted(BaseException):
    """SIGINT, SIGTERM or the time limit, outside of the engine: the answer is UNKNOWN."""


def main() -> None:
    """The entry point.  Exit status: a solve's 10, 20 or 0; 1 for every error, told on standard error."""
    global _startup_s
    _startup_s = _process_age_s()
    _keep_freed_memory()
    from neurosolve import cli_compare, cli_tools, cli_training  # noqa: F401 - they add their commands to app

    try:
        app()
    except SystemExit as stop:
        _leave(1 if stop.code not in (0, None, 10, 20) else int(stop.code or 0))
    except NeurosolveError as error:
        print(error if isinstance(error, InputError) else f"neurosolve: error: {error}", file=sys.stderr)
        _leave(1)
    except BrokenPipeError:
        _leave(1)


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


@app.command()
def solve(
    file: FileArgument,
    proof: Annotated[Path | None, typer.Argument(metavar="[PROOF]", help="Where a DRAT proof goes.")] = None,
    engine: EngineOption = "auto",
    guidance: GuidanceOption = "auto",
    delivery: Annotated[
        str, typer.Option("--delivery", "-d", help="rename, forced, initial, decide (each +order) or auto.")
    ] = "auto",
    race: Annotated[bool, typer.Option("--race", help="Guided and stock at once; the first answer wins.")] = False,
    time_s: Annotated[float | None, typer.Option("-t", "--time", help="Wall-clock seconds.", min=0.0)] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="Of the engine: 4G, 512M, bytes.")] = None,
    seed: SeedOption = 0,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="The run as JSON; - is stdout.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No c lines.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Stages and statistics.")] = False,
    no_values: Annotated[bool, typer.Option("-n", "--no-values", help="No v lines.")] = False,
    relaxed: RelaxedOption = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write the proof even over a CNF file.")] = False,
) -> None:
    """Solve FILE: c, s and v lines as in the SAT competition; exit 10, 20, or 0 for unknown."""
    from neurosolve import output

    if proof is not None:
        _guard_proof(proof, file, force)
    limits = {"time_s": time_s, "memory_bytes": output.parse_bytes(memory)}
    names = {"engine": engine, "guidance": guidance, "delivery": delivery}
    to_stdout = json_file == "-"
    if not (quiet or to_stdout):
        emit(
            [
                f"c neurosolve {_version()}: {file}",
                f"c engine {engine}, guidance {guidance}, delivery {delivery}",
            ]
        )
    result = _solve(file, limits, **names, seed=seed, race=race, proof=proof, relaxed=relaxed)
    if json_file is not None:
        write_text(json_file, output.json_text(result.to_json()))
    if not to_stdout:
        emit(output.answer_lines(result, quiet=quiet, verbose=verbose and not quiet, values=not no_values))
    raise typer.Exit(result.status.exit_code)


def _solve(file: str, limits: dict[str, Any], **options: Any) -> Any:
    """A Result in any case: a signal or a limit outside the engine makes it UNKNOWN."""
    from neurosolve.result import Limits, Result, Status

    asked = Limits(**limits)
    result = Result(
        Status.UNKNOWN,
        options["engine"],
        options["guidance"],
        None,
        seed=options["seed"],
        reason="time limit",
    )
    with contextlib.suppress(_Interrupted), _interruptible(asked.time_s, result):
        from neurosolve import solving

        import_s, cpu_s = _age_s(), time.process_time()
        left_s = None if asked.time_s is None else max(0.0, asked.time_s - import_s)
        result = solving.solve(file, limits=Limits(left_s, asked.memory_bytes), **options)
        result.stages.import_s += import_s
        result.wall_time_s += import_s
        result.cpu_time_s += cpu_s
        return result
    result.wall_time_s, result.cpu_time_s = _age_s(), time.process_time()
    return result


def _age_s() -> float:
    return _process_age_s() if _startup_s else 0.0


@contextlib.contextmanager
def _interruptible(time_s: float | None, result: Any) -> Iterator[None]:
    """Signals end the Python stages too, and so does a time limit, after an engine's grace to stop."""

    def stop(number: int, frame: Any) -> None:
        if number != signal.SIGALRM:
            result.reason = "signal"
        raise _Interrupted

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    if time_s is not None:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, time_s) + 1.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _guard_proof(proof: Path, file: str, force: bool) -> None:
    """Refuse to write a proof where a formula lies.  The formula being solved is never overwritten."""
    if str(proof) == "-":
        raise UsageError("a proof goes to a file, standard output has the answer")
    if proof.exists() and file != "-" and Path(file).exists() and proof.samefile(file):
        raise UsageError(f"{proof} is the formula itself")
    if not force and any(suffix.lower() in (".cnf", ".dimacs") for suffix in proof.suffixes):
        raise UsageError(f"{proof} looks like a CNF file: use --force to write a proof there")


def _version() -> str:
    import neurosolve

    return neurosolve.__version__


@app.command()
def predict(
    file: FileArgument,
    guidance: GuidanceOption = "auto",
    engine: Annotated[str, typer.Option("--engine", "-e", help="The renaming is for this engine.")] = "cadical195",
    cnf_out: Annotated[str | None, typer.Option("--cnf", metavar="OUT", help="The renamed CNF; - is stdout.")] = None,
    out: Annotated[str | None, typer.Option("-o", "--output", metavar="OUT", help="Where the JSON goes.")] = None,
    seed: SeedOption = 0,
    relaxed: RelaxedOption = False,
) -> None:
    """Phases of FILE as JSON, or the renamed formula for any other solver (the JSON undoes the renaming)."""
    from neurosolve import guidance as guidances
    from neurosolve import output, prediction
    from neurosolve.sat.dimacs import read_dimacs

    guidances.look_up(guidance)
    cnf = read_dimacs(file, relaxed=relaxed)
    guide = guidances.resolve(guidance, cnf, seed=seed)
    formula, row = prediction.describe(cnf, guide, engine)
    if cnf_out is not None:
        prediction.write(formula, cnf_out)
    if out is not None or cnf_out is None:
        write_text(out or "-", output.json_text(row))


@app.command()
def check(
    file: FileArgument,
    answer: Annotated[Path, typer.Argument(metavar="ANSWER|PROOF", help="A solver's output, or a DRAT proof.")],
    of_renamed: Annotated[
        Path | None,
        typer.Option("--renamed", metavar="JSON", help="The answer is of `predict --cnf`'s formula."),
    ] = None,
    relaxed: RelaxedOption = False,
) -> None:
    """Check an answer, or a proof, against FILE: exit 0 when it holds, 1 when it does not."""
    from neurosolve import checking

    verdict = checking.check_file(file, answer, of_renamed, relaxed=relaxed)
    emit(verdict.lines)
    raise typer.Exit(0 if verdict.holds else 1)
