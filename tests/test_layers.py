"""The import rules: who may import whom, and what a solve never pays for."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "neurosolve"
MODULES = sorted(PACKAGE.rglob("*.py"))
GROUND = {"errors", "result", "graph", "kernels", "model_files", "infer", "neuroback", "process", "running", "signals",
          "child", "files", "targets", "fingerprints"}  # fmt: skip
FACE = ("cli", "__main__")
HEAVY = ("torch", "torch_geometric", "scipy", "onnxruntime", "networkx", "rich", "zstandard", "pyscipopt")


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports anywhere, type-checking blocks included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(path: Path) -> set[str]:
    """The rooms of neurosolve (modules or packages right below it) that a file imports."""
    parts = (name.split(".") for name in imports(path))
    found = {part[1] for part in parts if part[0] == "neurosolve" and len(part) > 1}
    return {room for room in found if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    room, used = room_of(path), rooms(path)
    if room in GROUND:
        assert used <= GROUND
    elif room == "sat":
        assert used <= GROUND | {"sat"}
    elif room == "milp":
        assert used <= GROUND | {"milp"}
    elif room == "families":
        assert used <= GROUND | {"sat", "milp", "families"}
        halves = ("neurosolve.sat.", "neurosolve.milp.")
        inner = {name.split(".")[2] for name in imports(path) if name.startswith(halves)}
        assert inner <= {"dimacs", "cnf", "problem", "mps"}
    elif room == "learn":
        assert used <= GROUND | {"sat", "milp", "families", "learn"}
    elif not room.startswith(FACE):
        assert not any(one.startswith(FACE) for one in used)
    if room != "learn" and room != "cli_training":
        assert "learn" not in used


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_library_has_its_room(path: Path) -> None:
    room, used = room_of(path), {name.split(".")[0] for name in imports(path)}
    assert room in ("sat", "families") or not used & {"pysat", "pysolvers"}
    assert room == "milp" or "pyscipopt" not in used
    assert room == "learn" or not used & {"torch", "torch_geometric"}
    assert room.startswith(FACE) or "typer" not in used
    assert room == "milp" or "highspy" not in used
    assert path.name == "env.py" or "gymnasium" not in used


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    printing = [call for call in calls if isinstance(call, ast.Name) and call.id in ("print", "exit", "quit")]
    exiting = [call for call in calls if isinstance(call, ast.Attribute) and ast.unparse(call) == "sys.exit"]
    assert room_of(path).startswith(FACE) or not printing + exiting


def test_bench_knows_only_the_command_line() -> None:
    for path in (PACKAGE.parent / "bench").rglob("*.py"):
        assert not {name.split(".")[1] for name in imports(path) if name.startswith("neurosolve.cli")}


def loaded_by(code: str) -> set[str]:
    """The top-level modules loaded after running `code` in a fresh interpreter."""
    report = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


def test_importing_the_package_costs_nothing() -> None:
    assert not loaded_by("import neurosolve") & {*HEAVY, "numpy", "pysat", "typer"}


def test_the_public_face() -> None:
    code = (
        "import neurosolve\n"
        "assert all(getattr(neurosolve, name) is not None for name in neurosolve.__all__)\n"
        "assert callable(neurosolve.solve) and set(neurosolve.__all__) <= set(dir(neurosolve))"
    )
    assert not loaded_by(code) & set(HEAVY)


def test_the_command_line_loads_nothing_heavy() -> None:
    code = "import neurosolve.cli, neurosolve.cli_solve, neurosolve.cli_tools, neurosolve.cli_training"
    assert not loaded_by(code) & {*HEAVY, "numpy", "pysat"}


def test_a_solve_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "f.cnf").write_text("p cnf 2 2\n1 2 0\n-1 2 0\n")
    code = (
        "import sys, neurosolve.cli as cli\n"
        f"sys.argv = ['neurosolve', 'solve', {str(tmp_path / 'f.cnf')!r}, '--guidance', 'none']\n"
        "try: cli.main()\nexcept SystemExit as stop: assert stop.code == 10, stop.code"
    )
    assert not loaded_by(code) & set(HEAVY)
