"""Integers from and to text: every word that is no integer is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosolve.sat.digits import format_integers, parse_integers

INTEGER = re.compile(rb"0+|-?[1-9][0-9]*|[0-9]+")


@given(st.text("0123456789-+.ex \t\n\r\x0b\0", max_size=24).map(str.encode))
def test_parse_integers_takes_integers_and_nothing_else(text: bytes) -> None:
    words = [word for word in re.split(rb"[ \t\r\n]+", text) if word]
    values = parse_integers(text)
    if all(INTEGER.fullmatch(word) for word in words):
        assert values is not None
        assert values.tolist() == [
            min(int(word), 2**63 - 1) if int(word) > 0 else int(word) for word in words
        ]
    else:
        assert values is None


@given(st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=40))
def test_format_integers(values: list[int]) -> None:
    expected = "".join(f"{value}{' ' if value else chr(10)}" for value in values)
    assert format_integers(np.array(values, np.int32)) == expected.encode()


@pytest.mark.parametrize("text", [b"", b" ", b"\r\n \t"])
def test_blanks_hold_no_number(text: bytes) -> None:
    values = parse_integers(text)
    assert values is not None and values.tolist() == []


@pytest.mark.parametrize("power", [63, 64, 65, 100])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_numbers_past_64_bits_do_not_wrap(power: int, off: int) -> None:
    values = parse_integers(b"%d -%d" % (2**power + off, 2**power + off))
    assert values is not None and all(abs(value) >= 2**63 - 1 for value in values.tolist())
