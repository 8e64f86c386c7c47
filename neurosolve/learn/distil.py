"""A network with memory taught to one without: the ranking of an agent, `revival` above all, into a plain `film`.

The student begins with the teacher's film parts and learns on the states of the run's own episodes, with Q the
teacher's and score the student's of the candidates j of a decision, the loss is the soft cross-entropy (Hinton and
others, arXiv 1503.02531)

    - sum_j p_j log softmax_j( score / tau ),      p = softmax( -Q / tau ),      tau in log2 nodes.

What the path told the teacher is averaged over the paths that lead to like states.  The student is deployed as any
film: no memory, the cheapest head.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosolve.errors import ModelError
from neurosolve.learn import publish_reinforce
from neurosolve.learn.config_reinforce import ReinforceConfig
from neurosolve.learn.descent import learning_rate_factor
from neurosolve.learn.episode_store import EpisodeStore
from neurosolve.learn.hand_over import CANDIDATES, CHOSEN, TIME_S, Progress
from neurosolve.learn.milp_losses import segment_log_softmax, soft_cross_entropy
from neurosolve.learn.networks.film import FilmNet, sizes_of
from neurosolve.learn.q_learning import chunks
from neurosolve.learn.reinforce import SHAPE, agent
from neurosolve.learn.replay import Replay
from neurosolve.learn.trajectories import Trajectory, node_batch

__all__ = ["CANDIDATES", "CHOSEN", "TIME_S", "Distilling", "publish", "teach"]

HELD_OUT = 0.1  # of the episodes, the last


@dataclasses.dataclass(frozen=True)
class Distilling:
    """steps of batch_nodes decisions from batch_episodes episodes; temperature tau; the best on held-out episodes,
    asked every validate_every steps, is kept."""

    steps: int = 2_000
    batch_nodes: int = 128
    batch_episodes: int = 8
    learning_rate: float = 1e-3
    temperature: float = 0.1
    validate_every: int = 200
    seed: int = 0


@dataclasses.dataclass
class Lesson:
    """An episode and the teacher's -Q of its candidates (K,)."""

    trajectory: Trajectory
    scores: NDArray[np.float32]


def publish(
    config_path: str | Path, out: Path, candidates: Sequence[str] = CANDIDATES, count: int = 12,
    time_s: float = TIME_S, progress: Progress | None = None, options: Distilling | None = None,
) -> dict[str, Any]:  # fmt: skip
    """As publish_reinforce.publish, of a film that was taught the run's best network over the run's episodes.

    config.json's "distilled" has how both agreed on held-out episodes.  Raises ModelError also where fewer than two
    episodes are left.
    """

    def deploy(config: ReinforceConfig, teacher: nn.Module) -> tuple[str, dict[str, Tensor], dict[str, Any]]:
        torch.set_num_threads(config.threads)
        replay = Replay(config.capacity, 0.0)
        EpisodeStore(config.directory, keep=True).fill(replay)
        played = [slot.trajectory for slot in replay.slots]
        if len(played) < 2:
            raise ModelError(f"{config.directory} has {len(played)} episodes left, distilling needs two at least")
        student, found = teach(teacher, played, options or Distilling(), progress)
        return "film", dict(student.state_dict()), {"distilled": {"from": config.network, **found}}

    return publish_reinforce.publish(config_path, out, candidates, count, time_s, progress, deploy)


def teach(
    teacher: nn.Module, played: Sequence[Trajectory], options: Distilling, progress: Progress | None = None
) -> tuple[FilmNet, dict[str, Any]]:
    """The student, and how it agreed on the held-out episodes at the start and at the end."""
    lessons = [Lesson(one, asked(teacher, one)) for one in played]
    kept_back = max(1, round(HELD_OUT * len(lessons)))
    training, held_out = lessons[:-kept_back], lessons[-kept_back:]
    student = begin(teacher)
    optimizer = torch.optim.AdamW(student.parameters(), options.learning_rate, weight_decay=1e-4)
    before = best = judge(student, held_out, options.temperature)
    best_weights = {key: value.clone() for key, value in student.state_dict().items()}
    random = np.random.default_rng(options.seed)
    for step in range(options.steps):
        loss = lost(student, drawn(training, random, options), options.temperature)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * learning_rate_factor(step, step / options.steps, 50)
        optimizer.step()
        if (step + 1) % options.validate_every == 0 or step + 1 == options.steps:
            now = judge(student, held_out, options.temperature)
            if now["divergence"] < best["divergence"]:
                best = {**now, "step": step + 1}
                best_weights = {key: value.clone() for key, value in student.state_dict().items()}
        if progress:
            progress("distilling", step + 1, options.steps)
    student.load_state_dict(best_weights)
    return student.eval(), {"before": before, "after": best, "held_out": kept_back, **dataclasses.asdict(options)}


