"""`neurosolve compare`: one instance stock and guided, each a whole process of this command line."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any, NoReturn

import typer

from neurosolve.cli import GuidanceOption, ProtocolOption, RelaxedOption, SeedOption, app, emit
from neurosolve.comparison import Side, comparison, milp_comparison
from neurosolve.errors import UsageError

STOCK_ENGINE = "cadical195"
_SMALLEST = {  # by kind: solved first and thrown away, or the first side would pay for what the disk has to fetch
    "cnf": "p cnf 1 1\n1 0\n",
    "mps": "NAME one\nROWS\n N cost\n G row\nCOLUMNS\n x cost 1 row 1\nRHS\n RHS row 1\nENDATA\n",
}


@app.command()
def compare(
    file: Annotated[str, typer.Argument(metavar="FILE", help="DIMACS CNF, MPS, LP or CIP, plain or compressed.")],
    engine: Annotated[
        str | None, typer.Option("--engine", "-e", help=f"CNF: of both sides; without it {STOCK_ENGINE} against auto.")
    ] = None,
    guidance: GuidanceOption = "auto",
    time_s: Annotated[float | None, typer.Option("-t", "--time", help="Wall-clock seconds a side.", min=0.0)] = None,
    seed: SeedOption = 0,
    relaxed: RelaxedOption = False,
    protocol: ProtocolOption = "default",
) -> None:
    """Solve FILE stock and guided, print both answers (without v lines) and what guidance was worth.

    A MILP is also solved with pseudocost branching, often the better of SCIP's own rules, under the protocol that the
    model's search went over to: what is left of the gain there is the network's alone.
    """
    if file == "-":
        raise UsageError("compare reads its file more than once: give it a name")
    kind = _refuse(file, engine, guidance, relaxed, protocol)
    signal.signal(signal.SIGTERM, _stop)
    common = ["--no-values", "--seed", str(seed), *(["--relaxed"] if relaxed else [])]
    common += [] if time_s is None else ["--time", str(time_s)]
    if kind == "cnf":
        _warm("cnf", "--engine", engine or STOCK_ENGINE)
        stock = _solve(file, [*common, "--engine", engine or STOCK_ENGINE, "--guidance", "none"])
        emit([""])
        guided = _solve(file, [*common, "--engine", engine or "auto", "--guidance", guidance])
        emit(["", *comparison(stock, guided)])
        return
    _warm("mps")

    def solved(asked: str, under: str) -> Side:
        side = _solve(file, [*common, "--protocol", under, "--guidance", asked])
        emit([""])
        return side

    stock, guided = solved("none", protocol), solved(guidance, protocol)
    adopted = guided.row["adopted"]
    opponent = f"pscost, {adopted}" if adopted else "pscost"
    emit(milp_comparison({"stock": stock, opponent: solved("pscost", adopted or protocol), "guided": guided}))


def _refuse(file: str, engine: str | None, guidance: str, relaxed: bool, protocol: str) -> str:
    """The file's kind; raises UsageError for what one of its solves would refuse, before the first has run."""
    from neurosolve.milp.instance import kind_of

    kind = kind_of(file)
    if kind == "cnf":
        from neurosolve.sat.phases import refuse_silent
        from neurosolve.solving import refuse_unknown

        refuse_unknown(engine or STOCK_ENGINE, guidance, "auto")
        if guidance.startswith("file:"):
            refuse_silent(guidance.removeprefix("file:"))
        if protocol != "default":
            raise UsageError("--protocol is not for a CNF")
    else:
        from neurosolve import milp_guidance

        milp_guidance.resolve(guidance)
        if engine is not None or relaxed:
            raise UsageError(f"--{'engine' if engine else 'relaxed'} is not for a MILP")
    return kind


def _stop(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt


def _warm(kind: str, *options: str) -> None:
    """Have everything that a stock solve loads in the system's cache."""
    import subprocess

    words = ["solve", "-", "--format", kind, "--guidance", "none", *options]
    subprocess.run([sys.executable, "-m", "neurosolve", *words], input=_SMALLEST[kind].encode(), capture_output=True)


def _solve(file: str, options: list[str]) -> Side:
    """One solve in a process of its own, its c and s lines shown as they come."""
    import json
    import subprocess
    import tempfile
    import time
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="neurosolve-") as folder:
        row = Path(folder) / "row.json"
        command = [sys.executable, "-m", "neurosolve", "solve", *options, "--json", str(row), "--", file]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    emit([line.rstrip("\n")])
            except BaseException:
                child.terminate()
                raise
        seconds = time.perf_counter() - started
        if child.returncode not in (0, 10, 20):
            raise typer.Exit(1)  # the child has said why on standard error
        return Side(json.loads(row.read_text(encoding="utf-8")), seconds)
