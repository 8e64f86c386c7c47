"""`revival` as deployed: the equations written out once more, a bounded memory, and failures that SCIP answers for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosolve.milp.branching import NeuralBranching, place_of_node
from neurosolve.milp.features import Candidates
from neurosolve.milp.layers import Dense
from neurosolve.milp.network import load_policy
from neurosolve.milp.revival import Memory, Revival
from tests.milp.scripted_policy import cover, solve
from tests.milp.small_scip import knapsacks
from tests.milp.test_network import dense, embedding, random_candidates, random_graph, standard
from tests.milp.tiny_policy import weights_of, write_policy


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


class Reference:
    """The equations of learn/networks/revival.py in float64, every path encoded from scratch."""

    def __init__(self, weights: dict[str, Any], graph: Any) -> None:
        self.w, self.known = weights, np.concatenate([embedding(weights, graph), np.zeros((1, 8))])

    def encode(self, candidates: Candidates) -> tuple[Any, Any]:
        own = self.known[candidates.columns]
        z = standard(self.w, "standard", candidates.features.astype(np.float64))
        h = relu(dense(self.w, "first", z)) * (1 + dense(self.w, "scale", own)) + dense(self.w, "shift", own)
        h = relu(dense(self.w, "second", h))
        return h, relu(dense(self.w, "summary", np.concatenate([h.mean(axis=0), h.max(axis=0)])))

    def step(self, candidates: Candidates, chosen: int, is_up: bool, depth: int) -> Any:
        h, s = self.encode(candidates)
        size = len(s)
        rates = 1000.0 ** (-np.arange(size // 2) / (size // 2))
        wave = np.concatenate([np.sin(depth * rates), np.cos(depth * rates)])
        a = dense(self.w, "action", h[chosen]) + wave + self.w["direction"][int(is_up)]
        return relu(dense(self.w, "step_second", relu(dense(self.w, "step_first", np.concatenate([s, a])))))

    def scores(self, candidates: Candidates, path: list[tuple[Candidates, int, bool, int]]) -> Any:
        h, s = self.encode(candidates)
        steps = np.stack([self.w["null"], *(self.step(*one) for one in path)])
        query, keys, messages = (dense(self.w, name, x) for name, x in
                                 (("query", s), ("key", steps), ("message", steps)))  # fmt: skip
        heard, width = [], len(s) // 2
        for head in range(2):
            own = slice(head * width, (head + 1) * width)
            logits = self.w["temperature"][head] * keys[:, own] @ query[own]
            weight = np.exp(logits - logits.max())
            heard.append(weight @ messages[:, own] / weight.sum())
        z = dense(self.w, "merge", np.concatenate(heard))
        g = relu(h * (1 + dense(self.w, "context_scale", z)) + dense(self.w, "context_shift", z))
        return dense(self.w, "score", g)[:, 0]


def policy_in(directory: Path) -> Revival:
    policy = load_policy(write_policy(directory / "m", "revival"))
    assert isinstance(policy, Revival)
    return policy


def test_scores_are_the_equations_wherever_the_search_goes(tmp_path: Path) -> None:
    """A tree visited out of order, the path of each node encoded from scratch by the reference."""
    graph, policy = random_graph(), policy_in(tmp_path)
    reference = Reference(weights_of("revival"), graph)
    policy.at_root(graph)
    random, places = np.random.default_rng(0), [(1, 0, False, 0)]
    taken: dict[int, list[tuple[Candidates, int, bool, int]]] = {0: []}
    apart = []
    for number in range(1, 60):
        number, parent, is_up, depth = places.pop(int(random.integers(len(places))))
        path = [*taken[parent]]
        if path:
            path[-1] = (*path[-1][:2], is_up, depth - 1)
        candidates = random_candidates(int(random.integers(1, 9)), seed=number)
        policy.at_node(number, parent, is_up, depth)
        scores = policy.scores(candidates)
        expected = reference.scores(candidates, path)
        np.testing.assert_allclose(scores, expected, atol=1e-4)
        np.testing.assert_array_equal(policy.scores(candidates), scores)  # asking changes nothing
        apart.append(np.abs(expected - reference.scores(candidates, [])).max())
        chosen = int(random.integers(len(candidates)))
        policy.branched(chosen)
        taken[number] = [*path, (candidates, chosen, False, depth)]
        places += [(2 * number + side, number, bool(side), depth + 1) for side in (0, 1)]
    assert max(apart) > 1e-2 and len(policy.memory) == 59


def test_a_node_costs_one_pass_however_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that go through the layers: those of the node's own candidates and of its two steps, never of the
    path's."""
    policy, plain, rows = policy_in(tmp_path), Dense.__call__, []
    policy.at_root(random_graph())
    monkeypatch.setattr(Dense, "__call__", lambda layer, x: rows.append(np.atleast_2d(x).shape[0]) or plain(layer, x))
    passes = []
    for depth in range(40):
        candidates = random_candidates(7, seed=depth)
        policy.at_node(depth + 1, depth, depth % 2 == 1, depth)
        policy.scores(candidates)
        policy.branched(3)
        passes.append(list(rows))
        rows.clear()
    assert len(policy.memory.path(policy.memory.slot(40, True))) == 40
    assert all(one == passes[0] for one in passes) and max(passes[0]) == len(candidates)


