"""`revival`: `film` with a memory of the decisions above the node, read by attention, and a dueling value.

After ReviBranch (arXiv 2508.17452), whose exact equations are not public: those below are ours.  h_j in R^H is what
film's second layer says of candidate j, s its decision's state, both made once a node:

    s   = relu( W_s [mean_j h_j, max_j h_j] + b_s )                                             in R^D
    a   = W_a h_chosen + b_a + sinusoid(depth) + b_direction                                    the action taken
    R   = relu( W_2 relu( W_1 [s, a] + b_1 ) + b_2 )                                            StepBuilder: one step

At the node t, with the steps R_0 ... R_{t-1} of its path and a learned step R_null that stands before them (and alone
at the root), for each of the heads:

    alpha = softmax_i( tau (W_q s_t + b_q) . (W_k R_i + b_k) )
    z_t   = W_o [ sum_i alpha_i (W_v R_i + b_v) ]_heads + b_o
    g_j   = relu( h_j (1 + W_c z_t + b_c) + W_d z_t + b_d ),     score_j = w . g_j + b        higher means: branch here
    V     = v . relu( W_m [s_t, z_t] + b_m ) + c,                Q_j = V - (score_j - mean_j score_j)

Q_j estimates log2 of the nodes of the subtree after branching on j; with bins > 0, w and v give logits and Q is their
expectation, as in dueling.py.  W_c, b_c, W_d, b_d begin at zero and film's parts have film's names, so that with a
film's weights the scores at the start are film's.  R_null takes the share of attention that no step of the path earns;
redistribution.py reads it as "not yet decided".  milp/revival.py is the NumPy twin, with these parameters' names.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor, nn

from neurosolve.errors import UsageError
from neurosolve.learn.milp_batches import NodeBatch
from neurosolve.learn.networks.dueling import begin_from_film, pooled, segment_mean
from neurosolve.learn.networks.film import FilmNet
from neurosolve.learn.path_batches import PathBatch, Picks, path_batch


@dataclasses.dataclass
class Decoded:
    """Of T targets with K' candidates, one column or one a bin: scores (K', B), value (T, B); attention
    (T, heads, 1 + L): on the null step, then on the path's steps, 0 where padded; a row sums to 1."""

    scores: Tensor
    value: Tensor
    attention: Tensor


