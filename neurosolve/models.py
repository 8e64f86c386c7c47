"""Where models are: $NEUROSOLVE_MODELS, then the checkout's models/, then the ones a wheel carries."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from neurosolve.errors import ModelError
from neurosolve.model_files import CONFIG_FILE

ENVIRONMENT = "NEUROSOLVE_MODELS"


def find_models(kind: str | None = None) -> dict[str, Path]:
    """Every model's name and directory, by name; where two share a name the earlier place wins.

    kind: "sat" or "milp", those alone; a model whose configuration cannot be read is of every kind.
    """
    found: dict[str, Path] = {}
    for place in search_path():
        for directory in _model_directories(place):
            found.setdefault(directory.name, directory)
    return {name: found[name] for name in sorted(found) if kind is None or kind_of(found[name]) in (kind, None)}


def kind_of(directory: Path) -> str | None:
    """What a model is for: "sat" (also where it does not say) or "milp"; None where its configuration is damaged."""
    try:
        return str(json.loads((directory / CONFIG_FILE).read_bytes()).get("kind", "sat"))
    except (OSError, ValueError, AttributeError):
        return None


def search_path() -> list[Path]:
    """The directories looked into, in order; some may not exist."""
    package = Path(__file__).resolve().parent
    given = [Path(part) for part in os.environ.get(ENVIRONMENT, "").split(":") if part]
    return [*given, package.parent / "models", package / "models"]


def model_directory(name_or_path: str) -> Path:
    """The directory of a model named, or given as a path.  Raises ModelError that lists the names."""
    if "/" in name_or_path or name_or_path.startswith("."):
        directory = Path(name_or_path)
        if (directory / CONFIG_FILE).is_file():
            return directory
        raise ModelError(f"no model in {directory}: it has no {CONFIG_FILE}")
    models = find_models()
    if name_or_path not in models:
        known = ", ".join(models) or "none installed"
        raise ModelError(f"no model named '{name_or_path}'; models: {known} (more through ${ENVIRONMENT})")
    return models[name_or_path]


def _model_directories(place: Path) -> Iterator[Path]:
    """A place is a model directory itself, or a directory of them."""
    if (place / CONFIG_FILE).is_file():
        yield place
    elif place.is_dir():
        yield from sorted(one for one in place.iterdir() if (one / CONFIG_FILE).is_file())
