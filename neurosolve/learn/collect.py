"""A directory of formulas -> labelled samples, in parallel, resumable, and never stopped by one bad
instance."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosolve.errors import UsageError
from neurosolve.learn.naming import family_of, find_files, origin, sample_name
from neurosolve.learn.parallel import ERRORS, outcomes
from neurosolve.learn.samples import SUFFIX, Sample, labels_of, write_sample
from neurosolve.learn.sidecars import CNF_NAME, find_backbone, read_backbone, read_planted
from neurosolve.process import run_in_child, send
from neurosolve.sat.dimacs import read_dimacs
from neurosolve.sat.labels import DIVERSE, WALK, LabelOptions, label
from neurosolve.sat.table import find_engine

LABELS = ("planted", "models", "backbone")
MEMORY_BYTES = 4 << 30  # of one instance's child
GRACE_S = 5.0  # beyond time_s for reading and for finishing by itself


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One instance.  error: what went wrong, None for a sample; reason: why labelling ended early, if it did."""

    name: str
    status: int = 0
    num_assignments: int = 0
    num_backbone: int = 0
    wall_time_s: float = 0.0
    reason: str | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class Collected:
    """Totals of a run.  num_skipped: samples that were there already."""

    num_written: int = 0
    num_skipped: int = 0
    num_errors: int = 0
    num_satisfiable: int = 0  # of those written
    num_refuted: int = 0


Progress = Callable[[Outcome, int, int], None]  # the outcome, how many are done, of how many


def collect_sat(
    directory: str | Path,
    out: str | Path,
    workers: int = 1,
    time_s: float = 60.0,
    labels: str = "all",
    num_assignments: int = 12,
    engines: Sequence[str] = DIVERSE,
    seed: int = 0,
    progress: Progress | None = None,
) -> Collected:
    """Label every CNF below `directory` (any compression) and write one sample each below `out`.

    labels: 'all', or some of planted, models, backbone joined by commas.  time_s bounds one instance, in a child
    process of its own.  NAME.planted beside NAME.cnf* holds literals of a known assignment.  NAME.backbone.xz beside
    it, or in DataBack's backbone/ tree, is taken for the backbone instead of solving for it.  engines: PySAT's, asked
    in turn for assignments, and labels.WALK.  Samples already there are skipped; errors go to out/errors.jsonl.
    Raises UsageError for unknown labels and engines, where there is no CNF, and where samples that are there were made
    with other labels.
    """
    wanted = _wanted(labels)
    if strangers := [name for name in engines if name != WALK and find_engine(name).is_binary]:
        raise UsageError(f"labels come from PySAT's engines and {WALK}, not from {', '.join(strangers)}")
    root, target = Path(directory), Path(out)
    files = find_files(root, CNF_NAME.search, "CNF")
    tasks = [(path, target / f"{sample_name(path, root, CNF_NAME)}{SUFFIX}") for path in files]
    target.mkdir(parents=True, exist_ok=True)
    asked = ",".join(wanted)
    todo = [(path, to) for path, to in tasks if not to.exists()]
    _refuse_others([to for _, to in tasks if to.exists()], asked, target)
    options = LabelOptions(
        **{name: name in wanted for name in LABELS}, num_assignments=num_assignments, engines=tuple(engines),
        time_s=time_s, seed=seed,
    )  # fmt: skip
    work = functools.partial(_collect_one, root=root, options=options, asked=asked)
    found = list(outcomes(todo, work, workers, target / ERRORS, progress))
    errors = sum(one.error is not None for one in found)
    satisfiable = sum(one.status == 1 for one in found)
    refuted = sum(one.status == -1 for one in found)
    return Collected(len(found) - errors, len(tasks) - len(todo), errors, satisfiable, refuted)


def _wanted(labels: str) -> list[str]:
    """What `labels` asks for, in the order of LABELS.  Raises UsageError for a name that is none of them."""
    wanted = LABELS if labels == "all" else tuple(part.strip() for part in labels.split(","))
    if unknown := set(wanted) - set(LABELS):
        raise UsageError(f"unknown labels {', '.join(sorted(unknown))}; known: all, {', '.join(LABELS)}")
    return [name for name in LABELS if name in wanted]


def _refuse_others(there: Sequence[Path], asked: str, target: Path) -> None:
    """Raises UsageError where samples that are there say that they were made with other labels."""
    theirs = [told for path in there if (told := labels_of(path)) not in ("", asked)]
    if theirs:
        raise UsageError(
            f"{len(theirs)} of the samples in {target} were made with --labels {theirs[0]}: "
            f"for {asked} give another --out, or remove that directory"
        )


def _collect_one(path: Path, to: Path, *, root: Path, options: LabelOptions, asked: str) -> Outcome:
    """Label one file in a child and write its sample; whatever goes wrong is an Outcome."""
    began = time.monotonic()
    name = sample_name(path, root, CNF_NAME)
    try:
        messages: list[tuple[str, Any]] = []
        run = run_in_child(_child, path, root, options, time_s=options.time_s + GRACE_S,
                           memory_bytes=MEMORY_BYTES, on_message=messages.append)  # fmt: skip
        sample = assemble(messages, name, family_of(path, root))
        if sample is None:
            return Outcome(name, wall_time_s=time.monotonic() - began, error=f"unread: {run.reason}")
        write_sample(sample, to, asked)
    except Exception as error:  # one bad instance never ends a run
        return Outcome(name, wall_time_s=time.monotonic() - began, error=f"{type(error).__name__}: {error}")
    return Outcome(name, sample.status, len(sample.assignments), int((sample.backbone != 0).sum()),
                   time.monotonic() - began, run.reason)  # fmt: skip


def _child(path: Path, root: Path, options: LabelOptions) -> None:
    """In the child: read, send the formula, then every finding."""
    cnf = read_dimacs(path)
    send(("cnf", (cnf.num_variables, cnf.literals, cnf.offsets)))
    bone_file = find_backbone(path, root)
    if bone_file is not None:
        send(("status", 1))
        send(("backbone", (read_backbone(bone_file, cnf.num_variables), True)))
        options = dataclasses.replace(options, backbone=False)
        if not options.models:
            return
    planted = read_planted(path, cnf.num_variables)
    if planted is not None:
        send(("primary", np.isin(np.arange(1, cnf.num_variables + 1), np.abs(planted))))
    label(cnf, planted, options, send)


def assemble(messages: list[tuple[str, Any]], name: str, family: str) -> Sample | None:
    """The sample that a child's messages make; None if it was not even read."""
    found = dict(messages)  # the last of each kind: the latest backbone
    if "cnf" not in found:
        return None
    num_variables, literals, offsets = found["cnf"]
    assignments = [value for kind, value in messages if kind == "assignment"]
    bone, complete = found.get("backbone", (np.zeros(num_variables, np.int8), False))
    source = origin(name, family, num_variables)
    return Sample(
        num_variables=num_variables,
        literals=literals,
        offsets=offsets,
        assignments=np.asarray(assignments, np.int8).reshape(len(assignments), num_variables),
        backbone=bone,
        backbone_complete=complete,
        status=found.get("status", 0),
        family=source.family,
        size=source.size,
        seed=source.seed,
        name=name,
        primary=found.get("primary", np.zeros(0, np.bool_)),
    )
