from __future__ import annotations

from pathlib import Path

import pytest

from neurosolve import model_files
from neurosolve.errors import ModelError


def test_errors_say_what_to_do_next(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.json: No such file.*neurosolve models"):
        model_files.read_json(tmp_path / "nothing.json")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json is not JSON .*fetch the model again"):
        model_files.read_json(tmp_path / "config.json")
    with pytest.raises(ModelError, match=r"weights\.safetensors is damaged .*fetch the model again"):
        model_files.unpack_weights(tmp_path, b"not weights")


def test_another_version_is_refused(tmp_path: Path) -> None:
    model_files.refuse_version(tmp_path, {"schema": 1}, {"schema": 1})
    for config in ({"schema": 2}, {}):
        with pytest.raises(ModelError, match="this neurosolve reads 1: export the model again"):
            model_files.refuse_version(tmp_path, config, {"schema": 1})
