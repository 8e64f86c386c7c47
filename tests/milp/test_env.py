"""The branching environment: gymnasium's contract, the same trajectory twice, observations, limits, files."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from neurosolve.errors import InputError, UsageError  # noqa: E402
from neurosolve.milp.env import ENV_ID, BranchingEnv, register  # noqa: E402
from neurosolve.milp.features import NODE_FEATURES, Candidates, RootGraph  # noqa: E402
from neurosolve.milp.network import load_policy  # noqa: E402
from tests.milp.branching_env import EASY, Step, cover, first, make, play, same, threads, tree  # noqa: E402
from tests.milp.problems import mps_of, small  # noqa: E402
from tests.milp.tiny_policy import write_policy  # noqa: E402


def test_gymnasium_is_content() -> None:
    register()
    register()
    env = gymnasium.make(ENV_ID, instances=cover, params=EASY, max_candidates=40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


def test_the_same_seed_gives_the_same_trajectory() -> None:
    def run(seed: int) -> list[Step]:
        random = np.random.default_rng(0)
        env = make(scip_seed=None)
        pick = lambda info: int(random.choice(np.flatnonzero(info["action_mask"])))  # noqa: E731
        return play(env, seed, choose=pick) + play(env, choose=pick) + play(env, choose=pick)

    one, two, other = run(5), run(5), run(6)
    assert len(one) == len(two) > 10
    assert all(same(a, b) for step, again in zip(one, two, strict=True) for a, b in zip(step, again, strict=True))
    assert [step[2]["instance"] for step in one] != [step[2]["instance"] for step in other]


def test_observations_are_what_the_space_says() -> None:
    env = make()
    for observation, _, info in play(env, seed=3):
        assert observation in env.observation_space
        count = int(observation["action_mask"].sum())
        assert np.array_equal(info["action_mask"], observation["action_mask"])
        assert count == info["num_candidates"] and not observation["features"][count:].any()
        assert (observation["columns"][:count] >= 0).all() and (observation["columns"][count:] == -1).all()
        assert bool(count) == bool(observation["features"].any()) == (not info["is_finished"])


def test_any_choice_ends_in_the_same_optimum() -> None:
    random = np.random.default_rng(1)
    problem, values = tree(), set()
    for choose in (first, lambda info: int(random.choice(np.flatnonzero(info["action_mask"]))), lambda info: -1):
        steps = play(make(), options={"problem": problem}, choose=choose)
        values.add(round(steps[-1][2]["primal_bound"], 6))
        assert {step[2]["is_handed_over"] for step in steps[1:]} == {choose(steps[0][2]) == -1}
    assert len(values) == 1


def test_the_best_of_too_many_candidates() -> None:
    problem, few, all_ = tree(), make(max_candidates=3), make()
    observation, info = few.reset(options={"problem": problem})
    everything, _ = all_.reset(options={"problem": problem})
    score = NODE_FEATURES.index("score_to_max")
    best = np.sort(everything["features"][:, score])[-3:]
    assert info["num_candidates"] > 3 and info["action_mask"].sum() == 3
    assert np.array_equal(np.sort(observation["features"][:, score]), best)
    few.close()
    all_.close()


def test_the_expert_changes_nothing() -> None:
    def best(info: dict[str, Any]) -> int:
        assert info["expert_scores"].shape == (info["num_candidates"],)
        return int(np.nanargmax(info["expert_scores"]))

    taken: list[int] = []
    asked = play(make(strong_branching=True), seed=2, choose=lambda info: taken.append(best(info)) or taken[-1])
    again = iter(taken)
    alone = play(make(), seed=2, choose=lambda info: next(again))
    for (one, _, info), (other, _, plain) in zip(asked, alone, strict=True):
        info.pop("expert_scores", None)
        assert same(one, other) and same(info, plain)


def test_raw_arrays_serve_a_network(tmp_path: Path) -> None:
    policy = load_policy(write_policy(tmp_path / "tiny"))
    env = make(raw=True)
    _, info = env.reset(seed=1)
    assert isinstance(info["root"], RootGraph) and isinstance(info["candidates"], Candidates)
    assert info["candidates"].variables[0].startswith("t_x")
    policy.at_root(info["root"])
    steps = play(env, seed=1, choose=lambda info: int(policy.scores(info["candidates"]).argmax()))
    assert steps[-1][2]["status"] == "optimal" and "candidates" not in steps[-1][2]


def test_asking_scip() -> None:
    env = make()
    with pytest.raises(UsageError, match="no decision"):
        env.ask(lambda scip, candidates: 0)
    _, info = env.reset(seed=1)
    assert env.ask(lambda scip, candidates: (scip.getNLPIterations(), len(candidates))) == (
        info["num_lp_iterations"], info["num_candidates"],
    )  # fmt: skip
    with pytest.raises(ZeroDivisionError):
        env.ask(lambda scip, candidates: 1 // 0)
    env.step(first(info))
    env.close()


def test_limits_truncate() -> None:
    problem = {"problem": tree()}
    full = play(make(), options=problem)[-1][2]["num_nodes"]
    assert full > 10
    ends = {
        "nodes": make(node_limit=5), "steps": make(step_limit=3), "time": make(time_s=0.0),
        "stop": make(stop=lambda info: info["depth"] >= 2), "scip": make(),
    }  # fmt: skip
    ends["scip"].search.params["limits/totalnodes"] = 5  # type: ignore[index]
    for name, env in ends.items():
        _, info = env.reset(options=problem)
        truncated, count = False, 0
        while not truncated:
            _, _, terminated, truncated, info = env.step(first(info) if info["num_candidates"] else 0)
            count += 1
            assert not terminated
        assert info["num_nodes"] < full
        assert info["is_finished"] == (name not in ("steps", "stop"))
        assert name != "steps" or count == 3
        assert name != "stop" or info["depth"] == 2
        with pytest.raises(UsageError, match="reset"):
            env.step(0)


@pytest.mark.parametrize("kind", [gymnasium.vector.SyncVectorEnv, gymnasium.vector.AsyncVectorEnv])
def test_several_at_once(kind: Any) -> None:
    alone = play(make(), seed=1)
    env = kind([make, make])
    observations, infos = env.reset(seed=[1, 1])
    for step in range(len(alone) - 1):
        assert (infos["num_nodes"] == alone[step][2]["num_nodes"]).all()
        assert np.array_equal(observations["features"][1], alone[step][0]["features"])
        observations, rewards, ends, _, infos = env.step(np.full(2, first(alone[step][2])))
        assert (rewards == alone[step + 1][1]).all()
    assert ends.all()
    env.close()
    assert threads() == 0


def test_an_instance_without_a_decision() -> None:
    env = make()
    observation, info = env.reset(options={"problem": small()})
    assert info["is_finished"] and info["status"] == "optimal" and not observation["action_mask"].any()
    observation, reward, terminated, truncated, info = env.step(0)
    assert terminated and not truncated and reward == 0.0
    drawn = []
    env = make(instances=lambda seed: drawn.append(seed) or (small() if len(drawn) < 3 else cover(1)))
    _, info = env.reset(seed=0)
    assert len(drawn) == 3 and info["num_candidates"] > 0
    env.close()


def test_files(tmp_path: Path) -> None:
    paths = [tmp_path / "a.mps", tmp_path / "b.mps.gz"]
    paths[0].write_bytes(mps_of(cover(1)))
    paths[1].write_bytes(gzip.compress(mps_of(cover(2))))
    env = make(instances=paths)
    seen = {play(env, seed)[0][2]["instance"] for seed in range(6)}
    assert seen == {str(path) for path in paths}
    named = play(make(), options={"path": str(paths[1])})
    direct = play(make(), options={"problem": cover(2)})
    assert [step[2]["num_nodes"] for step in named] == [step[2]["num_nodes"] for step in direct]
    paths[0].write_bytes(mps_of(cover(1)).replace(b"  r20  1.0", b"  r20  2.x", 1))
    with pytest.raises(InputError, match=r"a\.mps:\d+: parse error"):
        make().reset(options={"path": paths[0]})
    with pytest.raises(InputError, match=r"gone\.mps"):
        make().reset(options={"path": tmp_path / "gone.mps"})
    for options in ({"file": "a"}, {"path": "a", "problem": small()}, {"optimum": 1.0}):
        with pytest.raises(UsageError, match="options of reset"):
            make().reset(options=options)
    with pytest.raises(UsageError, match="needs instances"):
        make(instances=[])
    with pytest.raises(UsageError, match="no parameter 'no/such'"):
        BranchingEnv(cover, params={"no/such": 1}).reset()
