"""Graph colouring with colour lists: a proper colouring where every vertex may use some of the colours
only.

A random graph with a planted balanced k-colouring: edges are drawn uniformly among pairs of different
colours until the average degree is `degree`. Each vertex loses each colour except its planted one with
chance `forbidden` (frequencies already taken nearby, registers already assigned, ...). The lists break the
colour symmetry everywhere at once; with forbidden = 0 a triangle (or an edge) is precoloured instead, which
breaks it in one place. Variables: vertex v has colour c; exactly one colour per vertex; no edge with one
colour at both ends.

Knobs: `size` vertices, `colours` k, `degree`, `forbidden`.

Can phases carry signal?  With lists, yes: near the threshold most vertices' colours are frozen relative to
each other, and lists tie them to absolute colours within a few hops. Measured (n = 150, 40 to 80 variables
sampled): 76% of the variables are backbone; a majority over 8 diverse solutions is right on 91% of
another's variables, "false everywhere" on 73%. With forbidden = 0 hardly: the k! colourings are told apart
by one triangle alone, many hops away.

References: Krzakala and Zdeborova, Hiding quiet solutions in random constraint satisfaction problems
(2009); Achlioptas and Molloy, list colouring thresholds (1997).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  200: 1.2/0.4, 0.1/0.5; 250: 1.4/0.5, 1.6/6.4; 300: 1.9/2.6.
"""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np

from neurosolve.families.base import Builder, Family, Instance, family_rng, require


def planted_graph(colour: list[int], num_edges: int, rng: np.random.Generator) -> nx.Graph:
    """A graph with `num_edges` uniform distinct edges between vertices of different colours."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(colour)))
    while graph.number_of_edges() < num_edges:
        for a, b in rng.integers(0, len(colour), (num_edges, 2)).tolist():
            if colour[a] != colour[b] and graph.number_of_edges() < num_edges:
                graph.add_edge(a, b)
    return graph


def precoloured(graph: nx.Graph) -> list[int]:
    """The vertices of some triangle, else of some edge."""
    for a, b in graph.edges:
        common = sorted(set(graph[a]) & set(graph[b]))
        if common:
            return [a, b, common[0]]
    return list(next(iter(graph.edges)))


def generate(size: int, seed: int, *, colours: int = 4, degree: float = 8.4, forbidden: float = 0.1) -> Instance:
    """One instance; `planted` covers every variable.  Raises UsageError where no such graph exists."""
    num_edges = round(size * degree / 2)
    most = size * size * (colours - 1) // (2 * colours) - size
    fits = colours >= 2 and 0 < num_edges <= most
    require(fits, f"colouring: no planted graph of {size} vertices and degree {degree}")
    rng = family_rng("colouring", size, seed)
    colour = rng.permutation(np.arange(size) % colours).tolist()
    graph = planted_graph(colour, num_edges, rng)
    allowed = rng.random((size, colours)) >= forbidden
    allowed[np.arange(size), colour] = True
    if forbidden == 0:
        for vertex in precoloured(graph):
            allowed[vertex] = np.arange(colours) == colour[vertex]

    builder = Builder()
    names = [{c: builder.variable() for c in np.flatnonzero(row).tolist()} for row in allowed]
    for name in names:
        builder.exactly_one(list(name.values()))
    for a, b in graph.edges:
        builder.extend([-names[a][c], -names[b][c]] for c in names[a].keys() & names[b].keys())
    planted = itertools.chain.from_iterable(
        (v if c == colour[vertex] else -v for c, v in name.items()) for vertex, name in enumerate(names)
    )
    return builder.instance(rng, planted)


COLOURING = Family(
    name="colouring",
    models="planted graph colouring where each vertex may use some colours only",
    generate=generate,
    sizes={"small": (60,), "train": (150, 200, 250), "test": (250,), "beyond": (300,)},
    satisfiable=True,
    phases="with lists: large local backbones; without: almost none",
)
