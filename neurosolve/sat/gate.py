"""Whether to guide a formula, decided twice: from its shape, and from what the network said.

Stage 1 reads header counts and the clause-length histogram only (under 20 ms, before any network library
loads) and picks the model in whose training set such a formula is most usual, or none.  Stage 2 reads the
predicted cost, the confidence mass and the satisfiability logit.  Pure functions; the thresholds live in each
model's config.json.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosolve.fingerprints import Fingerprint, Fit, lines_over

if TYPE_CHECKING:
    from neurosolve.sat.dimacs import CNF
    from neurosolve.sat.phases import Phases

Config = Mapping[str, Any]

# Upper ends of the clause-length classes; signs are shuffled in training, so polarity is no feature.
_LENGTH_CLASSES = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6-8": 8, "9-16": 16}
_SHARES = tuple(f"share_{name}" for name in (*_LENGTH_CLASSES, "17+"))
FEATURES = ("log_variables", "log_ratio", *_SHARES)
_TOLERANCE = {"log_variables": 0.02, "log_ratio": 0.04, **dict.fromkeys(_SHARES, 0.03)}
_SAMPLED_CLAUSES = 1 << 18  # past this many clauses the histogram is taken of evenly spaced stretches of them
_STRETCH = 1 << 10  # whole ones, because single clauses at even distances may all be the same clause of a gate

SMALLER, LARGER = 2.0, 4.0  # how far past its training, down and up, a model is offered formulas
GUIDE_TIME_S = 2.0  # default budget of graph and network together; a model's config may say otherwise
GUIDE_SHARE = 0.1  # and never more than this share of the time limit
GUIDE_MEMORY_BYTES = 4 << 30
SECONDS_PER_LITERAL = 0.3e-6  # graph and the fewest rounds of a network; more rounds take what is left
BYTES_PER_LITERAL = 600


@dataclasses.dataclass(frozen=True)
class Verdict:
    """guided: go on.  stage: which stage spoke.  reason: for people.  model: stage 1's choice."""

    guided: bool
    stage: int
    reason: str
    model: str | None = None

    def to_json(self) -> dict[str, Any]:
        row = dataclasses.asdict(self)
        del row["model"]
        return row


def fingerprint(cnf: CNF) -> Fingerprint:
    """One number a feature: log10 of variables and of clauses per variable, shares of clause lengths."""
    num_clauses = max(1, len(cnf.offsets) - 1)
    lengths = _lengths(cnf)
    classes = np.bincount(np.clip(lengths, 1, 17), minlength=18)[1:]
    ends = [0, *_LENGTH_CLASSES.values(), 17]
    shares = [classes[low:high].sum() / max(1, len(lengths)) for low, high in pairwise(ends)]
    num_variables = max(1, cnf.num_variables)
    values = [math.log10(num_variables), math.log10(num_clauses / num_variables), *map(float, shares)]
    return dict(zip(FEATURES, values, strict=True))


