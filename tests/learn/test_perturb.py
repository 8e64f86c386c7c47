"""Log-probabilities of what an engine saw, the better tries, and what solvers and the curriculum answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosolve.errors import UsageError  # noqa: E402
from neurosolve.learn.config import SolveValidation  # noqa: E402
from neurosolve.learn.feedback import Curriculum, Referee, formula  # noqa: E402
from neurosolve.learn.perturb import (  # noqa: E402
    advantages,
    antithetic,
    better,
    log_probability,
    threshold_logit,
)
from neurosolve.sat import trial  # noqa: E402
from neurosolve.sat.check import satisfies  # noqa: E402
from neurosolve.sat.phases import Phases  # noqa: E402

torch.set_num_threads(1)

CUT = threshold_logit(0.8)


def test_the_three_outcomes_have_the_shares_that_are_drawn() -> None:
    torch.manual_seed(0)
    mean, sigma = torch.tensor([-3.0, -0.5, 0.0, 1.5, 4.0]), 1.3
    drawn = mean + sigma * antithetic(100_000, 5)
    for outcome, value in ((drawn >= CUT, CUT + 1), (drawn <= -CUT, -CUT - 1), (drawn.abs() < CUT, 0.0)):
        told = log_probability(mean, torch.full((1, 5), value), sigma, CUT, ordered=False).exp()[0]
        assert torch.allclose(told, outcome.float().mean(dim=0), atol=5e-3)


def test_confidence_of_the_threshold() -> None:
    assert math.tanh(CUT / 2) == pytest.approx(0.8) and threshold_logit(0.0) == 0


def test_without_an_order_only_the_category_counts_and_with_one_the_value_does() -> None:
    mean = torch.tensor([1.0])
    near, far = torch.tensor([[2.5]]), torch.tensor([[4.0]])
    assert torch.equal(*(log_probability(mean, x, 1.0, CUT, False) for x in (near, far)))
    assert log_probability(mean, near, 1.0, CUT, True) > log_probability(mean, far, 1.0, CUT, True)


@pytest.mark.parametrize("ordered", [False, True])
def test_gradient_ascent_finds_the_phases_that_are_rewarded(ordered: bool) -> None:
    """Reward: number of variables told as a hidden assignment has them, minus those told wrongly."""
    torch.manual_seed(1)
    hidden = torch.tensor([1.0, -1.0] * 6)
    mean = torch.zeros(12, requires_grad=True)
    optimizer = torch.optim.Adam([mean], lr=0.15)
    for _ in range(80):
        drawn = mean.detach() + antithetic(8, 12)
        reward = (torch.sign(drawn) * (drawn.abs() >= CUT) * hidden).sum(dim=1)
        loss = -(advantages(reward[None]).T * log_probability(mean, drawn, 1.0, CUT, ordered)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (torch.sign(mean) == hidden).all() and float(mean.abs().detach().mean()) > CUT / 2


def test_certain_variables_get_no_gradient() -> None:
    mean = torch.tensor([30.0, 0.1], requires_grad=True)
    log_probability(mean, torch.tensor([[30.5, -0.4]]), 1.0, 0.0, False).sum().backward()
    assert mean.grad is not None and mean.grad[0] == 0 and mean.grad[1] < 0


def test_advantages_are_those_of_the_group() -> None:
    found = advantages(torch.tensor([[1.0, 3.0], [7.0, 7.0]]))
    assert torch.allclose(found, torch.tensor([[-1.0, 1.0], [0.0, 0.0]]))


def test_the_assignments_of_the_better_tries_are_kept() -> None:
    found = [np.asarray(a, np.int8) for a in ([1, 1, -1], [1, -1, -1], [-1, -1, -1])]
    kept = better(np.asarray([1.0, -1.0, 0.0, 2.0], np.float32), [*found, None])
    assert kept.tolist() == [[1, 1, -1], [-1, -1, -1]]
    assert better(np.zeros(2, np.float32), [None, None]).shape == (0, 0)


def test_conflicts_are_the_same_every_time_and_bounded() -> None:
    how = SolveValidation(engine="cadical195", delivery="forced+order")
    sample = formula("random3sat", 120, 1_000_000)
    logits = np.random.default_rng(0).normal(size=(4, sample.num_variables)).astype(np.float32)
    tasks = [(sample, logit) for logit in logits]
    both, one = Referee(how, 2, 0), Referee(how, 1, 0)
    first, again = ([s.conflicts for s in referee.solve(tasks, 5_000)] for referee in (both, one))
    assert first == again and len(set(first)) > 1
    for solved in one.solve(tasks, 5_000):
        assert solved.assignment is not None
        assert satisfies(sample.cnf, solved.assignment * np.arange(1, sample.num_variables + 1)) is None
    for bounded in one.solve(tasks, 3):
        assert bounded.assignment is None and bounded.conflicts < 10
    assert first == [trial.cost(sample.cnf, how.engine, told(x), how.delivery, 5_000, None)[0] for x in logits]
    both.close()
    one.close()


def test_an_engine_without_a_conflict_limit_is_refused() -> None:
    sample = formula("random3sat", 60, 1_000_000)
    with pytest.raises(UsageError, match="no conflict limit"):
        trial.solve_here(sample.cnf, "lingeling", told(np.ones(sample.num_variables, np.float32)), "rename", 10)


def told(logit: np.ndarray) -> Phases:
    return Phases.of(logit, "test", np.abs(np.tanh(logit / 2)))


def test_the_curriculum_grows_when_conflicts_have_fallen() -> None:
    plan = Curriculum([10, 12, 14], grow_below=100)
    random = np.random.default_rng(0)
    for _ in range(10):
        plan.observe(math.log(500))
    assert plan.level == 0 and plan.draw(3, random) == [10, 10, 10]
    while plan.level == 0:
        plan.observe(math.log(50))
    assert plan.steps == 0 and math.isnan(plan.running)
    assert plan.draw(4, random)[0] == 12 and set(plan.draw(50, random)) == {10, 12}
    for _ in range(50):
        plan.observe(0.0)
    assert plan.level == 2
