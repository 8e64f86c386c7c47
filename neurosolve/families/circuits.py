"""Small circuits as clauses: gates by Tseitin's encoding, adders, and two different multipliers."""

from __future__ import annotations

from neurosolve.families.base import Builder


class Circuit:
    """Gates over a Builder.  Wires are literals, so that negation is free; `value` simulates planted inputs.

    Every gate records the value of its output under the input values given to `inputs`, so that a planted
    assignment of all wires is a by-product of building.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.values: dict[int, bool] = {}

    def inputs(self, values: list[bool]) -> list[int]:
        """One fresh wire for each planted value."""
        wires = self.builder.variables(len(values))
        self.values.update(zip(wires, values, strict=True))
        return wires

    def value(self, wire: int) -> bool:
        return self.values[abs(wire)] ^ (wire < 0)

    def planted(self) -> list[int]:
        return [wire if value else -wire for wire, value in self.values.items()]

    def _wire(self, value: bool) -> int:
        wire = self.builder.variable()
        self.values[wire] = value
        return wire

    def conjunction(self, *wires: int) -> int:
        out = self._wire(all(map(self.value, wires)))
        self.builder.extend([-out, wire] for wire in wires)
        self.builder.add(out, *(-wire for wire in wires))
        return out

    def parity(self, *wires: int) -> int:
        out = self._wire(sum(map(self.value, wires)) % 2 == 1)
        self.builder.xor([*wires, out], 0)
        return out

    def half_adder(self, a: int, b: int) -> tuple[int, int]:
        """(sum, carry)."""
        return self.parity(a, b), self.conjunction(a, b)

    def full_adder(self, a: int, b: int, c: int) -> tuple[int, int]:
        """(sum, carry), the carry as a majority: 6 clauses."""
        out = self._wire(self.value(a) + self.value(b) + self.value(c) >= 2)
        for x, y in ((a, b), (a, c), (b, c)):
            self.builder.extend(([-x, -y, out], [x, y, -out]))
        return self.parity(a, b, c), out

    def array_multiplier(self, a: list[int], b: list[int]) -> list[int]:
        """len(a) + len(b) product bits, lowest first: rows of partial products added one after the other."""
        return self._reduce(_columns(self, a, b), newest_first=False)

    def tree_multiplier(self, a: list[int], b: list[int]) -> list[int]:
        """The same product with each column's bits compressed in waves (a Dadda-like carry-save tree)."""
        columns = _columns(self, a, b)
        while max(map(len, columns)) > 2:
            after: list[list[int]] = [[] for _ in columns]
            for i, column in enumerate(columns):
                for first in range(0, len(column), 3):
                    group = column[first : first + 3]
                    if len(group) < 3:
                        after[i].extend(group)
                        continue
                    total, carry = self.full_adder(*group)
                    after[i].append(total)
                    after[i + 1].append(carry)
            columns = after
        return self._reduce(columns, newest_first=True)

    def _reduce(self, columns: list[list[int]], newest_first: bool) -> list[int]:
        """Adds up each column from the lowest, carries going into the next one."""
        bits = []
        for i, column in enumerate(columns):
            column = column[::-1] if newest_first else column[:]
            while len(column) > 1:
                taken, column = column[:3], column[3:]
                total, carry = self.full_adder(*taken) if len(taken) == 3 else self.half_adder(*taken)
                column.insert(0, total)
                columns[i + 1].append(carry)
            bits.extend(column)
        return bits


def _columns(circuit: Circuit, a: list[int], b: list[int]) -> list[list[int]]:
    """Partial products by weight; one spare column takes the carries that are never set."""
    columns: list[list[int]] = [[] for _ in range(len(a) + len(b) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            columns[i + j].append(circuit.conjunction(x, y))
    return columns
