"""Configs of kind reinforce: tables of instances, defaults, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurosolve.errors import LimitError, UsageError
from neurosolve.learn.config import from_dict, read_config
from neurosolve.learn.config_reinforce import Instances, ReinforceConfig
from neurosolve.learn.instance_tables import Draw, optimum_of, written
from tests.learn.milp_examples import small_milps

TOML = """
name = "two"
kind = "reinforce"
minutes = 1
horizon = 3

[[instances]]
family = "facilities"
size = 5
knobs = { facilities = 6, ratio = 4 }
count = 10
objective_limit = true
weight = 3

[[instances]]
family = "knapsack"
size = 3
seed = 7
count = 1

[[validation_instances]]
family = "knapsack"
size = 3
seed = 100
count = 2

[solve_validation]
seeds = 2
"""


def table(**changes: Any) -> dict[str, Any]:
    return {
        "name": "x", "kind": "reinforce", "steps": 1, "instances": [{"family": "knapsack", "size": 3, "count": 2}],
        "validation_instances": [{"family": "knapsack", "size": 3, "count": 1}], **changes,
    }  # fmt: skip


def test_a_toml_with_several_families(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(TOML)
    config = read_config(tmp_path / "two.toml")
    assert isinstance(config, ReinforceConfig) and config.network == "film-q" and config.solve_validation.seeds == 2
    facilities, knapsack = config.instances
    assert facilities.knobs == {"facilities": 6, "ratio": 4.0} and facilities.objective_limit
    assert facilities.name == "facilities+facilities=6+ratio=4.0-5" and not knapsack.objective_limit
    assert from_dict(config.to_dict()) == config, "a config survives its own dictionary"


def test_exploration_falls_to_its_end() -> None:
    config = from_dict(table(exploration_start=0.5, exploration_end=0.1, exploration_share=0.5))
    assert isinstance(config, ReinforceConfig)
    assert [config.exploring(share) for share in (0, 0.25, 0.5, 1)] == pytest.approx([0.5, 0.3, 0.1, 0.1])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"steps": 0}, "bound"),
        ({"instances": []}, "needs"),
        ({"instances": [{"family": "knapsack", "size": 3}]}, "count"),
        ({"instances": [{"family": "knapsak", "size": 3, "count": 1}]}, "unknown family"),
        ({"instances": [{"size": 3}]}, "a family or a directory"),
        ({"instances": [{"family": "knapsack", "size": 3, "count": 1, "knobs": {"item": 9}}]}, "no knob"),
        ({"instances": [{"family": "knapsack", "size": 3, "count": 1, "sede": 9}]}, "unknown key 'sede'"),
        ({"instances": [3]}, "are tables"),
        ({"loss": "l2"}, "unknown loss"),
        ({"cost": "seconds"}, "unknown cost"),
        ({"cost": "lp_iterations", "depth_first": False}, "needs depth_first"),
        ({"redistribution": "bound", "redistribution_weight": 1.5}, "between 0 and 1"),
        ({"solve_validation": {"protocol": "papper"}}, "unknown protocol"),
        ({"solve_validation": {"seeds": 0}}, "seeds"),
        ({"imitation_weight": 1.0}, "initial_weights"),
        ({"workers": 0}, "at least 1"),
        ({"solve_validation": {"sedes": 3}}, "unknown key 'sedes'"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        from_dict(table(**changes))


def test_instances_are_drawn_by_weight_and_again_the_same(tmp_path: Path) -> None:
    small_milps(tmp_path / "files", count=3)
    files_table = Instances(directory=str(tmp_path / "files"))
    tables = [Instances(family="knapsack", size=3, seed=5, count=2, weight=3.0), files_table]
    draw = Draw(tables)
    drawn = [draw(1, episode) for episode in range(200)]
    assert drawn == [draw(1, episode) for episode in range(200)]
    generated = [one for one in drawn if one.path is None]
    assert 120 < len(generated) < 180 and {one.seed for one in generated} == {5, 6}
    files = {one.name: one for one in drawn if one.path is not None}
    assert sorted(files) == ["auctions-40-0", "auctions-40-1", "auctions-40-2"]
    assert (one := files["auctions-40-2"]).family == "auctions" and (one.size, one.seed) == (40, 2)
    paths = written(tables, tmp_path / "new")
    assert [path.name.split("-")[0] for path in paths] == ["knapsack", "auctions", "knapsack", "auctions", "auctions"]
    with pytest.raises(UsageError, match="is no directory"):
        Draw([Instances(directory=str(tmp_path / "none"))])


def test_an_optimum_is_computed_once(tmp_path: Path) -> None:
    drawn = Draw([Instances(family="knapsack", size=2, count=1, knobs={"items": 10})])(0, 0)
    source = drawn.source()
    value = optimum_of(drawn, source, tmp_path, 60.0, "lean")
    (file,) = tmp_path.iterdir()
    assert value > 0 and file.name == "knapsack+items=10-2.jsonl"
    file.write_text(file.read_text().replace(str(value), "123.0"))
    assert optimum_of(drawn, source, tmp_path, 60.0, "lean") == 123.0, "it is looked up"
    file.write_text('{"instance": "0", "optimum": null, "time_s": 60.0}\n')
    with pytest.raises(LimitError, match="no optimum"):
        optimum_of(drawn, source, tmp_path, 60.0, "lean")
    assert optimum_of(drawn, source, tmp_path, 61.0, "paper") == value, "with more time it is tried again"
