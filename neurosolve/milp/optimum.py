"""The optimal objective of an instance, by SCIP's own rules."""

from __future__ import annotations

from pyscipopt import Model

from neurosolve.milp.episodes import Source, read_into
from neurosolve.milp.scip_settings import set_protocol


def optimum(source: Source, time_s: float, protocol: str = "default") -> float | None:
    """None where SCIP does not prove one within time_s (CPU seconds).  Raises InputError."""
    scip = Model()
    scip.hideOutput()
    set_protocol(scip, protocol, 0)
    scip.setParam("misc/catchctrlc", False)
    scip.setParam("timing/clocktype", 1)
    scip.setParam("limits/time", time_s)
    read_into(scip, source)
    scip.optimize()
    return float(scip.getPrimalbound()) if scip.getStatus() == "optimal" else None
