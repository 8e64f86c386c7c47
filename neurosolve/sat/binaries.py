"""Solver binaries that speak the SAT competition's format: found, told what to do, and understood."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sysconfig
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosolve.errors import EngineError
from neurosolve.process import ChildRun
from neurosolve.result import Stats, Status
from neurosolve.sat.table import Engine, kind_of_binary

WHEEL_KISSAT = Path("sage_wheels", "bin", "kissat")  # inside the wheel passagemath-kissat
_COUNTERS = re.compile(rb"^c (conflicts|decisions|propagations|restarts)\s*:\s+(\d+)", re.MULTILINE)
_STATUS = re.compile(rb"^s (SATISFIABLE|UNSATISFIABLE|UNKNOWN)\s*$", re.MULTILINE)
_VERSION = re.compile(rb"^c +(?:\S+ +)*[Vv]ersion:? +v?(\d[\w.-]*)", re.MULTILINE)
_GAVE_UP = re.compile(rb"^c UNKNOWN\s*$", re.MULTILINE)  # as Kissat and CaDiCaL say it
_VALUES = re.compile(rb"^v[ \t]([^\n]*)$", re.MULTILINE)


def find_binary(engine: Engine) -> str | None:
    """The path of an engine's binary, None if it is not here.  `exec:NAME` without a slash: from PATH."""
    if engine.path is not None:
        return shutil.which(str(Path(engine.path).expanduser().absolute()) if "/" in engine.path else engine.path)
    for scheme in ("purelib", "platlib"):
        candidate = Path(sysconfig.get_path(scheme), WHEEL_KISSAT)
        if os.access(candidate, os.X_OK):
            return str(candidate)
    return _from_metadata()


def _from_metadata() -> str | None:
    """Where an installer put the wheel's files if not beside the rest (--user); slow to import."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        found = [file for file in files("passagemath-kissat") or [] if file.name == "kissat"]
    except PackageNotFoundError:
        return None
    return next((str(path) for file in found if os.access(path := Path(str(file.locate())), os.X_OK)), None)


@dataclasses.dataclass(frozen=True)
class Orders:
    """What a run asks of a binary, beside the formula."""

    seed: int = 0
    preset: str | None = None
    lucky: bool = True
    conflicts: int | None = None


def command_line(engine: Engine, binary: str, orders: Orders, formula: str, proof: str | None) -> list[str]:
    """argv for a binary: only Kissat and CaDiCaL get options, a stranger gets the files alone."""
    kind = "kissat" if engine.name == "kissat" else kind_of_binary(binary)
    argv = [binary]
    if kind in ("kissat", "cadical"):
        argv += [f"--seed={orders.seed}"] if orders.seed else []
        argv += engine.presets[orders.preset] if orders.preset else ()
        argv += [] if orders.lucky else ["--lucky=false"]
        argv += ["--no-binary"] if proof else []
    if kind == "kissat":
        argv += ["-s"] + ([f"--conflicts={orders.conflicts}"] if orders.conflicts is not None else [])
    if kind == "cadical":
        argv += ["-c", str(orders.conflicts)] if orders.conflicts is not None else []
    return [*argv, formula, *([proof] if proof else [])]


def parse_status(run: ChildRun) -> Status:
    """The answer of a binary that ended by itself, from its `s` line (or `c UNKNOWN`) and its exit code.

    An `s` line decides.  Without one, exit code 10 with values counts as an answer (it will be checked) and
    20 does not (nothing would check it).  EngineError for an `s` line that the exit code contradicts; nothing would
    check UNSATISFIABLE, so it has to come with 20, or with 0 from solvers that know no other.
    """
    said = {Status(word.decode()) for word in _STATUS.findall(run.output)}
    if len(said) > 1:
        raise EngineError("the solver printed two answers")
    status = next(iter(said), Status.UNKNOWN)
    if not said and run.exit_code == 10 and _VALUES.search(run.output):
        status = Status.SATISFIABLE
    contradiction = {10: Status.UNSATISFIABLE, 20: Status.SATISFIABLE}.get(run.exit_code)
    refuted = status is Status.UNSATISFIABLE and run.exit_code not in (0, 20)
    if said and (status is contradiction or refuted):
        raise EngineError(f"the solver printed {status} and exited with {run.exit_code}")
    gave_up = bool(_GAVE_UP.search(run.output))
    if not (said or gave_up) and status is Status.UNKNOWN and run.exit_code not in (0, 10, 20):
        words = run.output.decode("utf-8", "replace").strip().splitlines()
        raise EngineError(": ".join([f"the solver exited with {run.exit_code}", *words[-1:]]))
    return status


def parse_values(output: bytes, num_variables: int) -> npt.NDArray[np.int32]:
    """The `v` lines as literals, without the 0.  EngineError if they are no literals or lack that 0."""
    words = b" ".join(_VALUES.findall(output)).split()
    try:
        values = np.array(words, dtype=np.int64) if words else np.zeros(0, np.int64)
    except (ValueError, OverflowError):
        raise EngineError("a v line holds something that is no literal") from None
    if not len(values) or values[-1] != 0:
        raise EngineError("the v lines do not end in 0")
    values = values[:-1]
    if (values == 0).any():
        raise EngineError("a 0 within the v lines")
    return values[np.abs(values) <= num_variables].astype(np.int32)


def parse_version(output: bytes) -> str | None:
    """The version in a solver's banner, as Kissat and CaDiCaL print it; None where there is none."""
    found = _VERSION.search(output)
    return found[1].decode() if found else None


def parse_stats(output: bytes) -> Stats:
    """The counters that Kissat -s, CaDiCaL and the MiniSat family print; None where they do not.

    CaDiCaL leaves a counter that is 0 out of its statistics.
    """
    found = {name.decode(): int(count) for name, count in _COUNTERS.findall(output)}
    absent = 0 if b"- [ statistics ] -" in output else None
    names = ("conflicts", "decisions", "propagations", "restarts")
    return Stats(*(found.get(name, absent) for name in names))
