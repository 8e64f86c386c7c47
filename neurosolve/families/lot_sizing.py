"""Multi-item capacitated lot sizing with set-up times: when to make what, so that demand is met on time.

After Trigeiro, Thomas and McClain: in each period items share one machine. Producing an item needs a set-up, which
costs money and machine time; what is made too early is stored at a cost. Demands uniform in 75..125, a quarter of
them 0 in the first four periods. Set-up times 10..50 in steps of 10, set-up costs 100..1000 in steps of 100, storage
1..5 a unit: all three an item's own (drawn anew for each period they gave trees of 5 to 20 nodes). The machine has
the time that making each period's demand in that period would take on average, over `load`, or more where a plan
might not exist otherwise: with it, setting up everything always and producing no later than needed is a plan, so
every instance is feasible.

Columns: set-up (binary), amount made and stored (continuous). Rows: balance of stock, machine time, and amount <=
set-up * what could be used at all (the remaining demand or the machine's time).

Knobs: `size` periods, `items`, `load` (0.75 loose, 1 tight; above 1 a plan's existence decides).

References: Trigeiro, Thomas and McClain, Capacitated lot sizing with setup times (1989); Pochet and Wolsey,
Production planning by mixed integer programming (2006).

SCIP 10.0.2 untouched, CPU seconds and nodes on a busy two-core machine:
15 periods: 4.5/587, 1.3/137, 5.2/1949, median 4.5; 20 periods: 4.9/2937, 1.8/485, 0.7/2, median 1.8.  30: not
measured here.
"""

from __future__ import annotations

import numpy as np

from neurosolve.families.base import family_rng, require
from neurosolve.families.milp_base import Draft, Ints, MilpFamily
from neurosolve.milp.problem import Problem


def machine_time(demand: Ints, set_up: Ints, load: float) -> int:
    """Time a period, the same in all.  demand, set_up: (items, periods)."""
    wanted = (demand.sum() + set_up.sum()) / demand.shape[1] / load
    # In the first t periods together: all set-ups and all demand until then.
    until = np.cumsum(demand.sum(axis=0) + set_up.sum(axis=0)) / np.arange(1, demand.shape[1] + 1)
    return int(np.ceil(max(wanted, until.max(), set_up.sum(axis=0).max())))


def generate(size: int, seed: int, *, items: int = 6, load: float = 1.0) -> Problem:
    """One instance.  Raises UsageError for fewer than two items, fewer than five periods and a load of 0."""
    require(items >= 2 and size >= 5 and load > 0, f"lot_sizing: no plan of {items} items in {size} periods")
    rng = family_rng("lot_sizing", size, seed)
    shape = (items, size)
    demand = rng.integers(75, 126, shape)
    demand[:, :4] *= rng.random((items, 4)) >= 0.25
    set_up = np.broadcast_to(10 * rng.integers(1, 6, (items, 1)), shape)
    time = machine_time(demand, set_up, load)
    remaining = demand[:, ::-1].cumsum(axis=1)[:, ::-1]
    most = np.minimum(remaining, time - set_up)

    draft = Draft(minimize=True)
    sets_up = draft.columns(np.broadcast_to(100 * rng.integers(1, 11, (items, 1)), shape))
    makes = draft.columns(np.zeros(shape), upper=np.inf, integer=False)
    storage = np.broadcast_to(rng.integers(1, 6, (items, 1)), (items, size - 1))
    stores = draft.columns(storage, upper=np.inf, integer=False)
    # What is made and was stored, less what stays, is the demand; nothing stays at the end.
    of = np.arange(demand.size).reshape(shape)
    draft.rows(
        np.concatenate((makes.ravel(), stores.ravel(), stores.ravel())),
        np.repeat([1.0, -1.0, 1.0], [demand.size, stores.size, stores.size]),
        of=np.concatenate((of.ravel(), of[:, :-1].ravel(), of[:, 1:].ravel())),
        lhs=demand.ravel(),
        rhs=demand.ravel(),
    )
    draft.rows(np.hstack((makes.T, sets_up.T)), np.hstack((np.ones(shape).T, set_up.T)), rhs=time)
    pairs = np.column_stack((makes.ravel(), sets_up.ravel()))
    draft.rows(pairs, np.column_stack((np.ones(demand.size), -most.ravel())), rhs=0.0)
    return draft.problem(f"lot_sizing-{size}-{seed}", rng)


LOT_SIZING = MilpFamily(
    name="lot_sizing",
    models="multi-item capacitated lot sizing with set-up times: when to make what (Trigeiro)",
    knob="periods, for six items",
    generate=generate,
    sizes={"small": (6,), "train": (15, 20), "test": (20,), "beyond": (30,)},
)
