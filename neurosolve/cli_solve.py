"""`neurosolve solve`: a CNF or a MILP, told apart by name, by --format, or by content on standard input."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from neurosolve.cli import ProtocolOption, SeedOption, age_s, app, emit, write_text
from neurosolve.errors import UsageError
from neurosolve.targets import guard_target

_CNF_GRACE_S = 1.5  # past a time limit, for an engine to stop: a second to SIGKILL, and a little
_MILP_GRACE_S = 3.0  # SCIP's own half second before that, and the check after it
_LONGEST_S = 2e6  # 23 days; poll() counts milliseconds in 32 bits


class _Interrupted(BaseException):
    """SIGINT, SIGTERM or the time limit, outside of the engine: the answer is unknown."""


_File = Annotated[
    str, typer.Argument(metavar="FILE", help="DIMACS CNF, MPS, LP or CIP, plain or compressed; - is stdin.")
]
_Proof = Annotated[Path | None, typer.Argument(metavar="[PROOF]", help="CNF: where a DRAT proof goes.")]
_Format = Annotated[
    str | None, typer.Option("--format", help="cnf, mps, lp or cip; else told by the name, or the content.")
]
_Engine = Annotated[str, typer.Option("--engine", "-e", help="CNF: a PySAT engine, kissat, exec:PATH or auto.")]
_Guidance = Annotated[
    str,
    typer.Option(
        "--guidance",
        "-g",
        help="What guides: auto, none, model:NAME; CNF: walk, ...; MILP: relpscost, pscost, mostinf, random, fsb.",
    ),
]
_Delivery = Annotated[
    str, typer.Option("--delivery", "-d", help="CNF: rename, forced, initial, decide (each +order) or auto.")
]
_Race = Annotated[bool, typer.Option("--race", help="CNF: guided and stock at once; the first answer wins.")]
_Time = Annotated[float | None, typer.Option("-t", "--time", help="Wall-clock seconds.", min=0.0)]
_Memory = Annotated[str | None, typer.Option("--memory", help="Of the engine, at most: 4G, 512M or bytes.")]
_Solution = Annotated[
    Path | None, typer.Option("--solution", metavar="FILE.sol", help="MILP: where the best solution goes.")
]
_Start = Annotated[Path | None, typer.Option("--start", metavar="FILE.sol", help="MILP: a solution to start from.")]
_Gap = Annotated[float | None, typer.Option("--gap", help="MILP: stop at this gap; 0.01 is 1 %.", min=0.0)]
_Settings = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE.set", help="MILP: a settings file of SCIP.")
]
_Parameters = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="MILP: any parameter of SCIP; repeatable.")
]
_Json = Annotated[str | None, typer.Option("--json", metavar="FILE", help="The run as JSON; - is stdout.")]
_Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No c lines.")]
_Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Stages and statistics.")]
_NoValues = Annotated[bool, typer.Option("-n", "--no-values", help="CNF: no v lines.")]
_Relaxed = Annotated[bool, typer.Option("--relaxed", help="CNF: header counts that disagree only warn.")]
_Force = Annotated[bool, typer.Option("--force", "-f", help="Write the proof even over a CNF file.")]


@app.command()
def solve(
    file: _File,
    proof: _Proof = None,
    format: _Format = None,
    engine: _Engine = "auto",
    guidance: _Guidance = "auto",
    delivery: _Delivery = "auto",
    race: _Race = False,
    time_s: _Time = None,
    memory: _Memory = None,
    seed: SeedOption = 0,
    solution: _Solution = None,
    start: _Start = None,
    gap: _Gap = None,
    settings: _Settings = None,
    parameters: _Parameters = None,
    protocol: ProtocolOption = "default",
    json_file: _Json = None,
    quiet: _Quiet = False,
    verbose: _Verbose = False,
    no_values: _NoValues = False,
    relaxed: _Relaxed = False,
    force: _Force = False,
) -> None:
    """Solve FILE, a CNF or a MILP.

    A CNF gives c, s and v lines as in the SAT competition and exit 10, 20, or 0 for unknown.  A MILP gives a table
    of the search, its status (optimal, infeasible, unbounded, infeasible-or-unbounded, limit) and exit 0.

    A file of more than 8 GiB after decompression is an error; NEUROSOLVE_MAX_BYTES in the environment sets another cap.
    """
    from neurosolve import output
    from neurosolve.milp.instance import kind_of

    kind = kind_of(file, format)
    cnf_only: dict[str, Any] = {
        "engine": engine, "delivery": delivery, "race": race, "proof": proof, "relaxed": relaxed,
    }  # fmt: skip
    milp_only: dict[str, Any] = {
        "solution": solution, "start": start, "gap": gap, "settings": settings,
        "params": parameters, "protocol": protocol,
    }  # fmt: skip
    _refuse(kind, milp_only if kind == "cnf" else cnf_only)
    named = [word.partition(":")[2] for word in (guidance, engine) if word.startswith(("file:", "exec:"))]
    _guard(proof, json_file, solution, [file, settings, start, *named], force)
    told = _Told(quiet, verbose, json_file, values=not no_values)
    limits = {"time_s": time_limit(time_s), "memory_bytes": output.parse_bytes(memory)}
    if kind == "cnf":
        result = _solve_cnf(file, told, limits, guidance=guidance, seed=seed, **cnf_only)
        lines = output.answer_lines(result, quiet=quiet, verbose=verbose and not quiet, values=told.values)
    else:
        from neurosolve import milp_output

        milp_only["params"] = milp_output.parse_parameters(parameters or [])
        result = _solve_milp(file, told, limits, guidance=guidance, seed=seed, format=kind, **milp_only)
        lines = milp_output.answer_lines(result, quiet=quiet, verbose=verbose and not quiet)
    if not told.json_is_stdout:
        emit(lines)  # before a file that may fail to be written
    if json_file is not None:
        write_text(json_file, output.json_text(result.to_json()))
    _refuse_unwritten(solution, result)
    raise typer.Exit(result.status.exit_code)


class _Told:
    """What is said where."""

    def __init__(self, quiet: bool, verbose: bool, json_file: str | None, *, values: bool) -> None:
        self.values, self.json_is_stdout = values, json_file == "-"
        self.talks = not (quiet or self.json_is_stdout)

    def greet(self, file: str, *lines: str) -> None:
        import neurosolve

        if self.talks:
            emit([f"c neurosolve {neurosolve.__version__}: {file}", *(f"c {line}" for line in lines)])


def _refuse(kind: str, options: dict[str, Any]) -> None:
    """Raises UsageError for an option of the other kind; values as they are when nothing was asked."""
    for name, value in options.items():
        if value not in (None, False, "auto", "default", []):
            option = {"proof": "a proof", "params": "--set"}.get(name, f"--{name}")
            hint = f": for its solution write --solution {value}" if name == "proof" else ""
            raise UsageError(f"{option} is not for {'a CNF' if kind == 'cnf' else 'a MILP'}{hint}")


def time_limit(time_s: float | None) -> float | None:
    """What -t says: None, no limit, also where it is longer than the system can wait.  Raises UsageError for nan."""
    if time_s is not None and math.isnan(time_s):
        raise UsageError("a time limit cannot be nan")
    return None if time_s is None or time_s > _LONGEST_S else time_s


def _solve_cnf(file: str, told: _Told, limits: dict[str, Any], **options: Any) -> Any:
    from neurosolve.result import Result, Status

    names = [f"{name} {options[name]}" for name in ("engine", "guidance", "delivery")]
    told.greet(file, ", ".join(names))
    result = Result(Status.UNKNOWN, options["engine"], options["guidance"], None, seed=options["seed"])

    def run(**arguments: Any) -> Any:
        from neurosolve import solving

        return solving.solve(file, **arguments, **options)

    return _interruptibly(run, limits, result, _CNF_GRACE_S)


def _solve_milp(file: str, told: _Told, limits: dict[str, Any], **options: Any) -> Any:
    from neurosolve.milp_output import ProgressTable
    from neurosolve.result import MilpResult, Status

    told.greet(file, f"SCIP, guidance {options['guidance']}, protocol {options['protocol']}")
    result = MilpResult(Status.LIMIT, options["guidance"], options["protocol"], seed=options["seed"])

    def run(**arguments: Any) -> Any:
        from neurosolve import milp_solving

        on_event = ProgressTable(emit) if told.talks else None
        return milp_solving.solve_milp(file, on_event=on_event, **arguments, **options)

    return _interruptibly(run, limits, result, _MILP_GRACE_S)


def _interruptibly(run: Callable[..., Any], limits: dict[str, Any], result: Any, grace_s: float) -> Any:
    """A result in any case: a signal or a limit outside the engine leaves `result`, which knows nothing."""
    from neurosolve.result import Limits

    asked = Limits(**limits)
    result.reason = "time limit"
    with contextlib.suppress(_Interrupted), _interruptible(asked.time_s, result, grace_s):
        import_s, cpu_s = age_s(), time.process_time()
        left_s = None if asked.time_s is None else max(0.0, asked.time_s - import_s)
        result = run(limits=Limits(left_s, asked.memory_bytes))
        result.stages.import_s += import_s
        result.wall_time_s += import_s
        result.cpu_time_s += cpu_s
        return result
    result.wall_time_s, result.cpu_time_s = age_s(), time.process_time()
    return result


@contextlib.contextmanager
def _interruptible(time_s: float | None, result: Any, grace_s: float) -> Iterator[None]:
    """Signals end the Python stages too, and so does a time limit, after an engine's grace to stop."""

    def stop(number: int, frame: Any) -> None:
        if number != signal.SIGALRM:
            result.reason = "signal"
        raise _Interrupted

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    if time_s is not None:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, time_s) + grace_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _guard(
    proof: Path | None, json_file: str | None, solution: Path | None, read: list[str | Path | None], force: bool
) -> None:
    """Raises UsageError for an output that cannot be written, lies where one of `read` does, or is no place for it."""
    if json_file is not None and json_file != "-":
        guard_target("--json", json_file, read)
    if solution is not None:
        guard_target("a solution", solution, read)
    if proof is not None:
        guard_target("a proof", proof, read)
        from neurosolve.milp.instance import kind_by_suffix

        if not force and kind_by_suffix(proof.name) == "cnf":
            raise UsageError(f"{proof} looks like a CNF file: use --force to write a proof there")


def _refuse_unwritten(solution: Path | None, result: Any) -> None:
    """Raises UsageError, now that the answer is told, for a solution that could not be written: so far a warning."""
    if solution is not None and result.values is not None and result.solution is None:
        raise UsageError("; ".join(warning for warning in result.warnings if str(solution) in warning))
