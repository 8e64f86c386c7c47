"""How much phases could be worth: engines under true, damaged and freely had phases on a family's instances.

A true assignment comes from the planted file where it is whole, else from a stock solve through the command
line.  Instances are drawn by family and seed, never by how long stock takes.
"""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.arms import Arm, Limits, make_arm
from bench.rows import BenchError
from bench.suites import Instance, Places, decompress, locate

Signs = npt.NDArray[np.int8]  # shape (num_variables,), +1 or -1
WRONG_SHARES = (0.0, 0.1, 0.2, 0.3)
CONTROLS = ("none-fair", "random", "true", "false", "jw", "walk")
MAJORITY = "majority"
# Asked where the engine that is studied finds no assignment in time: leaving out what it finds hard would flatter it.
FINDER = "kissat404"


@dataclasses.dataclass(frozen=True)
class Solved:
    """An instance with an assignment known to satisfy it."""

    instance: Instance
    signs: Signs


def header_variables(path: Path) -> int:
    """The number of variables in the header of a CNF, compressed or not."""
    for line in decompress(path.read_bytes()).splitlines():
        if line.startswith(b"p cnf"):
            return int(line.split()[2])
    raise ValueError(f"{path}: no header")


def to_signs(literals: Sequence[int], num_variables: int) -> Signs | None:
    """+1/-1 of every variable, None where some variable has no literal."""
    signs = np.zeros(num_variables, dtype=np.int8)
    array = np.array([literal for literal in literals if literal], dtype=np.int64)
    signs[np.abs(array) - 1] = np.sign(array)
    return signs if signs.all() else None


def find_assignment(path: Path, engine: str, limits: Limits, places: Places) -> Signs | None:
    """A satisfying assignment: the planted one if it is whole, else of a stock solve (engine, then FINDER); or None."""
    num_variables = header_variables(path)
    for planted in path.parent.glob("*.planted"):
        signs = to_signs([int(word) for word in planted.read_text().split()], num_variables)
        if signs is not None:
            return signs
    for finder in dict.fromkeys((engine, FINDER)):
        argv = [*places.cli, "solve", str(path), "--engine", finder, "--guidance", "none"]
        argv += ["--time", f"{limits.time_s:g}"]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=limits.time_s + 30)
        values = [line[2:] for line in ran.stdout.splitlines() if line.startswith("v ")]
        if ran.returncode == 10:
            return to_signs([int(word) for line in values for word in line.split()], num_variables)
    return None


def damaged(signs: Signs, share: float, seed: int) -> Signs:
    """The signs with exactly round(share * num_variables) of them turned, drawn by `seed`."""
    turned = np.random.default_rng(seed).permutation(len(signs))[: round(share * len(signs))]
    result = signs.copy()
    result[turned] *= -1
    return result


def majority(own: int, solved: Sequence[Solved]) -> Signs:
    """Per index, the majority of the other instances' assignments (0: a tie, or an index no other has).

    The numbering is shuffled in every instance, so this should know nothing: a control on that.
    """
    votes = np.zeros(len(solved[own].signs), dtype=np.int64)
    for index, other in enumerate(solved):
        if index != own:
            common = min(len(votes), len(other.signs))
            votes[:common] += other.signs[:common]
    return np.sign(votes).astype(np.int8)


def write_phases(signs: Signs, path: Path) -> None:
    """A phases file: literals, an index without an opinion left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    literals = (np.arange(1, len(signs) + 1) * signs).tolist()
    path.write_text(" ".join(str(literal) for literal in literals if literal) + " 0\n")


def phase_file(folder: Path, label: str, name: str) -> Path:
    return folder / label / f"{name}.phases"


def wrong_label(share: float) -> str:
    return f"wrong{round(share * 100):02d}"


def prepare(
    instances: Sequence[Instance], engine: str, limits: Limits, places: Places, folder: Path
) -> list[Instance]:
    """Write every phases file; returns the instances that have an assignment (the others go unmeasured).

    Raises BenchError where that is fewer than two: `majority` is of the other instances.
    """
    solved = []
    for instance in instances:
        signs = find_assignment(locate(instance, places), engine, limits, places)
        if signs is not None:
            solved.append(Solved(instance, signs))
    if len(solved) < 2:
        raise BenchError(
            f"{len(solved)} of {len(instances)} instances have a known assignment, two are needed: "
            "raise --count or --limit, or take a smaller --size"
        )
    for index, item in enumerate(solved):
        for share in WRONG_SHARES:
            seed = int(item.instance.sha256[:8], 16)
            path = phase_file(folder, wrong_label(share), item.instance.name)
            write_phases(damaged(item.signs, share, seed), path)
        write_phases(majority(index, solved), phase_file(folder, MAJORITY, item.instance.name))
    return [item.instance for item in solved]


def headroom_arms(engine: str, deliveries: Sequence[str | None], folder: Path) -> list[Arm]:
    """Stock, then every control and every share of wrong phases under every delivery."""
    arms = [make_arm("none", engine, "none")]
    for delivery in deliveries:
        suffix = f"/{delivery}" if delivery else ""
        for label in (*map(wrong_label, WRONG_SHARES), MAJORITY):
            guidance = f"file:{phase_file(folder, label, '{name}')}"
            arms.append(make_arm(label + suffix, engine, guidance, delivery))
        arms += [make_arm(name + suffix, engine, name, delivery) for name in CONTROLS if name != "none-fair"]
    arms.append(make_arm("none-fair", engine, "none-fair"))
    return arms
