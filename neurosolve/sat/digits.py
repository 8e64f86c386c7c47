"""Integers to text and back, a block at a time and without a Python loop over the numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def format_integers(values: npt.NDArray[np.int32]) -> bytes:
    """The values in decimal, each followed by a space, a 0 by a line feed: DIMACS clauses.

    Every number gets a row of fixed width; the bytes left NUL are taken out at the end.
    """
    if not len(values):
        return b""
    rest = np.abs(values.astype(np.int64)).astype(np.uint32)
    width = len(str(int(rest.max())))
    text = np.zeros((len(values), width + 2), np.uint8)
    text[:, 0] = (values < 0) * np.uint8(ord("-"))
    text[:, -1] = np.where(values == 0, ord("\n"), ord(" "))
    for column in range(width, 0, -1):
        tens = rest // np.uint32(10)
        digit = (rest - tens * np.uint32(10)).astype(np.uint8) + np.uint8(ord("0"))
        text[:, column] = digit if column == width else digit * (rest > 0)
        rest = tens
    return text.tobytes().translate(None, b"\0")
