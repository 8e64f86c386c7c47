"""`revival` in NumPy: film's head with attention over the decisions above the node; see learn/networks/revival.py.

What a node adds is computed once and kept: its two steps' keys and messages (one for each child), D numbers each.  At
a node the head runs once over the candidates, its state is pooled, and the path's rows are gathered and attended to:
O(1) network passes a node, however deep.

Memory: up to `capacity` decisions, 16 D bytes each (65,536 of D = 32: 32 MiB).  When they are full, the half whose
subtrees were visited longest ago is forgotten; an ancestor is visited with every node below it, so what stays is whole
paths.  A node whose parent was forgotten, or was branched by SCIP itself, begins with an empty path: so do such nodes
in training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosolve.milp.layers import Dense, Floats, Weights, relu
from neurosolve.milp.network import Film

if TYPE_CHECKING:
    from neurosolve.milp.features import Candidates, RootGraph

CAPACITY = 1 << 16
_BEGIN = 256  # rows at first; doubled as needed


class Memory:
    """Steps by slot: 2 * place of the decision + (1 for its up child).  keys, messages float32 (2 * places, D)."""

    def __init__(self, size: int, capacity: int) -> None:
        self.capacity, self.num_forgotten = capacity, 0
        self.place_of: dict[int, int] = {}  # by number of the node
        self.above: list[int] = []  # slot of the step that led to the decision, -1: none
        self.used = np.zeros(0, np.int64)  # clock of the last visit below
        self.clock = 0
        self.keys = self.messages = np.zeros((0, size), np.float32)
        self._grow(min(_BEGIN, capacity))

    def __len__(self) -> int:
        return len(self.above)

    def path(self, last: int) -> NDArray[np.int64]:
        """Slots from the root's step to `last`, which may be -1: none.  Marks them as used."""
        slots = []
        while last >= 0:
            slots.append(last)
            last = self.above[last >> 1]
        found = np.asarray(slots[::-1], np.int64)
        self.clock += 1
        self.used[found >> 1] = self.clock
        return found

    def add(self, number: int, above: int, keys: Floats, messages: Floats) -> None:
        """The decision at a node: keys and messages (2, D), of its down and its up child."""
        if len(self.above) == self.capacity:
            above = self._forget(above)
        place = len(self.above)
        if 2 * place == len(self.keys):
            self._grow(2 * place)
        self.place_of[number] = place
        self.above.append(above)
        self.used[place] = self.clock
        self.keys[2 * place : 2 * place + 2] = keys
        self.messages[2 * place : 2 * place + 2] = messages

    def slot(self, number: int, is_up: bool) -> int:
        """The step that leads to a child of that node, -1 if the node is not known."""
        place = self.place_of.get(number)
        return -1 if place is None else 2 * place + is_up

    def _grow(self, places: int) -> None:
        places = min(places, self.capacity)
        more = 2 * places - len(self.keys)
        self.keys = np.concatenate([self.keys, np.empty((more, self.keys.shape[1]), np.float32)])
        self.messages = np.concatenate([self.messages, np.empty((more, self.messages.shape[1]), np.float32)])
        self.used = np.concatenate([self.used, np.zeros(places - len(self.used), np.int64)])

    def _forget(self, above: int) -> int:
        """Drop the half visited longest ago, ancestors last, and close ranks.  Returns the new slot of `above`."""
        count = len(self.above)
        # Stable, so that of the decisions of one path (of the same clock) those nearer to the root come first.
        kept = np.sort(np.argsort(-self.used[:count], kind="stable")[: max(count // 2, 1)])
        place = np.full(count, -1, np.int64)
        place[kept] = np.arange(len(kept))
        slots = np.asarray(self.above, np.int64)

        def moved(slot: NDArray[np.int64]) -> NDArray[np.int64]:
            new = place[slot >> 1]
            return np.where((slot >= 0) & (new >= 0), 2 * new + (slot & 1), -1)

        both = np.stack([2 * kept, 2 * kept + 1], axis=1).ravel()
        self.keys[: len(both)], self.messages[: len(both)] = self.keys[both], self.messages[both]
        self.used[: len(kept)] = self.used[kept]
        self.above = moved(slots[kept]).tolist()
        moves = place.tolist()
        self.place_of = {number: moves[old] for number, old in self.place_of.items() if moves[old] >= 0}
        self.num_forgotten += count - len(kept)
        return int(moved(np.asarray([above]))[0])


class Revival(Film):
    """The policy.  at_node, then scores, then branched for each node; a policy that is never told of nodes scores
    every node as a root."""

    follows_tree = True

    def __init__(self, weights: Weights, capacity: int = CAPACITY) -> None:
        super().__init__(weights)
        self._summary, self._action = Dense(weights, "summary"), Dense(weights, "action")
        self._step_first, self._step_second = Dense(weights, "step_first"), Dense(weights, "step_second")
        self._query, self._merge = Dense(weights, "query"), Dense(weights, "merge")
        self._key, self._message = Dense(weights, "key"), Dense(weights, "message")
        self._context_scale, self._context_shift = Dense(weights, "context_scale"), Dense(weights, "context_shift")
        self._direction, self._temperature = weights["direction"], weights["temperature"]
        self._size, self._heads = self._direction.shape[1], len(self._temperature)
        self._rates = np.exp(np.arange(self._size // 2) * (-np.log(1000.0) / (self._size // 2)))
        self._centres = weights.get("centres")  # of bins, where the network has some
        if self._centres is not None:
            self._bins = Dense(weights, "score")
            self._value_first, self._value_second = Dense(weights, "value_first"), Dense(weights, "value_second")
        null = weights["null"][None]
        self._null_key, self._null_message = self._key(null), self._message(null)
        self._capacity = capacity
        self.memory = Memory(self._size, capacity)
        self._number, self._depth, self._above = 0, 0, -1
        self._h = self._s = np.empty(0, np.float32)

    def at_root(self, graph: RootGraph) -> None:
        super().at_root(graph)
        self.memory = Memory(self._size, self._capacity)
        self._number, self._depth, self._above = 0, 0, -1

    def at_node(self, number: int, parent: int, is_up: bool, depth: int) -> None:
        self._number, self._depth = number, depth
        self._above = self.memory.slot(parent, is_up)

    def scores(self, candidates: Candidates) -> Floats:
        h = self._modulate(relu(self._first(self._standard(candidates.features))), candidates.columns)
        h = self._h = relu(self._second(h))
        s = self._s = relu(self._summary(np.concatenate([h.mean(axis=0), h.max(axis=0)])))
        context = self._merge(self._attend(s))
        g = h * (np.float32(1.0) + self._context_scale(context))
        g += self._context_shift(context)
        if self._centres is None:
            out: Floats = relu(g) @ self._score + self._bias
            return out
        return self._minus_q(relu(g), s, context)

    def _minus_q(self, g: Floats, s: Floats, context: Floats) -> Floats:
        """Of a network with bins: minus the expected log2 of nodes."""
        advantage = self._bins(g)
        value = self._value_second(relu(self._value_first(np.concatenate([s, context]))))
        logits = advantage + (value - advantage.mean(axis=0))
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        out: Floats = -(p @ self._centres) / p.sum(axis=1)
        return out

    def branched(self, chosen: int) -> None:
        angles = self._depth * self._rates
        action = self._action(self._h[chosen]) + np.concatenate([np.sin(angles), np.cos(angles)]).astype(np.float32)
        both = np.empty((2, 2 * self._size), np.float32)
        both[:, : self._size] = self._s
        both[:, self._size :] = self._direction + action
        steps = relu(self._step_second(relu(self._step_first(both))))
        self.memory.add(self._number, self._above, self._key(steps), self._message(steps))

    def _attend(self, s: Floats) -> Floats:
        """The heads' sums over the null step and the path, (D,)."""
        path, memory = self.memory.path(self._above), self.memory
        heads = (len(path) + 1, self._heads, -1)
        keys = np.concatenate([self._null_key, memory.keys[path]]).reshape(heads)
        messages = np.concatenate([self._null_message, memory.messages[path]]).reshape(heads)
        query = self._query(s).reshape(self._heads, -1) * self._temperature[:, None]
        logits = np.einsum("hd,lhd->lh", query, keys)
        weights = np.exp(logits - logits.max(axis=0))
        weights /= weights.sum(axis=0)
        heard: Floats = np.einsum("lh,lhd->hd", weights, messages).ravel()
        return heard
