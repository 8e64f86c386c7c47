"""Networks by name.  Adding one is a class and a line here."""

from __future__ import annotations

from typing import Any

from torch import nn

from neurosolve.learn.networks.literal_clause import LiteralClauseNet

NETWORKS: dict[str, type[nn.Module]] = {"literal_clause": LiteralClauseNet}


def build(name: str, **options: Any) -> nn.Module:
    """The network of that name with fresh weights.  Raises KeyError with the known names."""
    if name not in NETWORKS:
        raise KeyError(f"unknown network {name!r}; known: {', '.join(sorted(NETWORKS))}")
    return NETWORKS[name](**options)
