from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from neurosolve.learn.distributed import Group
from neurosolve.learn.train import BEST, LAST

ROOT = Path(__file__).parents[2]


def test_two_processes_under_torchrun(sample_directory: Path, tmp_path: Path) -> None:
    """gloo, two CPU processes: gradients averaged, shards disjoint, weights equal, one writer."""
    config = {
        "name": "ddp", "out": str(tmp_path / "run"),
        "samples": [str(sample_directory)], "validation": [str(sample_directory)],
        "network_options": {"width": 8, "hidden": 8}, "rounds_min": 2, "rounds_max": 3, "steps": 6,
        "batch_edges": 300, "validate_every": 3,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
               "-m", "tests.learn.ddp_worker", str(tmp_path / "config.json"), str(tmp_path)]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert (first["rank"], second["rank"], first["world"]) == (0, 1, 2)
    assert first["gradient"] == second["gradient"] == [1.5, 3.0]
    assert first["unused"] == [0, 0, 0]
    for mine, yours in zip(first["batches"], second["batches"], strict=True):
        assert len(mine) == len(yours) > 0
        assert not {i for b in mine for i in b} & {i for b in yours for i in b}
    assert first["weights"] == second["weights"]
    assert first["step"] == second["step"] == 6
    assert (tmp_path / "run" / LAST).exists() and (tmp_path / "run" / BEST).exists()
    assert len((tmp_path / "run" / "history.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("world", [1, 2, 3])
def test_shards_are_even_and_disjoint(world: int) -> None:
    batches = [[1, 2, 3, 4], [5, 6], [7], [8], [9]]
    shards = [Group(rank, world).shard(batches) for rank in range(world)]
    assert len({len(s) for s in shards}) == 1
    used = [i for shard in shards for batch in shard for i in batch]
    assert len(used) == len(set(used))


def test_too_few_batches_are_cut() -> None:
    shards = [Group(rank, 3).shard([[1, 2, 3, 4]]) for rank in range(3)]
    assert all(len(s) == 1 for s in shards)
    assert sorted(i for s in shards for b in s for i in b) == [1, 2, 3, 4]
