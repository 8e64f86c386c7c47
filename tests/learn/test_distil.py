"""A film learns the ranking of a network with memory, and a run is published as either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from neurosolve.learn import distil, publish_reinforce  # noqa: E402
from neurosolve.learn.distil import Distilling, Lesson, asked, begin, judge, teach  # noqa: E402
from neurosolve.learn.networks.film import FilmNet  # noqa: E402
from neurosolve.learn.train import train  # noqa: E402
from neurosolve.learn.trajectories import node_batch  # noqa: E402
from neurosolve.milp.network import Film, load_policy  # noqa: E402
from neurosolve.milp.revival import Revival  # noqa: E402
from tests.learn.played import by_hand, fresh, real, tiny_run  # noqa: E402
from tests.learn.test_reinforce import config_of  # noqa: E402
from tests.test_cli import call  # noqa: E402


def teacher_with_opinions() -> Any:
    """Its memory turns the ranking of film's parts."""
    teacher = fresh("revival", hidden=16, memory=16)
    for layer, size in ((teacher.context_scale, 1.0), (teacher.context_shift, 0.5), (teacher.score, 1.0)):
        torch.nn.init.normal_(layer.weight, std=size)
    return teacher


def test_the_student_begins_as_the_teachers_film_and_ends_nearer_to_it() -> None:
    teacher = teacher_with_opinions()
    played = [real(seed, 0.9) for seed in range(3)] + [by_hand([-1, 0, 0, 1, 1, 2, 2, 3], seed=s) for s in range(3)]
    assert all(len(one) > 5 for one in played)
    for name, value in begin(teacher).state_dict().items():
        assert (value == teacher.state_dict()[name]).all()
    trained = [*played, played[0]]  # what is held out was also seen: learning is tested here, not generality
    student, found = teach(teacher, trained, Distilling(steps=80, batch_nodes=32, batch_episodes=4, validate_every=20))
    assert type(student) is FilmNet and found["held_out"] == 1 and found["after"]["step"] > 0
    assert found["after"]["divergence"] < 0.5 * found["before"]["divergence"]
    assert found["after"]["top1"] > found["before"]["top1"]


def test_scores_that_are_told_are_minus_q() -> None:
    teacher, tree = teacher_with_opinions(), real()
    with torch.no_grad():
        q = teacher(teacher.collate([(tree, np.arange(len(tree)))]))
    np.testing.assert_allclose(asked(teacher, tree), -q.numpy(), atol=1e-6)


def test_a_film_agrees_with_itself() -> None:
    film, tree = fresh("film"), real()
    with torch.no_grad():
        own = film(node_batch([(tree, np.arange(len(tree)))])).numpy()
    told = judge(film, [Lesson(tree, own)], 0.1)  # type: ignore[arg-type]
    assert told["divergence"] == pytest.approx(0, abs=1e-4) and told["top1"] == 1


def test_a_run_is_published_with_memory_and_without(tmp_path: Path) -> None:
    options = {"hidden": 8, "width": 8, "memory": 8, "heads": 2}
    config = config_of(tmp_path / "run", network="revival", episodes=14, network_options=options)
    train(config)
    toml = tmp_path / "tiny.toml"
    toml.write_text(tiny_run(config.directory, "revival", 14, "hidden = 8, width = 8, memory = 8, heads = 2"))
    few = Distilling(steps=5, batch_nodes=16, validate_every=5)
    for module, kind, more in ((publish_reinforce, Revival, {}), (distil, Film, {"options": few})):
        out = tmp_path / kind.__name__
        written = module.publish(toml, out, ("any:0:relpscost",), 1, 20.0, **more)  # type: ignore[attr-defined]
        assert type(load_policy(out)) is kind and load_policy(out).config.items() >= written.items()
        guided = [row for row in written["validation"]["arms"] if row["guided"]]
        assert guided[0]["solved"] == 1
    assert written["distilled"]["from"] == "revival" and "Distilled" in (out / "card.md").read_text()
    other = tmp_path / "other.toml"
    other.write_text('name = "x"\nsamples = ["s"]\nvalidation = ["v"]\nsteps = 1\n')
    run = call("publish", other, "--out", tmp_path / "none", "--distil")
    assert run.returncode != 0 and "--distil is for kind 'reinforce'" in run.stderr
