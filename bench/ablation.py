"""The ablation of docs/reinforcement.md: one run's config, its variants and seeds, trained and published in turn.

The agents land in one folder of models, so that `run` counts them like any other: NEUROSOLVE_MODELS=FOLDER.
"""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.rows import BenchError

# what revival and IWRR are each worth: both, one of them, neither (TreeDQN's agent)
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {"network": "revival", "redistribution": "bound"},
    "no-revival": {"network": "film-q", "redistribution": "bound"},
    "no-iwrr": {"network": "revival", "redistribution": ""},
    "neither": {"network": "film-q", "redistribution": ""},
}
CONFIG, MODELS = "config.toml", "models"


def plan(base: Path, seeds: int, folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and written config of every run, variants within seeds, so that what a stop leaves is balanced.

    Raises BenchError where the base sets for itself what is to be varied.
    """
    table = tomllib.loads(base.read_text(encoding="utf-8"))
    if own := {"seed", "network", "redistribution", "out"} & table.keys():
        raise BenchError(f"{base} sets {', '.join(sorted(own))}: the ablation does")
    for seed in range(seeds):
        for variant, changes in VARIANTS.items():
            name = f"{table['name']}-{variant}-{seed}"
            out = folder / "runs" / name
            out.mkdir(parents=True, exist_ok=True)
            head = {**changes, "seed": seed, "out": str(out)}
            lines = [f"{key} = {_toml(value)}" for key, value in head.items()]
            text = base.read_text(encoding="utf-8").replace(f'name = "{table["name"]}"', f'name = "{name}"', 1)
            (out / CONFIG).write_text("\n".join([*lines, text]), encoding="utf-8")
            yield name, out / CONFIG


def make(name: str, config: Path, folder: Path, cli: Sequence[str]) -> None:
    """Train and publish one run, if that was not done before; a run that was killed goes on.  Raises BenchError."""
    model = folder / MODELS / name
    if (model / "card.md").exists():
        return
    resume = ["--resume"] if (config.parent / "last.safetensors").exists() else []
    arguments = ["--out", str(model), "--candidates", "any:0:pscost", "--count", "1"]
    for words in (["train", str(config), *resume], ["publish", str(config), *arguments]):
        if subprocess.run([*cli, *words], check=False).returncode:
            raise BenchError(f"neurosolve {' '.join(words)} failed")


def _toml(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
