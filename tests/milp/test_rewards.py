"""Rewards add up to what the search cost, and count what they say."""

from __future__ import annotations

from itertools import pairwise

import pytest

pytest.importorskip("gymnasium")

from neurosolve.errors import UsageError
from neurosolve.milp.rewards import REWARDS, Totals, relative_gap
from tests.milp.branching_env import EASY, first, make, play, tree


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
    assert all(before[1] == after[0] for before, after in pairwise(seen))
    assert seen[-1][1].dual_integral > seen[0][0].dual_integral > 0
    with pytest.raises(UsageError, match="unknown reward 'node'; rewards: nodes"):
        make(reward="node")


def test_relative_gap() -> None:
    assert relative_gap(3.0, 4.0) == 0.25 == relative_gap(-4.0, -3.0)
    assert relative_gap(5.0, 5.0) == 0.0
    assert relative_gap(-1e20, 4.0) == relative_gap(-1.0, 2.0) == relative_gap(0.0, 2.0) == 1.0


def test_strong_branching_is_not_in_the_lp_iterations() -> None:
    env = make(params={**EASY, "branching/fullstrong/priority": 9_000_000})
    _, info = env.reset(options={"problem": tree()})
    count = "getNStrongbranchLPIterations"
    assert env.ask(lambda scip, candidates: getattr(scip, count)()) == 0
    before = info["num_lp_iterations"]
    *_, info = env.step(-1)
    strong = env.ask(lambda scip, candidates: getattr(scip, count)())
    assert strong > 100 > info["num_lp_iterations"] - before > 0
    env.close()
