"""What goes into SCIP's child process (Job) and what comes out of it (Progress, Incumbent, Answer)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosolve.milp.policies import PolicyReport, PolicySpec
from neurosolve.milp.problem import Problem
from neurosolve.milp.scip_settings import Value
from neurosolve.result import Limits, MilpStats

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Progress:
    """The search at one moment, in the problem's own sense.  None: no incumbent, no bound, infinite."""

    time_s: float
    num_nodes: int
    num_open: int
    objective: float | None
    dual_bound: float | None
    gap: float | None
    is_incumbent: bool = False


@dataclasses.dataclass(frozen=True)
class Incumbent:
    """A solution, by the job's column_names."""

    objective: float
    values: Floats


@dataclasses.dataclass(frozen=True)
class Job:
    """One solve.  path: a plain or gzip file that was validated; format: mps, lp or cip.  name: the file's in messages,
    where it is not the path.

    column_names: the order of values, in and out; None (a CIP file): SCIP's own.  start: a MIP start's values by
    column_names, or for a CIP file the path of a .sol file.  gap: relative, at which to stop.  as_read: by HiGHS, an LP
    file's problem; SCIP must have read its columns alike.
    """

    path: Path
    format: str
    policy: PolicySpec
    column_names: tuple[str, ...] | None = None
    limits: Limits = dataclasses.field(default_factory=Limits)
    settings: Path | None = None
    params: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    start: Floats | Path | None = None
    seed: int = 0
    gap: float | None = None
    protocol: str = "default"
    name: str = ""
    as_read: Problem | None = None


@dataclasses.dataclass
class Answer:
    """What a child returns: plain values and arrays.  status: SCIP's word."""

    status: str
    incumbent: Incumbent | None
    dual_bound: float | None
    gap: float | None
    stats: MilpStats
    report: PolicyReport
    load_s: float
    search_s: float
    notes: list[str]
