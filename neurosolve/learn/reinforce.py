"""Reinforcement learning of branching: episodes that the network plays itself -> replay -> Q of subtree sizes.

The run is a Loop (budget, steps, checkpoints, journal, resume) whose epochs are rounds.  A round waits for an episode,
takes along all that have ended by then, and makes `steps_per_episode` gradient steps for each.  With one worker playing
and learning take turns on one core; with more, children play on while the learner learns.  A resumed run goes on with
every episode that had ended, but is not the run that was never killed: with several workers episodes end in any order.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurosolve.errors import EngineError, ModelError, UsageError
from neurosolve.learn import checkpoint
from neurosolve.learn.building import build
from neurosolve.learn.config_reinforce import ReinforceConfig
from neurosolve.learn.episode_store import EpisodeStore
from neurosolve.learn.instance_tables import Draw, written
from neurosolve.learn.loop import LAST, Loop, Progress
from neurosolve.learn.networks.film import FilmNet, sizes_of
from neurosolve.learn.node_cost import NodeCost
from neurosolve.learn.q_learning import QLearning
from neurosolve.learn.replay import Replay
from neurosolve.learn.rollouts import Pool, Task
from neurosolve.learn.tree_returns import log2_returns
from neurosolve.milp.episodes import SearchOptions
from neurosolve.milp.features import NODE_FEATURES, ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES
from neurosolve.milp.network import NETWORKS, Policy

TARGET = "target.safetensors"
VALIDATION = "validation"  # generated instances, below the run's directory
MOST_FAILURES = 50  # episodes in a row that gave nothing to learn from
SHAPE = {"num_features": len(NODE_FEATURES), "num_column_features": len(ROOT_COLUMN_FEATURES),
         "num_row_features": len(ROOT_ROW_FEATURES)}  # fmt: skip


def train(
    config: ReinforceConfig, device: str = "cpu", resume: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """As learn.train.train, for `kind = "reinforce"`."""
    with ReinforceTrainer(config, torch.device(device), resume, progress) as trainer:
        return trainer.run()


class ReinforceTrainer(Loop[ReinforceConfig]):
    """One learner, and the processes that play for it."""

    samples: Replay

    def load(self) -> None:
        if self.group.world > 1:
            raise UsageError("a reinforcement run has one learner: give it workers, not ranks")
        self.store = EpisodeStore(self.directory, self.config.keep_episodes)
        self.samples = Replay(self.config.capacity, self.config.priority)
        self.store.fill(self.samples)
        self.draw, self.pool, self.num_failures = Draw(self.config.instances), Pool(), 0
        self.next_episode, self._num_learnt = self.store.next, self.store.num_episodes
        self._cpu_before = -_cpu_s()

    def build(self) -> nn.Module:
        return build_agent(self.config)

    def begin_from(self, weights: Path) -> None:
        found, _ = checkpoint.weights_of(weights)
        try:
            self.network.begin_from(found, self.config.initial_scale)  # type: ignore[operator]
        except (RuntimeError, KeyError) as error:
            wrong = checkpoint.mismatch(self.network, found)
            raise ModelError(f"{weights} does not fit {self.config.network}: {wrong}") from error

    def load_validation(self) -> None:
        config = self.config
        given = config.imitation_weights or config.initial_weights
        expert = expert_of(Path(given)).to(self.device) if config.imitation_weight else None
        self.learning = QLearning(self.network, self.samples, config, self.device, expert)
        if self.state.step:
            checkpoint.load_weights(self.learning.target, self.directory / TARGET)
            self._cpu_before += float(checkpoint.load(self.directory / LAST)[1]["cpu_s"])
        paths = written(config.validation_instances, self.directory / VALIDATION)
        self.cost = NodeCost(paths, config.solve_validation, config.workers)

    def run(self) -> dict[str, Any]:
        while not self.samples.slots or self.store.num_episodes < self.config.warm_up_episodes:
            self._play()
        if not self.state.step:
            self._fit_scales()
            self._validate(0.0)
        return super().run() | {"episodes": self.store.num_episodes, "decisions": self.store.num_decisions}

    def _fit_scales(self) -> None:
        """By the first episodes: of the features, unless weights were given, and of a value that knows nothing yet."""
        played, network = [slot.trajectory for slot in self.samples.slots], agent(self.network)
        if not self.config.initial_weights:
            network.standard.fill(t.features for t in played)
            network.root.column_standard.fill(t.column_features for t in played)
            network.root.row_standard.fill(t.row_features for t in played)
        if network.value_second.out_features == 1 and not network.value_second.weight.any():
            mean = float(np.concatenate([log2_returns(t, 0) for t in played]).mean())
            nn.init.constant_(network.value_second.bias, mean)
        self.learning.synchronise()

    def batches(self, epoch: int) -> list[int]:
        self._num_learnt = self.store.num_episodes
        if self._share() >= 1:
            return [0]  # the run looks at the budget before it learns
        return list(range(self.config.steps_per_episode * self._play()))

    def _play(self) -> int:
        """Wait for episodes; how many came that there is something to learn from, one at least."""
        added = 0
        while not added:
            while self.pool.num_flying < self.config.workers:
                self.pool.submit(self._task())
            for row in self.pool.ended():
                trajectory = self.store.add(row)
                self.num_failures = 0 if trajectory else self.num_failures + 1
                if trajectory is not None:
                    self.store.drop(self.samples.add(trajectory))
                    added += 1
                curves = {"nodes": row.num_nodes, "decisions": row.decisions, "exploration": row.amount}
                self.journal.scalars("episode", curves, self.store.num_episodes)
                if self.num_failures >= MOST_FAILURES:
                    raise EngineError(f"{MOST_FAILURES} episodes in a row taught nothing; the last: {row}")
        return added

    def _task(self) -> Task:
        config, episode = self.config, self.next_episode
        self.next_episode += 1
        seed = 1 + int(np.random.default_rng([config.seed, episode, 2]).integers(2**31 - 2)) if config.permute else 0
        search = SearchOptions(protocol=config.protocol, seed=seed, depth_first=config.depth_first,
                               node_limit=config.node_limit, time_s=config.time_s, validate=False)  # fmt: skip
        return Task(
            episode, self.draw(config.seed, episode), search, self._policy(), config.exploration,
            config.exploring(self._used(self.store.num_episodes)), config.seed, self.state.step, Path(config.optima),
            self.store.path(episode), config.cost,
        )  # fmt: skip

    def _policy(self) -> Policy:
        """A NumPy copy of the network as it is now."""
        name, weights = agent(self.network).exported()
        return NETWORKS[name]({key: value.detach().cpu().numpy().copy() for key, value in weights.items()})

    def _share(self) -> float:
        """By the episodes that were learnt from, so that the last one is as well."""
        return self._used(self._num_learnt)

    def _used(self, num_episodes: int) -> float:
        episodes = num_episodes / self.config.episodes if self.config.episodes else 0.0
        return max(super()._share(), episodes)

    def loss(self, batch: int) -> Tensor:
        return self.learning.loss(self.state.step, min(self._share(), 1.0))

    def _after_step(self, loss: float, share: float) -> None:
        if (self.state.step + 1) % self.config.target_every == 0:
            self.learning.synchronise()
        super()._after_step(loss, share)

    def validation(self, share: float) -> tuple[dict[str, float], dict[str, float], float | None]:
        if share < self.config.solve_validation.start:
            return self._spent(), {}, None
        solved = self.cost.measure(*agent(self.network).exported())
        return self._spent(), solved, solved[f"solve_{self.config.cost}"]

    def _spent(self) -> dict[str, float]:
        """What the run has cost so far: env_steps are decisions, cpu_s is of the learner and all its children."""
        cores = self.config.threads if self.config.workers == 1 else self.config.workers + self.config.threads
        return {"episodes": self.store.num_episodes, "env_steps": self.store.num_decisions,
                "wall_h": self._elapsed() / 3600, "cpu_s": self._cpu_before + _cpu_s(), "cores": cores}  # fmt: skip

    def _kept(self) -> dict[str, Any]:
        return super()._kept() | self._spent()

    def _save(self) -> None:
        checkpoint.save_weights(self.learning.target, {}, self.directory / TARGET)
        super()._save()


def build_agent(config: ReinforceConfig) -> nn.Module:
    """The network with fresh weights, of the shape of `initial_weights` where the config names none."""
    bins = {"bins": config.bins, "max_log2": config.max_log2} if config.loss == "hl_gauss" else {}
    return build(config, SHAPE, **bins)


def expert_of(given: Path) -> nn.Module:
    """The frozen film of a model directory or a .safetensors.  Raises ModelError."""
    weights, _ = checkpoint.weights_of(given)
    try:
        expert = FilmNet(**SHAPE, **sizes_of(weights))
        expert.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{given} is no film: {error}") from error
    return expert.eval().requires_grad_(False)


def agent(network: nn.Module) -> Any:
    """The agent with the parts that nn.Module does not know of."""
    return network


def _cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
