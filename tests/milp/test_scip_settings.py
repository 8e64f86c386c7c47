"""What a protocol sets, and what going over to one in the midst of a search leaves alone."""

from __future__ import annotations

import pytest
from pyscipopt import SCIP_PARAMSETTING, Model

from neurosolve.milp.scip_settings import PROTOCOLS, adopt, set_protocol


def test_lean_has_scips_own_fast_heuristics() -> None:
    fast, untouched = Model(), Model()
    fast.hideOutput()
    fast.setHeuristics(SCIP_PARAMSETTING.FAST)
    before, after = untouched.getParams(), fast.getParams()
    changed = {name: value for name, value in after.items() if value != before[name]}
    assert {name: PROTOCOLS["lean"][name] for name in PROTOCOLS["lean"] if name.startswith("heuristics")} == changed


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_adopting_is_setting_where_nothing_was_set(protocol: str) -> None:
    adopted, told = Model(), Model()
    adopt(adopted, protocol)
    set_protocol(told, protocol, 0)
    assert {**adopted.getParams(), "lp/threads": 1} == told.getParams()


def test_what_somebody_has_set_stays() -> None:
    scip = Model()
    scip.setParam("separating/maxroundsroot", 3)
    scip.setParam("heuristics/rins/freq", 7)
    adopt(scip, "lean")
    assert scip.getParam("separating/maxroundsroot") == 3 and scip.getParam("heuristics/rins/freq") == 7
    assert scip.getParam("separating/maxrounds") == 0 and scip.getParam("heuristics/rens/freq") == -1
