"""Networks by name.  Adding one is a class and a line here."""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

# name -> module and class, imported when asked for: torch_geometric alone costs seconds
NETWORKS = {
    "literal_clause": ("literal_clause", "LiteralClauseNet"),
    "neuroback": ("neuroback", "NeuroBackNet"),
}
BRANCHING = {
    "film": ("film", "FilmNet"),
    "mlp": ("film", "MlpNet"),
    "sparse": ("sparse", "SparseNet"),
    "gcnn": ("gcnn", "GcnnNet"),
}
AGENTS = {"film-q": ("dueling", "FilmQNet"), "revival": ("revival", "RevivalNet")}
OF_KIND = {"sat": NETWORKS, "reinforce-sat": NETWORKS, "milp": BRANCHING, "reinforce": AGENTS}


def build(name: str, **options: Any) -> nn.Module:
    """The network of that name with fresh weights.  Raises KeyError with the known names."""
    known = NETWORKS | BRANCHING | AGENTS
    if name not in known:
        raise KeyError(f"unknown network {name!r}; known: {', '.join(sorted(known))}")
    module, cls = known[name]
    network: nn.Module = getattr(importlib.import_module(f"{__name__}.{module}"), cls)(**options)
    return network
