from __future__ import annotations

from pathlib import Path

import pytest

from neurosolve.errors import InputError, UsageError
from neurosolve.learn.config import SolveValidation, TrainConfig, from_dict, read_config

LEAST = {"name": "x", "samples": ["a"], "validation": ["b"], "steps": 5}


def test_a_toml_file_becomes_a_config(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        'name = "x"\nsamples = ["a", "b"]\nvalidation = ["v"]\nminutes = 25\n'
        "[network_options]\nwidth = 32\n[solve_validation]\ncount = 7\n"
    )
    config = read_config(path)
    assert config == TrainConfig(
        name="x", samples=["a", "b"], validation=["v"], minutes=25.0,
        network_options={"width": 32}, solve_validation=SolveValidation(count=7),
    )  # fmt: skip
    assert isinstance(config.minutes, float)
    assert config.directory == Path("runs/x")
    assert from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rat": 1.0}, "unknown key 'learning_rat'.*learning_rate"),
        ({"solve_validation": {"cuont": 1}}, "unknown key 'cuont'"),
        ({"solve_validation": 3}, "must be a table"),
        ({"steps": "many"}, "steps is 'many', not a int"),
        ({"amp": 1}, "amp is 1, not a bool"),
        ({"samples": "a"}, "not a list"),
        ({"steps": 0}, "needs a bound"),
        ({"rounds_min": 9, "rounds_max": 8}, "no range"),
        ({"loss": "hinge"}, "unknown loss"),
        ({"kind": "chess"}, "kind is 'chess'"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_dict(LEAST | change)


def test_missing_keys_and_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing samples, validation"):
        from_dict({"name": "x", "steps": 1})
    with pytest.raises(InputError, match=r"no\.toml: cannot be read: No such file"):
        read_config(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(UsageError, match=r"bad\.toml"):
        read_config(tmp_path / "bad.toml")
