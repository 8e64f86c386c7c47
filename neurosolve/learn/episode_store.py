"""A run's episodes on disk: trajectories below episodes/, one row an episode in episodes.jsonl."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from pathlib import Path

from neurosolve.errors import InputError
from neurosolve.learn.replay import Replay
from neurosolve.learn.rollouts import Played, row_of
from neurosolve.learn.samples import SUFFIX
from neurosolve.learn.trajectories import Trajectory, read_trajectory

log = logging.getLogger(__name__)


class EpisodeStore:
    """What was played, and what of it is kept.  num_episodes, num_decisions: of the whole run.

    A trajectory without its row (the run was killed in between) gets it now; a row's trajectory may be gone, since one
    that left the replay is deleted unless `keep`.
    """

    def __init__(self, directory: Path, keep: bool) -> None:
        self._rows, self._places, self._keep = directory / "episodes.jsonl", directory / "episodes", keep
        self._places.mkdir(parents=True, exist_ok=True)
        self.num_episodes = self.num_decisions = self.next = 0
        known = set()
        if self._rows.exists() and not self._rows.read_bytes().endswith(b"\n"):
            with self._rows.open("a", encoding="utf-8") as file:  # a killed run's last line must not swallow the next
                file.write("\n")
        for row in self._read():
            self._count(row)
            known.add(row.episode)
        for path in self._files():
            if int(path.stem) not in known and (found := _readable(path)):
                self._append(row_of(found, wall_s=found.wall_s, cpu_s=found.cpu_s))

    def path(self, episode: int) -> Path:
        """Where the episode's trajectory is, or will be."""
        return self._places / f"{episode:08d}{SUFFIX}"

    def fill(self, replay: Replay) -> None:
        """With the last episodes on disk, as many as it holds."""
        found: list[Trajectory] = []
        room = replay.capacity
        for path in reversed(self._files()):
            if room > 0 and (trajectory := _readable(path)):
                found.append(trajectory)
                room -= len(trajectory)
        for trajectory in reversed(found):
            self.drop(replay.add(trajectory))

    def add(self, row: Played) -> Trajectory | None:
        """Note an episode that has ended; its trajectory, where it has one."""
        self._append(row)
        return _readable(self.path(row.episode)) if row.decisions else None

    def drop(self, gone: list[Trajectory]) -> None:
        """Delete what left the replay."""
        for trajectory in gone:
            if not self._keep:
                self.path(trajectory.episode).unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(path for path in self._places.glob(f"*{SUFFIX}") if path.stem.isdecimal())

    def _read(self) -> list[Played]:
        rows = []
        if self._rows.exists():
            for line in self._rows.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, TypeError):  # half a line
                    rows.append(Played(**json.loads(line)))
        return rows

    def _append(self, row: Played) -> None:
        self._count(row)
        with self._rows.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(row)) + "\n")

    def _count(self, row: Played) -> None:
        self.num_episodes += 1
        self.num_decisions += row.decisions
        self.next = max(self.next, row.episode + 1)


def _readable(path: Path) -> Trajectory | None:
    try:
        return read_trajectory(path)
    except InputError as error:
        log.warning("%s", error)
        return None
