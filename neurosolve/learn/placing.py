"""A published model is in its place whole or not at all, and `auto` gets to know it only where it won its contest."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurosolve.model_files import CONFIG_FILE

LOST = "On validation no guided arm was faster than every stock arm: `auto` never picks this model, it is by name only."


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


def lost(config: dict[str, Any]) -> bool:
    """Whether the config's table of arms has no guided row faster (cpu_s) than every stock row; False without one."""
    arms = config.get("validation", {}).get("arms", [])
    stock, guided = ([float(row["cpu_s"]) for row in arms if row["guided"] is one] for one in (False, True))
    return bool(arms) and min(guided) >= min(stock)


def judged(config: dict[str, Any]) -> dict[str, Any]:
    """The config, without the fingerprint that `auto` goes by where it lost."""
    return {key: value for key, value in config.items() if key != "fingerprint" or not lost(config)}
