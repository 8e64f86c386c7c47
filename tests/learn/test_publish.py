"""From a training run of two steps to a solve guided by its model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from neurosolve.errors import ModelError, UsageError
from neurosolve.infer import load_model
from neurosolve.learn import contest
from neurosolve.learn import publish as publishing
from neurosolve.learn.placing import FEW, LOST, by_name_only
from neurosolve.model_files import CONFIG_FILE
from neurosolve.sat.cnf import CNF
from tests.formulas import save
from tests.learn.examples import planted_sample
from tests.test_cli import call

CONFIG = """
name = "tiny"
samples = ["{samples}"]
validation = ["{samples}"]
out = "{out}"
network_options = {{ width = 8, hidden = 8 }}
rounds_min = 2
rounds_max = 4
steps = 2
batch_edges = 800
validate_every = 1
"""


@pytest.fixture(scope="module")
def config(sample_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CONFIG.toml of a run that was trained through the command line."""
    home = tmp_path_factory.mktemp("publish")
    path = home / "tiny.toml"
    path.write_text(CONFIG.format(samples=sample_directory, out=home / "run"))
    said = call("train", path).stdout.splitlines()
    assert said[0].startswith(f"{home / 'run'}: 2 steps in ")
    assert " min on 12 samples, 12 of them with phases to learn; the best weights are of step " in said[0]
    assert said[1:] == [f"next: neurosolve publish {path} --out models/run"]
    return path


def test_train_publish_solve(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "models" / "tiny"
    words = ["--candidates", "glucose42:initial,cadical195:rename+order", "--count", 2, "--time", 10]
    run = call("publish", config, "--out", out, *words)
    assert run.returncode == 0, run.stderr
    told, written = run.stdout, json.loads((out / "config.json").read_text())
    assert told.startswith(f"{out}: planted: engine ") and ", rounds 4; by name only: `auto` never takes it" in told
    assert told.endswith(f"\nnext: neurosolve solve FILE --guidance model:{out}\n")
    assert "fingerprint" not in written and by_name_only(written) in (LOST, FEW), "two formulas choose nothing for auto"
    arms = written["validation"]["arms"]
    guided = [(arm["engine"], arm["delivery"]) for arm in arms if arm["guided"]]
    assert guided == [("glucose42", "initial"), ("cadical195", "rename+order")]
    assert (written["engine"], written["delivery"]) in guided
    assert f"engine {written['engine']}, delivery {written['delivery']}" in told
    assert [arm["engine"] for arm in arms if not arm["guided"]][:2] == ["cadical195", "cadical195"]
    assert all(arm["solved"] == 2 for arm in arms) and written["validation"]["formulas"] == 2
    assert written["families"] == ["planted"] and written["training"]["formulas"] == 12
    card = (out / "card.md").read_text()
    assert by_name_only(written) in card and by_name_only(written) in run.stderr and "python -m bench cards" in card
    assert written["engine"] in card and "Where it does not help: unsatisfiable formulas" in card
    assert load_model(out).config == written

    sample = planted_sample(99, 15, 50)
    path = save(CNF(sample.num_variables, sample.literals, sample.offsets), tmp_path / "f.cnf")
    for engine in ("auto", "glucose42", "minisat22"):
        solved = call("solve", path, "-g", f"model:{out}", "-e", engine, "--json", "-")
        row = json.loads(solved.stdout)
        assert solved.returncode == 10 and row["model"] == "tiny" and row["gate"]["guided"]
        ways = {**dict(guided), "minisat22": "rename", "auto": written["delivery"]}
        assert row["delivery"] == ways[engine]
    assert call("solve", path, "-g", f"majority:{out}", "-n", "-q").returncode == 10


def test_a_card_says_where_the_model_does_not_help() -> None:
    config = json.loads((Path(__file__).parents[2] / "models" / "diagnosis" / CONFIG_FILE).read_text())
    told = publishing._where_not(config)
    assert "fewer than 549 or more than 63856 variables" in told
    assert f"Past {config['conflict_bound']} conflicts kissat takes over" in told


def test_a_second_run_names_what_goes_on_and_a_spent_one_has_nothing_to_do(config: Path) -> None:
    run = call("train", config)
    assert run.returncode == 1 and "exists: --resume goes on from it" in run.stderr and 'out = "runs/' in run.stderr
    said = call("train", config, "--resume").stdout.splitlines()
    assert ": 2 steps in " in said[0] and said[1].startswith("nothing was left to do: the budget was spent")
    assert f"in {config}, as steps or minutes" in said[1]


def test_a_run_that_was_not_trained(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(config.read_text().replace('out = "', f'out = "{tmp_path}/nothing'))
    with pytest.raises(ModelError, match=r"best\.safetensors is missing: `neurosolve train"):
        publishing.publish(other, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("candidate", ["glucose42:decide", "glucose42", "minisat22:forced+order"])
def test_candidates_that_are_none(config: Path, tmp_path: Path, candidate: str) -> None:
    with pytest.raises(UsageError, match=f"candidate '{candidate.replace('+', '.')}': .* has rename"):
        publishing.publish(config, tmp_path / "out", [candidate])
    assert not (tmp_path / "out").exists()


def test_an_engine_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "is_installed", lambda engine: engine.name != "kissat")
    assert contest.installed(["kissat:rename", "glucose42:rename"]) == ["glucose42:rename"]
    with pytest.raises(UsageError, match="no engine of kissat:rename is installed"):
        contest.installed(["kissat:rename"])


def test_siblings_set_the_least_mass_only_where_they_are_told_apart() -> None:
    """Masses 0.8 and 0.6 against 0.3: halfway, 0.45; against 0.7 too: nothing tells them apart."""
    judge = contest.Contest.__new__(contest.Contest)
    masses = iter([0.8, 0.6, 0.3, 0.8, 0.6, 0.3, 0.7, 0.8, 0.6])
    judge.graphs = [None, None]  # type: ignore[list-item]
    judge._phases = lambda graph, rounds: SimpleNamespace(mass=next(masses))
    sibling = planted_sample(1, 5, 12)
    assert judge.least_mass(4, [sibling]) == 0.45
    assert judge.least_mass(4, [sibling, sibling]) == 0.0
    assert judge.least_mass(4, []) == 0.0
