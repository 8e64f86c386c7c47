"""What the command line prints, as text: the SAT competition's lines, JSON, and sizes read from a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosolve.errors import UsageError
from neurosolve.result import Result

COLUMNS = 78
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def value_lines(assignment: npt.NDArray[np.int32]) -> Iterator[str]:
    """`v` lines of at most 78 columns, the last ending in 0; each holds as many of the widest as fit."""
    literals = [*assignment.tolist(), 0]
    widest = max(len(str(min(literals))), len(str(max(literals))))
    per_line = max(1, (COLUMNS - 1) // (widest + 1))
    for start in range(0, len(literals), per_line):
        yield "v " + " ".join(map(str, literals[start : start + per_line]))


def guide_lines(result: Result) -> Iterator[str]:
    """`c` lines that say what the guide did and why."""
    gate = result.gate or {}
    if result.model:
        yield f"c model {result.model} {(result.model_hash or 'not loaded')[:12]}"
    if gate.get("reason"):
        verdict = "guided" if gate.get("guided") else "not guided"
        yield f"c gate, stage {gate.get('stage')}: {verdict}: {gate['reason']}"
    if result.delivery:
        yield f"c phases by {result.guidance}, delivery {result.delivery}"
    if "race" in gate:
        yield f"c race won by {gate['race'] or 'nobody'}"


def cost_lines(result: Result) -> Iterator[str]:
    """`c` lines of stages and statistics."""
    for name, seconds in vars(result.stages).items():
        yield f"c {name.removesuffix('_s'):<16}{seconds:10.3f} s"
    yield f"c {'wall':<16}{result.wall_time_s:10.3f} s"
    yield f"c {'cpu':<16}{result.cpu_time_s:10.3f} s"
    yield f"c {'memory':<16}{result.memory_bytes / 2**20:10.1f} MiB"
    for name, count in vars(result.stats).items():
        yield f"c {name.removeprefix('num_'):<16}{count if count is not None else '-':>10}"


def answer_lines(result: Result, *, quiet: bool, verbose: bool, values: bool) -> Iterator[str]:
    """Everything `neurosolve solve` prints after solving."""
    if not quiet:
        yield from (f"c warning: {warning}" for warning in result.warnings)
        yield from guide_lines(result)
    if verbose:
        yield from cost_lines(result)
    if result.reason and not quiet:
        yield f"c {result.reason}"
    yield f"s {result.status.value}"
    if values and result.assignment is not None:
        yield from value_lines(result.assignment)


def json_text(row: dict[str, Any]) -> str:
    """One line of JSON; a number that is not finite becomes null, as strict readers want it."""
    return json.dumps(_finite(row), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def parse_bytes(text: str | None) -> int | None:
    """`4G`, `512M`, `4GiB` or a plain number of bytes.  Raises UsageError."""
    if text is None:
        return None
    lowered = text.strip().lower().removesuffix("ib").removesuffix("b")
    number, unit = (lowered[:-1], lowered[-1]) if lowered[-1:].isalpha() else (lowered, "")
    try:
        size = int(float(number) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        raise UsageError(f"'{text}' is no size: write 4G, 512M or a number of bytes") from None
    if size <= 0:
        raise UsageError(f"a memory limit of '{text}' leaves nothing to run in")
    return size
