"""The branching environment: gymnasium's contract, rewards that add up, the same trajectory twice, and clean ends."""

from __future__ import annotations

import gc
import gzip
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyscipopt import Model

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from neurosolve.errors import InputError, UsageError  # noqa: E402
from neurosolve.families import auctions, set_cover  # noqa: E402
from neurosolve.milp import asking  # noqa: E402
from neurosolve.milp.env import ENV_ID, BranchingEnv, register  # noqa: E402
from neurosolve.milp.features import NODE_FEATURES, Candidates, RootGraph  # noqa: E402
from neurosolve.milp.network import load_policy  # noqa: E402
from neurosolve.milp.problem import Problem  # noqa: E402
from neurosolve.milp.rewards import REWARDS, Totals, relative_gap  # noqa: E402
from tests.milp.problems import mps_of, small  # noqa: E402
from tests.milp.tiny_policy import write_policy  # noqa: E402

# Branching and nothing else: a tiny instance has a tree.
EASY = {name: -1 for name in Model().getParams() if name.startswith("heuristics/") and name.endswith("/freq")}
EASY |= {"presolving/maxrounds": 0, "separating/maxroundsroot": 0}


def cover(seed: int) -> Problem:
    """Half of these have a handful of branchings."""
    return set_cover.generate(60, seed, columns=60, density=0.1, max_cost=5)


def tree() -> Problem:
    """One with some thirty."""
    return set_cover.generate(100, 4, columns=80, density=0.08, max_cost=5)


def make(**options: Any) -> BranchingEnv:
    return BranchingEnv(options.pop("instances", cover), params=EASY, **{"max_candidates": 80, **options})


def first(info: dict[str, Any]) -> int:
    return int(info["action_mask"].argmax())


Step = tuple[dict[str, Any], float, dict[str, Any]]


def play(env: BranchingEnv, seed: int | None = None, options: Any = None, choose: Any = first) -> list[Step]:
    """(observation, reward, info) from reset to the end of an episode."""
    observation, info = env.reset(seed=seed, options=options)
    steps, is_over = [(observation, 0.0, info)], False
    while not is_over:
        observation, reward, terminated, truncated, info = env.step(choose(info))
        steps.append((observation, reward, info))
        is_over = terminated or truncated
    return steps


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(np.array_equal(one, other))


