"""Double dueling deep Q-learning on the log scale of subtree size: what is lost on a batch of the replay."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosolve.learn.config_reinforce import ReinforceConfig
from neurosolve.learn.milp_losses import segment_log_softmax, soft_cross_entropy
from neurosolve.learn.q_losses import double_values, hl_gauss, log_loss
from neurosolve.learn.redistribution import mixed, shares_of, unmixed
from neurosolve.learn.replay import Pick, Replay, Slot
from neurosolve.learn.trajectories import Trajectory, node_batch
from neurosolve.learn.tree_returns import log2_returns

CHUNK = 60_000  # candidates that are evaluated at once


class QLearning:
    """loss(step, share) of the replay's next batch.  expert: the frozen imitation policy, scores of a NodeBatch.

    network: collate(picks) -> batch, with `node` (K,) and `num_nodes` of the picked decisions' candidates;
    forward(batch) -> their Q (K,), lower is better.  With hl_gauss also dueling(batch) -> logits, and `centres`.

    The target network's estimates are kept with each trajectory until the target changes, and so a return over n
    levels costs no more than one over a single level.
    """

    def __init__(
        self, network: nn.Module, replay: Replay, config: ReinforceConfig, device: torch.device,
        expert: nn.Module | None = None,
    ) -> None:  # fmt: skip
        self.network, self.replay, self.config, self.device, self.expert = network, replay, config, device, expert
        self.target = copy.deepcopy(network).eval().requires_grad_(False)
        self._version = 0

    def synchronise(self) -> None:
        """The target network becomes the network."""
        self.target.load_state_dict(self.network.state_dict())
        self._version += 1

    def loss(self, step: int, share: float) -> Tensor:
        """share: of the budget that is used.  The drawn decisions' priorities follow their errors."""
        config = self.config
        random = np.random.default_rng([config.seed, step, 3])
        correction = config.correction + (1.0 - config.correction) * share
        picks = self.replay.draw(random, config.batch_episodes, config.batch_nodes, correction)
        batch = self._collated([(pick.slot.trajectory, pick.decisions) for pick in picks])
        losses, error, q = self._losses(batch, picks)
        self.replay.learnt(picks, error.detach().cpu().numpy())
        weight = self._tensor(np.concatenate([pick.weight for pick in picks]))
        loss = (weight * losses).sum() / weight.sum()
        if self.expert is not None:
            now = config.imitation_weight + (config.imitation_end - config.imitation_weight) * share
            loss = loss + now * self._imitation(q, batch, picks)
        return loss

    def _losses(self, batch: Any, picks: Sequence[Pick]) -> tuple[Tensor, Tensor, Tensor]:
        """Losses and errors of the decisions (B,), Q of their candidates (K,)."""
        target = self._tensor(np.concatenate([self._returns(pick.slot)[pick.decisions] for pick in picks]))
        is_bound = self._tensor(np.concatenate([pick.slot.trajectory.is_open[pick.decisions] for pick in picks]))
        chosen = self._tensor(chosen_places(picks))
        if self.config.loss == "hl_gauss":
            network: Any = self.network
            logits = network.dueling(batch)
            q = torch.softmax(logits, dim=1) @ network.centres
            losses = hl_gauss(logits[chosen], network.centres, target, is_bound, self.config.smoothing)
            return losses, log_loss(q[chosen], target, is_bound)[1], q
        q = self.network(batch)
        return *log_loss(q[chosen], target, is_bound), q

    def _imitation(self, q: Tensor, batch: Any, picks: Sequence[Pick]) -> Tensor:
        """Cross-entropy to the expert's softmax of the ranking by -Q, in the scale that both had at the start."""
        scores = self._tensor(np.concatenate([self._expert_scores(pick) for pick in picks]).astype(np.float32))
        wanted = segment_log_softmax(scores, batch.node, batch.num_nodes).exp()
        return soft_cross_entropy(-q / self.config.initial_scale, wanted, batch.node, batch.num_nodes)

    def _returns(self, slot: Slot) -> NDArray[np.float32]:
        """What the network is to say of the slot's decisions."""
        config, trajectory = self.config, slot.trajectory
        if slot.version != self._version:
            if config.horizon:
                slot.values = self._values(trajectory)
            if config.redistribution:
                slot.shares = shares_of(trajectory, config.redistribution, self.target)
            slot.version = self._version
        if slot.shares is None:
            return log2_returns(trajectory, config.horizon, slot.values)
        values, weight = slot.values, config.redistribution_weight
        if values is not None:
            values = unmixed(values, trajectory, slot.shares, weight)
        return mixed(log2_returns(trajectory, config.horizon, values), trajectory, slot.shares, weight)

    @torch.no_grad()
    def _values(self, trajectory: Trajectory) -> NDArray[np.float32]:
        """(D,) what the target network says of the decisions' best candidates."""
        found = []
        for decisions in chunks(trajectory):
            batch = self._collated([(trajectory, decisions)])
            found.append(double_values(self.network(batch), self.target(batch), batch.node, batch.num_nodes))
        values: NDArray[np.float32] = torch.cat(found).cpu().numpy()
        return values

    @torch.no_grad()
    def _expert_scores(self, pick: Pick) -> NDArray[np.float16]:
        """Of the candidates of a pick's decisions; the expert is asked once a trajectory."""
        slot, trajectory = pick.slot, pick.slot.trajectory
        if slot.scores is None and self.expert is not None:
            batches = (node_batch([(trajectory, decisions)]).to(self.device) for decisions in chunks(trajectory))
            scores = torch.cat([self.expert(batch) for batch in batches])
            slot.scores = scores.cpu().numpy().astype(np.float16)
        assert slot.scores is not None
        return np.concatenate([slot.scores[trajectory.candidates(int(i))] for i in pick.decisions])

    def _collated(self, picks: list[tuple[Trajectory, NDArray[np.int64]]]) -> Any:
        return self.network.collate(picks).to(self.device)  # type: ignore[operator]

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)


def chosen_places(picks: Sequence[Pick]) -> NDArray[np.int64]:
    """(B,) where the candidates that were branched on stand among all the picks' candidates."""
    lengths = np.concatenate([np.diff(pick.slot.trajectory.offsets)[pick.decisions] for pick in picks])
    chosen = np.concatenate([pick.slot.trajectory.chosen[pick.decisions] for pick in picks])
    places: NDArray[np.int64] = np.cumsum(lengths) - lengths + chosen
    return places


def chunks(trajectory: Trajectory) -> list[NDArray[np.int64]]:
    """All decisions in order, in parts of about CHUNK candidates."""
    parts = -(-len(trajectory.columns) // CHUNK)
    return [part for part in np.array_split(np.arange(len(trajectory)), max(parts, 1)) if len(part)]
