"""What can be set of a family beside its size: the keyword arguments of `generate` that are a number or a word."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from neurosolve.errors import UsageError
from neurosolve.families.base import Family
from neurosolve.families.milp_base import MilpFamily

Value = str | int | float | bool
_TRUTH = {"true": True, "false": False}


def knobs_of(family: Family | MilpFamily) -> dict[str, Value]:
    """The knobs and what they are unless somebody sets them."""
    parameters = inspect.signature(family.generate).parameters.values()
    keywords = [one for one in parameters if one.kind is one.KEYWORD_ONLY]
    return {one.name: one.default for one in keywords if type(one.default) in (str, int, float, bool)}


def checked(family: Family | MilpFamily, given: Mapping[str, Value]) -> dict[str, Value]:
    """The same, a whole number as a float where the knob is one.  Raises UsageError: an unknown knob, a wrong type."""
    known, values = knobs_of(family), dict(given)
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"{family.name} has no knob '{name}'; knobs: {', '.join(known) or 'none'}")
        kind = type(known[name])
        if kind is float and type(value) is int:
            values[name] = float(value)
        elif type(value) is not kind:
            raise UsageError(f"{family.name}: {name} is {value!r}, not a {kind.__name__}")
    return values


def parsed(family: Family | MilpFamily, pairs: Iterable[str]) -> dict[str, Value]:
    """Of texts KNOB=VALUE.  Raises UsageError."""
    known, values = knobs_of(family), {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"'{pair}' is not KNOB=VALUE")
        kind = type(known.get(name, text))
        try:
            values[name] = _TRUTH[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise UsageError(f"{family.name}: {name} does not take '{text}', it is a {kind.__name__}") from None
    return checked(family, values)


def label(knobs: Mapping[str, Value]) -> str:
    """What a file's name says of them: +KNOB=VALUE each, in the order of their names; nothing for none."""
    return "".join(f"+{name}={knobs[name]}" for name in sorted(knobs))
