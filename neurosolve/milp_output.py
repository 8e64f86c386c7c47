"""What the command line prints for a MILP: a table of the search while it runs, and the answer's lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from neurosolve.errors import UsageError
from neurosolve.result import MilpResult, Status

_QUIETEST_S = 5.0  # between two lines without a new incumbent, once the search is a minute old
_INCUMBENTS_S = 0.5  # between two lines of incumbents


class ProgressTable:
    """`c` lines of the search, for `on_event`: each new incumbent (*), and between them a line now and then."""

    def __init__(self, emit: Callable[[Iterable[str]], None]) -> None:
        self.emit = emit
        self.last_s: float | None = None
        self.is_new = False  # an incumbent came since the last line

    def __call__(self, progress: Any) -> None:
        self.is_new |= progress.is_incumbent
        if self.last_s is None:
            self.emit(["c     time      nodes       open          incumbent         dual bound      gap"])
        else:
            pause_s = _INCUMBENTS_S if self.is_new else min(_QUIETEST_S, 1.0 + progress.time_s / 15)
            if progress.time_s < self.last_s + pause_s:
                return
        self.emit([self._line(progress, "*" if self.is_new else " ")])
        self.last_s, self.is_new = progress.time_s, False

    @staticmethod
    def _line(progress: Any, mark: str) -> str:
        gap = "-" if progress.gap is None else f"{100 * progress.gap:.2f}%"
        return (
            f"c {mark}{progress.time_s:6.1f}s {progress.num_nodes:10d} {progress.num_open:10d} "
            f"{_number(progress.objective):>18} {_number(progress.dual_bound):>18} {gap:>8}"
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"


def guide_lines(result: MilpResult) -> Iterator[str]:
    """`c` lines that say who branched and why."""
    gate = result.gate or {}
    if result.model:
        yield f"c model {result.model} {(result.model_hash or 'not loaded')[:12]}"
    if gate.get("reason"):
        yield f"c gate: {'guided' if gate.get('guided') else 'not guided'}: {gate['reason']}"
    if result.adopted:
        yield f"c search: protocol {result.adopted}, under which the model was validated"
    stats = result.stats
    if stats.num_policy_calls:
        yield (
            f"c policy: {stats.num_policy_calls} calls, {stats.num_handed_over} handed over to SCIP, "
            f"{stats.policy_s or 0.0:.3f} s"
        )


def cost_lines(result: MilpResult) -> Iterator[str]:
    """`c` lines of stages and statistics."""
    for name, seconds in vars(result.stages).items():
        yield f"c {name.removesuffix('_s'):<32}{seconds:12.3f} s"
    yield f"c {'wall':<32}{result.wall_time_s:12.3f} s"
    yield f"c {'cpu':<32}{result.cpu_time_s:12.3f} s"
    yield f"c {'memory':<32}{result.memory_bytes / 2**20:12.1f} MiB"
    for name, count in vars(result.stats).items():
        text = "-" if count is None else f"{count:.3f}" if isinstance(count, float) else str(count)
        yield f"c {name.removeprefix('num_'):<32}{text:>12}"


def answer_lines(result: MilpResult, *, quiet: bool, verbose: bool) -> Iterator[str]:
    """Everything printed after the search: `c` lines, the status, and the objective of the checked solution."""
    if not quiet:
        yield from (f"c warning: {warning}" for warning in result.warnings)
        yield from guide_lines(result)
    if verbose:
        yield from cost_lines(result)
    if not quiet:
        yield from _ending(result)
    yield f"s {result.status.value}"
    if result.objective is not None:
        yield f"o {result.objective:.15g}"


def _ending(result: MilpResult) -> Iterator[str]:
    if result.reason:
        yield f"c {result.reason}"
    if result.checked_by == "neurosolve":
        yield "c solution checked against the file as read"
    elif result.checked_by == "scip":
        yield "c solution checked by SCIP alone: nothing else reads this format"
    if result.status in (Status.OPTIMAL, Status.LIMIT) and result.dual_bound is not None:
        gap = "infinite" if result.gap is None else f"{100 * result.gap:.4g}%"
        yield f"c dual bound {result.dual_bound:.10g}, gap {gap} (SCIP's claim)"
    if result.solution:
        yield f"c solution written to {result.solution}"


def parse_parameters(words: Iterable[str]) -> dict[str, str]:
    """`name=value` of --set.  Raises UsageError."""
    parameters = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"'{word}' is no parameter: write --set name=value")
        parameters[name.strip()] = value.strip()
    return parameters
