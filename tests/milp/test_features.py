"""Root graph and node features against what PySCIPOpt's own getters say, one coefficient at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosolve.milp.features import (
    NODE_FEATURES,
    ROOT_COLUMN_FEATURES,
    ROOT_ROW_FEATURES,
    Candidates,
    node_features,
    root_graph,
    root_state,
)
from tests.milp.small_scip import knapsacks, probe, set_cover


@pytest.mark.parametrize("make", [set_cover, knapsacks])
def test_the_graph_is_the_lp(make: Any) -> None:
    def look(scip: Any) -> None:
        graph, rows, columns = root_graph(scip), scip.getLPRowsData(), scip.getLPColsData()
        assert (graph.num_rows, graph.num_columns) == (len(rows), len(columns))
        assert graph.num_nonzeros == sum(row.getNLPNonz() for row in rows)
        for i, row in enumerate(rows):
            own = slice(graph.indptr[i], graph.indptr[i + 1])
            truth = {c.getLPPos(): v / row.getNorm() for c, v in zip(row.getCols(), row.getVals(), strict=True)}
            assert dict(zip(graph.indices[own].tolist(), graph.coefficients[own], strict=True)) == pytest.approx(truth)
        duals = np.array([row.getDualsol() for row in rows])
        np.testing.assert_allclose(of_row(graph, "dual"), duals / np.abs(duals).max(), atol=1e-6)
        np.testing.assert_array_equal(of_row(graph, "has_lhs") > 0, [row.getLhs() > -1e19 for row in rows])
        costs = np.array([column.getObjCoeff() for column in columns])
        np.testing.assert_allclose(of_column(graph, "objective"), costs / np.abs(costs).max(), atol=1e-6)
        reduced = np.array([scip.getColRedCost(column) for column in columns])
        np.testing.assert_allclose(of_column(graph, "reduced_cost"), reduced / np.abs(reduced).max(), atol=1e-6)
        kinds = [column.getVar().vtype() for column in columns]
        np.testing.assert_array_equal(of_column(graph, "is_binary") > 0, [kind == "BINARY" for kind in kinds])
        np.testing.assert_array_equal(of_column(graph, "is_integer") > 0, [kind == "INTEGER" for kind in kinds])
        basic = [column.getBasisStatus() == "basic" for column in columns]
        np.testing.assert_array_equal(of_column(graph, "is_basic") > 0, basic)
        for table in (graph.column_features, graph.row_features):
            assert table.dtype == np.float32 and np.isfinite(table).all()
        assert graph.column_features.shape[1] == len(ROOT_COLUMN_FEATURES)
        assert graph.row_features.shape[1] == len(ROOT_ROW_FEATURES)

    def of_row(graph: Any, name: str) -> Any:
        return graph.row_features[:, ROOT_ROW_FEATURES.index(name)]

    def of_column(graph: Any, name: str) -> Any:
        return graph.column_features[:, ROOT_COLUMN_FEATURES.index(name)]

    assert probe(make(), look, nodes=1).num_calls == 1


def of(candidates: Candidates, name: str) -> Any:
    return candidates.features[:, NODE_FEATURES.index(name)]


@pytest.mark.parametrize("make", [set_cover, knapsacks])
def test_node_features_are_what_scip_says(make: Any) -> None:
    state: list[Any] = []
    widths = []

    def look(scip: Any) -> None:
        if not state:
            state.append(root_state(scip))
        root, (variables, values, fractions, count, _, _) = state[0], scip.getLPBranchCands()
        found = node_features(scip, root)
        widths.append(len(found))
        assert found.features.shape == (count, len(NODE_FEATURES)) and found.features.dtype == np.float32
        assert np.isfinite(found.features).all()
        assert [v.name for v in found.variables] == [v.name for v in variables]
        assert found.columns.tolist() == [v.getCol().getLPPos() for v in variables]
        np.testing.assert_allclose(of(found, "fraction"), fractions, atol=1e-6)
        scores = np.array([scip.getVarPseudocostScore(v, x) for v, x in zip(variables, values, strict=True)])
        np.testing.assert_allclose(of(found, "score_to_max"), scores / scores.max(), rtol=1e-4)
        domain = [v.getUbLocal() - v.getLbLocal() for v in variables]
        np.testing.assert_allclose(np.expm1(of(found, "log_domain")), domain, rtol=1e-5)
        depth = scip.getDepth()
        np.testing.assert_allclose(of(found, "depth"), depth / (depth + 10), rtol=1e-6)
        updates = of(found, "reliability_down")
        assert (updates[[v.getNBranchings(0) == 0 for v in variables]] == 0).all()
        _check_rows(scip, root, found)

    probe(make(), look, nodes=80)
    assert len(widths) > 10 and min(widths) >= 1


def _check_rows(scip: Any, root: Any, found: Candidates) -> None:
    """Dual weight and active rows, from PySCIPOpt's rows."""
    duals = {row.getLPPos(): abs(row.getDualsol()) for row in scip.getLPRowsData()}
    graph = root.graph
    mass, active = np.zeros(len(found)), np.zeros(len(found))
    for k, column in enumerate(found.columns):
        entries = np.flatnonzero(graph.indices == column)
        rows = np.searchsorted(graph.indptr, entries, side="right") - 1
        weight = np.array([duals[int(i)] for i in rows])
        mass[k], active[k] = (weight * np.abs(graph.coefficients[entries])).sum(), (weight > 1e-9).mean()
    squashed = mass / (mass + mass.mean() + 1e-12)
    np.testing.assert_allclose(of(found, "dual_mass_to_mean"), squashed, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(of(found, "active_share"), active, rtol=1e-5)


def test_long_columns_are_sampled_and_weighed_up() -> None:
    """100 rows of the same kind through every column: the sampled dual weight is that of all rows, within noise."""
    def look(scip: Any) -> None:
        state = root_state(scip)
        assert state.rows.shape == (41, 64)
        whole = np.bincount(state.graph.indices, np.abs(state.graph.coefficients), minlength=40)
        np.testing.assert_allclose(state.weights[:-1].sum(axis=1), whole, rtol=0.1)
        assert (state.weights[-1] == 0).all() and (state.rows[-1] == state.graph.num_rows).all()

    probe(set_cover(rows=150, columns=40, density=0.7), look, nodes=1)


def test_a_variable_that_was_no_root_column_reads_zeros() -> None:
    def look(scip: Any) -> None:
        state = root_state(scip)
        known = node_features(scip, state)
        lost = state.column_of.copy()
        lost[[v.getIndex() for v in known.variables[:1]]] = -1
        found = node_features(scip, state.__class__(**{**state.__dict__, "column_of": lost}))
        assert found.columns[0] == -1 and (found.columns[1:] == known.columns[1:]).all()
        for name in ("is_binary", "root_value", "from_root_value", "objective_to_max", "dual_mass_to_max"):
            assert of(found, name)[0] == 0
        assert np.isfinite(found.features).all()

    probe(set_cover(), look, nodes=1)
