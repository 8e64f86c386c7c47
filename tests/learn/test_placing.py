"""A model takes its place whole, or what was there stays; and without a win it is by name only."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from neurosolve.learn import export_milp, placing, publish_milp  # noqa: E402
from neurosolve.learn.hand_over import Contest  # noqa: E402
from neurosolve.learn.placing import FEW, LEAST, LOST, built_beside, by_name_only, judged, lost  # noqa: E402
from tests.learn.milp_examples import made_up, small_milps  # noqa: E402
from tests.learn.test_train_milp import TOML  # noqa: E402
from tests.test_cli import call  # noqa: E402


def files(directory: Path) -> dict[str, str]:
    return {str(one.relative_to(directory)): one.read_text() for one in directory.rglob("*") if one.is_file()}


def test_files_take_their_places_and_others_stay(tmp_path: Path) -> None:
    out = tmp_path / "models" / "m"
    out.mkdir(parents=True)
    (out / "train.toml").write_text("kept")
    (out / "config.json").write_text("old")
    with built_beside(out) as place:
        (place / "config.json").write_text("new")
        (place / "card.md").write_text("new")
        assert files(out) == {"train.toml": "kept", "config.json": "old"} and place.name == "m"
        assert not [one for one in out.parent.iterdir() if (one / "config.json").is_file() and one != out]
    assert files(out.parent) == {"m/train.toml": "kept", "m/config.json": "new", "m/card.md": "new"}


def test_a_crash_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("old")
    for out in ("m", "none"):
        with pytest.raises(KeyboardInterrupt), built_beside(tmp_path / out) as place:
            (place / "config.json").write_text("new")
            raise KeyboardInterrupt
    assert files(tmp_path) == {"m/config.json": "old"} and [one.name for one in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize(("guided", "beaten"), [((3.0, 1.0), False), ((3.0, 2.0), True), ((9.0, 9.0), True)])
def test_one_guided_row_has_to_beat_every_stock_row(guided: tuple[float, ...], beaten: bool) -> None:
    rows = [{"guided": False, "cpu_s": 2.0}, {"guided": False, "cpu_s": 4.0}]
    rows += [{"guided": True, "cpu_s": seconds} for seconds in guided]
    config = {"fingerprint": {}, "validation": {"instances": LEAST, "arms": rows}}
    assert lost(config) is beaten and ("fingerprint" in judged(config)) is not beaten
    for key in ("instances", "formulas"):
        few = {"fingerprint": {}, "validation": {key: LEAST - 1, "arms": rows}}
        assert "fingerprint" not in judged(few) and by_name_only(few) == (LOST if beaten else FEW)
    assert not lost({"fingerprint": {}}) and judged({"fingerprint": {}}) == {"fingerprint": {}}


def test_weights_have_the_usual_mode(tmp_path: Path) -> None:
    export_milp.export_weights({"w": torch.zeros(2)}, {"network": "mlp"}, "", tmp_path)
    modes = {one.name: one.stat().st_mode for one in tmp_path.iterdir()}
    assert modes["weights.safetensors"] == modes["config.json"]


def test_a_branching_model_that_lost_and_one_that_crashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosolve.learn.milp_samples import write_milp_sample

    (tmp_path / "samples").mkdir()
    write_milp_sample(made_up(0), tmp_path / "samples" / "made_up-0.npz")
    small_milps(tmp_path / "instances", count=1, size=60)
    toml, out = tmp_path / "tiny.toml", tmp_path / "model"
    toml.write_text(TOML.format(home=tmp_path))
    assert call("train", toml).returncode == 0
    real = Contest.run

    def contest(*asked: Any) -> list[dict[str, Any]]:
        return [{**row, "cpu_s": seconds if row["guided"] else 2.0} for row in real(*asked)]

    monkeypatch.setattr(Contest, "run", contest)
    monkeypatch.setattr(placing, "LEAST", 1)
    for seconds in (1.0, 3.0):
        written = publish_milp.publish(toml, out, ["0:0:pscost"], 1, 20.0)
        assert ("fingerprint" in written) is (seconds < 2) is (LOST not in (out / "card.md").read_text())
        assert json.loads((out / "config.json").read_text()).items() >= written.items()
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    monkeypatch.setattr(Contest, "run", lambda *_: SimpleNamespace().crash)
    with pytest.raises(AttributeError):
        publish_milp.publish(toml, out, ["0:0:pscost"], 1, 20.0)
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before


@pytest.mark.parametrize(("integral", "beaten"), [(300.0, False), (500.0, True), (600.0, True)])
def test_where_nothing_ends_the_integral_decides(integral: float, beaten: bool) -> None:
    stock = [{"guided": False, "cpu_s": 60.0, "integral": value} for value in (900.0, 500.0)]
    rows = [*stock, {"guided": True, "cpu_s": 60.0, "integral": integral}]
    assert lost({"validation": {"instances": LEAST, "arms": rows}}) is beaten
    assert not lost({"validation": {"instances": LEAST, "arms": [*stock, {**rows[-1], "cpu_s": 59.0}]}}), "it ended"
