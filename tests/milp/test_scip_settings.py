"""What a protocol sets, and what going over to one in the midst of a search leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyscipopt import SCIP_PARAMSETTING, Model

from neurosolve.milp.scip_settings import PROTOCOLS, adopt, set_protocol
from neurosolve.milp_solving import solve_milp
from neurosolve.result import Status
from tests.milp.tiny_policy import write_policy
from tests.milp_files import cover, save


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


def test_a_parameter_set_by_name_to_scips_own_value_stays(tmp_path: Path) -> None:
    model = write_policy(tmp_path / "tiny", "mlp", validation={"protocol": "lean"})
    path = save(cover(60, 40), tmp_path / "f.lp")
    params = {"separating/maxroundsroot": -1}
    result = solve_milp(path, guidance=f"model:{model}", params=params)
    assert result.adopted == "lean" and result.status is Status.OPTIMAL
    scip = Model()
    adopt(scip, "lean", kept=params)
    assert scip.getParam("separating/maxroundsroot") == -1 and scip.getParam("separating/maxrounds") == 0
