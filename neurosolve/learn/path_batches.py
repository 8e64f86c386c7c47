"""From trajectories to what `revival` reads: decisions together with the decisions on their paths from the root.

A step is a decision and the child that was taken.  A decision that several paths of the batch go through is encoded
once, and so is a step: a batch of one whole path of L decisions encodes L states, not L (L + 1) / 2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosolve.learn.milp_batches import Movable, NodeBatch
from neurosolve.learn.trajectories import NONE, Trajectory, node_batch, ragged

Picks = Sequence[tuple[Trajectory, NDArray[np.int64]]]


@dataclasses.dataclass
class PathBatch(Movable):
    """S decisions with K candidates, R steps, T targets with their paths, and the K' candidates of the targets.

    states: the S decisions' candidates.  depth (S,) int64.  chosen (S,) int64: the candidate that was branched on,
    in [0, K).  step_state (R,) int64 in [0, S), step_is_up (R,) int64: 1 for the up child.
    paths (T, L) int64 in [0, R): each target's steps from the root's on, the target's own not among them; shorter ones
    are padded by -1 at the end, and L may be 0.
    state (T,) int64 in [0, S): the target.  candidates (K',) int64 in [0, K): the targets' candidates, target after
    target; node (K',) int64 in [0, T): whose.
    """

    states: NodeBatch
    depth: Tensor
    chosen: Tensor
    step_state: Tensor
    step_is_up: Tensor
    paths: Tensor
    state: Tensor
    candidates: Tensor
    node: Tensor

    @property
    def num_nodes(self) -> int:
        """T, as NodeBatch names it."""
        return len(self.state)


def path_batch(picks: Picks, max_length: int | None = None) -> PathBatch:
    """The picked decisions (T in all, in the order of the picks) with their paths.  A trajectory's root is collated
    once for each pick of it, so pick each one once.  max_length: only so many of a path's last steps."""
    parts = [_Part(trajectory, decisions, max_length) for trajectory, decisions in picks]
    states = node_batch([(part.trajectory, part.decisions) for part in parts])
    counts = np.concatenate([np.diff(part.trajectory.offsets)[part.decisions] for part in parts])
    begins = np.cumsum(counts) - counts
    first = np.cumsum([0, *(len(part.decisions) for part in parts)])
    first_step = np.cumsum([0, *(len(part.steps) for part in parts)])
    longest = max((len(path) for part in parts for path in part.paths), default=0)
    paths = np.full((sum(len(part.paths) for part in parts), longest), NONE, np.int64)
    for row, (path, start) in enumerate((p, s) for part, s in zip(parts, first_step, strict=False) for p in part.paths):
        paths[row, : len(path)] = path + start
    state = _joined([part.targets + start for part, start in zip(parts, first, strict=False)])
    return PathBatch(
        states=states,
        depth=_joined([part.trajectory.depth[part.decisions] for part in parts]),
        chosen=_joined([part.trajectory.chosen[part.decisions] for part in parts]) + torch.from_numpy(begins),
        step_state=_joined([part.steps[:, 0] + start for part, start in zip(parts, first, strict=False)]),
        step_is_up=_joined([part.steps[:, 1] for part in parts]),
        paths=torch.from_numpy(paths),
        state=state,
        candidates=torch.from_numpy(ragged(begins[state.numpy()], counts[state.numpy()])),
        node=torch.from_numpy(np.repeat(np.arange(len(state)), counts[state.numpy()])),
    )


class _Part:
    """One pick: its decisions and their ancestors once (P,), ascending; steps (R, 2): place among them and is_up;
    targets: places of the picked decisions; paths: for each, places in steps, root first."""

    def __init__(self, trajectory: Trajectory, picked: NDArray[np.int64], max_length: int | None) -> None:
        self.trajectory = trajectory
        places: dict[tuple[int, int], int] = {}
        self.paths: list[NDArray[np.int64]] = []
        for decision in picked:
            path = trajectory.path(int(decision))
            taken = zip(path[:-1].tolist(), trajectory.is_up[path[1:]].tolist(), strict=True)
            steps = list(taken) if max_length is None else list(taken)[max(len(path) - 1 - max_length, 0) :]
            self.paths.append(np.asarray([places.setdefault(step, len(places)) for step in steps], np.int64))
        steps_taken = np.asarray(list(places), np.int64).reshape(-1, 2)
        self.decisions = np.unique(np.concatenate([picked, steps_taken[:, 0]]).astype(np.int64))
        self.targets = np.searchsorted(self.decisions, picked)
        self.steps = np.stack([np.searchsorted(self.decisions, steps_taken[:, 0]), steps_taken[:, 1]], axis=1)


def _joined(parts: Sequence[NDArray[np.integer]]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64))