def begin(teacher: nn.Module) -> FilmNet:
    """A film of the teacher's sizes with the weights that both have."""
    weights = teacher.state_dict()
    student = FilmNet(**SHAPE, **sizes_of(weights))
    own = student.state_dict()
    same = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    student.load_state_dict(own | same)
    return student


@torch.no_grad()
def asked(teacher: nn.Module, trajectory: Trajectory) -> NDArray[np.float32]:
    """The teacher's -Q of all candidates, (K,)."""
    teacher.eval()
    found = [-teacher(agent(teacher).collate([(trajectory, decisions)])) for decisions in chunks(trajectory)]
    scores: NDArray[np.float32] = torch.cat(found).numpy()
    return scores


Picks = list[tuple[Lesson, NDArray[np.int64]]]


def drawn(lessons: Sequence[Lesson], random: np.random.Generator, options: Distilling) -> Picks:
    """Episodes in proportion to their decisions, and some decisions of each."""
    sizes = np.array([len(one.trajectory) for one in lessons], np.float64)
    shares = random.multinomial(options.batch_episodes, sizes / sizes.sum())
    each = max(1, options.batch_nodes // options.batch_episodes)
    picks = []
    for i in np.flatnonzero(shares).tolist():
        count = min(each * int(shares[i]), len(lessons[i].trajectory))
        picks.append((lessons[i], np.sort(random.choice(len(lessons[i].trajectory), count, replace=False))))
    return picks


def lost(student: FilmNet, picks: Picks, temperature: float) -> Tensor:
    """The loss above, a mean over decisions."""
    batch = node_batch([(lesson.trajectory, decisions) for lesson, decisions in picks])
    target = segment_log_softmax(_told(picks) / temperature, batch.node, batch.num_nodes).exp()
    return soft_cross_entropy(student(batch) / temperature, target, batch.node, batch.num_nodes)


def _told(picks: Picks) -> Tensor:
    parts = [lesson.scores[lesson.trajectory.candidates(int(i))] for lesson, decisions in picks for i in decisions]
    return torch.from_numpy(np.concatenate(parts))


@torch.no_grad()
def judge(student: FilmNet, lessons: Sequence[Lesson], temperature: float) -> dict[str, float]:
    """Over all decisions: divergence (nats) from the teacher's softmax, and top1, the share of decisions in which both
    would branch on the same candidate."""
    student.eval()
    divergence = agreed = decisions = 0.0
    for lesson in lessons:
        for part in chunks(lesson.trajectory):
            batch = node_batch([(lesson.trajectory, part)])
            told, said = _told([(lesson, part)]), student(batch)
            target = segment_log_softmax(told / temperature, batch.node, batch.num_nodes)
            log_p = segment_log_softmax(said / temperature, batch.node, batch.num_nodes)
            divergence += float((target.exp() * (target - log_p)).sum())
            both = _is_best(told, batch.node, batch.num_nodes) & _is_best(said, batch.node, batch.num_nodes)
            agreed += float(torch.zeros(batch.num_nodes).scatter_reduce(0, batch.node, both.float(), "amax").sum())
            decisions += batch.num_nodes
    student.train()
    return {"divergence": divergence / max(decisions, 1), "top1": agreed / max(decisions, 1)}


def _is_best(scores: Tensor, node: Tensor, num_nodes: int) -> Tensor:
    most = torch.full((num_nodes,), -math.inf).scatter_reduce(0, node, scores, "amax")
    return scores >= most[node]
