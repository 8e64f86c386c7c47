"""[[instances]] tables -> instances: generated where they are played, or files; and their optima, computed once."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurosolve.errors import LimitError
from neurosolve.families import MILP_FAMILIES
from neurosolve.families.write import write_instance
from neurosolve.learn.config_reinforce import Instances
from neurosolve.learn.naming import bare, find_milps, origin
from neurosolve.milp.problem import Problem

OPTIMUM_PATIENCE = 5.0  # times an episode's limit, to prove the optimum


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One instance of a table.  path: of a file, None where it is generated.  key: its name among the optima."""

    table: Instances
    family: str
    size: int
    seed: int
    path: Path | None
    key: str

    @property
    def name(self) -> str:
        return f"{self.table.name}-{self.key}" if self.path is None else self.key

    def source(self) -> Path | Problem:
        if self.path is not None:
            return self.path
        return MILP_FAMILIES[self.family].generate(self.size, self.seed, **self.table.knobs)


class Draw:
    """draw(seed, episode) -> an instance: a table by weight, then one of its instances; pure in its arguments."""

    def __init__(self, tables: Sequence[Instances]) -> None:
        self.tables = list(tables)
        weights = np.array([table.weight for table in tables])
        self._shares = weights / weights.sum()
        self._files = [files_of(table) if table.directory else [] for table in tables]

    def __call__(self, seed: int, episode: int) -> Drawn:
        random = np.random.default_rng([seed, episode])
        which = int(random.choice(len(self.tables), p=self._shares))
        table, files = self.tables[which], self._files[which]
        if table.directory:
            return _of_file(table, files[int(random.integers(len(files)))])
        number = table.seed + int(random.integers(table.count))
        return Drawn(table, table.family, table.size, number, None, str(number))


def files_of(table: Instances) -> list[Path]:
    """Of a directory, its first `count`.  Raises UsageError where there is none."""
    return find_milps(Path(table.directory))[: table.count or None]


def _of_file(table: Instances, path: Path) -> Drawn:
    name = bare(path).name
    told = origin(name, table.name, 0)
    return Drawn(table, told.family, told.size, told.seed, path, name)


def written(tables: Sequence[Instances], directory: Path) -> list[Path]:
    """All instances of the tables as files, the generated ones below `directory`; the tables in turn."""
    lists = []
    for table in tables:
        if table.directory:
            lists.append(files_of(table))
        else:
            family, seeds = MILP_FAMILIES[table.family], range(table.seed, table.seed + table.count)
            lists.append([write_instance(family, table.size, seed, directory, table.knobs) for seed in seeds])
    longest = max(map(len, lists))
    return [one[i] for i in range(longest) for one in lists if i < len(one)]


def optimum_of(drawn: Drawn, source: Path | Problem, directory: Path, time_s: float, protocol: str) -> float:
    """Looked up in directory/TABLE.jsonl, else solved for, by SCIP's own rules under the protocol of the episode, which
    takes about as long.  Appended in one write, so that processes may share the file.  Raises LimitError where SCIP
    does not prove it in time; that is kept too."""
    from neurosolve.milp.optimum import optimum

    file = directory / f"{drawn.table.name}.jsonl"
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["instance"] == drawn.key and (row["optimum"] is not None or row["time_s"] >= time_s):
                return _known(row["optimum"], drawn)
    value = optimum(source, time_s, protocol)
    directory.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"instance": drawn.key, "optimum": value, "time_s": time_s}) + "\n")
    return _known(value, drawn)


def _known(value: float | None, drawn: Drawn) -> float:
    if value is None or not math.isfinite(value):
        raise LimitError(f"{drawn.name}: no optimum within the time, so it is not played")
    return value
