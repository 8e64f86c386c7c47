"""The ablation: which runs there are, and that each is made once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import ablation
from bench.rows import BenchError
from neurosolve.learn.config import read_config
from neurosolve.learn.config_reinforce import ReinforceConfig

BASES = sorted((Path(__file__).parents[2] / "bench" / "ablation").glob("*.toml"))
# Notes what it was asked; `train` leaves a checkpoint and fails the first time, `publish` leaves a card.
CLI = """
import sys
from pathlib import Path
verb, config = sys.argv[1], Path(sys.argv[2])
with Path(sys.argv[0]).with_suffix(".log").open("a") as log:
    print(*sys.argv[1:], file=log)
last = config.parent / "last.safetensors"
if verb == "publish":
    model = Path(sys.argv[sys.argv.index("--out") + 1])
    model.mkdir(parents=True)
    (model / "card.md").touch()
elif not last.exists():
    last.touch()
    sys.exit(1)
"""


@pytest.mark.parametrize("base", BASES, ids=lambda path: path.stem)
def test_every_variant_of_the_shipped_configs_is_one_that_train_takes(base: Path, tmp_path: Path) -> None:
    configs = {name: read_config(path) for name, path in ablation.plan(base, 2, tmp_path)}
    assert list(configs)[:4] == [f"{base.stem}-{variant}-0" for variant in ablation.VARIANTS] and len(configs) == 8
    for name, config in configs.items():
        assert isinstance(config, ReinforceConfig) and config.name == name and config.seed == int(name[-1])
        assert config.directory == tmp_path / "runs" / name and config.yardstick
    one, other = (configs[f"{base.stem}-{variant}-1"].to_dict() for variant in ("full", "neither"))
    assert {key for key in one if one[key] != other[key]} == {"name", "out", "network", "redistribution"}


def test_a_base_does_not_set_what_is_varied(tmp_path: Path) -> None:
    base = tmp_path / "base.toml"
    base.write_text('name = "x"\nnetwork = "revival"\nseed = 3\n')
    with pytest.raises(BenchError, match="sets network, seed"):
        list(ablation.plan(base, 1, tmp_path))


def test_a_run_goes_on_where_it_was_and_is_made_once(tmp_path: Path) -> None:
    script = tmp_path / "cli.py"
    script.write_text(CLI)
    cli, log = (sys.executable, str(script)), tmp_path / "cli.log"
    name, config = next(ablation.plan(BASES[0], 1, tmp_path))
    with pytest.raises(BenchError, match=r"train .* failed"):
        ablation.make(name, config, tmp_path, cli)
    for _ in range(2):
        ablation.make(name, config, tmp_path, cli)
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["train", "train", "publish"]
    assert "--resume" in log.read_text().splitlines()[1] and (tmp_path / "models" / name / "card.md").exists()
