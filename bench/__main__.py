"""python -m bench: run, score, report, pack, suite, files, real, headroom, fetch, manifest."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bench import arms as arms_module
from bench import runner, suites, tables
from bench.arms import Limits
from bench.hashes import with_model_hash
from bench.rows import BenchError, pack, read_all
from bench.runner import Plan
from bench.suites import Instance, Places
from bench.terminal import console, finish, print_table, run_with_bar

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Cli = Annotated[str, typer.Option("--cli", help="The command line under test.")]
Configs = Annotated[
    list[str],
    typer.Option("--config", "-c", help="NAME=ENGINE:GUIDANCE[:DELIVERY][:OPTIONS] or a TOML file."),
]
Baseline = Annotated[
    str | None, typer.Option(help="Arm to compare with; default: the one that was run twice.")
]
Memory = Annotated[float, typer.Option(help="Bytes of each solve; 0: no limit.")]


def places_of(cli: str) -> Places:
    return Places.default(shlex.split(cli) if cli else runner.default_cli())


@app.command()
def run(
    suite: Annotated[list[str], typer.Argument(help="Suite files, or names of files in bench/suites.")],
    config: Configs,
    limit: Annotated[float, typer.Option(help="Wall seconds of each solve.")] = 60.0,
    memory: Memory = 4e9,
    workers: Annotated[int, typer.Option(help="Solves at a time; above 1 times disturb one another.")] = 1,
    seeds: Annotated[str, typer.Option(help="Comma-separated seeds, each a run of its own.")] = "0",
    reference: Annotated[
        str | None, typer.Option(help="Arm to run twice; default: the first `none`.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only this split of the suites.")] = None,
    first: Annotated[int | None, typer.Option(help="Only the first N instances of each suite.")] = None,
    order_seed: Annotated[int, typer.Option(help="Fixes the random order of instances and arms.")] = 0,
    retry_errors: Annotated[bool, typer.Option("--retry-errors", help="Run again what crashed.")] = False,
    out: Annotated[Path | None, typer.Option(help="Default: bench/results/SUITE.jsonl.")] = None,
    cli: Cli = "",
) -> None:
    """Run every arm on every instance of the suites; started again, it goes on where it stopped."""
    places = places_of(cli)
    chosen = arms_module.with_repeat(arms_module.read_arms(config), reference)
    instances = choose_instances(suite, split, first)
    plan = Plan(
        instances, [with_model_hash(arm, places) for arm in chosen], Limits(limit, int(memory)), places,
        [int(seed) for seed in seeds.split(",")], order_seed, workers, retry_errors,
    )  # fmt: skip
    name = "+".join(suites.find_suite(item).stem for item in suite)
    finish(run_with_bar(plan, out or Path(f"bench/results/{name}.jsonl")))


def choose_instances(names: list[str], split: str | None, first: int | None) -> list[Instance]:
    """The instances of the suites, each formula once."""
    found: dict[str, Instance] = {}
    for name in names:
        rows = [row for row in suites.read_suite(suites.find_suite(name)) if split in (None, row.split)]
        for row in rows[:first]:
            found.setdefault(row.sha256, row)
    return list(found.values())


@app.command("score")
def score_command(
    results: list[Path],
    baseline: Baseline = None,
    measure: Annotated[str, typer.Option(help="wall_s or cpu_s.")] = "wall_s",
) -> None:
    """Print the tables of results files, taken together."""
    from bench.report import arm_order
    from bench.score import score

    headers, runs = read_all(results)
    scored = score(runs, baseline, measure, arm_order(headers))
    for table in tables.tables(scored):
        print_table(table)
    for note in tables.notes(scored):
        console.print(note, style="bold red" if note.startswith("WRONG") else None, soft_wrap=True)
    console.print(tables.LEGEND, style="dim")
    if scored.wrong:
        raise typer.Exit(1)


@app.command()
def report(
    results: list[Path],
    html: Annotated[Path | None, typer.Option(help="One self-contained page with plots.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="The tables as Markdown.")] = None,
    baseline: Baseline = None,
    merge: Annotated[bool, typer.Option(help="Score all files as one run.")] = False,
) -> None:
    """Write the page and the Markdown of results files, a section each."""
    from bench import report as report_module

    command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
    parts = [results] if merge else [[path] for path in results]
    sections = [report_module.make_section(part, baseline, html is not None) for part in parts]
    for path, render in ((html, report_module.html), (markdown, report_module.markdown)):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(sections, command))
            console.print(f"{path}: {path.stat().st_size} bytes")


@app.command("pack")
def pack_command(results: list[Path]) -> None:
    """Compress finished results files to .jsonl.xz for the repository."""
    for path in results:
        packed = pack(path)
        console.print(f"{packed}: {packed.stat().st_size} bytes")


@app.command()
def suite(
    name: str,
    family: Annotated[str, typer.Option(help="A family of `neurosolve generate`.")],
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
    path = out or Path(f"bench/suites/{name}.csv")
    words = [
        "--family",
        family,
        *(word for item in sizes for word in ("--sizes", item)),
        "--count",
        str(count),
    ]
    words += ["--first-seed", str(first_seed), *(["--status", status] if status else [])]
    suites.write_suite(path, instances, "Made by: python -m bench suite " + shlex.join([name, *words]))
    console.print(f"{path}: {len(instances)} instances")


@app.command("files")
def files_command(
    name: str,
    directory: Annotated[Path, typer.Argument(help="Every CNF below it becomes an instance.")],
    split: Annotated[str, typer.Option(help="What to call these instances.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Default: bench/suites/NAME.csv.")] = None,
) -> None:
    """Write a suite file of your own formulas; `run` wants NEUROSOLVE_DATA=DIRECTORY for it."""
    path = out or Path(f"bench/suites/{name}.csv")
    instances = suites.directory_suite(directory, split)
    suites.write_suite(path, instances, "Made by: python -m bench files " + shlex.join([name, str(directory)]))
    console.print(f"{path}: {len(instances)} instances")


@app.command("real")
def real_command(
    out: Annotated[Path, typer.Option(help="Folder of the two files.")] = Path("bench/suites"),
) -> None:
    """Draw the suite of real formulas from $NEUROSOLVE_DATA, and say which others may be trained on."""
    from bench import real

    data = Places.default(()).data
    if data is None:
        raise BenchError("set NEUROSOLVE_DATA to the directory that holds sat/MANIFEST.csv")
    formulas = real.read_formulas(data)
    unseen = real.mark(formulas)
    assert real.__doc__ is not None
    comment = f"Made by: python -m bench real (seed {real.SEED})\n{real.__doc__.strip()}"
    instances = real.suite_of(formulas, unseen)
    suites.write_suite(out / "real.csv", instances, comment)
    real.write_split(out / "real-split.csv", formulas, comment)
    uses = sorted({formula.use for formula in formulas})
    console.print(", ".join(f"{use} {sum(formula.use == use for formula in formulas)}" for use in uses))
    console.print(f"set aside whole: {', '.join(sorted(unseen))}")


@app.command()
def headroom(
    family: str,
    size: Annotated[int, typer.Option()],
    count: Annotated[int, typer.Option(help="Instances, of seeds counted on from --first-seed.")] = 10,
    engines: Annotated[str, typer.Option(help="Comma-separated.")] = "cadical195",
    deliveries: Annotated[
        str, typer.Option(help="Comma-separated; `default` for the engine's own.")
    ] = "rename",
    first_seed: int = 6_000_000,
    limit: float = 60.0,
    memory: Memory = 4e9,
    out: Annotated[Path, typer.Option(help="Folder: FAMILY-sSIZE-ENGINE.jsonl each.")] = Path(
        "runs/headroom"
    ),
    cli: Cli = "",
) -> None:
    """What phases could be worth: true, damaged, and free ones, on a family's instances by seed."""
    from bench import headroom as study

    places, limits = places_of(cli), Limits(limit, int(memory))
    instances = suites.family_suite(family, [("headroom", str(size))], count, first_seed, "", places)
    chosen = [None if item == "default" else item for item in deliveries.split(",")]
    folder = out / "phases"
    with console.status("finding assignments"):
        known = study.prepare(instances, engines.split(",")[0], limits, places, folder)
    console.print(f"{len(known)} of {count} instances have a known assignment; the others are left out")
    for engine in engines.split(","):
        arms = arms_module.with_repeat(study.headroom_arms(engine, chosen, folder))
        path = out / f"{family}-s{size}-{engine}.jsonl"
        outcome = run_with_bar(Plan(known, arms, limits, places), path)
        score_command([path])
        finish(outcome)


@app.command()
def fetch(
    manifest: Path,
    out: Annotated[Path | None, typer.Option(help="Default: runs/fetched/MANIFEST'S NAME.")] = None,
    tries: int = 5,
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
    console.print(f"{len(entries) - len(problems)} of {len(entries)} files in {folder}")
    if suite_out:
        suites.write_suite(
            suite_out, fetcher.as_suite(entries, folder), f"Made by: python -m bench fetch {manifest}"
        )
    if problems:
        raise typer.Exit(1)


@app.command("manifest")
def manifest_command(export: Path, out: Path) -> None:
    """Make a manifest from a benchmark database's CSV export or a track's list of addresses."""
    from bench.manifest import from_export, write_manifest

    entries = from_export(export)
    write_manifest(out, entries, f"Made by: python -m bench manifest {export.name} {out.name}")
    console.print(f"{out}: {len(entries)} files")


def main() -> None:
    try:
        app()
    except BenchError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {error}", soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
