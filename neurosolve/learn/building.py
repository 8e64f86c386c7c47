"""A config -> its network with fresh weights, shaped as the model it begins from where the config names no shape."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from neurosolve.errors import UsageError
from neurosolve.learn import checkpoint, networks
from neurosolve.learn.config import RunConfig


def build(config: RunConfig, shape: Mapping[str, int], **more: Any) -> nn.Module:
    """shape: what the samples' features ask for; more: as of `options_of`, which says what is raised."""
    return networks.build(config.network, **shape, **options_of(config, shape, **more))


def options_of(config: RunConfig, shape: Mapping[str, int], **more: Any) -> dict[str, Any]:
    """The config's network_options, before `more`, before those that a directory of initial_weights has.

    Raises UsageError for an option that the network does not have, ModelError where initial_weights cannot be read.
    """
    module, cls = networks.OF_KIND[config.kind][config.network]
    network = getattr(importlib.import_module(f"{networks.__name__}.{module}"), cls)
    known = [name for name in inspect.signature(network).parameters if name not in shape]
    for name in config.network_options:
        if name not in known:
            raise UsageError(f"{config.name}: network_options: unknown key {name!r}; known: {', '.join(sorted(known))}")
    given = checkpoint.weights_of(Path(config.initial_weights))[1] if config.initial_weights else {}
    return {name: value for name, value in given.items() if name in known} | more | config.network_options
