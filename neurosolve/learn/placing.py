"""A published model is in its place whole or not at all, and `auto` gets to know it only where it won a contest of
enough instances."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurosolve.model_files import CONFIG_FILE

LEAST = 5  # instances of a contest: what is the fastest of fewer may be so by chance
FEW = (
    f"Validation had fewer than {LEAST} instances: `auto` never picks this model, it is by name only. "
    "With more of them, `publish` again."
)
LOST = "On validation no guided arm was faster than every stock arm: `auto` never picks this model, it is by name only."

MEASURE = (
    "Held-out results: none but those that stand below. To measure this model on files that no step above has seen: "
    "`python -m bench run`; once that is packed (`python -m bench pack`), `python -m bench cards` writes it here, if "
    "the model is in models/. See docs/train-your-own-family.md, Measure."
)


@contextlib.contextmanager
def built_beside(out: Path) -> Iterator[Path]:
    """A directory to build the model in; at the end its files are renamed into `out`, whose other files stay.

    After an exception `out` is as it was.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
        place = Path(temporary) / out.name  # one level deeper than `auto` looks for models
        place.mkdir()
        yield place
        out.mkdir(exist_ok=True)
        (out / CONFIG_FILE).unlink(missing_ok=True)  # old words never stand beside new weights
        for file in sorted(place.iterdir(), key=lambda file: file.name == CONFIG_FILE):
            file.replace(out / file.name)


def standing(row: dict[str, Any]) -> tuple[float, float]:
    """What rows of a contest are ordered by, the least first: CPU seconds; where no run ended before its limit, so that
    all are equal, the primal-dual integral of MILP rows."""
    return float(row["cpu_s"]), float(row.get("integral", 0.0))


def lost(config: dict[str, Any]) -> bool:
    """Whether the config's table of arms has no guided row before every stock row; False without one."""
    arms = config.get("validation", {}).get("arms", [])
    stock, guided = ([standing(row) for row in arms if row["guided"] is one] for one in (False, True))
    return bool(arms) and min(guided) >= min(stock)


def by_name_only(config: dict[str, Any]) -> str | None:
    """Why `auto` may not take the model after this contest, LOST or FEW; None where it may, or without a contest."""
    found = config.get("validation", {})
    if "arms" not in found:
        return None
    return LOST if lost(config) else FEW if found.get("instances", found.get("formulas", 0)) < LEAST else None


def judged(config: dict[str, Any]) -> dict[str, Any]:
    """The config, without the fingerprint that `auto` goes by where it may not take the model."""
    return {key: value for key, value in config.items() if key != "fingerprint" or by_name_only(config) is None}
