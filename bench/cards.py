"""The section of a model's card that says what held-out runs found: the scores of docs/results.md, a table a split."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.cells import INSIDE, Table, best_cell, interval, markdown, marked
from bench.hashes import model_hashes
from bench.kinds import MILP, SAT
from bench.report import arm_order
from bench.rows import Row, read_all, run_name
from bench.score import Line, Score, score
from bench.stats import Ratio
from bench.suites import Places

BEGIN = "<!-- Held-out results, written by `python -m bench cards`; edits down to the end mark are lost. -->"
END = "<!-- End of the held-out results. -->"
# A model's hash covers its config.json too: only equal ones are surely the same.
EARLIER = "an earlier network of this name, or this one with an earlier config.json"
INTRO = (
    "## Held-out results\n\n"
    "Every committed run in which this model was asked (in bold), on the families and splits where it was. Ratios are "
    "over the best stock arm of the same instances, with 95% intervals: of time over all of them, of conflicts or "
    f"nodes over those both arms solved (how many in brackets); {INSIDE}: no farther from 1 than the same arm run "
    "twice. What a reader must know of each run, how to read it, and all other columns: docs/results.md."
)


@dataclasses.dataclass(frozen=True)
class Held:
    """One split of one run: its table, and the time over best stock of each arm that was this model."""

    title: str
    table: Table
    times: dict[str, Ratio | None]
    count: int
    earlier: bool


def write_cards(models: Path, results: Sequence[Path], hashes: Mapping[str, str]) -> list[Path]:
    """Write the section into models/*/card.md, in place of the one that is there; `hashes` are the models' by name.

    Returns the cards that changed.
    """
    runs = [(run_name(path), *read_all([path])) for path in sorted(results)]
    changed = []
    for card in sorted(models.glob("*/card.md")):
        name = card.parent.name
        found = [one for run in runs for one in held_out(*run, name, hashes.get(name))]
        before = card.read_text(encoding="utf-8")
        after = with_section(before, section(found))
        if after != before:
            card.write_text(after, encoding="utf-8")
            changed.append(card)
    return changed


def hashes_of(models: Path, places: Places) -> dict[str, str]:
    """Name -> hash of the usable models of both halves in a directory."""
    halves = [model_hashes(places, kind, str(models.resolve())) for kind in (SAT, MILP)]
    return halves[0] | halves[1]


def held_out(run: str, headers: Sequence[Row], rows: Sequence[Row], name: str, digest: str | None) -> list[Held]:
    """What one run says of a model: nothing where it was not asked."""
    asked = [row for row in rows if is_asked(row, name, digest)]
    arms = {row["arm"] for row in asked}
    groups = {(row["family"], row["split"]) for row in asked}
    known = {its_hash for row in asked if (its_hash := _reported(row)[1])}
    earlier = bool(digest and known and digest not in known)
    described = {arm["name"]: _described(arm, rows) for arm in (arm for header in headers for arm in header["arms"])}
    found: list[Held] = []
    for split in sorted({split for _, split in groups}, key=lambda split: (not split.startswith("trained"), split)):
        families = sorted(family for family, of in groups if of == split)
        here = [row for row in rows if row["split"] == split and row["family"] in families]
        scored = score(here, order=arm_order(headers))
        lines = [line for line in scored.lines if line.group == scored.lines[-1].group]  # all of them together
        times = {line.arm: line.best_stock.time if line.best_stock else None for line in lines if line.arm in arms}
        table = _table(scored, lines, {arm: f"**{arm}**: this model" for arm in arms}, described)
        count = max(line.count for line in lines if line.arm in arms)
        found.append(Held(_title(run, split, families, scored), table, times, count, earlier))
    return found


def _title(run: str, split: str, families: Sequence[str], scored: Score) -> str:
    words = [", ".join(families) if len(families) < 4 else f"{len(families)} families"]
    words += [f"protocol {scored.protocol}"] if scored.protocol else []
    return f"{run}, {split} ({', '.join([*words, f'limit {scored.limit_s:g} s'])})"


