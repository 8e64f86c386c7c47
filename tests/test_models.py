"""Where models are looked for, and what is said when one is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurosolve.errors import ModelError
from neurosolve.models import CONFIG_FILE, ENVIRONMENT, find_models, model_directory, search_path


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
def test_a_shipped_model_loads_and_says_where_it_comes_from(directory: Path) -> None:
    from neurosolve.infer import load_config, load_model
    from neurosolve.sat.table import find_engine

    config = load_config(directory)
    assert len(load_model(directory).hash) == 64
    assert {"fingerprint", "families", "training", "validation"} <= set(config)
    assert config["delivery"].removesuffix("+order") in find_engine(config["engine"]).deliveries
    card = (directory / "card.md").read_text()
    assert config["engine"] in card and "rained on" in card
    assert json.loads((directory / "network.json").read_text())
