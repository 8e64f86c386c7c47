"""SCIP's parameters: the protocols, settings files, and single ones by name, each checked before SCIP sees it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from neurosolve.errors import InputError, UsageError
from neurosolve.files import unreadable

Value = str | float | bool

# What SCIP's emphasis `heuristics fast` switches off.
_SLOW_HEURISTICS = (
    "alns", "clique", "completesol", "crossover", "distributiondiving", "feaspump", "fracdiving", "gins",
    "guideddiving", "linesearchdiving", "locks", "lpface", "mpec", "multistart", "nlpdiving", "objpscostdiving",
    "ofins", "padm", "pscostdiving", "rens", "rins", "rootsoldiving", "subnlp", "undercover", "vbounds",
    "veclendiving",
)  # fmt: skip
# The literature's: cuts at the root only, no restarts.
_PAPER: dict[str, Value] = {
    "separating/maxrounds": 0, "presolving/maxrestarts": 0, "estimation/restarts/restartpolicy": "n",
}  # fmt: skip
PROTOCOLS: dict[str, dict[str, Value]] = {
    "default": {},
    "paper": _PAPER,
    # No cuts and only the fast heuristics: the LP of every node, the branching, and little else.
    "lean": _PAPER | {"separating/maxroundsroot": 0} | {f"heuristics/{name}/freq": -1 for name in _SLOW_HEURISTICS},
}
_LINE = re.compile(r"""([^\s=]+)\s*=\s*("[^"]*"|'.'|[^\s"'#]+)\s*(?:fix)?\s*(?:\#.*)?$""")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def set_protocol(scip: Any, protocol: str, seed: int) -> None:
    """One LP thread in every protocol.  Seed 0 is SCIP's own; any other also permutes the rows."""
    scip.setParam("lp/threads", 1)
    for name, value in PROTOCOLS[protocol].items():
        scip.setParam(name, value)
    if seed:
        scip.setParam("randomization/randomseedshift", seed)
        scip.setParam("randomization/permutationseed", seed)


def adopt(scip: Any, protocol: str, kept: Collection[str] = ()) -> dict[str, Value]:
    """Go over to a protocol in the midst of a search.  What is in `kept`, or not at SCIP's own value, stays.  Returns
    what was changed, as it was before."""
    from pyscipopt import Model

    untouched, before = Model(), {}
    for name, value in PROTOCOLS[protocol].items():
        if name not in kept and scip.getParam(name) == untouched.getParam(name):
            before[name] = scip.getParam(name)
            scip.setParam(name, value)
    return before


def set_from_file(scip: Any, path: Path) -> list[str]:
    """Take over a settings file.  SCIP's own reader skips what it does not understand; here that is an InputError.

    Returns a word to the user for each parameter that this SCIP does not have (another version's file is fine).
    """
    unknown = []
    for line, name, value in _lines(path):
        try:
            set_parameter(scip, name, value)
        except LookupError:
            unknown.append(f"{path}:{line}: this SCIP has no parameter '{name}': ignored")
        except UsageError as error:
            raise InputError(str(path), line, str(error)) from None
    return unknown


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """(line, name, value) of `name = value`, with comments from # on and quotes around text."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise unreadable(path, error.strerror) from None
    except UnicodeDecodeError as error:
        raise InputError(str(path), None, f"cannot be read: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not (line := line.strip()) or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise InputError(str(path), number, f"'{line[:60]}' is no `name = value`")
        value = match[2]
        yield number, match[1], value[1:-1] if value[0] in "\"'" else value


def set_parameter(scip: Any, name: str, given: Value) -> None:
    """One parameter, a text turned into the type that SCIP gives it.  UsageError: a bad value; KeyError: no such."""
    kind = type(scip.getParam(name))
    try:
        scip.setParam(name, _typed(given, kind))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"SCIP's parameter {name} does not take '{given}' ({words(error)})") from None


def _typed(given: Value, kind: type) -> Any:
    if kind is bool and isinstance(given, str):
        if given.lower() not in _TRUTH:
            raise ValueError("it is TRUE or FALSE")
        return _TRUTH[given.lower()]
    if kind is int and isinstance(given, float) and not given.is_integer():
        raise ValueError("it is a whole number")
    return kind(given)


def words(error: Exception) -> str:
    """What an exception of PySCIPOpt says, without the prefix."""
    return str(error.args[0] if error.args else error).removeprefix("SCIP: ")