class RevivalNet(FilmNet):
    """`revival` by name.  forward(batch) -> Q (K',) of the targets' candidates, lower is better.

    memory: D; heads divides it.  bins, max_log2: as FilmQNet's.  with_path: False reads every path as empty, the
    ablation that keeps all else.
    """

    centres: Tensor

    def __init__(
        self, num_features: int, num_column_features: int, num_row_features: int,
        hidden: int = 64, width: int = 32, rounds: int = 2, memory: int = 32, heads: int = 4,
        bins: int = 0, max_log2: float = 18.0, with_path: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, num_column_features, num_row_features, hidden, width, rounds)
        if memory % heads or memory % 2:
            raise UsageError(f"a memory of {memory} is not even, or no multiple of {heads} heads")
        self.bins, self.with_path = bins, with_path
        self.summary, self.action = nn.Linear(2 * hidden, memory), nn.Linear(hidden, memory)
        self.direction = nn.Parameter(0.1 * torch.randn(2, memory))
        self.step_first, self.step_second = nn.Linear(2 * memory, memory), nn.Linear(memory, memory)
        self.query, self.key, self.message = (nn.Linear(memory, memory) for _ in range(3))
        self.temperature = nn.Parameter(torch.full((heads,), (heads / memory) ** 0.5))
        self.null, self.merge = nn.Parameter(0.1 * torch.randn(memory)), nn.Linear(memory, memory)
        self.context_scale, self.context_shift = nn.Linear(memory, hidden), nn.Linear(memory, hidden)
        self.value_first, self.value_second = nn.Linear(2 * memory, memory), nn.Linear(memory, max(bins, 1))
        if bins:
            self.score = nn.Linear(hidden, bins)
            self.register_buffer("centres", (torch.arange(bins) + 0.5) * (max_log2 / bins))
        zeros = (self.context_scale, self.context_shift, self.value_second, *((self.score,) if bins else ()))
        for layer in zeros:  # begins as film
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def collate(self, picks: Picks) -> PathBatch:
        """Decisions of some trajectories, each trajectory once, with their paths."""
        return path_batch(picks, None if self.with_path else 0)

    def forward(self, batch: PathBatch) -> Tensor:  # type: ignore[override]
        out = self.dueling(batch)
        return torch.softmax(out, dim=1) @ self.centres if self.bins else out.squeeze(-1)

    def dueling(self, batch: PathBatch) -> Tensor:
        """Q (K', 1), or with bins the logits of its distribution (K', bins)."""
        decoded = self.decode(batch)
        advantage = decoded.scores if self.bins else -decoded.scores
        centre = segment_mean(advantage, batch.node, batch.num_nodes)
        return (decoded.value - centre)[batch.node] + advantage

    def begin_from(self, weights: dict[str, Tensor], scale: float) -> None:
        """Take over a film's weights, its scores times `scale`; or a film-q's without V or a revival's as they are.

        Raises RuntimeError for weights of another shape.
        """
        if "value_first.weight" in weights and "summary.weight" not in weights:  # a film-q: its V reads other things
            weights, scale = {k: v for k, v in weights.items() if not k.startswith("value_")}, 1.0
        begin_from_film(self, weights, scale, self.centres if self.bins else None)

    def exported(self) -> tuple[str, dict[str, Tensor]]:
        """Name and weights of the network that milp/revival.py runs."""
        weights = dict(self.state_dict())
        return "revival", {k: v for k, v in weights.items() if self.bins or not k.startswith("value_")}

    def decode(self, batch: PathBatch) -> Decoded:
        """Everything that the targets' states and paths say."""
        h = self.hidden(batch.states)
        s = self.summarise(h, batch.states)
        context, attention = self.attend(s[batch.state], self.steps(h, s, batch), batch.paths)
        scale, shift = self.context_scale(context)[batch.node], self.context_shift(context)[batch.node]
        scores = self.score(torch.relu(h[batch.candidates] * (1 + scale) + shift))
        value = self.value_second(torch.relu(self.value_first(torch.cat([s[batch.state], context], dim=1))))
        return Decoded(scores, value, attention)

    def attention_to_last(self, batch: PathBatch) -> Tensor:
        """(T,) what each target pays to the last step of its path, the mean over its heads; 0 where there is none."""
        attention = self.decode(batch).attention.mean(dim=1)
        lengths = (batch.paths >= 0).sum(dim=1)
        last: Tensor = attention.gather(1, lengths[:, None]).squeeze(1)
        return torch.where(lengths > 0, last, torch.zeros_like(last))

    def summarise(self, h: Tensor, nodes: NodeBatch) -> Tensor:
        """Candidates' h (K, H) -> states s (S, D)."""
        return torch.relu(self.summary(pooled(h, nodes.node, nodes.num_nodes)))

    def steps(self, h: Tensor, s: Tensor, batch: PathBatch) -> Tensor:
        """StepBuilder: (R, D)."""
        states = batch.step_state
        action = self.action(h[batch.chosen[states]]) + self.direction[batch.step_is_up]
        action = action + sinusoid(batch.depth[states], s.shape[1])
        return torch.relu(self.step_second(torch.relu(self.step_first(torch.cat([s[states], action], dim=1)))))

    def attend(self, s: Tensor, steps: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        """s (T, D), steps (R, D), paths (T, L) -> contexts (T, D), attention (T, heads, 1 + L)."""
        targets, heads = len(s), len(self.temperature)
        steps = torch.cat([self.null[None], steps])
        places = torch.cat([paths.new_full((targets, 1), -1), paths], dim=1) + 1  # 0: the null step, also as padding
        padded = places == 0
        padded[:, 0] = False
        keys = self.key(steps).view(len(steps), heads, -1)[places]
        messages = self.message(steps).view(len(steps), heads, -1)[places]  # (T, 1 + L, heads, D / heads)
        query = self.query(s).view(targets, heads, -1) * self.temperature[:, None]
        logits = torch.einsum("thd,tlhd->thl", query, keys).masked_fill(padded[:, None], -torch.inf)
        attention = torch.softmax(logits, dim=-1)
        heard = torch.einsum("thl,tlhd->thd", attention, messages).flatten(1)
        return self.merge(heard), attention


def sinusoid(depth: Tensor, size: int) -> Tensor:
    """Depths (R,) -> (R, size): sines, then cosines, of wave lengths from 2 pi to 2 pi 1000."""
    rates = torch.exp(torch.arange(size // 2, device=depth.device) * (-math.log(1000.0) / (size // 2)))
    angles = depth.to(rates.dtype)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
