"""Circuit equivalence: do two multipliers of different structure ever disagree?

Miter: an array multiplier and a carry-save tree multiplier of `size`-bit operands share their inputs; some
output bit must differ. `equivalence` is unsatisfiable. `trojan` injects a fault into the tree multiplier:
when `trigger` chosen bits of the product all have their planted values, one output bit is inverted (a
hardware Trojan); the formula asks for operands that reveal it, and planted ones exist by construction. At
the default knobs every product bit is in the trigger, as when a test for one rare fault is sought; the
solver still has to see that elsewhere the circuits agree.

Knobs: `size` (bits per operand), `trigger` (share of the 2 * size product bits).

Can phases carry signal?  Little. The trigger's product bits have known values in every solution, as far as
the solver has learned that the circuits agree; from there on it is factoring, whose solutions are few and
cannot be read from local structure. The unsatisfiable half has no satisfying phases; it is here to measure
what guidance costs.

References: Brand, Verification of large synthesized designs (1993); Biere et al., Weaknesses of CDCL
solvers (2016).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  equivalence  7: 1.1/0.4; 8: 7.1/1.8, 5.5/2.0.
  trojan       8: 0.3/0.2; 9: 0.7/1.2; 10: 0.6/>20.
"""

from __future__ import annotations

from neurosolve.families.base import Builder, Family, Instance, family_rng, require
from neurosolve.families.circuits import Circuit


def generate(size: int, seed: int) -> Instance:
    """The miter of two correct multipliers; seeds only shuffle.  Raises UsageError below 2 bits."""
    require(size >= 2, f"equivalence: {size} bits are below 2")
    circuit = Circuit(Builder())
    a, b = circuit.inputs([False] * size), circuit.inputs([False] * size)
    _differ(circuit, circuit.array_multiplier(a, b), circuit.tree_multiplier(a, b))
    return circuit.builder.instance(family_rng("equivalence", size, seed))


def generate_trojan(size: int, seed: int, *, trigger: float = 1.0) -> Instance:
    """The miter with a triggered fault; `planted` covers every wire.  Raises UsageError below 2 bits."""
    require(size >= 2, f"trojan: {size} bits are below 2")
    rng = family_rng("trojan", size, seed)
    circuit = Circuit(Builder())
    operands = rng.integers(0, 2, (2, size)).astype(bool)
    operands[:, -1] = True  # full-width operands
    a, b = (circuit.inputs(bits) for bits in operands.tolist())
    right, wrong = circuit.array_multiplier(a, b), circuit.tree_multiplier(a, b)
    watched = rng.permutation(len(wrong))[: max(1, round(trigger * 2 * size))].tolist()
    fires = circuit.conjunction(*(w if circuit.value(w) else -w for w in (wrong[i] for i in watched)))
    victim = int(rng.integers(2 * size))
    wrong[victim] = circuit.parity(wrong[victim], fires)
    _differ(circuit, right, wrong)
    return circuit.builder.instance(rng, circuit.planted())


def _differ(circuit: Circuit, first: list[int], second: list[int]) -> None:
    """Some pair of outputs differs."""
    circuit.builder.add(*(circuit.parity(x, y) for x, y in zip(first, second, strict=True)))


EQUIVALENCE = Family(
    name="equivalence",
    models="equivalence of an array and a tree multiplier (miter)",
    generate=generate,
    sizes={"small": (3,), "train": (6, 7), "test": (7,), "beyond": (8,)},
    satisfiable=False,
    phases="none: unsatisfiable",
)
TROJAN = Family(
    name="trojan",
    models="operands that reveal a triggered fault in one of two multipliers",
    generate=generate_trojan,
    sizes={"small": (4,), "train": (8, 9), "test": (9,), "beyond": (10,)},
    satisfiable=True,
    phases="little: factoring in disguise",
)
