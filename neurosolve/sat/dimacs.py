"""DIMACS CNF, written fast."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from neurosolve.sat.cnf import CNF
from neurosolve.sat.digits import format_integers

__all__ = ["CNF", "write_dimacs"]

WRITE_CLAUSES = 1 << 15  # clauses formatted at once


def write_dimacs(cnf: CNF, file: BinaryIO) -> None:
    """The formula as DIMACS text, one clause a line, the header's counts being the formula's."""
    file.write(b"p cnf %d %d\n" % (cnf.num_variables, cnf.num_clauses))
    for first in range(0, cnf.num_clauses, WRITE_CLAUSES):
        offsets = cnf.offsets[first : first + WRITE_CLAUSES + 1]
        literals = cnf.literals[offsets[0] : offsets[-1]]
        file.write(format_integers(np.insert(literals, offsets[1:] - offsets[0], 0)))
