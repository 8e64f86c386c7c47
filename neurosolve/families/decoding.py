"""Syndrome decoding of a random regular (3,6) LDPC code: which few bits of the received word are wrong?

Find e in {0,1}^n with H e = s over GF(2) and weight(e) <= t, where every column of H has 3 ones and every
row 6. Each of the n/2 rows is an XOR of six variables (32 clauses); the weight is bounded by a sequential
counter. The error is planted with weight exactly t, and s is its syndrome.

Knobs: `size` n (even; the code's length), `error_rate` (t = round(error_rate * n), default 0.05),
`random_syndrome` (the unsatisfiable sibling `decoding_unsat`: s is uniform, and a random syndrome has no
error of weight 0.05 n except with probability C(n, <=t) / 2^(n/2), about 2^-15 at n = 80, 2^-24 at n = 100).

Can phases carry signal?  Yes. Far below the code's minimum-distance bound (0.11 n) the error is nearly
always the only solution, so every e_i is backbone. Message passing decodes (3,6) codes up to an error rate
of 0.084: which bits are wrong can be seen from which checks fail nearby. The trivial guess "no bit is
wrong" is already 95% right on the n primary variables (the shuffle of signs hides it from `true` and
`false`, not from anything that reads the counter), and CDCL still needs the other 5%: judge guidance
against that.

Reference: Gallager, Low-Density Parity-Check Codes (1963); Richardson and Urbanke (2001) for the threshold.

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  decoding  160: 0.5/0.3, 0.5/0.5; 200: 2.4/8.8, 0.6/1.1; 220: 5.7/10.4, 6.1/2.4; 240: 6.5/>20, 5.3/>20.
  decoding_unsat  120: 0.1/0.1; 140: 0.3/0.4; 160: 0.9/0.7, 0.5/1.0; 190: 2.2/2.9, 3.1/3.0.
CaDiCaL often ends at the local search of a rephasing (after about 21,000, 78,000 or 153,000 conflicts).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurosolve.families.base import Builder, Family, Instance, family_rng, require

COLUMN_WEIGHT, ROW_WEIGHT = 3, 6


def regular_checks(length: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of a random (3,6)-regular parity-check matrix: (length / 2, 6) distinct column indices per row."""
    sockets = rng.permutation(np.repeat(np.arange(length), COLUMN_WEIGHT))
    checks = sockets.reshape(-1, ROW_WEIGHT)
    while True:
        ordered = np.sort(checks, axis=1)
        repeated = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if repeated.size == 0:
            return checks
        for row in repeated:  # a random swap of sockets keeps both degrees
            other, i, j = rng.integers(len(checks)), rng.integers(ROW_WEIGHT), rng.integers(ROW_WEIGHT)
            checks[row, i], checks[other, j] = checks[other, j], checks[row, i]


def generate(size: int, seed: int, *, error_rate: float = 0.05, random_syndrome: bool = False) -> Instance:
    """One instance; `planted` covers the n bits of the error.  Raises UsageError for an odd or tiny size."""
    require(size >= 12 and size % 2 == 0, f"decoding: size {size} is not an even number from 12 on")
    rng = family_rng("decoding_unsat" if random_syndrome else "decoding", size, seed)
    weight = max(1, round(error_rate * size))
    checks = regular_checks(size, rng)
    error = np.zeros(size, dtype=np.int64)
    error[rng.choice(size, weight, replace=False)] = 1
    syndrome = rng.integers(0, 2, len(checks)) if random_syndrome else error[checks].sum(axis=1) % 2

    builder = Builder()
    bits = builder.variables(size)
    for row, parity in zip(checks.tolist(), syndrome.tolist(), strict=True):
        builder.xor([bits[column] for column in row], parity)
    builder.at_most(bits, weight)
    planted = None if random_syndrome else [b if e else -b for b, e in zip(bits, error.tolist(), strict=True)]
    return builder.instance(rng, planted)


def generate_unsat(size: int, seed: int) -> Instance:
    """A random syndrome: unsatisfiable but for a chance about 2^-15 at n = 80, 2^-24 at n = 100."""
    return generate(size, seed, random_syndrome=True)


DECODING = Family(
    name="decoding",
    models="syndrome decoding: the few wrong bits of a word of a random (3,6) LDPC code",
    generate=generate,
    sizes={"small": (80,), "train": (120, 160, 200), "test": (200,), "beyond": (240, 260)},
    satisfiable=True,
    phases="strong: a unique error, readable from the failed checks nearby",
)
DECODING_UNSAT = Family(
    name="decoding_unsat",
    models="syndrome decoding of a random syndrome with too small a weight bound",
    generate=generate_unsat,
    sizes={"small": (80,), "train": (100, 120), "test": (120,), "beyond": (140,)},
    satisfiable=False,
    phases="none: unsatisfiable",
)
