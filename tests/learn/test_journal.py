"""What a run writes down: after a kill the steps that are made again are told once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from neurosolve.learn.journal import HISTORY, Journal


def test_rows_of_steps_that_a_kill_took_back_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    first = Journal(tmp_path, -1)
    for step in (0, 10, 20):
        first.row({"step": step, "loss": float("nan")})
    history = tmp_path / HISTORY
    with history.open("a") as file:
        file.write('{"step": 3')  # the kill came here

    def steps() -> list[int]:
        return [json.loads(line)["step"] for line in history.read_text().splitlines()]

    again = Journal(tmp_path, 10)
    assert steps() == [0, 10]
    again.row({"step": 20})
    assert steps() == [0, 10, 20]
    Journal(tmp_path, -1)
    assert steps() == [], "a run that begins has no past"
