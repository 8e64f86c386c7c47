"""Our network: a weight-tied literal-clause message passer, equivariant under signs and permutations by construction.

One round, for literal states h of shape (2n, d):

    c_j = relu( sum_{l in clause j} (W_m h_l + b_m) + b_c )          what clause j says
    a_l = rms( sum_{j with l} c_j )                                  what l's clauses say
    h_l <- rms( h_l + W_2 relu( W_h h_l + W_n h_{not l} + W_a a_l + b ) )

The weights know no variable and no sign, so flipping a variable swaps the states of its two literals, and the logit
s(h_v) - s(h_{not v}) changes its sign.  b_m summed over a clause is linear in its length, so relu can ask "how many of
my literals are still free to be true".  Kin of NeuroSAT (arXiv 1802.03685), without its recurrent cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurosolve.learn.networks.ops import (
    Incidence,
    Linear,
    negate,
    positive,
    rms_norm,
    to_clauses,
    to_literals,
)

READ_EVERY = 4  # rounds between two that training reads


class Embed(nn.Module):
    """Literal features (2n, 2) -> states (2n, d).  Features: log(1 + occurrences) of the literal and its negation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Linear(2, width), Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        return rms_norm(self.second(torch.relu(self.first(features))))


class Round(nn.Module):
    """One exchange of messages: states (2n, d) -> states (2n, d)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.message = Linear(width, width)
        self.clause_bias = nn.Parameter(torch.zeros(width))
        self.own, self.other, self.heard = Linear(width, hidden), Linear(width, hidden), Linear(width, hidden)
        self.out = Linear(hidden, width)

    def forward(self, h: Tensor, edges: Incidence) -> Tensor:
        clauses = torch.relu(to_clauses(edges, self.message(h)) + self.clause_bias)
        heard = rms_norm(to_literals(edges, clauses))
        update = torch.relu(self.own(h) + self.other(negate(h)) + self.heard(heard))
        return rms_norm(h + self.out(update))


class Readout(nn.Module):
    """States (2n, d) -> phase logits (n,) and, per variable, its share (n,) of the formula's satisfiability logit."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.score = Linear(width, width), Linear(width, 1)
        self.sat_first, self.sat_score = Linear(width, width), Linear(width, 1)

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        score = self.score(torch.relu(self.first(h)))
        logit = positive(score - negate(score))
        both = positive(h + negate(h))
        sat = self.sat_score(torch.relu(self.sat_first(both)))
        return logit.squeeze(-1), sat.squeeze(-1)


class LiteralClauseNet(nn.Module):
    """`literal_clause` by name.  width d, hidden units of the update; width 48 and hidden 96 are 24k parameters.

    forward(features (2n, 2), edges, num_rounds, read_from) returns the readouts of every READ_EVERY-th round from
    read_from to num_rounds, the last among them: training supervises several so that any number of rounds in that
    range may be run.
    """

    def __init__(self, width: int = 48, hidden: int = 96) -> None:
        super().__init__()
        self.embed, self.round, self.readout = Embed(width), Round(width, hidden), Readout(width)

    def forward(
        self, features: Tensor, edges: Incidence, num_rounds: int, read_from: int | None = None
    ) -> list[tuple[Tensor, Tensor]]:
        h = self.embed(features)
        outputs = []
        for i in range(1, num_rounds + 1):
            h = self.round(h, edges)
            if i == num_rounds or (read_from is not None and i >= read_from and (num_rounds - i) % READ_EVERY == 0):
                outputs.append(self.readout(h))
        return outputs
