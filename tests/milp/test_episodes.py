"""Searches branched from outside: trees, cutoffs, clean ends, and no leak."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gymnasium")

from neurosolve.errors import UsageError
from neurosolve.families import auctions
from neurosolve.milp import asking
from neurosolve.milp.env import BranchingEnv
from neurosolve.milp.features import Candidates
from tests.milp.branching_env import cover, first, make, play, threads, tree
from tests.milp.problems import mps_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("depth_first", [False, True])
def test_nodes_make_a_tree(depth_first: bool) -> None:
    steps = play(make(depth_first=depth_first), options={"problem": tree()})
    infos, end = [step[2] for step in steps[:-1]], steps[-1][2]
    assert len(infos) > 20 and infos[0]["parent"] == infos[0]["depth"] == 0 and infos[0]["children"] == ()
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


def test_the_optimum_as_cutoff() -> None:
    problem = tree()
    free = play(make(), options={"problem": problem})
    optimum = free[-1][2]["primal_bound"]
    bound = play(make(objective_limit=True), options={"problem": problem, "optimum": optimum})
    assert bound[0][2]["cutoff_bound"] <= optimum + 1e-6 and bound[-1][2]["status"] == "infeasible"
    assert 1 < bound[-1][2]["num_nodes"] < free[-1][2]["num_nodes"]
    assert bound[-1][2]["num_nodes"] == 2 * (len(bound) - 1) + 1, "nothing but the tree of its branchings"
    assert play(make(instances=[(problem, optimum)], objective_limit=True))[-1][2]["num_nodes"] > 1
    with pytest.raises(UsageError, match="needs the optimum"):
        make(objective_limit=True).reset()


def test_the_agents_time_is_not_counted() -> None:
    env = make(time_s=1000.0)
    _, info = env.reset(options={"problem": tree()})
    time.sleep(0.2)
    env.step(first(info))
    assert 1000.2 <= env.ask(lambda scip, candidates: scip.getParam("limits/time")) < 1100
    before = env.totals.cpu_time
    env.ask(lambda scip, candidates: sum(range(10**6)))
    env.step(0)
    assert env.totals.cpu_time - before < 1.0
    env.close()


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
        "from tests.milp.branching_env import make, tree\n"
        "import neurosolve.milp.env\n"
        "env = make()\nenv.reset(options={'problem': tree()})\nprint('open')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
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
