"""A directory of MILPs -> what strong branching says at their nodes, in parallel, resumable, and never stopped by one
bad instance."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosolve.errors import UsageError
from neurosolve.learn.milp_samples import MilpSample, pack_graphs, write_milp_sample
from neurosolve.learn.naming import family_of, find_milps, milp_sample_name, origin
from neurosolve.learn.parallel import ERRORS, outcomes
from neurosolve.learn.samples import SUFFIX
from neurosolve.milp.policies import NAMES, PolicySpec, attach
from neurosolve.milp.scip_file import as_file
from neurosolve.milp.scip_settings import PROTOCOLS, set_protocol
from neurosolve.process import run_in_child, send

if TYPE_CHECKING:
    from neurosolve.milp.sampling import SamplingOptions

EXPLORER = PolicySpec("pscost")
MEMORY_BYTES = 4 << 30  # of one instance's child
PATIENCE = 8.0  # wall seconds for each CPU second of time_s: the machine may do other work


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One instance.  error: what went wrong, None for a sample; reason: why the search ended early, if it did."""

    name: str
    num_nodes: int = 0  # labelled
    wall_time_s: float = 0.0
    reason: str | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class Collected:
    """Totals of a run.  num_skipped: samples that were there already."""

    num_written: int = 0
    num_skipped: int = 0
    num_errors: int = 0
    num_nodes: int = 0


def collect_milp(
    directory: str | Path, out: str | Path, options: SamplingOptions, workers: int = 1,
    policy: PolicySpec = EXPLORER, protocol: str = "paper",
    progress: Callable[[Outcome, int, int], None] | None = None,
) -> Collected:  # fmt: skip
    """Label nodes of every .mps, .lp and .cip (any compression) below `directory`; one sample each below `out`.

    policy drives the search under the protocol.  An instance that is solved before it branches gives no sample and is
    an error of its own.  Samples already there are skipped; errors go to out/errors.jsonl.  Raises UsageError for an
    unknown policy or protocol, and where there is no MILP.
    """
    if protocol not in PROTOCOLS:
        raise UsageError(f"unknown protocol '{protocol}'; known: {', '.join(PROTOCOLS)}")
    if policy.name not in NAMES:
        raise UsageError(f"unknown rule '{policy.name}'; known: {', '.join(NAMES)}")
    root, target = Path(directory), Path(out)
    tasks = [(path, target / f"{milp_sample_name(path, root)}{SUFFIX}") for path in find_milps(root)]
    target.mkdir(parents=True, exist_ok=True)
    todo = [task for task in tasks if not task[1].exists()]
    work = functools.partial(_collect_one, root=root, plan=(options, policy, protocol))
    found = list(outcomes(todo, work, workers, target / ERRORS, progress))
    errors = sum(one.error is not None for one in found)
    return Collected(len(found) - errors, len(tasks) - len(todo), errors, sum(one.num_nodes for one in found))


def _collect_one(
    path: Path, to: Path, *, root: Path, plan: tuple[SamplingOptions, PolicySpec, str]
) -> Outcome:
    """Label one file in a child and write its sample; whatever goes wrong is an Outcome."""
    began = time.monotonic()
    name = milp_sample_name(path, root)
    try:
        messages: list[tuple[str, Any]] = []
        with as_file(path, None) as given:
            given.read()  # refuses what SCIP would read as another problem
            run = run_in_child(_child, given.path, *plan, time_s=PATIENCE * plan[0].time_s, memory_bytes=MEMORY_BYTES,
                               on_message=messages.append)  # fmt: skip
        sample = assemble(messages, name, family_of(path, root))
        if sample is None:
            why = run.reason or "; ".join((run.value or {}).get("errors", [])[:1]) or "solved without branching"
            return Outcome(name, wall_time_s=time.monotonic() - began, error=f"no labelled node: {why}")
        write_milp_sample(sample, to)
    except Exception as error:  # one bad instance never ends a run
        return Outcome(name, wall_time_s=time.monotonic() - began, error=f"{type(error).__name__}: {error}")
    return Outcome(name, sample.num_nodes, time.monotonic() - began, run.reason)


def _child(path: Path, options: SamplingOptions, policy: PolicySpec, protocol: str) -> dict[str, Any]:
    """In the child: search, sending the root and every labelled node."""
    from neurosolve.milp.sampling import sample

    def configure(scip: Any) -> None:
        set_protocol(scip, protocol, options.seed)
        attach(scip, policy, options.seed)

    return sample(path, configure, options, send)


def assemble(messages: list[tuple[str, Any]], name: str, family: str) -> MilpSample | None:
    """The sample that a child's messages make; None without a labelled node."""
    from neurosolve.milp.features import FEATURE_VERSION

    roots = [value for kind, value in messages if kind == "root"]
    nodes = [value for kind, value in messages if kind == "node"]
    fingerprints = [value for kind, value in messages if kind == "fingerprint"]
    if not roots or not nodes:
        return None
    flat = {key: np.concatenate([node[key] for node in nodes])
            for key in ("columns", "features", "scores", "pseudocosts")}  # fmt: skip
    graphs = [node["graph"] for node in nodes if node["graph"] is not None]
    source = origin(name, family, len(roots[-1]["column_features"]))
    return MilpSample(
        **roots[-1],
        **flat,
        **(pack_graphs(graphs) if graphs else {}),
        node_offsets=np.cumsum([0, *(len(node["columns"]) for node in nodes)]),
        depth=np.asarray([node["depth"] for node in nodes], np.int32),
        **({"fingerprint": fingerprints[0]} if fingerprints else {}),
        feature_version=FEATURE_VERSION,
        family=source.family,
        size=source.size,
        seed=source.seed,
        name=name,
    )
