"""Group testing with unreliable tests: which few of n items are faulty, when some outcomes are wrong?

Each of m tests pools some of the items and should be positive exactly when the pool holds a faulty item; up
to r outcomes are wrong. Find at most k faulty items that explain all but r outcomes. Variables: x_i (item i
is faulty), y_j (outcome j is wrong). Positive test: y_j or some x_i of the pool; negative test: not x_i or
y_j for each x_i of the pool; sequential counters for both bounds. The same formulas arise as minimal
diagnosis: components, symptoms, spurious alarms.

Knobs: `size` n (items); `tests_per_item` (m = tests_per_item * n), `faulty` (k = faulty * n), `wrong` (r =
wrong * m), `pool` (chance that an item joins a test, as a multiple of ln 2 / k: 1 makes half the tests
positive, the most informative choice).

Can phases carry signal?  Yes. With m above the information bound (log2 C(n, k) bits through a channel that
errs in r/m of the tests) the planted diagnosis is nearly always the only one (measured: unique at n = 120
and 200, all variables backbone at n = 160). An item whose tests are mostly positive is probably faulty, and
message passing on the pools (noisy group-testing decoding) finds most of them. "Nothing is faulty, nothing
is wrong" is right on 94% of the primary variables.

Reference: Aldridge, Johnson and Scarlett, Group Testing: An Information Theory Perspective (2019).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  200: 0.7/0.1, 1.4/0.1; 280: 1.7/3.4; 320: 6.7/6.7.
CaDiCaL often ends at the local search of a rephasing (after about 21,000, 78,000 or 153,000 conflicts).
"""

from __future__ import annotations

import math

from neurosolve.families.base import Builder, Family, Instance, family_rng, require


def generate(
    size: int,
    seed: int,
    *,
    tests_per_item: float = 0.8,
    faulty: float = 0.05,
    wrong: float = 0.08,
    pool: float = 1.0,
) -> Instance:
    """One instance; `planted` covers the n + m primary variables.  Raises UsageError below 20 items."""
    require(size >= 20, f"diagnosis: size {size} is below 20 items")
    rng = family_rng("diagnosis", size, seed)
    num_tests, num_faulty = round(tests_per_item * size), max(1, round(faulty * size))
    num_wrong = round(wrong * num_tests)
    is_faulty = rng.permutation(size) < num_faulty
    is_wrong = rng.permutation(num_tests) < num_wrong
    member = rng.random((num_tests, size)) < pool * math.log(2) / num_faulty
    member[:, 0] |= ~member.any(axis=1)  # no empty pool
    positive = (member & is_faulty).any(axis=1) ^ is_wrong

    builder = Builder()
    items, errors = builder.variables(size), builder.variables(num_tests)
    for test, error in enumerate(errors):
        pooled = [items[i] for i in member[test].nonzero()[0].tolist()]
        if positive[test]:
            builder.add(error, *pooled)
        else:
            builder.extend([-item, error] for item in pooled)
    builder.at_most(items, num_faulty)
    builder.at_most(errors, num_wrong)
    planted = [v if bad else -v for v, bad in zip(items, is_faulty.tolist(), strict=True)]
    planted += [v if bad else -v for v, bad in zip(errors, is_wrong.tolist(), strict=True)]
    return builder.instance(rng, planted)


DIAGNOSIS = Family(
    name="diagnosis",
    models="group testing: at most k faulty items explain all but r of the pooled tests",
    generate=generate,
    sizes={"small": (60,), "train": (200, 240, 280), "test": (280,), "beyond": (320, 360)},
    satisfiable=True,
    phases="strong: nearly unique diagnosis, readable from an item's share of positive tests",
)
