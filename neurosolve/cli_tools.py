"""`neurosolve models`, `doctor` and `batch`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from neurosolve.cli import GuidanceOption, ProtocolOption, RelaxedOption, SeedOption, app, emit
from neurosolve.errors import ModelError, UsageError

MOST_NAMED = 6  # families of a model that a line names

JsonFlag = Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")]


@app.command()
def models(as_json: JsonFlag = False) -> None:
    """The models that are installed, where they lie, and whether `auto` may take them or they go by name only."""
    from neurosolve.output import json_text

    rows = _model_rows()
    if as_json:
        emit([json_text({"models": rows})])
        return
    emit(_model_line(row) for row in rows)
    if not rows:
        emit(["no model installed; looked in:", *(f"  {place}" for place in _places())])


def _places() -> list[str]:
    from neurosolve.models import search_path

    return [str(place) for place in search_path()]


def _model_rows() -> list[dict[str, Any]]:
    """One row a model; `error` says why one cannot be used, `succeeded_by` which one `auto` takes in its place."""
    rows = list(_described_models())
    heirs = {row["succeeds"]: row["name"] for row in rows if row.get("succeeds")}
    for row in rows:
        heir = row["succeeded_by"] = heirs.get(row["name"])
        row["auto"] = not row["error"] and row.pop("has_fingerprint") and heir is None
    return rows


def _described_models() -> Iterator[dict[str, Any]]:
    from neurosolve.infer import load_model
    from neurosolve.models import find_models, kind_of

    for name, directory in find_models().items():
        kind = kind_of(directory) or "sat"  # a damaged one: the reader of formulas' models tells what is wrong
        row: dict[str, Any] = {"name": name, "directory": str(directory), "kind": kind, "error": None}
        try:
            if row["kind"] == "milp":
                from neurosolve.milp.network import load_policy

                digest, config = (policy := load_policy(directory)).hash, policy.config
            else:
                digest, config = (model := load_model(directory)).hash, model.config
        except ModelError as error:
            yield {**row, "error": str(error)}
            continue
        shown = ("families", "family", "network", "engine", "delivery", "rounds", "succeeds")
        known = {"hash": digest, "has_fingerprint": "fingerprint" in config}
        yield {**row, **known, **{key: config.get(key) for key in shown}}


def _model_line(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"{row['name']}: cannot be used: {row['error']}"
    names = row["families"] or [row["family"] or "?"]
    families = ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} families"
    use = f"engine {row['engine']}, delivery {row['delivery']}, {row['rounds']} rounds"
    use = f"branches, network {row['network']}" if row["kind"] == "milp" else use
    heir = f"; auto takes {row['succeeded_by']}" if row["succeeded_by"] else ""
    taken = "auto" if row["auto"] else "by name"
    return (
        f"{row['name']:<20} {row['hash'][:12]}  {taken:<7}  {families}: {use}{heir}\n{'':<20} {row['directory']}"
    )


@app.command()
def doctor(as_json: JsonFlag = False) -> None:
    """Versions, engines found, models and their hashes; exit 1 when a model is damaged."""
    from neurosolve.output import json_text

    report = _diagnosis()
    if as_json:
        emit([json_text(report)])
    else:
        emit(_diagnosis_lines(report))
    if any(row["error"] for row in report["models"]):
        raise typer.Exit(1)


def _diagnosis() -> dict[str, Any]:
    import platform
    import shutil

    from neurosolve.sat.proof import DRAT_TRIM
    from neurosolve.sat.table import ENGINES, is_installed

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)),
        "packages": dict(_packages()),
        "engines": {name: is_installed(engine) for name, engine in ENGINES.items()},
        "drat_trim": shutil.which(DRAT_TRIM),
        "models": _model_rows(),
        "model_places": _places(),
    }


def _packages() -> Iterator[tuple[str, str | None]]:
    """Versions by the packages' metadata: nothing is imported."""
    from importlib.metadata import PackageNotFoundError, version

    wanted = ("neurosolve", "numpy", "scipy", "python-sat", "safetensors", "typer", "zstandard")
    for name in (*wanted, "passagemath-kissat", "pyscipopt", "highspy", "torch", "torch-geometric", "gymnasium"):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, None
    yield "SCIP", _scip_version()


