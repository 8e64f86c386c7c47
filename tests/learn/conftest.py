from __future__ import annotations

from pathlib import Path

import pytest

from neurosolve.learn.samples import write_sample
from tests.learn.examples import planted_sample


@pytest.fixture(scope="session")
def sample_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve samples, 10 to 21 variables."""
    directory = tmp_path_factory.mktemp("samples")
    for seed in range(12):
        write_sample(planted_sample(seed, 10 + seed, 40 + 3 * seed), directory / f"planted-{seed}.npz")
    return directory
