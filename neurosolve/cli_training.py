"""`neurosolve generate`, `collect`, `train` and `publish`: the command line's only way into families/ and learn/."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosolve.cli import app, emit
from neurosolve.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from neurosolve.families import Family, MilpFamily
    from neurosolve.learn.parallel import Outcome
    from neurosolve.learn.train import Report

collect_app = typer.Typer(help="Label instances for training.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(collect_app, name="collect")


@app.command()
def generate(
    family: Annotated[str | None, typer.Argument(metavar="[FAMILY]", help="Without it: list the families.")] = None,
    size: Annotated[
        str, typer.Option("--size", help="A number, or a named size: train, test, beyond.")
    ] = "train",
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Instances of each size.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first instance; the others count up.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory to write to.")] = Path(),
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KNOB=VALUE", help="A knob of the family; repeatable.")
    ] = None,
) -> None:
    """Write seeded instances of FAMILY: NAME.cnf.gz, and NAME.planted where a solution was planted; or NAME.mps.gz."""
    from neurosolve.families import FAMILIES
    from neurosolve.families.knobs import knobs_of, parsed
    from neurosolve.families.write import write_instance

    if family is None:
        for row in FAMILIES.values():
            told = ", ".join(f"{name}={value}" for name, value in knobs_of(row).items())
            emit([f"{row.name:<16} {row.models}" + (f" [{told}]" if told else "")])
        return
    if family not in FAMILIES:
        raise UsageError(f"unknown family '{family}'; families: {', '.join(FAMILIES)}")
    knobs = parsed(FAMILIES[family], settings or [])
    for number in _sizes(FAMILIES[family], size):
        for one in range(seed, seed + count):
            emit([str(write_instance(FAMILIES[family], number, one, out, knobs))])


def _sizes(family: Family | MilpFamily, text: str) -> tuple[int, ...]:
    if text in family.sizes:
        return tuple(family.sizes[text])
    if text.isdecimal() and int(text) > 0:
        return (int(text),)
    raise UsageError(f"'{text}' is no size of {family.name}: a number, or one of {', '.join(family.sizes)}")


@collect_app.command("sat")
def collect_sat_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="CNF files, or a DataBack directory.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory of samples.")],
    workers: Annotated[int, typer.Option("--workers", "-w", help="Instances at a time.", min=1)] = 1,
    time_s: Annotated[
        float, typer.Option("-t", "--time", help="Seconds of labelling an instance.", min=0.1)
    ] = 60.0,
    labels: Annotated[
        str, typer.Option("--labels", help="all, or some of planted, models, backbone, joined by commas.")
    ] = "all",
    engines: Annotated[
        str | None,
        typer.Option("--engines", help="Asked in turn for assignments, joined by commas; cadical195-walk is one."),
    ] = None,
    assignments: Annotated[int, typer.Option("--assignments", help="Kept of each formula, at most.", min=1)] = 12,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Backbones and diverse assignments of every formula under DIR, one sample each in OUT; resumable.

    planted completes the literals of NAME.planted beside a formula, models asks the engines for diverse
    assignments, backbone asks of every literal that all of them share whether its negation is possible.
    """
    from neurosolve.learn.collect import collect_sat
    from neurosolve.sat.labels import DIVERSE

    asked = tuple(name.strip() for name in engines.split(",")) if engines else DIVERSE
    with _labelling() as tick:
        found = collect_sat(
            directory, out, workers, time_s, labels,
            num_assignments=assignments, engines=asked, seed=seed, progress=tick,
        )  # fmt: skip
    unknown = found.num_written - found.num_satisfiable - found.num_refuted
    emit([f"{found.num_written} written ({found.num_satisfiable} satisfiable, {found.num_refuted} refuted, {unknown} "
          f"undecided), {found.num_skipped} found done, {found.num_errors} errors: {out}"])  # fmt: skip
    if found.num_written and not found.num_satisfiable:
        typer.echo("warning: nothing that was written has a satisfying assignment: no phases to learn", err=True)


