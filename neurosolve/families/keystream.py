"""Key recovery of a stream cipher: four shift registers, a nonlinear combiner, and a known piece of the
keystream.

Four linear feedback shift registers of `size` bits step together, and z_t = f(x1_t, x2_t, x3_t, x4_t) is
known for N = `ratio` * size steps. The keys (initial states) are planted. Every register bit of every step
is a variable; each feedback is an XOR of five variables (a primitive pentanomial; trinomials made every
length up to 31 easy: stock needed a tenth of a second), and z_t enters as a constant. The polynomials are
part of the cipher: fixed per size; seeds change keys alone.

Knobs: `size` L, the length of the registers (the key has 4 L bits); `ratio` (N / L, default 14); `combiner`:
  "and3" (default)  f = x1 xor (x2 and x3 and x4): agrees with x1 in 7 of 8 steps (the leak of a correlation
                    attack);
  "geffe"           f = x1 if x2 else x3, three registers: agrees with x1 and with x3 in 3 of 4 steps each;
and `random_keystream`, the unsatisfiable sibling: N uniform bits are a keystream with probability 2^(4L - N).

Can phases carry signal?  Yes. N is far beyond the unicity distance, so the key is the only solution
(measured at L = 12 and 16) and every variable is backbone. x1_t = z_t holds in 7/8 of the steps and sparse
feedback gives each x1_t many parity checks of weight 5, on which message passing corrects the wrong eighth
(Meier and Staffelbach's fast correlation attack); where z_t differs from x1_t the other three are 1.

References: Siegenthaler, Decrypting a class of stream ciphers using ciphertext only (1985); Meier and
Staffelbach, Fast correlation attacks on certain stream ciphers (1989).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  keystream  18: 0.3/2.8, 3.2/3.3; 20: 5.1/3.3, 4.2/4.9; 21: 5.7/>20, >20/4.9; 22: >20/6.4, >20/>20.
  geffe      18: 0.9/2.0; 20: 4.8/3.6, 6.6/0.4; 22: >20/>20.
  keystream_unsat  14: 0.1/0.2; 16: 1.0/0.9.
"""

from __future__ import annotations

from neurosolve.families.base import Builder, Family, Instance, family_rng, require

# Inner exponents of four primitive polynomials x^L + sum x^e + 1 for each length L, no two reciprocal.
POLYNOMIALS: dict[int, tuple[tuple[int, ...], ...]] = {
    8: ((4, 5, 6), (2, 3, 6), (3, 5, 6), (2, 3, 7)),
    9: ((5, 6, 8), (4, 5, 8), (4, 6, 7), (1, 4, 8)),
    10: ((1, 3, 4), (1, 3, 7), (2, 3, 8), (5, 8, 9)),
    11: ((2, 6, 8), (3, 5, 8), (1, 8, 10), (1, 8, 9)),
    12: ((3, 4, 7), (1, 2, 10), (2, 3, 9), (1, 4, 6)),
    13: ((4, 7, 12), (3, 9, 12), (2, 5, 7), (3, 4, 12)),
    14: ((5, 8, 9), (1, 3, 5), (3, 10, 11), (7, 9, 11)),
    15: ((7, 11, 13), (2, 5, 14), (5, 6, 11), (4, 9, 12)),
    16: ((7, 9, 14), (1, 4, 15), (7, 11, 14), (1, 12, 14)),
    17: ((1, 6, 16), (3, 5, 9), (7, 15, 16), (1, 3, 13)),
    18: ((2, 13, 14), (3, 5, 14), (9, 15, 17), (2, 5, 12)),
    19: ((3, 9, 13), (5, 17, 18), (3, 13, 15), (2, 8, 18)),
    20: ((5, 8, 12), (3, 6, 17), (1, 4, 18), (4, 5, 15)),
    21: ((3, 17, 20), (2, 19, 20), (4, 13, 18), (1, 2, 16)),
    22: ((7, 20, 21), (8, 13, 17), (3, 19, 20), (11, 20, 21)),
    23: ((3, 16, 19), (7, 12, 19), (3, 7, 11), (2, 17, 20)),
    24: ((4, 13, 19), (4, 5, 23), (13, 14, 22), (11, 21, 23)),
    25: ((3, 12, 22), (5, 6, 14), (3, 19, 20), (8, 13, 18)),
    26: ((1, 2, 19), (5, 17, 18), (7, 15, 16), (3, 19, 25)),
    27: ((3, 10, 22), (11, 17, 25), (6, 15, 22), (4, 13, 18)),
    28: ((3, 6, 16), (15, 19, 24), (3, 11, 19), (4, 15, 22)),
    29: ((13, 16, 26), (15, 20, 26), (3, 17, 23), (7, 14, 18)),
    30: ((2, 15, 18), (4, 19, 27), (4, 22, 25), (1, 12, 21)),
    31: ((2, 3, 26), (4, 15, 26), (4, 17, 29), (5, 18, 20)),
    32: ((4, 23, 25), (15, 25, 28), (1, 6, 23), (8, 19, 30)),
    33: ((8, 12, 30), (3, 18, 32), (8, 26, 27), (9, 16, 24)),
    34: ((14, 25, 32), (7, 21, 26), (5, 26, 33), (10, 11, 30)),
    35: ((9, 23, 24), (13, 19, 33), (4, 5, 24), (12, 25, 31)),
    36: ((6, 8, 35), (8, 28, 35), (3, 23, 24), (11, 20, 35)),
    37: ((7, 20, 24), (2, 22, 32), (19, 30, 31), (2, 18, 31)),
    38: ((5, 17, 21), (6, 31, 34), (8, 25, 34), (13, 35, 37)),
    39: ((18, 35, 36), (3, 18, 38), (1, 10, 22), (1, 23, 34)),
    40: ((10, 34, 37), (20, 21, 35), (1, 7, 31), (17, 23, 34)),
}


