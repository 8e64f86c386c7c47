"""The held-out section of a model's card, on a small run worked out by hand."""

from __future__ import annotations

import json
import lzma
import math
import shlex
from pathlib import Path
from typing import Any

from bench.cards import BEGIN, EARLIER, END, held_out, section, with_section, write_cards
from bench.rows import Row
from tests.bench.conftest import Bench
from tests.bench.test_score import SAT, UNKNOWN, row

HEADER: Row = {
    "kind": "header",
    "arms": [
        {"name": name, "engine": "e", "guidance": guidance, "delivery": None, "extra": []}
        for name, guidance in (("none", "none"), ("ours", "auto"), ("random", "random"), ("none-again", "none"))
    ],
}


def told(
    arm: str, instance: str, wall_s: float, status: str = SAT, *, by: tuple[str, str] | None = None, **more: Any
) -> Row:
    made = row(arm, instance, wall_s, status, 10, **more)
    if by:
        made["cli"] |= {"model": by[0], "model_hash": by[1]}
    return made


def runs(model: str = "small", digest: str = "abc") -> list[Row]:
    """Two instances of family a at the trained size, twice as fast; one of b, slower; one of c, left alone."""
    found = []
    for instance, split, ours in (
        ("a1", "trained", 1.0),
        ("a2", "trained", 1.0),
        ("b1", "beyond", 7.0),
        ("c1", "beyond", 1.0),
    ):
        found += [told(arm, instance, 3.0, split=split) for arm in ("none", "none-again")]
        found.append(told("random", instance, 15.1, UNKNOWN, split=split))
        by = None if instance == "c1" else (model, digest)
        found.append(told("ours", instance, ours, split=split, by=by))
    return found


def test_a_table_for_each_split_where_the_model_was_asked() -> None:
    trained, beyond = held_out("run", [HEADER], runs(), "small", "abc")
    assert (trained.title, beyond.title) == ("run, trained (a, limit 15 s)", "run, beyond (b, limit 15 s)")
    assert [cells[0] for cells in trained.table.rows] == ["none: e none", "**ours**: this model", "random: e random"]
    ratio = trained.times["ours"]
    assert ratio is not None and math.isclose(ratio.value, 2 / 4) and ratio.count == 2 and not trained.earlier
    assert trained.table.rows[1][1:] == ["2", "2", "0.500 [0.500, 0.500] none", "1.000 [1.000, 1.000] ≈ (2)"]
    assert trained.table.rows[2][2:] == ["0", "4.000 [4.000, 4.000] none", "–"]  # noqa: RUF001
    text = section([trained, beyond])
    assert "- run, beyond (ours, 1 instances): 2.000 [2.000, 2.000]." in text and "- run, trained" not in text


def test_another_hash_is_an_earlier_network_and_another_name_none() -> None:
    assert [one.earlier for one in held_out("run", [HEADER], runs(digest="old"), "small", "abc")] == [True, True]
    assert EARLIER in section(held_out("run", [HEADER], runs(digest="old"), "small", "abc"))
    assert len(held_out("run", [HEADER], runs("other", "abc"), "small", "abc")) == 2  # the same network, renamed
    assert held_out("run", [HEADER], runs("other", "old"), "small", "abc") == []
    assert "No committed run used this model" in section([])


def test_an_arm_with_no_report_is_known_by_its_guidance() -> None:
    crashed = [
        one | {"cli": None, "guidance": "model:small", "model_hash": "abc"} for one in runs() if one["arm"] == "ours"
    ]
    stock = [one for one in runs() if one["arm"] != "ours"]
    assert [len(one.table.rows) for one in held_out("run", [HEADER], crashed + stock, "small", "abc")] == [3, 3]


def test_an_agent_without_a_stock_solver_beside_it_is_not_said_to_help() -> None:
    rows = [one | {"stock": False} for one in runs()]
    found = held_out("run", [HEADER], rows, "small", "abc")
    assert found[0].table.columns[3:] == ["time over none", "conflicts over none"]
    assert "- run, trained (ours): not timed beside a stock solver." in section(found)
    assert "In none of the groups" not in section(found)


def test_a_section_takes_the_place_of_the_one_before() -> None:
    card = "# small\n\nA card.\n"
    once = with_section(card, f"{BEGIN}\n\none\n\n{END}")
    assert once == f"{card}\n{BEGIN}\n\none\n\n{END}\n"
    twice = with_section(once + "\nBehind it.\n", f"{BEGIN}\n\ntwo\n\n{END}")
    assert twice == f"{card}\n{BEGIN}\n\ntwo\n\n{END}\n\nBehind it.\n"


def test_the_command_writes_every_card_and_changes_nothing_the_second_time(
    bench: Bench, cli: tuple[str, ...], tmp_path: Path
) -> None:
    for name in ("small", "cuts"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "card.md").write_text(f"# {name}\n")
    (tmp_path / "bench" / "results").mkdir(parents=True)
    lines = "".join(json.dumps(one) + "\n" for one in [HEADER, *runs()])
    (tmp_path / "bench" / "results" / "run.jsonl.xz").write_bytes(lzma.compress(lines.encode()))
    code, text = bench("cards", "--cli", shlex.join(cli))
    assert code == 0 and "models/small/card.md: written" in text and "models/cuts/card.md: written" in text
    cards = {path: path.read_text() for path in (tmp_path / "models").glob("*/card.md")}
    assert sum("### run, trained" in card for card in cards.values()) == 1
    code, text = bench("cards", "--cli", shlex.join(cli))
    assert (code, text) == (0, "") and all(path.read_text() == card for path, card in cards.items())
    assert write_cards(tmp_path / "nowhere", [], {}) == []


def test_every_shipped_card_has_its_section() -> None:
    cards = sorted((Path(__file__).parents[2] / "models").glob("*/card.md"))
    assert cards and all(card.read_text().count(BEGIN) == card.read_text().count(END) == 1 for card in cards)
