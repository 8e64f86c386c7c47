"""Graphs in both directions, and the literal-clause graph of a formula."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosolve.graph import from_rows
from neurosolve.sat.dimacs import CNF
from neurosolve.sat.graph import literal_clause_graph, literal_nodes
from tests.formulas import random_3sat

LITERAL = st.integers(1, 9).flatmap(lambda v: st.sampled_from([v, -v]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(LITERAL, max_size=5), max_size=12))
def test_every_literal_is_an_edge_in_both_directions(clauses: list[list[int]]) -> None:
    graph = literal_clause_graph(CNF.from_clauses(clauses, 9))
    assert (graph.num_left, graph.num_right) == (len(clauses), 18)
    assert graph.num_edges == sum(map(len, clauses))
    node = {**{v: v - 1 for v in range(1, 10)}, **{-v: 9 + v - 1 for v in range(1, 10)}}
    expected = Counter((i, node[literal]) for i, clause in enumerate(clauses) for literal in clause)
    forward = zip(np.repeat(np.arange(graph.num_left), graph.left_degree), graph.indices, strict=True)
    backward = zip(graph.transposed_indices, np.repeat(np.arange(18), graph.right_degree), strict=True)
    assert Counter((int(a), int(b)) for a, b in forward) == expected
    assert Counter((int(a), int(b)) for a, b in backward) == expected


def test_negation_is_half_a_turn_of_the_nodes() -> None:
    literals = np.array([1, 5, -1, -5], np.int32)
    assert literal_nodes(literals, 5).tolist() == [0, 4, 5, 9]
    assert ((literal_nodes(-literals, 5) - literal_nodes(literals, 5)) % 10 == 5).all()


def test_arrays_are_what_the_kernels_want() -> None:
    graph = literal_clause_graph(random_3sat(50, 4.0))
    for array in (graph.indptr, graph.indices, graph.transposed_indptr, graph.transposed_indices):
        assert array.dtype == np.int32 and array.flags.c_contiguous


def test_a_formula_without_clauses_has_a_graph() -> None:
    graph = literal_clause_graph(CNF.from_clauses([], 3))
    assert (graph.num_left, graph.num_right, graph.num_edges) == (0, 6, 0)
    assert graph.right_degree.tolist() == [0] * 6


def test_too_many_edges_are_refused() -> None:
    class Huge:
        size = 2**31

    with pytest.raises(ValueError, match="2\\^31"):
        from_rows(2, np.array([0, 2**31]), Huge())  # type: ignore[arg-type]