def register_bits(taps: tuple[int, ...], length: int, steps: int, key: list[int]) -> list[int]:
    """The register's output: b[t + L] = b[t] xor (sum of b[t + e] for e in taps), from b[0..L) = key."""
    bits = list(key)
    for t in range(steps - length):
        bits.append((bits[t] + sum(bits[t + e] for e in taps)) % 2)
    return bits


def _combine(combiner: str, bits: list[int]) -> int:
    if combiner == "and3":
        return bits[0] ^ (bits[1] & bits[2] & bits[3])
    return bits[0] if bits[1] else bits[2]


def _output(builder: Builder, combiner: str, x: list[int], z: int) -> None:
    """Clauses of f(x) = z with the constant z folded in."""
    same = x[0] if z else -x[0]  # literal of "x1 = z"
    if combiner == "and3":
        builder.add(-same, -x[1], -x[2], -x[3])
        builder.extend([same, other] for other in x[1:])
    else:
        third = x[2] if z else -x[2]
        builder.extend(([-x[1], same], [x[1], third], [same, third]))


def generate(
    size: int, seed: int, *, ratio: float = 14.0, combiner: str = "and3", random_keystream: bool = False
) -> Instance:
    """One instance; `planted` covers every variable.  Raises UsageError for an unknown length or combiner."""
    require(size in POLYNOMIALS, f"keystream: size {size} is not in {min(POLYNOMIALS)}..{max(POLYNOMIALS)}")
    require(combiner in ("and3", "geffe"), f"keystream: combiner {combiner!r} is neither and3 nor geffe")
    name = "keystream" + ("_unsat" if random_keystream else "") + ("" if combiner == "and3" else "_" + combiner)
    rng = family_rng(name, size, seed)
    steps = round(ratio * size)
    builder = Builder()
    names: list[list[int]] = []
    values: list[list[int]] = []
    for taps in POLYNOMIALS[size][: 4 if combiner == "and3" else 3]:
        key = rng.integers(0, 2, size)
        key[0] |= not key.any()  # the zero state never leaves itself
        variables = builder.variables(steps)
        for t in range(steps - size):
            builder.xor([variables[t + e] for e in (0, *taps, size)], 0)
        names.append(variables)
        values.append(register_bits(taps, size, steps, key.tolist()))

    noise = rng.integers(0, 2, steps).tolist()
    for t in range(steps):
        z = noise[t] if random_keystream else _combine(combiner, [bits[t] for bits in values])
        _output(builder, combiner, [variables[t] for variables in names], z)
    planted = (
        None
        if random_keystream
        else [v if b else -v for vs, bs in zip(names, values, strict=True) for v, b in zip(vs, bs, strict=True)]
    )
    return builder.instance(rng, planted)


def generate_geffe(size: int, seed: int) -> Instance:
    """Geffe's generator: three registers, the second choosing between the others."""
    return generate(size, seed, combiner="geffe")


def generate_unsat(size: int, seed: int) -> Instance:
    """Random bits for a keystream."""
    return generate(size, seed, random_keystream=True)


KEYSTREAM = Family(
    name="keystream",
    models="key recovery of a stream cipher: four shift registers combined by x1 xor (x2 and x3 and x4)",
    generate=generate,
    sizes={"small": (10,), "train": (14, 16, 18), "test": (18,), "beyond": (20, 21)},
    satisfiable=True,
    phases="strong: a unique key, first register 7/8 readable and correctable by its parity checks",
)
GEFFE = Family(
    name="geffe",
    models="key recovery of Geffe's generator: one shift register chooses between two others",
    generate=generate_geffe,
    sizes={"small": (10,), "train": (16, 18), "test": (18,), "beyond": (20,)},
    satisfiable=True,
    phases="strong: a unique key, two registers 3/4 readable",
)
KEYSTREAM_UNSAT = Family(
    name="keystream_unsat",
    models="key recovery from random bits that no key produces",
    generate=generate_unsat,
    sizes={"small": (8,), "train": (12, 14), "test": (14,), "beyond": (16,)},
    satisfiable=False,
    phases="none: unsatisfiable",
)
