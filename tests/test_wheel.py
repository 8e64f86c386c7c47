"""The wheel alone, in an empty environment without torch, finds its models and solves with guidance."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UNREACHABLE = ("Could not find a version", "Connection", "Temporary failure", "Network is unreachable")
pytestmark = pytest.mark.slow


def run(*words: object, cwd: Path, code: int = 0) -> str:
    """Standard output of a command that has to end with `code`."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=400)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (path,) = out.glob("neurosolve-*.whl")
    return path


def shipped() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "models").glob("*/config.json"))


def test_what_the_wheel_carries(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for model in shipped():
        for file in ("config.json", "weights.safetensors", "card.md"):
            assert f"neurosolve/models/{model}/{file}" in names
    assert {"neurosolve/cli.py", "neurosolve/py.typed", "neurosolve/learn/train.py"} <= names
    assert not [name for name in names if not name.startswith(("neurosolve/", "neurosolve-"))]


def test_a_guided_solve_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "env", tmp_path / "elsewhere"
    elsewhere.mkdir()
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    options = ["install", "-q", "--no-compile", "--retries", "1"]
    pip = [sys.executable, "-m", "pip", "--python", str(python), *options, str(wheel)]
    installed = subprocess.run(pip, capture_output=True, text=True, timeout=400)
    if installed.returncode and any(word in installed.stderr for word in UNREACHABLE):
        pytest.skip("no package index within reach")
    assert installed.returncode == 0, installed.stderr

    run(python, "-c", "import torch", cwd=elsewhere, code=1)
    found = json.loads(run(home / "bin" / "neurosolve", "models", "--json", cwd=elsewhere))["models"]
    assert [row["name"] for row in found] == shipped()
    assert all(str(home) in row["directory"] and row["error"] is None for row in found)

    formula = ROOT / "data" / "decoding-80-0.cnf.gz"
    words = [home / "bin" / "neurosolve", "solve", formula, "--json", "-"]
    for guidance in ("model:decoding", "auto"):
        row = json.loads(run(*words, "--guidance", guidance, cwd=elsewhere, code=10))
        assert row["status"] == "SATISFIABLE" and row["model"] == "decoding" and row["gate"]["guided"], row
        assert row["delivery"] and row["stages"]["network_s"] > 0
