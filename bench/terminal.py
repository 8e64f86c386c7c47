"""What the commands share on the terminal: the progress bar of a run, how a run ends, tables."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table as RichTable

from bench import runner, tables
from bench.rows import Row
from bench.runner import Outcome, Plan
from bench.suites import Places

console = Console()
Cli = Annotated[str, typer.Option("--cli", help="The command line under test.")]


def places_of(cli: str) -> Places:
    """Where files are, and the command line under test: the one given, else this environment's."""
    return Places.default(shlex.split(cli) if cli else runner.default_cli())


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip


def run_with_bar(plan: Plan, out: Path) -> Outcome:
    """Run the plan into `out`, wrong answers and errors told as they come, and each arm's statuses at the end."""
    total = len(plan.instances) * len(plan.arms) * len(plan.seeds)
    with progress_bar() as bar:
        task = bar.add_task("runs", total=total)

        def tick(row: Row | None) -> None:
            bar.advance(task)
            if row and row["wrong"]:
                bar.console.print(f"[bold red]WRONG ANSWER[/] {row['wrong']}", soft_wrap=True)
            elif row and row["status"] == "ERROR":
                bar.console.print(
                    f"[red]error[/] {row['instance']} {row['arm']}: {row['reason']}", soft_wrap=True
                )

        outcome = runner.run(plan, out, tick)
    console.print(f"{outcome.written} runs written to {out}, {outcome.skipped} were there before")
    for arm, counts in runner.count_by_arm(out).items():
        console.print(
            f"  {arm}: " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        )
    return outcome


def finish(outcome: Outcome) -> None:
    """Exit 1, loudly, on a wrong answer or an instance that could not be had."""
    for text in outcome.missing:
        console.print(f"[red]not run[/] {text}", soft_wrap=True)
    for text in outcome.wrong:
        console.print(f"[bold red]WRONG ANSWER[/] {text}", soft_wrap=True)
    if outcome.wrong or outcome.missing:
        raise typer.Exit(1)


def print_table(table: tables.Table) -> None:
    """A table of the terminal; piped, it is as wide as it needs."""
    shown = RichTable(title=table.title, title_justify="left")
    for index, name in enumerate(table.columns):
        shown.add_column(name, justify="left" if index < 2 else "right", no_wrap=True)
    for row in table.rows:
        shown.add_row(*row)
    wide = Console(width=max(console.width, 240) if not console.is_terminal else None)
    wide.print(shown)