def test_gymnasium_is_content() -> None:
    register()
    register()
    env = gymnasium.make(ENV_ID, instances=cover, params=EASY, max_candidates=40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("reward", REWARDS)
def test_rewards_add_up_to_what_the_search_cost(reward: str) -> None:
    env, totals = make(reward=reward), []
    steps = play(env, options={"problem": tree()}, choose=lambda info: totals.append(env.totals) or first(info))
    before, after = getattr(totals[0], reward), getattr(env.totals, reward)
    assert sum(step[1] for step in steps) == pytest.approx(before - after) and before - after < 0 < before
    assert all(step[1] <= 0 for step in steps) and len(totals) == len(steps) - 1 > 20
    assert [one.nodes for one in totals] == [step[2]["num_nodes"] for step in steps[:-1]]
    assert env.totals.dual_integral <= env.totals.cpu_time


def test_a_reward_of_ones_own() -> None:
    seen: list[tuple[Totals, Totals]] = []

    def reward(before: Totals, after: Totals) -> float:
        seen.append((before, after))
        return 7.0

    steps = play(make(reward=reward), seed=1)
    assert [step[1] for step in steps[1:]] == [7.0] * len(seen)
    assert all(before[1] == after[0] for before, after in zip(seen, seen[1:], strict=False))
    assert seen[-1][1].dual_integral > seen[0][0].dual_integral > 0
    with pytest.raises(UsageError, match="unknown reward 'node'; rewards: nodes"):
        make(reward="node")


def test_relative_gap() -> None:
    assert relative_gap(3.0, 4.0) == 0.25 == relative_gap(-4.0, -3.0)
    assert relative_gap(5.0, 5.0) == 0.0
    assert relative_gap(-1e20, 4.0) == relative_gap(-1.0, 2.0) == relative_gap(0.0, 2.0) == 1.0


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


@pytest.mark.parametrize("depth_first", [False, True])
def test_nodes_make_a_tree(depth_first: bool) -> None:
    steps = play(make(depth_first=depth_first), options={"problem": tree()})
    infos, end = [step[2] for step in steps[:-1]], steps[-1][2]
    assert len(infos) > 8 and infos[0]["parent"] == infos[0]["depth"] == 0 and infos[0]["children"] == ()
    assert end["status"] == "optimal" and end["dual_bound"] == end["primal_bound"]
    depth, open_nodes = {infos[0]["number"]: 0}, {infos[0]["number"]}
    for info, after in zip(infos, [*infos[1:], end], strict=True):
        assert info["number"] in open_nodes, "a child of an earlier decision, and each once"
        assert info["depth"] == depth[info["number"]]
        assert info["lower_bound"] <= info["lp_objective"] + 1e-9 and info["lp_objective"] < info["cutoff_bound"]
        open_nodes.remove(info["number"])
        assert len(after["children"]) == 2
        if depth_first and "parent" in after and after["parent"] != info["number"]:
            assert after["depth"] <= info["depth"], "it went up because nothing was left below"
        for child in after["children"]:
            depth[child] = info["depth"] + 1
            open_nodes.add(child)


def test_any_choice_ends_in_the_same_optimum() -> None:
    random = np.random.default_rng(1)
    problem, values = tree(), set()
    for choose in (first, lambda info: int(random.choice(np.flatnonzero(info["action_mask"]))), lambda info: -1):
        steps = play(make(), options={"problem": problem}, choose=choose)
        values.add(round(steps[-1][2]["primal_bound"], 6))
        assert {step[2]["is_handed_over"] for step in steps[1:]} == {choose(steps[0][2]) == -1}
    assert len(values) == 1


def test_the_optimum_as_cutoff() -> None:
    problem = tree()
    free = play(make(), options={"problem": problem})
    optimum = free[-1][2]["primal_bound"]
    bound = play(make(objective_limit=True), options={"problem": problem, "optimum": optimum})
    assert bound[0][2]["cutoff_bound"] <= optimum + 1e-6 and bound[-1][2]["status"] == "infeasible"
    assert bound[-1][2]["num_nodes"] <= free[-1][2]["num_nodes"]
    assert play(make(instances=[(problem, optimum)], objective_limit=True))[-1][2]["num_nodes"] > 1
    with pytest.raises(UsageError, match="needs the optimum"):
        make(objective_limit=True).reset()


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
    paths[0].write_bytes(mps_of(cover(1)).replace(b" r1 1.0", b" r1 2.x", 1))
    with pytest.raises(InputError, match="a.mps"):
        make().reset(options={"path": paths[0]})
    with pytest.raises(InputError, match="gone.mps"):
        make().reset(options={"path": tmp_path / "gone.mps"})
    for options in ({"file": "a"}, {"path": "a", "problem": small()}, {"optimum": 1.0}):
        with pytest.raises(UsageError, match="options of reset"):
            make().reset(options=options)
    with pytest.raises(UsageError, match="needs instances"):
        make(instances=[])
    with pytest.raises(UsageError, match="no parameter 'no/such'"):
        BranchingEnv(cover, params={"no/such": 1}).reset()


def threads() -> int:
    return sum(thread.name == "scip" for thread in threading.enumerate())


def test_leaving_in_the_middle() -> None:
    env = make()
    for _ in range(3):
        _, info = env.reset(options={"problem": tree()})
        env.step(first(info))
        assert threads() == 1
    env.close()
    env.close()
    assert threads() == 0
    with pytest.raises(UsageError, match="reset"):
        env.step(0)
    env.reset(options={"problem": tree()})
    del env
    gc.collect()
    assert threads() == 0, "an environment that nobody holds ends its search"


def test_an_interrupt_while_scip_works() -> None:
    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    slow, env = auctions.generate(200, 0), BranchingEnv(cover)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            while True:
                env.reset(options={"problem": slow})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert threads() == 0
    assert play(make(), options={"problem": tree()})[-1][2]["status"] == "optimal"


def test_an_error_inside_the_callback_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(scip: Any, root: Any) -> Candidates:
        raise LookupError("no such thing")

    env = make()
    _, info = env.reset(options={"problem": tree()})
    monkeypatch.setattr(asking, "node_features", broken)
    with pytest.raises(LookupError, match="no such thing"):
        env.step(first(info))
    assert threads() == 0


def test_an_open_search_does_not_keep_the_interpreter() -> None:
    code = (
        "from tests.milp.test_env import make, tree\n"
        "import neurosolve.milp.env\n"
        "env = make()\nenv.reset(options={'problem': tree()})\nprint('open')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, "open\n", "")


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
def test_a_thousand_episodes_leave_nothing_behind(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.mps" for seed in range(10)]
    for seed, path in enumerate(paths):
        path.write_bytes(mps_of(cover(seed)))
    env, random = make(instances=paths), np.random.default_rng(0)
    env.reset(seed=0)
    num_steps, num_left, warm = 0, 0, 0.0
    for episode in range(1000):
        if episode == 200:
            gc.collect()
            warm = resident_mib()
        _, info = env.reset()
        is_over, left_after = False, int(random.integers(1, 9))  # most are left in the middle
        while not is_over and left_after:
            _, _, terminated, truncated, info = env.step(first(info))
            num_steps, left_after, is_over = num_steps + 1, left_after - 1, terminated or truncated
        num_left += not is_over
    env.close()
    gc.collect()
    assert num_steps > 2000 and 200 < num_left < 800
    assert threads() == 0 and len(list(Path("/proc/self/fd").iterdir())) < 100
    assert resident_mib() - warm < 8, "800 episodes: less than 10 KiB each"
