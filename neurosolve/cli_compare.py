"""`neurosolve compare`: one formula stock and guided, each a whole process of this command line."""

from __future__ import annotations

import dataclasses
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer

from neurosolve.cli import FileArgument, GuidanceOption, RelaxedOption, SeedOption, app, emit
from neurosolve.errors import SoundnessError, UsageError

ANSWERED = ("SATISFIABLE", "UNSATISFIABLE")


@dataclasses.dataclass(frozen=True)
class Side:
    """One solve: its JSON row, and the wall seconds of its whole process seen from outside."""

    row: dict[str, Any]
    seconds: float

    @property
    def answered(self) -> bool:
        return self.row["status"] in ANSWERED


@app.command()
def compare(
    file: FileArgument,
    engine: Annotated[str, typer.Option("--engine", "-e", help="Of the stock side.")] = "cadical195",
    guidance: GuidanceOption = "auto",
    time_s: Annotated[float | None, typer.Option("-t", "--time", help="Wall-clock seconds a side.", min=0.0)] = None,
    seed: SeedOption = 0,
    relaxed: RelaxedOption = False,
) -> None:
    """Solve FILE stock and guided, print both answers (without v lines) and what guidance was worth."""
    if file == "-":
        raise UsageError("compare reads its formula twice: give it a file")
    signal.signal(signal.SIGTERM, _stop)
    common = ["--no-values", "--seed", str(seed), *(["--relaxed"] if relaxed else [])]
    common += [] if time_s is None else ["--time", str(time_s)]
    stock = _solve(file, [*common, "--engine", engine, "--guidance", "none"])
    emit([""])
    guided = _solve(file, [*common, "--guidance", guidance])
    emit(["", *comparison(stock, guided)])


def _stop(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt


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


def comparison(stock: Side, guided: Side) -> list[str]:
    """Two lines: engine, seconds and conflicts of both, and what one took of the other's time.

    Raises SoundnessError where one side says satisfiable and the other unsatisfiable.
    """
    if stock.answered and guided.answered and stock.row["status"] != guided.row["status"]:
        raise SoundnessError(f"stock says {stock.row['status']}, guided says {guided.row['status']}")
    return [
        f"stock:  {stock.row['engine']}, {_cost(stock)}",
        f"guided: {guided.row['engine']}, {_guide(guided.row)}, {_cost(guided)}; {_ratio(stock, guided)}",
    ]


def _cost(side: Side) -> str:
    conflicts = side.row["stats"]["num_conflicts"]
    counted = "conflicts not counted" if conflicts is None else f"{conflicts} conflicts"
    return f"{side.seconds:.2f} s, {counted}" + ("" if side.answered else f", no answer ({side.row['reason']})")


def _guide(row: dict[str, Any]) -> str:
    """Who told the engine what, or why nobody did."""
    if row["delivery"] is None:
        return f"not guided ({(row['gate'] or {}).get('reason') or row['guidance']})"
    who = f"model {row['model']}" if row["model"] else row["guidance"]
    return f"{who}, {row['delivery']}"


def _ratio(stock: Side, guided: Side) -> str:
    """guided over stock; a side without an answer only bounds it."""
    ratio = guided.seconds / stock.seconds
    if stock.answered and guided.answered:
        faster = f", {1 / ratio:.1f} times as fast" if ratio < 1 else ""
        return f"{ratio:.2f} of stock's time{faster}"
    if guided.answered:
        return f"less than {ratio:.2f} of stock's time"
    return f"more than {ratio:.2f} of stock's time" if stock.answered else "no answer on either side"
