"""Multi-agent path finding: robots cross a crowded grid with obstacles within a horizon, and never
collide.

`size` x `size` cells, `obstacles` of them blocked, robots on `density` of the free ones. In each step a
robot waits or enters a neighbouring cell that was empty (no following, no swapping: the safe-gap rule of
parallel pebble motion). The plan is planted: robots walk towards random targets, giving way at random, for
`horizon` * size steps; where they end are the goals. Variables: robot a at cell v at time t, for the cells
it can have reached by t and can still leave for its goal, and cell v occupied at t.

Knobs: `size`, `density`, `obstacles`, `horizon`.

Can phases carry signal?  A little. Start and goal pin every robot down near both ends of time (what is out
of reach gets no variable); in the middle plans can be permuted and delayed. Measured: 23 to 30% of the
robots' variables are backbone (sides 5 and 6); a majority over 5 diverse solutions is right on 89%, "false
everywhere" on 86%. Soft targets, not backbones.

References: Surynek, Towards optimal cooperative path planning in hard setups through satisfiability solving
(2012); Stern et al., Multi-agent pathfinding: definitions, variants and benchmarks (2019).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  6: 0.4/0.1, 0.6/0.2; 7: 2.1/0.7, 0.8/0.2; 8: >20/>20.
  With density = 0.5 (seeds 2 and 3): 8: 2.3/0.6, 2.0/1.2; 0.55: 8: >7/7.1, 2.6/2.7.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

from neurosolve.families.base import Builder, Family, Instance, family_rng, require

Plan = list[list[int]]  # plan[t][robot] = cell


def open_grid(size: int, obstacles: float, rng: np.random.Generator) -> nx.Graph:
    """The largest connected part of the grid after blocking a share of its cells, cells numbered from 0."""
    grid = nx.grid_2d_graph(size, size)
    grid.remove_nodes_from([cell for cell in list(grid) if rng.random() < obstacles])
    largest = grid.subgraph(max(nx.connected_components(grid), key=lambda part: (len(part), min(part))))
    return nx.convert_node_labels_to_integers(largest, ordering="sorted")


def wander(grid: nx.Graph, robots: int, steps: int, rng: np.random.Generator) -> Plan:
    """A plan without collisions: in random order each robot takes an empty cell nearer its random target."""
    distance = dict(nx.all_pairs_shortest_path_length(grid))
    cells = rng.permutation(grid.number_of_nodes()).tolist()
    target = rng.permutation(grid.number_of_nodes()).tolist()
    plan: Plan = [cells[:robots]]
    for _ in range(steps):
        now = plan[-1]
        blocked, after = set(now), list(now)
        for robot in rng.permutation(robots).tolist():
            free = [v for v in sorted(grid[now[robot]]) if v not in blocked]
            ranked = sorted((distance[v][target[robot]], rng.random(), v) for v in free)
            nearer = bool(ranked) and ranked[0][0] < distance[now[robot]][target[robot]]
            if ranked and (nearer or rng.random() < 0.3):
                after[robot] = ranked[0][2]
                blocked.add(after[robot])
        plan.append(after)
    return plan


def encode(grid: nx.Graph, plan: Plan, builder: Builder) -> list[int]:
    """Adds the clauses; returns the planted literals of all robot variables."""
    steps, robots = len(plan) - 1, len(plan[0])
    occupied = [{v: builder.variable() for v in grid} for _ in plan]
    at: list[list[dict[int, int]]] = []
    for robot in range(robots):
        early = nx.single_source_shortest_path_length(grid, plan[0][robot])
        late = nx.single_source_shortest_path_length(grid, plan[-1][robot])
        reach = [[v for v in grid if early[v] <= t and late[v] <= steps - t] for t in range(steps + 1)]
        at.append([{v: builder.variable() for v in cells} for cells in reach])
        for t, here in enumerate(at[robot]):
            builder.exactly_one(list(here.values()))
            builder.extend([-x, occupied[t][v]] for v, x in here.items())
            if t < steps:
                after = at[robot][t + 1]
                for v, x in here.items():
                    builder.add(-x, *(after[u] for u in (v, *grid[v]) if u in after))
                for v, y in after.items():  # entering a cell needs it empty before
                    builder.extend([[-y, -occupied[t][v], *([here[v]] if v in here else [])]])
    for t in range(steps + 1):
        for v in grid:
            builder.at_most_one([at[robot][t][v] for robot in range(robots) if v in at[robot][t]])
    return [
        x if plan[t][robot] == v else -x
        for robot in range(robots)
        for t in range(steps + 1)
        for v, x in at[robot][t].items()
    ]


def generate(size: int, seed: int, *, density: float = 0.6, obstacles: float = 0.1, horizon: float = 2.0) -> Instance:
    """One instance; `planted` covers the robots' variables.  Raises UsageError for a side below 3."""
    require(size >= 3, f"routing: side {size} is below 3")
    rng = family_rng("routing", size, seed)
    grid = open_grid(size, obstacles, rng)
    plan = wander(grid, max(1, round(density * grid.number_of_nodes())), round(horizon * size), rng)
    builder = Builder()
    planted = encode(grid, plan, builder)
    return builder.instance(rng, planted)


ROUTING = Family(
    name="routing",
    models="multi-agent path finding on a crowded grid with obstacles within a horizon",
    generate=generate,
    sizes={"small": (4,), "train": (6, 7), "test": (7,), "beyond": (8,)},
    satisfiable=True,
    phases="a little: pinned near start and goal, free in the middle",
)
