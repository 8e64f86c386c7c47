"""What each process of test_ddp.py runs under torchrun: python -m tests.learn.ddp_worker CONFIG.json
RESULTS."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import torch

from neurosolve.learn.batches import bucketed
from neurosolve.learn.config import from_dict
from neurosolve.learn.distributed import join
from neurosolve.learn.train import Trainer


def main(config_path: Path, results: Path) -> None:
    sys.modules["torch.utils.tensorboard"] = None  # type: ignore[assignment]  # slow to import, not at stake
    group = join(torch.device("cpu"))
    parameter = torch.nn.Parameter(torch.zeros(2))
    unused = torch.nn.Parameter(torch.zeros(3))
    parameter.grad = torch.tensor([1.0, 2.0]) * (group.rank + 1)
    group.average_gradients([parameter, unused])

    config = from_dict(json.loads(config_path.read_text()))
    trainer = Trainer(config, torch.device("cpu"), resume=False, progress=None)
    batches = [
        group.shard(bucketed(trainer.samples.edges, config.batch_edges, config.seed, e)) for e in range(3)
    ]
    summary = trainer.run()
    digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in trainer.network.parameters()))
    row = {
        "rank": group.rank,
        "world": group.world,
        "gradient": parameter.grad.tolist(),
        "unused": unused.grad.tolist() if unused.grad is not None else None,
        "batches": batches,
        "step": summary["step"],
        "weights": digest.hexdigest(),
    }
    (results / f"{group.rank}.json").write_text(json.dumps(row))
    trainer.close()
    os._exit(0)  # torch's idle threads have aborted an interpreter that was shutting down; all is written by now


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
