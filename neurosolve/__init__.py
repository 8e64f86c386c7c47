"""neurosolve: makes stock SAT and MILP solvers faster with learning, and never wrong.

    import neurosolve
    result = neurosolve.solve("formula.cnf", limits=neurosolve.Limits(time_s=60))

Everything below is loaded on first use, so that `import neurosolve` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosolve.milp_guidance import include_neural_branching
    from neurosolve.result import Limits, MilpResult, Result, Status
    from neurosolve.sat.inject import inject_phases
    from neurosolve.sat.phases import Phases
    from neurosolve.solving import predict_phases, solve

__version__ = "0.1.0"

__all__ = [
    "Limits", "MilpResult", "Phases", "Result", "Status",
    "include_neural_branching", "inject_phases", "predict_phases", "solve",
]  # fmt: skip

_PLACES = {
    "Limits": "neurosolve.result",
    "MilpResult": "neurosolve.result",
    "Phases": "neurosolve.sat.phases",
    "Result": "neurosolve.result",
    "Status": "neurosolve.result",
    "include_neural_branching": "neurosolve.milp_guidance",
    "inject_phases": "neurosolve.sat.inject",
    "predict_phases": "neurosolve.solving",
    "solve": "neurosolve.solving",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'neurosolve' has no attribute '{name}'")
    value = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
