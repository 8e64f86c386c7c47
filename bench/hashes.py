"""The hash of the network an arm may load, as the command line says: rows of two networks never mix."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from bench import kinds
from bench.arms import Arm
from bench.kinds import Kind
from bench.rows import BenchError
from bench.suites import Places


def with_model_hash(arm: Arm, places: Places) -> Arm:
    """The arm with the hash of what it may load: one model's, or one over all models for `auto`."""
    head, _, name = arm.guidance.partition(":")
    if head not in ("model", "auto", "majority"):
        return arm
    hashes = model_hashes(places, arm.kind, name if "/" in name else None)
    if name:
        if Path(name).name not in hashes:
            raise BenchError(
                f"arm {arm.name}: no model called {name}; there are {', '.join(hashes) or 'none'}"
            )
        digest = hashes[Path(name).name]
    else:
        digest = hashlib.sha256(json.dumps(sorted(hashes.items())).encode()).hexdigest()
    return dataclasses.replace(arm, model_hash=digest)


def model_hashes(places: Places, kind: Kind, directory: str | None = None) -> dict[str, str]:
    """Name -> hash of one half's usable models, as `neurosolve models --json` says; looks into `directory` too."""
    environment = {**os.environ, "NEUROSOLVE_MODELS": directory} if directory else None
    argv = [*places.cli, "models", "--json"]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=120, env=environment)
    if ran.returncode != 0:
        raise BenchError(f"neurosolve models --json: {ran.stderr.strip()}")
    models = json.loads(ran.stdout)["models"]
    return {model["name"]: model["hash"] for model in models if not model["error"] and _kind(model) is kind}


def _kind(model: dict[str, Any]) -> Kind:
    return kinds.MILP if model.get("kind") == "milp" else kinds.SAT