def _lengths(cnf: CNF) -> npt.NDArray[np.int64]:
    """Every clause's length, or those of a fixed share of them where there are too many."""
    num_clauses = len(cnf.offsets) - 1
    if num_clauses <= _SAMPLED_CLAUSES:
        return cnf.clause_lengths
    starts = np.linspace(0, num_clauses - _STRETCH, _SAMPLED_CLAUSES // _STRETCH, dtype=np.int64)
    return np.concatenate([np.diff(cnf.offsets[start : start + _STRETCH + 1]) for start in starts])


def describe(fingerprints: Sequence[Fingerprint]) -> dict[str, Any]:
    """What training stores as config['fingerprint']: the range of sizes, and each other feature as a line over them.

    The sizes reach from 1/SMALLER of the smallest to LARGER times the largest, in variables: a model is offered
    sizes beyond its training, and its validation says whether that pays.  The other features drift with the
    size (a family's counters outgrow its checks), so each is a least-squares line in log_variables and the spread of
    the training set around it: a range alone, wide enough for the drift, let strangers in.
    """
    if not fingerprints:
        raise ValueError("a fingerprint of no formulas")
    sizes = np.array([one["log_variables"] for one in fingerprints])
    low, high = float(sizes.min()), float(sizes.max())
    features: dict[str, dict[str, float]] = {
        "log_variables": {
            "mean": float(sizes.mean()),
            "low": low - math.log10(SMALLER),
            "high": high + math.log10(LARGER),
        }
    }
    features |= lines_over("log_variables", fingerprints, FEATURES[1:])
    return {"features": features, "num_formulas": len(fingerprints), "trained": [low, high]}


def well_formed(described: Any) -> bool:
    """Whether something read from a file has every number of what `describe` makes, all finite."""
    try:
        features, (low, high) = described["features"], described["trained"]
        numbers = [low, high, *(features["log_variables"][key] for key in ("mean", "low", "high"))]
        numbers += [features[name][key] for name in FEATURES[1:] for key in ("slope", "level", "spread")]
        return all(map(math.isfinite, numbers))
    except (LookupError, TypeError, ValueError):
        return False


def fits(found: Fingerprint, described: Config) -> Fit:
    """Compare a fingerprint with a stored one: the size with its range, every other feature with its line.

    Beyond the trained sizes the spread grows by what the line itself moves, and each feature has a tolerance besides.
    The reason names the worst feature outside, with the number and the range.
    """
    size, (low, high) = found["log_variables"], described["trained"]
    beyond = max(low - size, size - high, 0.0)
    score, worst, reason = 0.0, 0.0, "inside every range"
    for name in FEATURES:
        stored, tolerance = described["features"][name], _TOLERANCE[name]
        if name == "log_variables":
            middle, first, last = stored["mean"], stored["low"], stored["high"]
        else:
            middle = stored["level"] + stored["slope"] * size
            reach = stored["spread"] + abs(stored["slope"]) * beyond
            first, last = middle - reach, middle + reach
        scale = tolerance + (last - first) / 4
        score -= 0.5 * ((found[name] - middle) / scale) ** 2 + math.log(scale)
        outside = max(first - tolerance - found[name], found[name] - last - tolerance, 0.0) / tolerance
        if outside > max(worst, 1e-9):
            worst, reason = outside, f"{name} {found[name]:.3g} outside {first:.3g} to {last:.3g}"
    return Fit(worst == 0.0, score, reason)


def choose(found: Fingerprint, configs: Mapping[str, Config]) -> Verdict:
    """Stage 1: the model that such a formula fits best, or a Verdict that names the nearest miss.

    A model that another one here succeeds is left out.
    """
    succeeded = {config.get("succeeds") for config in configs.values()}
    described = {
        name: config["fingerprint"]
        for name, config in configs.items()
        if "fingerprint" in config and name not in succeeded
    }
    offered = {name: fits(found, stored) for name, stored in described.items()}
    if not offered:
        return Verdict(False, 1, "no model installed")
    inside = {name: fit for name, fit in offered.items() if fit.inside}
    if not inside:
        name, fit = max(offered.items(), key=lambda item: item[1].score)
        return Verdict(False, 1, f"no model fits; nearest {name}: {fit.reason}")
    best = max(inside, key=lambda name: inside[name].score)
    return Verdict(True, 1, f"{best} fits", best)


def guide_budget_s(config: Config, time_limit_s: float | None) -> float:
    """Seconds that graph and network may take."""
    budget = float(config.get("guide_time_s", GUIDE_TIME_S))
    return budget if time_limit_s is None else min(budget, GUIDE_SHARE * time_limit_s)


def affordable(num_literals: int, config: Config, budget_s: float, memory_bytes: int | None) -> Verdict:
    """Stage 2a, before the graph is built: predicted seconds and bytes against the budgets."""
    seconds = num_literals * float(config.get("seconds_per_literal", SECONDS_PER_LITERAL))
    if seconds > budget_s:
        return Verdict(False, 2, f"predicted cost {seconds:.2g} s over the budget of {budget_s:.2g} s")
    allowed = min(GUIDE_MEMORY_BYTES, memory_bytes or GUIDE_MEMORY_BYTES)
    if num_literals * BYTES_PER_LITERAL > allowed:
        mebibytes = num_literals * BYTES_PER_LITERAL >> 20
        return Verdict(False, 2, f"predicted memory {mebibytes} MiB over the budget")
    return Verdict(True, 2, f"predicted cost {seconds:.2g} s")


def trust(phases: Phases, sat_logit: float, config: Config) -> Verdict:
    """Stage 2b, after the network: is it sure enough, and does it hold the formula for satisfiable?

    A number that is not finite never passes a threshold that is set.
    """
    mass, least_mass = phases.mass, float(config.get("min_confidence_mass") or 0.0)
    least_logit = config.get("min_sat_logit")
    if not mass >= least_mass or mass == 0.0:
        return Verdict(False, 2, f"confidence mass {mass:.3f} under {least_mass:.3f}")
    if least_logit is not None and not (math.isfinite(sat_logit) and sat_logit >= float(least_logit)):
        return Verdict(False, 2, f"satisfiability logit {sat_logit:.2f} under {float(least_logit):.2f}")
    return Verdict(True, 2, f"confidence mass {mass:.3f}, satisfiability logit {sat_logit:.2f}")
