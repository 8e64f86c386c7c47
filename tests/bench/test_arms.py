"""Arm specs, TOML files, the A/A pair and the command line an arm becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.arms import Arm, Limits, parse_arm, read_arms, with_repeat
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
        (
            "o=cadical195:model:uni:rename:--race -q",
            Arm("o", "cadical195", "model:uni", "rename", ("--race", "-q")),
        ),
        ("o=cadical195:model:uni::--race", Arm("o", "cadical195", "model:uni", None, ("--race",))),
        ("o=cadical195:none:--race", Arm("o", "cadical195", "none", None, ("--race",), stock=True)),
        ("b=exec:/usr/bin/cadical:file:p/{name}.txt", Arm("b", "exec:/usr/bin/cadical", "file:p/{name}.txt")),
    ],
)
def test_specs(spec: str, arm: Arm) -> None:
    assert parse_arm(spec) == arm


@pytest.mark.parametrize("spec", ["", "x=", "cadical195", "x=cadical195", "x=exec", "x=cadical195:model"])
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
    with pytest.raises(BenchError, match="no model called big"):
        with_model_hash(parse_arm("m=e:model:big"), places)
