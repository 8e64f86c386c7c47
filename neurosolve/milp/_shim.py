"""Stand-in for policies.py and branching.py until they land."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

STOCK = {"relpscost": "relpscost", "pscost": "pscost", "mostinf": "mostinf", "random": "random", "fsb": "vanillafullstrong"}


@dataclasses.dataclass(frozen=True)
class PolicySpec:
    name: str = "none"
    model_dir: Path | None = None
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    max_depth: int | None = None
    margin: float | None = None
    fallback: str = "relpscost"


@dataclasses.dataclass
class PolicyReport:
    num_calls: int = 0
    num_handed_over: int = 0
    num_errors: int = 0
    seconds: float = 0.0
    notes: list[str] = dataclasses.field(default_factory=list)


def attach(scip: Any, spec: PolicySpec, seed: int = 0) -> PolicyReport:
    if spec.name in STOCK:
        scip.setParam(f"branching/{STOCK[spec.name]}/priority", 1_000_000)
    return PolicyReport()
