"""The gate's view of a problem without a search: read it, solve its first LP, and stop."""

from __future__ import annotations

from pyscipopt import Model

from neurosolve.errors import EngineError
from neurosolve.fingerprints import Fingerprint
from neurosolve.milp import gate
from neurosolve.milp.episodes import Source, read_into
from neurosolve.milp.features import root_graph
from neurosolve.milp.first_lp import FirstLP
from neurosolve.milp.scip_settings import set_protocol


def fingerprint_of(source: Source, protocol: str = "default") -> Fingerprint:
    """What the gate sees of a problem.  Raises InputError, and EngineError for one that is solved without an LP."""
    found: list[Fingerprint] = []
    scip = Model()

    def look() -> None:
        scip.interruptSolve()
        found.append(gate.fingerprint(root_graph(scip)))

    scip.hideOutput()
    set_protocol(scip, protocol, 0)
    read_into(scip, source)
    scip.includeEventhdlr(FirstLP(look), "neurosolve_first_lp", "takes the problem's fingerprint")
    scip.optimize()
    if not found:
        raise EngineError("SCIP solves this problem without an LP")
    return found[0]
