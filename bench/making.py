"""The commands that say what is to be measured: suite, files, real, real-milp, fetch, manifest, ablate."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from bench import ablation, suites
from bench.rows import BenchError
from bench.suites import Instance, Places
from bench.terminal import Cli, console, places_of

app = typer.Typer()


@app.command()
def suite(
    name: str,
    family: Annotated[str, typer.Option(help="A family of `neurosolve generate`; FAMILY+KNOB=VALUE sets a knob.")],
    sizes: Annotated[list[str], typer.Option(help="SPLIT=SIZE[,SIZE...], e.g. trained-size=20,24")],
    count: Annotated[int, typer.Option(help="Instances of each size.")] = 30,
    first_seed: Annotated[
        int, typer.Option(help="Test seeds start here; training stays below 5,000,000.")
    ] = 5_000_000,
    status: Annotated[
        str, typer.Option(help="SAT or UNSAT where the family fixes it and plants nothing.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Default: bench/suites/NAME.csv.")] = None,
    cli: Cli = "",
) -> None:
    """Write a suite file of one family, with the checksum of every instance."""
    instances = suites.family_suite(
        family, suites.parse_splits(sizes), count, first_seed, status, places_of(cli)
    )
    words = ["--family", family, *(word for item in sizes for word in ("--sizes", item)), "--count", str(count)]
    words += ["--first-seed", str(first_seed), *(["--status", status] if status else [])]
    _write_suite(name, out, instances, ["suite", name, *words])


def _write_suite(name: str, out: Path | None, instances: Sequence[Instance], words: Sequence[str]) -> None:
    """Write the suite to `out`, else bench/suites/NAME.csv, and say so; `words` are the command that made it."""
    path = out or Path(f"bench/suites/{name}.csv")
    suites.write_suite(path, instances, f"Made by: python -m bench {shlex.join(words)}")
    console.print(f"{path}: {len(instances)} instances")


@app.command("files")
def files_command(
    name: str,
    directory: Annotated[Path, typer.Argument(help="Every CNF, MPS, LP or CIP below it becomes an instance.")],
    split: Annotated[str, typer.Option(help="What to call these instances.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Default: bench/suites/NAME.csv.")] = None,
) -> None:
    """Write a suite file of your own instances; `run` wants NEUROSOLVE_DATA=DIRECTORY for it."""
    _write_suite(name, out, suites.directory_suite(directory, split), ["files", name, str(directory)])


@app.command("real")
def real_command(
    out: Annotated[Path, typer.Option(help="Folder of the two files.")] = Path("bench/suites"),
) -> None:
    """Draw the suite of real formulas from $NEUROSOLVE_DATA, and say which others may be trained on."""
    from bench import real

    formulas = real.read_formulas(_data_with("sat/MANIFEST.csv"))
    unseen = real.mark(formulas)
    assert real.__doc__ is not None
    comment = f"Made by: python -m bench real (seed {real.SEED})\n{real.__doc__.strip()}"
    instances = real.suite_of(formulas, unseen)
    suites.write_suite(out / "real.csv", instances, comment)
    real.write_split(out / "real-split.csv", formulas, comment)
    uses = sorted({formula.use for formula in formulas})
    console.print(", ".join(f"{use} {sum(formula.use == use for formula in formulas)}" for use in uses))
    console.print(f"set aside whole: {', '.join(sorted(unseen))}")


@app.command("real-milp")
def real_milp_command(
    out: Annotated[Path, typer.Option(help="Folder of the files.")] = Path("bench/suites"),
) -> None:
    """Write the suites of real MILP instances: MIPLIB, MIPcc23's series in two halves, TreeDQN's."""
    from bench import real_milp

    data = _data_with("milp/MANIFEST.csv")
    assert real_milp.__doc__ is not None
    comment = f"Made by: python -m bench real-milp (seed {real_milp.SEED})\n{real_milp.__doc__.strip()}"
    for name, instances in real_milp.suites_of(real_milp.read_manifest(data)).items():
        suites.write_suite(out / f"{name}.csv", instances, comment)
        console.print(f"{out / name}.csv: {len(instances)} instances")


def _data_with(content: str) -> Path:
    """$NEUROSOLVE_DATA.  Raises BenchError where it is not set; `content` is what must be in it."""
    data = Places.default(()).data
    if data is None:
        raise BenchError(f"set NEUROSOLVE_DATA to the directory that holds {content}")
    return data


@app.command()
def fetch(
    manifest: Path,
    out: Annotated[Path | None, typer.Option(help="Default: runs/fetched/MANIFEST'S NAME.")] = None,
    tries: Annotated[int, typer.Option(help="Of each file.")] = 5,
    suite_out: Annotated[
        Path | None, typer.Option(help="Also write a suite file of what was fetched.")
    ] = None,
) -> None:
    """Download a manifest's files, checked; started again, it goes on where it stopped."""
    from bench import fetch as fetcher
    from bench.manifest import Entry, read_manifest

    entries = read_manifest(manifest)
    folder = out or Places(()).fetched / manifest.stem
    with Progress(console=console) as bar:
        task = bar.add_task("files", total=len(entries))

        def tick(entry: Entry, problem: str | None) -> None:
            bar.advance(task)
            if problem:
                bar.console.print(f"[red]{problem}[/]", soft_wrap=True)

        problems = fetcher.fetch_all(entries, folder, fetcher.Policy(tries), tick)
    there = sum((folder / entry.name).is_file() for entry in entries)
    console.print(f"{there} of {len(entries)} files in {folder}")
    if suite_out:
        fetched = fetcher.as_suite(entries, folder)
        suites.write_suite(suite_out, fetched, f"Made by: python -m bench fetch {manifest}", grows=True)
    if problems:
        raise typer.Exit(1)


@app.command("manifest")
def manifest_command(export: Path, out: Path) -> None:
    """Make a manifest from a benchmark database's CSV export or a track's list of addresses."""
    from bench.manifest import from_export, write_manifest

    entries = from_export(export)
    write_manifest(out, entries, f"Made by: python -m bench manifest {export.name} {out.name}")
    console.print(f"{out}: {len(entries)} files")


@app.command()
def ablate(
    config: Annotated[Path, typer.Argument(help="A training config of kind reinforce without network and seed.")],
    seeds: Annotated[int, typer.Option(help="Runs of each variant.", min=1)] = 3,
    out: Annotated[Path, typer.Option(help="Folder of the runs and of the published agents.")] = Path("runs/ablation"),
    cli: Cli = "",
) -> None:
    """Train and publish the variants of an agent: with and without revival, with and without IWRR.

    Interrupted, the same command goes on.  Then count their nodes: NEUROSOLVE_MODELS=OUT/models python -m bench run ...
    """
    runs = list(ablation.plan(config, seeds, out))
    for number, (name, written) in enumerate(runs, 1):
        console.print(f"{number}/{len(runs)} {name}")
        ablation.make(name, written, out, places_of(cli).cli)
    console.print("arms: " + " ".join(f"-c {name}=scip:model:{name}" for name, _ in runs))
