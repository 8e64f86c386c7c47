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


def parse_integers(text: bytes) -> npt.NDArray[np.int64] | None:
    """The integers of `text`, in order; None unless it is all 0 or -?[1-9][0-9]* or [0-9]+ between blanks.

    Blanks are space, tab, CR and LF.  A number past int64 comes back as the largest or the smallest.
    NumPy's text parser reads "1-2" as two numbers, "+3" as 3, blanks as 0: so the bytes are looked at first.
    """
    data = np.frombuffer(text, np.uint8)
    is_digit = (data - np.uint8(ord("0"))) < 10
    is_minus = data == ord("-")
    known = np.count_nonzero(is_digit) + np.count_nonzero(is_minus)
    known += sum(np.count_nonzero(data == blank) for blank in b" \n\t\r")
    if known != len(data) or (is_minus[1:] & is_digit[:-1]).any():
        return None
    before_one_to_nine = is_digit[1:] & (data[1:] != ord("0"))
    if np.count_nonzero(is_minus[:-1] & before_one_to_nine) != np.count_nonzero(is_minus):
        return None
    if not is_digit.any():
        return np.zeros(0, np.int64)
    return np.fromstring(text, np.int64, sep=" ")
