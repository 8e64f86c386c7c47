"""The gate: lets its own family through at other sizes and seeds, stops strangers, and says why."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from neurosolve.milp import gate
from neurosolve.milp.features import RootGraph, root_graph
from tests.milp.small_scip import knapsacks, probe, set_cover


def root_of(scip: Any) -> RootGraph:
    found: list[RootGraph] = []
    probe(scip, lambda model: found.append(root_graph(model)), nodes=1)
    return found[0]


@pytest.fixture(scope="module")
def covers() -> dict[str, Any]:
    roots = [root_of(set_cover(120, columns, 0.1, seed)) for seed in range(3) for columns in (80, 100, 120)]
    return gate.describe([gate.fingerprint(root) for root in roots])


def test_the_fingerprint_of_a_set_cover() -> None:
    found = gate.fingerprint(root_of(set_cover()))
    assert tuple(found) == gate.FEATURES
    assert found["log_columns"] == pytest.approx(2.0) and found["share_binary"] == 1.0
    assert found["share_covering"] == found["share_uniform_rows"] == found["share_costly"] == 1.0
    assert found["share_packing"] == found["share_equality"] == found["share_mixed_rows"] == 0.0
    assert found["log_row_ratio"] == pytest.approx(np.log10(1.2))


def test_the_fingerprint_of_knapsacks() -> None:
    found = gate.fingerprint(root_of(knapsacks()))
    assert found["share_packing"] == 1.0 and found["share_covering"] == found["share_uniform_rows"] == 0.0
    assert found["share_integer"] == pytest.approx(16 / 17)


def test_signs_do_not_matter() -> None:
    """A covering row written as -x - y <= -1 stays one."""
    root = root_of(set_cover())
    rows = root.row_features.copy()
    names = gate.ROOT_ROW_FEATURES
    for a, b in (("has_lhs", "has_rhs"),):
        rows[:, [names.index(a), names.index(b)]] = rows[:, [names.index(b), names.index(a)]]
    rows[:, names.index("positive_share")] = 0.0
    turned = RootGraph(root.column_features, rows, root.indptr, root.indices, -root.coefficients)
    assert gate.fingerprint(turned) == gate.fingerprint(root)


def test_its_own_family_passes_and_strangers_do_not(covers: dict[str, Any]) -> None:
    configs = {"covers": {"fingerprint": json.loads(json.dumps(covers))}, "plain": {}}
    verdict = gate.choose(root_of(set_cover(120, 110, 0.1, seed=77)), configs)
    assert verdict.guided and verdict.model == "covers"
    declined = gate.choose(root_of(knapsacks()), configs)
    assert not declined.guided and declined.model is None
    assert "nearest covers" in declined.reason and "outside" in declined.reason
    assert declined.to_json() == {"stage": 1, "guided": False, "reason": declined.reason}


def test_sizes_far_beyond_training_are_declined(covers: dict[str, Any]) -> None:
    verdict = gate.choose(root_of(set_cover(1200, 1000, 0.01)), {"covers": {"fingerprint": covers}})
    assert not verdict.guided and "log_columns" in verdict.reason


def test_the_model_that_fits_best_is_taken(covers: dict[str, Any]) -> None:
    sacks = gate.describe([gate.fingerprint(root_of(knapsacks(seed=seed))) for seed in range(4)])
    configs = {"covers": {"fingerprint": covers}, "sacks": {"fingerprint": sacks}}
    assert gate.choose(root_of(knapsacks(seed=9)), configs).model == "sacks"
    assert gate.choose(root_of(set_cover(seed=9)), configs).model == "covers"


def test_without_models() -> None:
    assert gate.choose(root_of(set_cover()), {}).reason == "no model installed"
    with pytest.raises(ValueError, match="no problems"):
        gate.describe([])


def test_a_size_alone_may_refuse_and_never_refuses_what_fits() -> None:
    covers = gate.describe([gate.fingerprint(root_of(set_cover(seed=seed))) for seed in range(4)])
    configs = {"covers": {"fingerprint": covers}, "plain": {}}
    assert gate.refuse_size(100, {}) == gate.Verdict(False, "no model installed")
    assert gate.refuse_size(100, {"plain": {}}) == gate.Verdict(False, "no model offers itself under this protocol")
    found = gate.fingerprint(root_of(set_cover()))
    for num_columns in range(1, 2000):
        fingerprint = found | {gate.SIZE: math.log10(num_columns)}
        if gate.refuse_size(num_columns, configs) is not None:
            assert not gate.fits(fingerprint, covers).inside
    assert gate.refuse_size(100, configs) is None
    for far in (10, 100_000):
        verdict = gate.refuse_size(far, configs)
        assert verdict is not None and f"{far} columns" in verdict.reason and not verdict.guided
