"""Arm specs, TOML files, the A/A pair and the command line an arm becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.arms import Arm, Limits, parse_arm, read_arms, settle, with_repeat
from bench.hashes import with_model_hash
from bench.rows import BenchError
from bench.suites import Places


@pytest.mark.parametrize(
    ("spec", "arm"),
    [
        ("none=cadical195:none", Arm("none", "cadical195", "none", stock=True)),
        ("kissat:none", Arm("kissat:none", "kissat", "none", stock=True)),
        ("fair=cadical195:none-fair", Arm("fair", "cadical195", "none-fair")),
        ("s=cadical195:preset:sat", Arm("s", "cadical195", "preset:sat", stock=True)),
        ("s=cadical195:preset:rename", Arm("s", "cadical195", "preset", "rename", stock=True)),
        ("w=glucose42:walk:initial", Arm("w", "glucose42", "walk", "initial", stock=True)),
        ("a=cadical195:auto", Arm("a", "cadical195", "auto")),
        ("a=cadical195:auto:tiny:forced", Arm("a", "cadical195", "auto:tiny", "forced")),
        ("a=cadical195:auto:forced+order", Arm("a", "cadical195", "auto", "forced+order")),
        ("s=cadical195:preset:rename+order", Arm("s", "cadical195", "preset", "rename+order", stock=True)),
        ("a=cadical195:auto:tiny:forced+order", Arm("a", "cadical195", "auto:tiny", "forced+order")),
        (
            "o=cadical195:model:uni:rename:--race -q",
            Arm("o", "cadical195", "model:uni", "rename", ("--race", "-q")),
        ),
        ("o=cadical195:model:uni::--race", Arm("o", "cadical195", "model:uni", None, ("--race",))),
        ("o=cadical195:none:--race", Arm("o", "cadical195", "none", None, ("--race",), stock=True)),
        ("none=scip:none", Arm("none", "scip", "none", stock=True)),
        ("scip:pscost", Arm("scip:pscost", "scip", "pscost", stock=True)),
        ("rel=scip:relpscost", Arm("rel", "scip", "relpscost")),
        (
            "ours=scip:model:cuts::--set limits/nodes=5",
            Arm("ours", "scip", "model:cuts", None, ("--set", "limits/nodes=5")),
        ),
        ("b=exec:/usr/bin/cadical:file:p/{name}.txt", Arm("b", "exec:/usr/bin/cadical", "file:p/{name}.txt")),
    ],
)
def test_specs(spec: str, arm: Arm) -> None:
    assert parse_arm(spec) == arm


@pytest.mark.parametrize(
    "spec", ["", "x=", "cadical195", "x=cadical195", "x=exec", "x=cadical195:model", "x=scip:none:rename"]
)
def test_incomplete_specs_are_refused(spec: str) -> None:
    with pytest.raises(BenchError, match="arm"):
        parse_arm(spec)


def test_toml_arms(tmp_path: Path) -> None:
    path = tmp_path / "arms.toml"
    path.write_text(
        '[[arm]]\nname = "none"\nengine = "cadical195"\n'
        '[[arm]]\nname = "fair"\nengine = "cadical195"\nguidance = "none-fair"\n'
        'extra = ["--race"]\nstock = true\n'
    )
    assert read_arms([str(path)]) == [
        Arm("none", "cadical195", "none", stock=True),
        Arm("fair", "cadical195", "none-fair", None, ("--race",), stock=True),
    ]
    path.write_text('[[arm]]\nname = "none"\n')
    with pytest.raises(BenchError, match="engine"):
        read_arms([str(path)])


def test_names_differ() -> None:
    with pytest.raises(BenchError, match="two arms of one name"):
        read_arms(["a=e:none", "a=e:walk"])


def test_the_reference_runs_twice() -> None:
    arms = with_repeat(read_arms(["ours=e:auto", "none=e:none", "other=f:none"]))
    assert [arm.name for arm in arms] == ["ours", "none", "other", "none-again"]
    again = arms[-1]
    assert (again.engine, again.guidance, again.again, again.stock) == ("e", "none", True, False)
    assert [arm.name for arm in with_repeat(arms)] == [arm.name for arm in arms]
    assert with_repeat(arms[:3], "other")[-1].name == "other-again"


def test_a_missing_reference_is_added_on_the_first_engine() -> None:
    arms = with_repeat([parse_arm("ours=e:auto")])
    assert [(arm.name, arm.engine) for arm in arms] == [("none", "e"), ("ours", "e"), ("none-again", "e")]
    with pytest.raises(BenchError, match="no arm is called"):
        with_repeat(arms, "nobody")


def test_the_command() -> None:
    arm = parse_arm("o=cadical195:file:p/{name}.txt:forced:--race")
    assert arm.command(["neurosolve"], Path("x.cnf"), "x", Limits(2.5, 1000), 3) == [
        "neurosolve", "solve", "x.cnf", "--json", "-", "--engine", "cadical195", "--guidance", "file:p/x.txt",
        "--delivery", "forced", "--time", "2.5", "--seed", "3", "--memory", "1000", "--race",
    ]  # fmt: skip


def test_model_hashes_enter_the_arm(places: Places) -> None:
    assert with_model_hash(parse_arm("m=e:model:small"), places).model_hash == "abc"
    assert with_model_hash(parse_arm("n=e:none"), places).model_hash is None
    auto = with_model_hash(parse_arm("a=e:auto"), places).model_hash
    assert auto is not None
    assert len(auto) == 64
    assert with_model_hash(parse_arm("c=scip:model:cuts"), places).model_hash == "def"
    assert with_model_hash(parse_arm("a=scip:auto"), places).model_hash not in (None, auto)
    with pytest.raises(BenchError, match="no model called small"):
        with_model_hash(parse_arm("m=scip:model:small"), places)
    with pytest.raises(BenchError, match="no model called big"):
        with_model_hash(parse_arm("m=e:model:big"), places)


def test_the_command_of_a_milp_arm_has_a_protocol_and_no_engine() -> None:
    (arm,) = settle([parse_arm("o=scip:model:cuts::--gap 0.01")], "paper")
    assert arm.command(["neurosolve"], Path("x.mps.gz"), "x", Limits(60, 1000), 3) == [
        "neurosolve", "solve", "x.mps.gz", "--json", "-", "--guidance", "model:cuts", "--protocol", "paper",
        "--time", "60", "--seed", "3", "--memory", "1000", "--gap", "0.01",
    ]  # fmt: skip


def test_arms_are_settled_for_one_run() -> None:
    arms = settle(read_arms(["none=scip:none", "ours=scip:auto", "fsb=scip:fsb"]), None, ["fsb"])
    assert {arm.protocol for arm in arms} == {"default"}
    assert [(arm.counts_only, arm.stock) for arm in arms] == [(False, True), (False, False), (True, False)]
    repeated = with_repeat(arms)
    assert [(arm.name, arm.protocol) for arm in repeated][-1] == ("none-again", "default")
    (counted,) = settle([parse_arm("ps=scip:pscost")], "paper", ["ps"])
    assert not counted.stock, "what is not timed is no opponent in time"
    assert with_repeat([counted]) == [counted], "where nothing is timed there is no A/A pair"
    added = with_repeat(settle([parse_arm("ours=scip:auto")], "paper"))
    assert [(arm.name, arm.protocol) for arm in added] == [
        ("none", "paper"), ("ours", "paper"), ("none-again", "paper"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("specs", "protocol", "counts", "problem"),
    [
        (["a=scip:none", "b=e:none"], None, [], "side by side"),
        (["b=e:none"], "paper", [], "for arms of scip"),
        (["a=scip:none"], "fast", [], "none of default, paper"),
        (["a=scip:none"], None, ["b"], "no arm is called b"),
    ],
)
def test_what_cannot_run_together(
    specs: list[str], protocol: str | None, counts: list[str], problem: str
) -> None:
    with pytest.raises(BenchError, match=problem):
        settle(read_arms(specs), protocol, counts)


def test_toml_arms_may_be_counted_only(tmp_path: Path) -> None:
    path = tmp_path / "arms.toml"
    path.write_text('[[arm]]\nname = "fsb"\nengine = "scip"\nguidance = "fsb"\ncounts_only = true\n')
    assert read_arms([str(path)]) == [Arm("fsb", "scip", "fsb", counts_only=True)]
