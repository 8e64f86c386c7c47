"""Training branching networks on made-up nodes, and publishing one that branches."""

from __future__ import annotations

import gzip
import json
import lzma
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from neurosolve.errors import ModelError, UsageError  # noqa: E402
from neurosolve.learn import checkpoint, milp_solve_cost, publish_milp  # noqa: E402
from neurosolve.learn.building import options_of  # noqa: E402
from neurosolve.learn.config import MilpConfig, MilpSolveValidation, read_config  # noqa: E402
from neurosolve.learn.export_milp import export  # noqa: E402
from neurosolve.learn.hand_over import HandOver  # noqa: E402
from neurosolve.learn.loop import BEST, LAST, Report  # noqa: E402
from neurosolve.learn.milp_samples import read_milp_sample, write_milp_sample  # noqa: E402
from neurosolve.learn.placing import FEW, LOST, lost  # noqa: E402
from neurosolve.learn.train import train  # noqa: E402
from neurosolve.learn.train_milp import build_for, load  # noqa: E402
from neurosolve.milp import gate  # noqa: E402
from neurosolve.milp.features import RootGraph  # noqa: E402
from neurosolve.milp.network import load_policy  # noqa: E402
from tests.learn.milp_examples import made_up, small_milps  # noqa: E402
from tests.test_cli import call  # noqa: E402

# Trains, and is killed by its own progress callback right after step 7.
KILLED = """
import json, os, signal, sys
sys.modules["torch.utils.tensorboard"] = None
from neurosolve.learn.config import from_dict
from neurosolve.learn.train import train
def progress(report):
    if report.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
train(from_dict(json.loads(sys.argv[1])), progress=progress)
"""

TOML = """
name = "tiny"
kind = "milp"
network = "mlp"
samples = ["{home}/samples"]
validation = ["{home}/samples"]
out = "{home}/run"
steps = 2
validate_every = 2
network_options = {{ hidden = 8 }}

[solve_validation]
instances = ["{home}/instances"]
count = 1
time_s = 20
start = 0
"""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("samples")
    for seed in range(8):
        write_milp_sample(made_up(seed, graphs=True), directory / f"made_up-{seed}.npz")
    return directory


@pytest.fixture
def config(samples: Path, tmp_path: Path) -> MilpConfig:
    where = [str(samples)]
    return MilpConfig(
        name="tiny", out=str(tmp_path / "run"), samples=where, validation=where, network="film",
        network_options={"width": 8, "hidden": 16}, steps=10, batch_nodes=24, nodes_per_instance=6, warm_up=5,
        learning_rate=1e-2, validate_every=5, checkpoint_every=3, seed=3,
    )  # fmt: skip


def same(a: Path, b: Path) -> bool:
    first, second = checkpoint.load(a)[0], checkpoint.load(b)[0]
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("network", ["film", "mlp", "gcnn"])
def test_it_learns_what_the_expert_does(config: MilpConfig, network: str) -> None:
    reports: list[Report] = []
    options = {"hidden": 16} if network == "mlp" else {"width": 16}
    longer = replace(config, network=network, network_options=options, steps=80, validate_every=40)
    summary = train(longer, progress=reports.append)
    assert summary["step"] == 80 and reports[-1].loss < reports[0].loss
    last = json.loads((config.directory / "history.jsonl").read_text().splitlines()[-1])
    # gcnn sees the column alone, mlp the candidate alone; each tells part of the expert's score
    assert last["top1"] > {"film": 0.7, "mlp": 0.6, "gcnn": 0.25}[network]
    assert last["pscost_top1"] < 0.5 and last["top5"] >= last["top1"] and 0 < last["ratio"] <= 1


def test_sparse_is_fitted_before_the_first_step(config: MilpConfig) -> None:
    train(replace(config, network="sparse", network_options={"num_terms": 6}, steps=1, learning_rate=0.0))
    row = json.loads((config.directory / "history.jsonl").read_text())
    assert row["top1"] > 0.5 > row["pscost_top1"]


def test_killed_and_resumed_gives_the_weights_of_an_uninterrupted_run(config: MilpConfig, tmp_path: Path) -> None:
    whole = replace(config, out=str(tmp_path / "whole"))
    train(whole)
    killed = subprocess.run([sys.executable, "-c", KILLED, json.dumps(config.to_dict())], check=False, timeout=400)
    assert killed.returncode == -9
    assert checkpoint.load(config.directory / LAST)[1]["step"] == 6
    reports: list[Report] = []
    train(config, resume=True, progress=reports.append)
    assert [r.step for r in reports] == [7, 8, 9, 10]
    assert same(config.directory / LAST, whole.directory / LAST)
    assert same(config.directory / BEST, whole.directory / BEST)


