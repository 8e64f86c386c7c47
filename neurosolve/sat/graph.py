"""CNF -> literal-clause graph.  Left: clauses.  Right: literals, +v at v - 1 and -v at num_variables + v - 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosolve.graph import BipartiteGraph, from_rows
from neurosolve.sat.dimacs import CNF


def literal_nodes(literals: NDArray[np.int32], num_variables: int) -> NDArray[np.int32]:
    """DIMACS literals to node numbers, same shape.  Negation is +- num_variables: one roll of the node array."""
    return np.where(literals > 0, literals - 1, num_variables - literals - 1).astype(np.int32)


def literal_clause_graph(cnf: CNF) -> BipartiteGraph:
    """The graph of a formula: cnf.num_clauses left nodes, 2 * cnf.num_variables right nodes."""
    return from_rows(2 * cnf.num_variables, cnf.offsets, literal_nodes(cnf.literals, cnf.num_variables))
