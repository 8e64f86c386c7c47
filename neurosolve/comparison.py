"""One instance solved stock and guided: whether the answers agree, and lines that say what guidance was worth."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from neurosolve.errors import SoundnessError

TOLERANCE = 1e-6  # two optimal objectives may differ by this, relative to max(1, |objective|)
_UNANSWERED = ("UNKNOWN", "limit")
_OUTCOMES = {
    "optimal": {"optimum"},
    "infeasible": {"infeasible"},
    "unbounded": {"unbounded"},
    "infeasible-or-unbounded": {"infeasible", "unbounded"},
}


@dataclasses.dataclass(frozen=True)
class Side:
    """One solve: its JSON row, and the wall seconds of its whole process seen from outside."""

    row: dict[str, Any]
    seconds: float

    @property
    def answered(self) -> bool:
        return self.row["status"] not in _UNANSWERED


# -- CNF


def comparison(stock: Side, guided: Side) -> list[str]:
    """Two lines: engine, seconds and conflicts of both, and what one took of the other's time.

    Raises SoundnessError where one side says satisfiable and the other unsatisfiable.
    """
    if stock.answered and guided.answered and stock.row["status"] != guided.row["status"]:
        raise SoundnessError(f"stock says {stock.row['status']}, guided says {guided.row['status']}")
    return [
        f"stock:  {stock.row['engine']}, {_cost(stock, 'conflicts')}",
        f"guided: {guided.row['engine']}, {_guide(guided.row)}, {_cost(guided, 'conflicts')}; {_ratio(stock, guided)}",
    ]


def _cost(side: Side, what: str) -> str:
    count = side.row["stats"][f"num_{what}"]
    counted = f"{what} not counted" if count is None else f"{count} {what}"
    return f"{side.seconds:.2f} s, {counted}" + ("" if side.answered else f", no answer ({side.row['reason']})")


def _guide(row: dict[str, Any]) -> str:
    """Who told the engine what, or why nobody did."""
    if row["delivery"] is None:
        return f"not guided ({(row['gate'] or {}).get('reason') or row['guidance']})"
    who = f"model {row['model']}" if row["model"] else row["guidance"]
    return f"{who}, {row['delivery']}"


def _ratio(stock: Side, guided: Side, whose: str = "stock") -> str:
    """guided over stock; a side without an answer only bounds it."""
    ratio = guided.seconds / stock.seconds
    if stock.answered and guided.answered:
        faster = f", {1 / ratio:.1f} times as fast" if ratio < 1 else ""
        return f"{ratio:.2f} of {whose}'s time{faster}"
    if guided.answered:
        return f"less than {ratio:.2f} of {whose}'s time"
    return f"more than {ratio:.2f} of {whose}'s time" if stock.answered else "no answer on either side"


# -- MILP


def milp_comparison(sides: Mapping[str, Side]) -> list[str]:
    """A table, one row a side, and two lines: seconds and nodes of `stock` and of `guided`, and their ratio.

    sides: by name; `stock` and `guided` are among them, and the ratio is to the faster of all but `guided`.  Raises
    SoundnessError for answers that exclude one another.
    """
    for (name, one), (other, two) in itertools.combinations(sides.items(), 2):
        if _contradict(one.row, two.row):
            raise SoundnessError(f"{name} says {_claim(one.row)}, {other} says {_claim(two.row)}")
    stock, guided = sides["stock"], sides["guided"]
    best = min((name for name in sides if name != "guided"), key=lambda name: _rank(sides[name]))
    ratios = [_ratio(stock, guided)]
    if best != "stock" and sides[best].answered:
        ratios.append(_ratio(sides[best], guided, best))
    return [
        *_table(sides),
        "",
        f"stock:  SCIP, {_cost(stock, 'nodes')}",
        f"guided: SCIP, {_brancher(guided.row)}, {_cost(guided, 'nodes')}; {'; '.join(ratios)}",
    ]


def _rank(side: Side) -> tuple[bool, float]:
    return not side.answered, side.seconds


def _table(sides: Mapping[str, Side]) -> Iterator[str]:
    width = max(map(len, sides))
    yield f"{'':<{width}}  {'answer':<24}{'objective':>18}{'seconds':>11}{'nodes':>11}{'LP iterations':>15}"
    for name, side in sides.items():
        row, stats = side.row, side.row["stats"]
        iterations = [stats["num_lp_iterations"], stats["num_strong_branching_lp_iterations"]]
        yield (
            f"{name:<{width}}  {row['status']:<24}{_number(row['objective']):>18}{side.seconds:>11.2f}"
            f"{_number(stats['num_nodes']):>11}{_number(None if None in iterations else sum(iterations)):>15}"
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"


def _brancher(row: dict[str, Any]) -> str:
    """Who branched, or why the model did not."""
    gate = row["gate"] or {}
    if gate.get("guided") is False:
        return f"not guided ({gate['reason']})"
    if row["model"]:
        return f"model {row['model']}"
    if row["guidance"].startswith(("auto", "model:")) and row["stats"]["num_policy_calls"] == 0:
        return "model not asked (there was nothing to branch on)"
    return str(row["guidance"])


def _claim(row: dict[str, Any]) -> str:
    bounds = _bounds(row)
    if row["status"] == "optimal" or bounds is None:
        return f"{row['status']}{'' if bounds is None else f' {bounds[0]:.15g}'}"
    return f"{row['status']}, optimum between {bounds[0]:.15g} and {bounds[1]:.15g}"


def _bounds(row: dict[str, Any]) -> tuple[float, float] | None:
    """Between which values the optimum lies, None where the run does not say."""
    objective, bound = row["objective"], row["dual_bound"]
    if objective is None or (row["status"] != "optimal" and bound is None):
        return None
    other = objective if row["status"] == "optimal" else bound
    return min(objective, other), max(objective, other)


def _contradict(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """No outcome is left that both allow.  A run at its limit with a solution says that the problem is feasible."""
    outcomes = _left(one) & _left(two)
    if outcomes != {"optimum"}:
        return not outcomes
    first, second = _bounds(one), _bounds(two)
    if first is None or second is None:
        return False
    below, above = min(first[1], second[1]), max(first[0], second[0])
    return above - below > TOLERANCE * max(1.0, abs(above), abs(below))


def _left(row: dict[str, Any]) -> set[str]:
    if row["status"] in _OUTCOMES:
        return _OUTCOMES[row["status"]]
    return {"optimum", "unbounded"} | (set() if row["objective"] is not None else {"infeasible"})