def test_nan_in_no_number_out(tmp_path: Path) -> None:
    """A state is of all candidates, so one bad one spoils them all, and the rule leaves the node to SCIP."""
    policy, candidates = policy_in(tmp_path), random_candidates()
    policy.at_root(random_graph())
    candidates.features[3, 5] = np.nan
    assert np.isnan(policy.scores(candidates)).all()


def test_in_a_search_it_follows_the_tree_and_answers_are_scips(tmp_path: Path) -> None:
    for make in (cover, knapsacks):
        truth = make()
        truth.optimize()
        policy = policy_in(tmp_path)
        report, scip = solve(policy, make)
        assert scip.getObjVal() == pytest.approx(truth.getObjVal()) and not report.num_errors
        assert len(policy.memory) == report.num_calls - report.num_handed_over > 10
        deepest = max(len(policy.memory.path(2 * place)) for place in range(len(policy.memory)))
        assert deepest > 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), min_size=1, max_size=120), st.integers(8, 40))
def test_memory_keeps_whole_paths_within_its_bound(moves: list[tuple[int, bool]], capacity: int) -> None:
    """Steps carry their number, and what a path says is checked against the parents."""
    memory, parent_of = Memory(1, capacity), {0: (-1, False)}
    memory.add(0, -1, np.array([[0], [1]], np.float32), np.zeros((2, 1), np.float32))
    for number, (pick, is_up) in enumerate(moves, start=1):
        above = sorted(parent_of)[pick % len(parent_of)]
        slot = memory.slot(above, is_up)
        path = memory.path(slot)
        named = memory.keys[path, 0].astype(int).tolist()
        expected: list[int] = []
        place = parent_of[number] = (above if slot >= 0 else -1, is_up)  # the child of a forgotten one begins anew
        while place[0] >= 0:
            expected.append(2 * place[0] + place[1])
            place = parent_of[place[0]]
        assert named == expected[::-1], "a path is whole, up to the root or to where it began anew"
        own = np.array([[2 * number], [2 * number + 1]], np.float32)
        memory.add(number, slot, own, own)
        assert len(memory) <= capacity and len(memory.keys) <= 2 * capacity
        assert len(memory.place_of) == len(memory)
    assert memory.num_forgotten == 1 + len(moves) - len(memory)


def test_a_search_with_little_memory_ends_the_same_way(tmp_path: Path) -> None:
    truth = cover()
    truth.optimize()
    policy = policy_in(tmp_path)
    policy = Revival(weights_of("revival"), capacity=8)
    report, scip = solve(policy)
    assert scip.getObjVal() == pytest.approx(truth.getObjVal()) and not report.num_errors
    assert policy.memory.num_forgotten > 0 and len(policy.memory) <= 8


def test_a_restart_clears_the_memory(tmp_path: Path) -> None:
    policy = policy_in(tmp_path)
    policy.at_root(random_graph())
    policy.at_node(1, 0, False, 0)
    policy.scores(random_candidates())
    policy.branched(2)
    policy.at_node(2, 1, True, 1)
    scores = policy.scores(random_candidates())
    policy.at_root(random_graph())
    assert len(policy.memory) == 0
    policy.at_node(2, 1, True, 1)  # of another tree
    assert np.abs(policy.scores(random_candidates()) - scores).max() > 1e-4


class Failing(Revival):
    """Breaks in turn where the rule calls it."""

    calls = 0

    def at_node(self, number: int, parent: int, is_up: bool, depth: int) -> None:
        self.calls += 1
        if self.calls % 4 == 1:
            raise ZeroDivisionError("injected")
        super().at_node(number, parent, is_up, depth)

    def branched(self, chosen: int) -> None:
        if self.calls % 4 == 2:
            raise KeyError("injected")
        super().branched(chosen)


def test_its_failures_are_handed_over_and_counted() -> None:
    truth = cover()
    truth.optimize()
    report, scip = solve(Failing(weights_of("revival")))
    assert scip.getObjVal() == pytest.approx(truth.getObjVal())
    assert report.num_errors == report.reasons["error"] == report.num_handed_over > 3


def test_the_place_of_a_node_is_what_branching_made(tmp_path: Path) -> None:
    """The children that branchVar returned, down and up, come back as such."""
    made: dict[int, tuple[int, bool, int]] = {}
    seen: list[int] = []

    class Watched(NeuralBranching):
        def branchexeclp(self, allowaddcons: bool) -> Any:
            number, parent, is_up, depth = place_of_node(self.model)
            if number in made:
                assert made[number] == (parent, is_up, depth)
                seen.append(number)
            result = super().branchexeclp(allowaddcons)
            for child in self.model.getChildren():
                variables, bounds, kinds = child.getParentBranchings()
                made[child.getNumber()] = (number, bounds[0] > variables[0].getLPSol(), depth + 1)
                assert len(kinds) == 1
            return result

    solve(policy_in(tmp_path), kind=Watched)
    assert len(seen) > 10
