"""The gate: what a formula looks like, which model it fits, and when the guide stays silent."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from neurosolve.sat import gate
from neurosolve.sat.dimacs import CNF
from neurosolve.sat.phases import Phases


def formula(num_variables: int, lengths: list[int], seed: int = 0) -> CNF:
    rng = np.random.default_rng(seed)
    clauses = [(rng.integers(1, num_variables + 1, n) * rng.choice([-1, 1], n)).tolist() for n in lengths]
    return CNF.from_clauses(clauses, num_variables=num_variables)


def ternary(num_variables: int, ratio: float, seed: int = 0) -> CNF:
    return formula(num_variables, [3] * int(ratio * num_variables), seed)


def described(*formulas: CNF) -> dict[str, Any]:
    stored = gate.describe([gate.fingerprint(one) for one in formulas])
    return {"fingerprint": json.loads(json.dumps(stored))}  # as config.json would give it back


def test_fingerprint_counts_lengths() -> None:
    found = gate.fingerprint(formula(10, [1, 2, 2, 3, 4, 5, 6, 8, 9, 16, 17, 40]))
    shares = [found[f"share_{name}"] * 12 for name in ("1", "2", "3", "4", "5", "6-8", "9-16", "17+")]
    assert shares == pytest.approx([1, 2, 1, 1, 1, 2, 2, 2])
    assert found["log_variables"] == pytest.approx(1.0)
    assert found["log_ratio"] == pytest.approx(math.log10(1.2))
    assert tuple(found) == gate.FEATURES


def test_fingerprint_ignores_signs_and_order() -> None:
    cnf = formula(30, [2, 3, 5] * 20)
    clauses = [[-literal for literal in clause] for clause in cnf.clauses()][::-1]
    assert gate.fingerprint(CNF.from_clauses(clauses, num_variables=30)) == gate.fingerprint(cnf)


@pytest.mark.parametrize(("num_variables", "clauses"), [(0, []), (0, [[]]), (5, [])])
def test_fingerprint_of_next_to_nothing(num_variables: int, clauses: list[list[int]]) -> None:
    found = gate.fingerprint(CNF.from_clauses(clauses, num_variables=num_variables))
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("lengths", [[3], [2, 2, 3], [2, 2, 2, 4], [1, 2, 3, 4, 5, 6, 7, 9]])
def test_fingerprint_of_millions_is_of_all_of_them(lengths: list[int]) -> None:
    """It looks at a part only, and the clauses of an encoding come round in a period."""
    repeats = 2_000_000 // len(lengths)
    offsets = np.concatenate([[0], np.cumsum(np.tile(lengths, repeats))])
    found = gate.fingerprint(CNF(1_000_000, np.ones(offsets[-1], dtype=np.int32), offsets))
    whole = gate.fingerprint(formula(10, lengths))
    shares = [name for name in gate.FEATURES if name.startswith("share")]
    assert [found[name] for name in shares] == pytest.approx([whole[name] for name in shares], abs=0.001)


def test_training_set_fits_itself_and_larger_sizes() -> None:
    config = described(*(ternary(n, 4.2, n) for n in (100, 150, 200)))["fingerprint"]
    for size in (60, 100, 200, 700):
        assert gate.fits(gate.fingerprint(ternary(size, 4.2)), config).inside
    far = gate.fits(gate.fingerprint(ternary(5000, 4.2)), config)
    assert not far.inside and "log_variables" in far.reason
    other = gate.fits(gate.fingerprint(formula(150, [2] * 400 + [3] * 200)), config)
    assert not other.inside and "share" in other.reason
    assert not gate.fits(gate.fingerprint(ternary(150, 6.0)), config).inside


def test_the_narrower_model_wins() -> None:
    own = described(*(ternary(n, 4.2, n) for n in (100, 150, 200)))
    mixtures = [formula(n, [2] * (7 * n // 2 if n % 2 else n) + [3] * (4 * n)) for n in (100, 151, 300, 401)]
    broad = described(*mixtures, *(ternary(n, 4.2) for n in (100, 400)))
    chosen = gate.choose(gate.fingerprint(ternary(160, 4.2)), {"broad": broad, "own": own})
    assert chosen.guided and chosen.model == "own" and chosen.stage == 1
    mixed = gate.choose(gate.fingerprint(formula(200, [2] * 300 + [3] * 800)), {"broad": broad, "own": own})
    assert mixed.model == "broad"


def test_a_model_is_left_out_where_another_succeeds_it() -> None:
    own = described(*(ternary(n, 4.2, n) for n in (100, 150, 200)))
    found, tuned = gate.fingerprint(ternary(160, 4.2)), {**own, "succeeds": "own"}
    assert gate.choose(found, {"own": own, "tuned": tuned}).model == "tuned"
    assert gate.choose(found, {"own": own}).model == "own"


def test_a_feature_that_drifts_with_the_size_is_a_line_and_not_a_range() -> None:
    """Clause shares that move from small to large: beyond both the line goes on, off it nobody is let in."""

    def drifting(n: int, ternary_share: float) -> CNF:
        count = 4 * n
        return formula(n, [3] * round(count * ternary_share) + [2] * (count - round(count * ternary_share)))

    config = described(*(drifting(n, 0.9 - 0.3 * math.log10(n / 100)) for n in (100, 150, 220, 330, 500)))
    line = config["fingerprint"]
    assert gate.fits(gate.fingerprint(drifting(900, 0.9 - 0.3 * math.log10(9))), line).inside
    stranger = gate.fits(gate.fingerprint(drifting(500, 0.88)), line)  # a share that small formulas have
    assert not stranger.inside and "share" in stranger.reason


def test_no_model_and_no_fit() -> None:
    found = gate.fingerprint(ternary(100, 4.2))
    assert gate.choose(found, {}).reason == "no model installed"
    declined = gate.choose(found, {"other": described(formula(100, [7] * 100))})
    assert not declined.guided and "other" in declined.reason and declined.model is None


def test_cost_and_memory() -> None:
    assert gate.affordable(600_000, {}, 1.0, None).guided
    assert not gate.affordable(6_000_000, {}, 1.0, None).guided
    assert gate.affordable(6_000_000, {"seconds_per_literal": 1e-8}, 1.0, None).guided
    tight = gate.affordable(600_000, {}, 1.0, 100 << 20)
    assert not tight.guided and "memory" in tight.reason
    assert gate.guide_budget_s({}, None) == gate.GUIDE_TIME_S
    assert gate.guide_budget_s({"guide_time_s": 9}, 10.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("confidence", "logit", "config", "guided"),
    [
        (0.8, 0.0, {}, True),
        (0.0, 9.0, {}, False),
        (0.3, 9.0, {"min_confidence_mass": 0.4}, False),
        (0.5, 9.0, {"min_confidence_mass": 0.4, "min_sat_logit": 1.0}, True),
        (0.5, 0.5, {"min_sat_logit": 1.0}, False),
        (0.5, math.nan, {"min_sat_logit": -5.0}, False),
        (0.5, math.nan, {"min_sat_logit": None}, True),
        (math.nan, 9.0, {}, False),
    ],
)
def test_trust(confidence: float, logit: float, config: dict[str, Any], guided: bool) -> None:
    phases = Phases.of(np.ones(10), "model:x", np.full(10, confidence))
    assert gate.trust(phases, logit, config).guided is guided


def test_a_stored_fingerprint_is_whole_and_finite() -> None:
    stored = described(ternary(100, 4.2), ternary(200, 4.2))["fingerprint"]
    assert gate.well_formed(stored)
    for damage in ({"trained": [1.0]}, {"trained": None}, {"features": {}}, {"trained": [1.0, math.nan]}):
        assert not gate.well_formed({**stored, **damage})
    assert not any(map(gate.well_formed, (None, [], {}, 3, "features")))
