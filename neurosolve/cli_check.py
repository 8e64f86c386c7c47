"""`neurosolve predict` and `check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurosolve.cli import (
    NOT_CHECKED,
    FileArgument,
    GuidanceOption,
    RelaxedOption,
    SeedOption,
    app,
    emit,
    write_text,
)
from neurosolve.errors import UsageError
from neurosolve.targets import guard_target


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
    _guard(cnf_out, out, [file, guidance.removeprefix("file:") if guidance.startswith("file:") else None])
    cnf = read_dimacs(file, relaxed=relaxed)
    guide = guidances.resolve(guidance, cnf, seed=seed)
    formula, row = prediction.describe(cnf, guide, engine)
    if cnf_out is not None:
        prediction.write(formula, cnf_out)
    if out is not None or cnf_out is None:
        write_text(out or "-", output.json_text(row))


def _guard(cnf_out: str | None, out: str | None, read: list[str | None]) -> None:
    """Raises UsageError for outputs that cannot be written, lie where one of `read` does, or share a place."""
    if cnf_out is not None and out is not None and (cnf_out == out or Path(cnf_out).resolve() == Path(out).resolve()):
        raise UsageError(f"the renamed CNF and the JSON cannot both go to {'standard output' if out == '-' else out}")
    for what, target in (("the renamed CNF", cnf_out), ("the JSON", out)):
        if target not in (None, "-"):
            guard_target(what, str(target), read)


@app.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CNF, MPS or LP, plain or compressed; - is stdin.")],
    answer: Annotated[
        Path, typer.Argument(metavar="ANSWER|PROOF|SOL", help="A solver's output, a DRAT proof, a MILP's solution.")
    ],
    of_renamed: Annotated[
        Path | None,
        typer.Option("--renamed", metavar="JSON", help="The answer is to `predict --cnf`'s formula, this is its JSON."),
    ] = None,
    relaxed: RelaxedOption = False,
    format: Annotated[str | None, typer.Option("--format", help="Of FILE: cnf, mps or lp.")] = None,
) -> None:
    """Check an answer, or a proof, against FILE: exit 0 when it holds, 1 when it does not, 3 when nobody could tell.

    Nobody can tell whether a proof past 10,000 lines holds where drat-trim is not on PATH, or an answer without values.
    FILE is a CNF, or a MILP (MPS or LP) with anybody's solution: SCIP's, MIPLIB's, HiGHS's or Gurobi's file.
    """
    from neurosolve import checking

    verdict = checking.check_file(file, answer, of_renamed, relaxed=relaxed, format=format)
    emit(verdict.lines)
    raise typer.Exit({True: 0, False: 1, None: NOT_CHECKED}[verdict.holds])
