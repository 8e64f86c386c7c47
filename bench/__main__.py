"""python -m bench: run, highs, score, report, cards, pack, headroom, and what making.py adds."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from bench import arms as arms_module
from bench import making, suites, tables
from bench.arms import Limits
from bench.hashes import with_model_hash
from bench.kinds import MILP
from bench.rows import BenchError, pack, read_all
from bench.runner import Plan
from bench.suites import Instance
from bench.terminal import Cli, console, finish, places_of, print_table, progress_bar, run_with_bar

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
app.registered_commands += making.app.registered_commands
Configs = Annotated[
    list[str],
    typer.Option(
        "--config", "-c",
        help="NAME=ENGINE:GUIDANCE[:DELIVERY][:OPTIONS], NAME=scip:GUIDANCE[::OPTIONS], or a TOML file.",
    ),
]  # fmt: skip
Baseline = Annotated[
    str | None, typer.Option(help="Arm to compare with; default: the one that was run twice.")
]
Memory = Annotated[float, typer.Option(help="Bytes of each solve; 0: no limit.")]


@app.command()
def run(
    suite: Annotated[list[str], typer.Argument(help="Suite files, or names of files in bench/suites.")],
    config: Configs,
    limit: Annotated[float, typer.Option(help="Wall seconds of each solve.")] = 60.0,
    memory: Memory = 4e9,
    workers: Annotated[int, typer.Option(help="Solves at a time; above 1 their times disturb one another.")] = 1,
    seeds: Annotated[str, typer.Option(help="Comma-separated seeds, each a run of its own.")] = "0",
    reference: Annotated[
        str | None, typer.Option(help="Arm to run twice; default: the first `none`.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only this split of the suites.")] = None,
    first: Annotated[int | None, typer.Option(help="Only the first N instances of each suite.")] = None,
    order_seed: Annotated[int, typer.Option(help="Fixes the random order of instances and arms.")] = 0,
    retry_errors: Annotated[bool, typer.Option("--retry-errors", help="Run again what crashed.")] = False,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Of scip arms: default (SCIP untouched), paper (cuts at the root only, no restarts) or lean (no cuts, "
            "fast heuristics)."
        ),
    ] = None,
    counts: Annotated[
        list[str] | None, typer.Option(help="An arm of which only nodes and iterations count, not the time.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Default: bench/results/SUITE.jsonl; of scip arms SUITE-PROTOCOL.jsonl.")
    ] = None,
    cli: Cli = "",
) -> None:
    """Run every arm on every instance of the suites; started again, it goes on where it stopped."""
    places = places_of(cli)
    settled = arms_module.settle(arms_module.read_arms(config), protocol, counts or [])
    chosen = arms_module.with_repeat(settled, reference)
    instances = choose_instances(suite, split, first)
    plan = Plan(
        instances, [with_model_hash(arm, places) for arm in chosen], Limits(limit, int(memory)), places,
        parse_seeds(seeds), order_seed, workers, retry_errors,
    )  # fmt: skip
    name = "+".join(suites.find_suite(item).stem for item in suite)
    name += f"-{chosen[0].protocol}" if chosen[0].kind is MILP else ""
    finish(run_with_bar(plan, out or Path(f"bench/results/{name}.jsonl")))


def parse_seeds(text: str) -> list[int]:
    """`0,1,2` -> [0, 1, 2].  Raises BenchError for anything else."""
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise BenchError(f"--seeds {text}: want whole numbers with commas between them") from None


def choose_instances(names: list[str], split: str | None, first: int | None) -> list[Instance]:
    """The instances of the suites, each formula once."""
    found: dict[str, Instance] = {}
    for name in names:
        rows = [row for row in suites.read_suite(suites.find_suite(name)) if split in (None, row.split)]
        for row in rows[:first]:
            found.setdefault(row.sha256, row)
    return list(found.values())


@app.command("highs")
def highs_command(
    results: Path,
    limit: Annotated[float, typer.Option(help="Wall seconds of each solve.")],
    memory: Memory = 4e9,
    workers: Annotated[int, typer.Option(help="Solves at a time.")] = 1,
    suite: Annotated[list[str] | None, typer.Option(help="Suites in which instances are looked for first.")] = None,
    cli: Cli = "",
) -> None:
    """Let HiGHS solve the instances of a MILP results file, gap 0; its answers join that file and are compared."""
    from bench import highs

    plan = highs.plan_of(results, Limits(limit, int(memory)), places_of(cli), suite or [])
    finish(run_with_bar(dataclasses.replace(plan, workers=workers), results))


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
    console.print(tables.legend(scored.kind), style="dim")
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
    with progress_bar() as bar:
        each = bar.track(parts, description="sections")
        sections = [report_module.make_section(part, baseline, html is not None) for part in each]
    for path, render in ((html, report_module.html), (markdown, report_module.markdown)):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(sections, command))
            console.print(f"{path}: {path.stat().st_size} bytes")


@app.command("cards")
def cards_command(cli: Cli = "") -> None:
    """Write what bench/results says of each model in models/ into its card, in place of what was said before."""
    from bench.cards import hashes_of, write_cards

    models, results = Path("models"), sorted(Path("bench/results").glob("*.jsonl.xz"))
    for card in write_cards(models, results, hashes_of(models, places_of(cli))):
        console.print(f"{card}: written")


@app.command("pack")
def pack_command(results: list[Path]) -> None:
    """Compress finished results files to .jsonl.xz for the repository."""
    for path in results:
        packed = pack(path)
        console.print(f"{packed}: {packed.stat().st_size} bytes")


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


def main() -> None:
    try:
        app()
    except BenchError as error:
        _fail(str(error))
    except OSError as error:  # a file or a command line that is not there
        _fail(str(error) if error.filename is None else f"{error.filename}: {error.strerror}")


def _fail(problem: str) -> NoReturn:
    Console(stderr=True).print(f"[bold red]error:[/] {escape(problem)}", soft_wrap=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
