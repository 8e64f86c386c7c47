"""Where models are looked for, and what is said when one is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurosolve.errors import ModelError
from neurosolve.model_files import CONFIG_FILE
from neurosolve.models import ENVIRONMENT, find_models, kind_of, model_directory, search_path


def make(directory: Path) -> Path:
    directory.mkdir(parents=True)
    (directory / CONFIG_FILE).write_text("{}")
    return directory


def test_given_places_come_first_and_may_be_models_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many, own, hidden = make(tmp_path / "many" / "a"), make(tmp_path / "b"), make(tmp_path / "later" / "a")
    (tmp_path / "many" / "empty").mkdir()
    monkeypatch.setenv(ENVIRONMENT, f"{tmp_path / 'many'}:{own}:{hidden.parent}:{tmp_path / 'nowhere'}")
    found = find_models()
    assert found["a"] == many and found["b"] == own and "empty" not in found
    assert search_path()[:2] == [tmp_path / "many", own]
    assert model_directory("b") == own and list(found) == sorted(found)


def test_a_path_is_a_model_where_it_has_a_config(tmp_path: Path) -> None:
    assert model_directory(str(make(tmp_path / "mine"))) == tmp_path / "mine"
    with pytest.raises(ModelError, match=r"it has no config\.json"):
        model_directory(str(tmp_path))


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "mine")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    with pytest.raises(ModelError, match=r"no model named 'other'; models: .*mine"):
        model_directory("other")


SHIPPED = [path for path in search_path()[-2].glob("*") if (path / CONFIG_FILE).is_file()]


@pytest.mark.parametrize("directory", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_model_says_where_it_comes_from(directory: Path) -> None:
    """A network of one family has a fingerprint for the gate; one of many, a yardstick, or a tuned one that does not
    succeed its start is asked for by name."""
    config, card = json.loads((directory / CONFIG_FILE).read_text()), (directory / "card.md").read_text()
    assert {"families", "training", "validation"} <= set(config) and ("rained on" in card or "earnt from" in card)
    by_name = len(config["families"]) > 1 or config["network"] == "neuroback"
    trained = config["training"]["config"]
    by_name = by_name or trained.get("yardstick", False) or ("start" in trained and not trained.get("succeeds"))
    assert ("fingerprint" in config) != by_name


@pytest.mark.parametrize("directory", [d for d in SHIPPED if kind_of(d) == "sat"], ids=lambda path: path.name)
def test_a_shipped_model_of_formulas_loads(directory: Path) -> None:
    from neurosolve.infer import load_config, load_model
    from neurosolve.sat.table import find_engine

    config = load_config(directory)
    assert len(load_model(directory).hash) == 64
    assert config["delivery"].removesuffix("+order") in find_engine(config["engine"]).deliveries
    assert config["engine"] in (directory / "card.md").read_text()
    assert json.loads((directory / "network.json").read_text())


@pytest.mark.parametrize("directory", [d for d in SHIPPED if kind_of(d) == "milp"], ids=lambda path: path.name)
def test_a_shipped_model_of_branching_loads(directory: Path) -> None:
    from neurosolve.milp.network import load_policy

    policy = load_policy(directory)
    assert len(policy.hash) == 64 and {"max_depth", "margin", "fallback"} <= set(policy.config)