def is_asked(row: Row, name: str, digest: str | None) -> bool:
    """Whether a run's guidance was this model: by hash or name, as the command line said, else as it was told."""
    model, found = _reported(row)
    return model == name or bool(digest and found == digest)


def _reported(row: Row) -> tuple[str | None, str | None]:
    """The name and hash of the model that guided a run."""
    cli = row["cli"] or {}
    if cli.get("model"):
        return cli["model"], cli.get("model_hash")
    head, _, name = row["guidance"].partition(":")
    return (Path(name).name, row["model_hash"]) if head == "model" else (None, None)


def _described(arm: Row, rows: Iterable[Row]) -> str:
    """An arm that is not this model: engine, guidance and delivery, and the models that `auto` took."""
    words = [arm["engine"], arm["guidance"], arm["delivery"] or "", *arm["extra"]]
    taken = {_reported(row)[0] for row in rows if row["arm"] == arm["name"] and arm["guidance"] == "auto"} - {None}
    words += [f"({', '.join(sorted(map(str, taken)))})"] if taken else []
    return f"{arm['name']}: {' '.join(word for word in words if word)}"


def _table(score: Score, lines: Sequence[Line], own: Mapping[str, str], others: Mapping[str, str]) -> Table:
    """One row an arm, the second half of the A/A pair left out; over the first arm where no stock solver ran."""
    name = "nodes" if score.kind is MILP else "conflicts"
    over = f"over {score.baseline}" if lines[0].best_name is None else "over best stock"
    rows = []
    for line in lines:
        if line.arm.endswith("-again"):
            continue
        rival = line.base if line.best_name is None else line.best_stock
        rows.append(
            [
                own.get(line.arm) or others.get(line.arm, line.arm), str(line.count), str(line.solved),
                best_cell(line) if line.best_name else marked(rival, "time"), marked(rival, name, count=True),
            ]
        )  # fmt: skip
    return Table("", ["arm", "n", "solved", f"time {over}", f"{name} {over}"], rows)


def section(found: Sequence[Held]) -> str:
    """The section's Markdown between its marks; what the model's own hash was run with stands first."""
    if not found:
        return "\n\n".join([BEGIN, "## Held-out results", "No committed run used this model: it is unmeasured.", END])
    ordered = sorted(found, key=lambda one: one.earlier)
    parts = [BEGIN, INTRO, _where_not(ordered)]
    for one in ordered:
        parts += [f"### {one.title}", *([f"With {EARLIER}."] if one.earlier else []), markdown(one.table)]
    return "\n\n".join([*parts, END])


def _where_not(found: Sequence[Held]) -> str:
    """The groups whose interval of the time ratio holds 1 or lies above it, and those timed beside no stock solver."""
    lines, timed = [], 0
    for one in found:
        mark = ", earlier network" if one.earlier else ""
        name = one.title.split(" (")[0]
        for arm, ratio in one.times.items():
            timed += ratio is not None
            if ratio is None:
                lines.append(f"- {name} ({arm}{mark}): not timed beside a stock solver.")
            elif ratio.high >= 1:
                lines.append(f"- {name} ({arm}, {one.count} instances{mark}): {interval(ratio)}.")
    if timed and not any("instances" in line for line in lines):
        lines.insert(0, "- In none of the groups that were timed beside a stock solver.")
    return "\n".join(["Where it does not help (the interval of its time ratio holds 1 or lies above it):", "", *lines])


def with_section(card: str, text: str) -> str:
    """The card with `text` where the section was, else behind everything."""
    before, mark, rest = card.partition(BEGIN)
    behind = rest.partition(END)[2] if mark else ""
    return before.rstrip("\n") + "\n\n" + text + (behind.rstrip("\n") or "") + "\n"