def _scip_version() -> str | None:
    """SCIP's own, by the name of the library that PySCIPOpt's wheel brings along: 10.0 is libscip-HASH.so.10.0."""
    from importlib.metadata import PackageNotFoundError, files

    with contextlib.suppress(PackageNotFoundError):
        names = (path.name for path in files("pyscipopt") or ())
        return next((name.partition(".so.")[2] for name in names if name.startswith("libscip")), None)
    return None


def _diagnosis_lines(report: dict[str, Any]) -> Iterator[str]:
    yield f"Python {report['python']} on {report['platform']}, {report['cpus']} CPUs"
    for name, found in report["packages"].items():
        yield f"  {name:<20} {found or 'not installed'}"
    missing = [name for name, found in report["engines"].items() if not found]
    yield "engines: " + ", ".join(name for name, found in report["engines"].items() if found)
    if missing:
        yield "engines not installed: " + ", ".join(missing)
    yield f"proofs past 10,000 lines: {report['drat_trim'] or 'not checked, drat-trim is not on PATH'}"
    yield f"models: {len(report['models'])}, looked for in {', '.join(report['model_places'])}"
    for row in report["models"]:
        yield "  " + _model_line(row).replace("\n", "\n  ")


@app.command()
def batch(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Every CNF and MILP file under it is solved.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="JSON lines, appended to.")] = Path("batch.jsonl"),
    workers: Annotated[int, typer.Option("--workers", "-w", help="Files at a time.", min=1)] = 1,
    only: Annotated[str | None, typer.Option("--only", metavar="KIND", help="cnf or milp.")] = None,
    engine: Annotated[str, typer.Option("--engine", "-e", help="CNF: as for solve.")] = "auto",
    guidance: GuidanceOption = "auto",
    delivery: Annotated[str, typer.Option("--delivery", "-d", help="CNF: as for solve.")] = "auto",
    race: Annotated[bool, typer.Option("--race", help="CNF: as for solve.")] = False,
    time_s: Annotated[
        float | None, typer.Option("-t", "--time", help="Wall-clock seconds a file.", min=0.0)
    ] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="Of each engine, at most: 4G, 512M or bytes.")] = None,
    seed: SeedOption = 0,
    relaxed: RelaxedOption = False,
    protocol: ProtocolOption = "default",
    gap: Annotated[float | None, typer.Option("--gap", help="MILP: stop at this gap; 0.01 is 1 %.", min=0.0)] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No line for each file.")] = False,
) -> None:
    """Solve every CNF and MILP under DIR, one JSON line each in OUT; what is there already is not solved again.  Files
    that failed are tried again, and make the exit code 1.

    A guidance must be known to every kind of file that is there; --only takes one kind.
    """
    from neurosolve import batch as batches
    from neurosolve.cli_solve import time_limit
    from neurosolve.output import parse_bytes
    from neurosolve.result import Limits

    limits = Limits(time_limit(time_s), parse_bytes(memory))
    job = batches.Job(engine, guidance, delivery, race, seed, limits, relaxed, protocol, gap)
    instances = batches.find_instances(directory, only)
    if not instances:
        raise UsageError(f"no {'CNF or MILP' if only is None else only.upper()} file under {directory}")
    batches.refuse_unknown(job, {batches.kind_of(path) for path in instances})
    counts = {"done": 0, "skipped": 0, "errors": 0}

    def tick(row: dict[str, Any] | None) -> None:
        counts["done"] += 1
        counts["skipped"] += row is None
        counts["errors"] += bool(row and row.get("error"))
        if row is not None and not quiet:
            emit([f"{counts['done']}/{len(instances)} {_row_line(row)}"])

    _die_at_once_on_signals(out)
    batches.run(directory, out, job, workers, tick, only)
    emit([f"{counts['done']} files, {counts['skipped']} found done, {counts['errors']} errors: {out}"])
    if counts["errors"]:
        raise typer.Exit(1)


def _row_line(row: dict[str, Any]) -> str:
    seconds = f" {row['wall_time_s']:.2f} s" if "wall_time_s" in row else ""
    value = "" if row.get("objective") is None else f" {row['objective']:.10g}"
    return f"{row['file']} {row['status']}{value}{seconds}" + (f" ({row['error']})" if row.get("error") else "")


def _die_at_once_on_signals(out: Path) -> None:
    """Rows are on disk and children die with their parent, so the end may be sudden."""

    def stop(number: int, frame: Any) -> NoReturn:
        sys.stdout.flush()
        print(
            f"stopped; {out} keeps what is done, the same command goes on from there",
            file=sys.stderr,
            flush=True,
        )
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