@collect_app.command("milp")
def collect_milp_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="MPS, LP or CIP files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory of samples.")],
    workers: Annotated[int, typer.Option("--workers", "-w", help="Instances at a time.", min=1)] = 1,
    share: Annotated[float, typer.Option("--share", help="Share of the nodes to label.", min=0.0, max=1.0)] = 0.05,
    max_nodes: Annotated[int, typer.Option("--max-nodes", help="Labelled nodes of an instance, at most.", min=1)] = 40,
    time_s: Annotated[float, typer.Option("-t", "--time", help="CPU seconds of each instance.", min=0.1)] = 60.0,
    rule: Annotated[
        str, typer.Option("--rule", help="Drives the search: pscost, relpscost, fsb or model:NAME.")
    ] = "pscost",
    follow: Annotated[
        bool, typer.Option("--follow", help="At a labelled node branch as strong branching says.")
    ] = False,
    protocol: Annotated[str, typer.Option("--protocol", help="As for solve.")] = "paper",
    graphs: Annotated[bool, typer.Option("--graphs", help="Keep the LP of each labelled node: gcnn reads it.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Strong branching's scores at a share of the nodes of every MILP under DIR, one sample each in OUT; resumable."""
    from neurosolve import milp_guidance
    from neurosolve.learn.collect_milp import collect_milp
    from neurosolve.milp.sampling import SamplingOptions

    policy = milp_guidance.resolve(rule)
    options = SamplingOptions(share, max_nodes, follow, time_s, seed, graphs)
    with _labelling() as tick:
        found = collect_milp(directory, out, options, workers, policy, protocol, progress=tick)
    emit([f"{found.num_written} written ({found.num_nodes} nodes), {found.num_skipped} found done, "
          f"{found.num_errors} errors: {out}"])  # fmt: skip


@contextlib.contextmanager
def _labelling() -> Iterator[Callable[[Outcome, int, int], None]]:
    """A bar that hears of each instance, how many are done and of how many; errors are told above it."""
    with _progress() as progress:
        bar = progress.add_task("reading", total=None)

        def tick(outcome: Outcome, done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total, description=outcome.name)
            if outcome.error:
                progress.console.print(f"{outcome.name}: {outcome.error}", markup=False, highlight=False)

        yield tick


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml")],
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
) -> None:
    """Train a network as CONFIG.toml says; killed, it goes on with --resume."""
    training = _learning("train")
    from neurosolve.learn.ends import train_lines

    with _progress() as progress:
        bar = progress.add_task("", total=1.0)

        def tick(report: Report) -> None:
            progress.update(
                bar, completed=report.share, description=f"step {report.step} loss {report.loss:.4f}"
            )

        summary: dict[str, Any] = training.main(config, device, resume, tick)
    emit(train_lines(summary, config))


@app.command()
def publish(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The config of a finished training run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model's directory, models/NAME.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Validation instances that are solved.")] = 12,
    candidates: Annotated[
        str | None,
        typer.Option(
            "--candidates", help="SAT: ENGINE:DELIVERY[@CONFIDENCE]; MILP: DEPTH:MARGIN:FALLBACK; joined by commas."
        ),
    ] = None,
    time_s: Annotated[float | None, typer.Option("-t", "--time", help="Seconds of each solve.", min=0.1)] = None,
    distil: Annotated[
        bool, typer.Option("--distil", help="Of a reinforcement run: publish a film that is taught its ranking.")
    ] = False,
) -> None:
    """Make a trained network a model: export it, and choose how it is used on validation instances.

    For SAT an engine and a delivery are chosen, for MILP the depth and margin from which on SCIP branches by itself.
    """
    from neurosolve.learn.config import read_config
    from neurosolve.learn.ends import publish_lines
    from neurosolve.learn.placing import by_name_only

    kind = read_config(config).kind
    if distil and kind != "reinforce":
        raise UsageError(f"--distil is for kind 'reinforce', {config} is of kind '{kind}'")
    modules = {"milp": "publish_milp", "reinforce": "distil" if distil else "publish_reinforce"}
    publishing = _learning(modules.get(kind, "publish"))
    chosen = tuple(name.strip() for name in candidates.split(",")) if candidates else publishing.CANDIDATES
    with _progress() as progress:
        bar = progress.add_task("exporting", total=None)

        def tick(arm: str, done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total, description=arm)

        limit_s = publishing.TIME_S if time_s is None else time_s
        written: dict[str, Any] = publishing.publish(config, out, chosen, count, limit_s, tick)
    if why := by_name_only(written):
        typer.echo(f"warning: {out}: {why}", err=True)
    emit(publish_lines(written, out, publishing.CHOSEN))


def _learning(module: str) -> Any:
    """A module of learn/ that needs torch.  Raises UsageError that says how to get it."""
    try:
        return importlib.import_module(f"neurosolve.learn.{module}")
    except ImportError as error:
        raise UsageError(f"training needs {error.name}: pip install 'neurosolve[train]'") from error


def _progress() -> Progress:
    """A bar on standard error, so that standard output stays a result."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    return Progress(*columns, console=Console(stderr=True))
