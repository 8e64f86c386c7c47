"""The training commands, as far as they go without torch: generate and collect."""

from __future__ import annotations

from pathlib import Path

import pytest
from pysat.solvers import Solver

from neurosolve.families import FAMILIES, SAT_FAMILIES
from neurosolve.sat.dimacs import read_dimacs
from neurosolve.sat.phases import read_phases
from tests.test_cli import call


def test_the_families_are_listed() -> None:
    lines = call("generate").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(FAMILIES)


def test_generate_writes_the_same_bytes_again(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        words = [
            "generate",
            "random3sat",
            "--size",
            30,
            "--count",
            2,
            "--seed",
            5,
            "--out",
            tmp_path / folder,
        ]
        run = call(*words)
        assert run.returncode == 0 and len(run.stdout.splitlines()) == 2
    first = sorted((tmp_path / "a").iterdir())
    assert [path.name for path in first if path.suffix == ".gz"] == [
        f"random3sat-30-{s}.cnf.gz" for s in (5, 6)
    ]
    for path in first:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_what_is_planted_is_an_assignment(tmp_path: Path) -> None:
    name = next(
        name
        for name, family in SAT_FAMILIES.items()
        if family.satisfiable and family.generate(20, 1).planted is not None
    )
    call("generate", name, "--size", 20, "--seed", 1, "--out", tmp_path)
    (path,) = tmp_path.glob("*.cnf.gz")
    cnf = read_dimacs(path)
    planted = read_phases(tmp_path / path.name.replace(".cnf.gz", ".planted"), cnf.num_variables)
    with Solver("glucose4", bootstrap_with=cnf.clauses()) as solver:
        assert solver.solve(assumptions=planted.literals().tolist())
    solved = call(
        "solve", path, "-g", f"file:{tmp_path / path.name.replace('.cnf.gz', '.planted')}", "-n", "-q"
    )
    assert solved.returncode == 10


def test_generate_writes_mixed_integer_programs(tmp_path: Path) -> None:
    run = call("generate", "knapsack", "--size", "small", "--count", 2, "--out", tmp_path)
    assert run.stdout.split() == [str(tmp_path / f"knapsack-3-{seed}.mps.gz") for seed in (0, 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["knapsack-3-0.mps.gz", "knapsack-3-1.mps.gz"]


@pytest.mark.parametrize(
    "words", [["nonsense"], ["random3sat", "--size", "huge"], ["random3sat", "--size", "0"]]
)
def test_generate_refuses(words: list[str], tmp_path: Path) -> None:
    run = call("generate", *words, "--out", tmp_path)
    assert run.returncode == 1 and run.stderr.startswith("neurosolve: error: ")


def test_collect_labels_and_resumes(tmp_path: Path) -> None:
    call("generate", "random3sat", "--size", 30, "--count", 2, "--out", tmp_path / "in")
    words = ["collect", "sat", tmp_path / "in", "--out", tmp_path / "out", "--time", 5]
    assert call(*words).stdout.startswith("2 written (2 satisfiable, 0 refuted, 0 undecided), 0 found done, 0 errors")
    assert call(*words).stdout.startswith("0 written (0 satisfiable, 0 refuted, 0 undecided), 2 found done, 0 errors")


def test_a_training_that_cannot_start_says_why(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    run = call("train", tmp_path / "none.toml")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory"


def test_a_refuted_formula_teaches_no_phases(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("torch")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "u.cnf").write_text("p cnf 1 2\n1 0\n-1 0\n")
    run = call("collect", "sat", tmp_path / "in", "--out", tmp_path / "out")
    assert run.stdout.startswith("1 written (0 satisfiable, 1 refuted, 0 undecided)")
    assert ": no phases to learn" in run.stderr
    toml = tmp_path / "u.toml"
    where = f'["{tmp_path / "out"}"]'
    toml.write_text(f'name = "u"\nsamples = {where}\nvalidation = {where}\nout = "{tmp_path / "run"}"\nsteps = 2\n')
    run = call("train", toml)
    assert run.returncode == 1 and not (tmp_path / "run").exists()
    assert "0 of 1 samples have a satisfying assignment or a backbone: there are no phases to learn" in run.stderr
    (tmp_path / "s.cnf").write_text("p cnf 1 1\n1 0\n")
    (tmp_path / "in" / "u.cnf").replace(tmp_path / "u.cnf")
    call("collect", "sat", tmp_path, "--out", tmp_path / "both")
    toml.write_text(toml.read_text().replace(f'samples = {where}', f'samples = ["{tmp_path / "both"}"]'))
    run = call("train", toml)
    assert run.returncode == 1 and "both: 1 of 2 samples have a satisfying assignment" in caplog.text
    assert f"{tmp_path / 'out'}: 0 of 1 samples" in run.stderr, "and nothing could be judged"


def test_collect_takes_engines_and_labels(tmp_path: Path) -> None:
    from neurosolve.learn.samples import read_sample

    call("generate", "random3sat", "--size", 30, "--seed", 4, "--out", tmp_path / "in")
    words = ["collect", "sat", tmp_path / "in", "--time", 5, "--engines", "cadical195-walk, minisat22"]
    run = call(*words, "--out", tmp_path / "a", "--labels", "models", "--assignments", 2)
    assert run.stdout.startswith("1 written (1 satisfiable, 0 refuted, 0 undecided)")
    sample = read_sample(next((tmp_path / "a").glob("*.npz")))
    assert 1 <= len(sample.assignments) <= 2 and not sample.backbone.any()
    for wrong in (["--engines", "kissat"], ["--engines", "nonsense"], ["--labels", "gold"]):
        refused = call(*words, "--out", tmp_path / "b", *wrong)
        assert refused.returncode == 1 and wrong[1] in refused.stderr
    assert not (tmp_path / "b").exists()
