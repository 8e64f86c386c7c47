"""Replay: chances follow priorities, importance undoes them, and the oldest leave."""

from __future__ import annotations

import numpy as np

from neurosolve.learn.replay import Pick, Replay
from neurosolve.learn.trajectories import NONE
from tests.learn.played import by_hand


def filled(exponent: float = 1.0) -> Replay:
    replay = Replay(100, exponent)
    for seed, parents in enumerate(([NONE, 0, 0], [NONE, 0], [NONE])):
        replay.add(by_hand(parents, seed=seed))
    return replay


def test_the_oldest_leave_but_never_the_last() -> None:
    replay = Replay(4, 0.6)
    trees = [by_hand([NONE, 0, 0], seed=seed) for seed in range(3)]
    assert replay.add(trees[0]) == [] and replay.add(trees[1]) == [trees[0]] and len(replay) == 3
    assert replay.add(large := by_hand([NONE, *range(8)], seed=9)) == [trees[1]]
    assert [slot.trajectory for slot in replay.slots] == [large] and len(replay) == 9


def test_a_decision_is_drawn_as_often_as_its_priority_says() -> None:
    replay = filled()
    everything = [Pick(slot, np.arange(len(slot.mass)), np.ones(len(slot.mass), np.float32)) for slot in replay.slots]
    errors = np.array([1.0, -2.0, 3.0, 4.0, 0.0, 6.0])
    replay.learnt(everything, errors)
    counts, random = np.zeros(6), np.random.default_rng(0)
    starts = dict(zip(map(id, replay.slots), (0, 3, 5), strict=True))
    for _ in range(400):
        for pick in replay.draw(random, 4, 8, 1.0):
            counts[starts[id(pick.slot)] + pick.decisions] += 1
            assert (np.diff(pick.decisions) > 0).all() and pick.weight.max() <= 1
    assert counts[4] < counts[0] / 5, "an error of nothing keeps the least priority"
    assert (np.diff(counts[[4, 0, 1, 2]]) > 0).all() and counts[5] > counts[1]
    many = {id(pick.slot): pick for pick in replay.draw(random, 3000, 30000, 1.0)}
    weight = np.concatenate([many[id(slot)].weight for slot in replay.slots])[[0, 1, 2, 3, 5]]
    assert np.ptp(weight) < 0.2 * weight.mean(), "fully corrected, the rare weigh as much in all as the frequent"


def test_without_an_exponent_all_are_alike() -> None:
    replay = filled(exponent=0.0)
    pick = Pick(replay.slots[0], np.arange(3), np.ones(3, np.float32))
    replay.learnt([pick], np.array([9.0, 0.0, 1.0]))
    assert replay.slots[0].mass.tolist() == [1, 1, 1]
    drawn = replay.draw(np.random.default_rng(1), 2, 6, 0.5)
    multiplicity = np.concatenate([pick.weight for pick in drawn]) * max(1, len(drawn))
    assert (multiplicity > 0).all() and 1 <= len(drawn) <= 2
