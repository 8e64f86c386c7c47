"""Maximum independent set: as many nodes as possible, no two of them neighbours.

On Barabasi-Albert graphs, as Gasse and others (2019) draw them: the first node beyond `affinity` is joined to all
before it, each further one to `affinity` distinct nodes chosen in proportion to their degree. The nodes are
partitioned greedily into cliques (by degree, the highest first); a clique is one row, an edge between cliques
another.

Knobs: `size` nodes, `affinity`.  The literature's sizes: 500 (or 750), 1000, 1500 nodes, affinity 4.

References: Bergman, Cire, van Hoeve and Hooker, Decision diagrams for optimization (2016), section 4.6.4; Gasse and
others, Exact combinatorial optimization with graph convolutional neural networks (2019).

SCIP 10.0.2 untouched, CPU seconds and nodes on a busy two-core machine:
500 nodes: 2.9/5, 4.2/16, above 10 (gap 2%), median 4.2; 1000 nodes: above 20 (26 nodes, gap 6.7%, one instance).  So
`test` is the size at which SCIP needs 20 s at least.
"""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np

from neurosolve.families.base import family_rng, require
from neurosolve.families.milp_base import Draft, MilpFamily
from neurosolve.milp.problem import Problem


def preferential_graph(nodes: int, affinity: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Edges (older, newer) of a Barabasi-Albert graph."""
    edges = [(old, affinity) for old in range(affinity)]
    ends = list(chain.from_iterable(edges))  # a node stands in it once for each of its edges
    for new in range(affinity + 1, nodes):
        chosen: set[int] = set()
        while len(chosen) < affinity:  # a repeat is drawn anew: as without replacement
            chosen.update([ends[i] for i in rng.integers(len(ends), size=affinity - len(chosen)).tolist()])
        edges += [(old, new) for old in sorted(chosen)]
        ends += [*sorted(chosen), *[new] * affinity]
    return edges


def greedy_cliques(nodes: int, edges: list[tuple[int, int]]) -> list[list[int]]:
    """A partition of the nodes: each clique starts at the leftover node of highest degree and takes what fits."""
    neighbours: list[set[int]] = [set() for _ in range(nodes)]
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    by_degree = sorted(range(nodes), key=lambda node: (-len(neighbours[node]), node))
    place = {node: i for i, node in enumerate(by_degree)}
    cliques, leftover = [], set(by_degree)
    for centre in by_degree:
        if centre not in leftover:
            continue
        clique = [centre]
        for node in sorted(neighbours[centre] & leftover, key=place.__getitem__):
            if neighbours[node].issuperset(clique):
                clique.append(node)
        leftover.difference_update(clique)
        cliques.append(clique)
    return cliques


def generate(size: int, seed: int, *, affinity: int = 4) -> Problem:
    """One instance.  Raises UsageError for fewer than affinity + 2 nodes."""
    require(1 <= affinity <= size - 2, f"independent_set: no graph of {size} nodes and affinity {affinity}")
    rng = family_rng("independent_set", size, seed)
    edges = preferential_graph(size, affinity, rng)
    cliques = [clique for clique in greedy_cliques(size, edges) if len(clique) > 1]
    within = {(min(pair), max(pair)) for clique in cliques for pair in combinations(clique, 2)}
    groups = [*cliques, *(edge for edge in edges if edge not in within)]

    draft = Draft(minimize=False)
    chosen = draft.columns(np.ones(size))
    of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    draft.rows(chosen[np.array(list(chain.from_iterable(groups)))], rhs=1.0, of=of)
    return draft.problem(f"independent_set-{size}-{seed}", rng)


INDEPENDENT_SET = MilpFamily(
    name="independent_set",
    models="maximum independent set on Barabasi-Albert graphs, with clique rows",
    knob="nodes",
    generate=generate,
    sizes={"small": (100,), "train": (500,), "test": (1000,), "beyond": (1500,)},
)