def test_a_run_begins_from_a_model_and_has_its_shape(config: MilpConfig, tmp_path: Path) -> None:
    train(replace(config, steps=1))
    options = {"width": 8, "hidden": 16, "agent": "film-q"}  # the last is no option of the network's
    network = build_for(config, load(config, config.samples))
    checkpoint.load_weights(network, config.directory / BEST)
    export(network, {"network": "film", "network_options": options}, "", tmp_path / "model")
    begun = replace(config, out=str(tmp_path / "begun"), initial_weights=str(tmp_path / "model"), network_options={})
    train(replace(begun, steps=1, learning_rate=0.0))
    assert same(begun.directory / BEST, config.directory / BEST)
    assert options_of(begun, {}) == {"width": 8, "hidden": 16}  # what `publish` writes
    with pytest.raises(ModelError, match=r"first.bias is \(16,\) there, \(8,\) by the config's"):
        train(replace(begun, out=str(tmp_path / "other"), network_options={"hidden": 8}))


def test_the_best_checkpoint_is_chosen_by_solving(config: MilpConfig, tmp_path: Path) -> None:
    small_milps(tmp_path / "instances", count=1)
    solve = MilpSolveValidation(instances=[str(tmp_path / "instances")], count=1, measure="nodes", start=0.7)
    train(replace(config, solve_validation=solve))
    rows = [json.loads(line) for line in (config.directory / "history.jsonl").read_text().splitlines()]
    assert "solve_cost" not in rows[0] and rows[1]["solved"] == 1 and rows[1]["best_step"] == 10
    assert rows[1]["solve_ratio"] == pytest.approx((rows[1]["solve_cost"] + 1) / (rows[1]["baseline_cost"] + 1))


def test_a_validation_without_instances_is_refused(config: MilpConfig) -> None:
    with pytest.raises(UsageError, match="no instances"):
        train(replace(config, solve_validation=MilpSolveValidation(count=2)))


def test_validation_takes_every_file_that_solve_takes(tmp_path: Path) -> None:
    (path,) = small_milps(tmp_path / "instances", count=1)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "a.MPS.xz").write_bytes(lzma.compress(gzip.decompress(path.read_bytes())))
    where = [str(tmp_path / "instances"), str(tmp_path / "packed")]
    found = milp_solve_cost.instances(where, 9)
    assert [one.name for one in found] == [path.name, "a.MPS.xz"]
    plain, packed = (milp_solve_cost.solve(one, milp_solve_cost.BASELINE, 20.0, "paper") for one in found)
    assert packed.finished and packed.num_nodes == plain.num_nodes
    (tmp_path / "empty").mkdir()
    for name, why in (("none", "is no directory"), ("empty", "no MPS, LP or CIP file below")):
        with pytest.raises(UsageError, match=why):
            milp_solve_cost.instances([*where, str(tmp_path / name)], 9)


def test_train_publish_and_the_model_branches(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(samples)
    small_milps(tmp_path / "instances", count=1, size=60)
    toml = tmp_path / "tiny.toml"
    toml.write_text(TOML.format(home=tmp_path))
    assert f"{tmp_path / 'run'}: 2 steps in " in call("train", toml).stdout
    out = tmp_path / "models" / "tiny"
    run = call("publish", toml, "--out", out, "--candidates", "any:0:relpscost,0:0:pscost", "--count", 1, "--time", 20)
    assert run.returncode == 0, run.stderr
    written = json.loads((out / "config.json").read_text())
    arms = written["validation"]["arms"]
    assert [(arm["policy"], arm.get("max_depth")) for arm in arms] == [
        ("none", None), ("none", None), ("pscost", None), ("model", None), ("model", 0)]  # fmt: skip
    assert [arm["protocol"] for arm in arms] == ["default", *["paper"] * 4]
    assert all(arm["solved"] == 1 for arm in arms) and arms[3]["ms_per_call"] > 0
    assert (written["fallback"], written["max_depth"]) in (("relpscost", None), ("pscost", 0))
    assert f"fallback {written['fallback']}; by name only" in run.stdout and written["families"] == ["made_up"]
    assert load_policy(out).config == written and "strong branching" in (out / "card.md").read_text()
    card = (out / "card.md").read_text()
    why = LOST if lost(written) else FEW  # one instance is too few for `auto`
    assert "fingerprint" not in written and why in card and why in run.stderr and "ardstick" not in card


def test_a_yardstick_is_never_picked(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(samples)
    small_milps(tmp_path / "instances", count=1, size=60)
    toml = tmp_path / "tiny.toml"
    toml.write_text("yardstick = true\n" + TOML.format(home=tmp_path))
    train(read_config(toml))
    written = publish_milp.publish(toml, tmp_path / "model", ["0:0:pscost"], count=1, time_s=20.0)
    assert "fingerprint" not in written and "`auto` never picks it" in (tmp_path / "model" / "card.md").read_text()
    sample = read_milp_sample(next((tmp_path / "samples").rglob("*.npz")))
    root = RootGraph(sample.column_features, sample.row_features, sample.indptr, sample.indices, sample.coefficients)
    assert not gate.choose(root, {"model": written}).guided


def test_candidates_and_runs_that_are_none(config: MilpConfig, tmp_path: Path) -> None:
    for text in ("8", "deep:0:pscost", "8:0:mostinf"):
        with pytest.raises(UsageError, match="candidate"):
            HandOver.parse(text)
    toml = tmp_path / "tiny.toml"
    toml.write_text(TOML.format(home=tmp_path))
    with pytest.raises(ModelError, match="neurosolve train"):
        publish_milp.publish(toml, tmp_path / "model")
