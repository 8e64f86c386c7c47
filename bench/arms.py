"""Arms: what is compared.

One arm is an engine, a guidance, a delivery and any further command-line options.  The engine `scip` makes it a MILP
arm: no delivery, but a protocol (the literature's `paper`, or `default`: SCIP untouched).
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from bench import kinds
from bench.kinds import Kind
from bench.rows import BenchError

STOCK_GUIDANCES = {kinds.SAT: ("none", "preset", "walk"), kinds.MILP: ("none", "pscost")}
PROTOCOLS = ("default", "paper", "lean")
TWO_PART_GUIDANCES = ("model", "file")
OPTIONAL_TWO_PART = ("preset", "auto", "majority")
HIGHS_CHILD = Path(__file__).with_name("highs_child.py")
DELIVERIES = ("", "auto", "rename", "forced", "initial", "decide", "order")


@dataclasses.dataclass(frozen=True)
class Arm:
    """`guidance` may hold `{name}`, replaced by the instance's name (phase files, one an instance)."""

    name: str
    engine: str
    guidance: str = "none"
    delivery: str | None = None
    extra: tuple[str, ...] = ()
    stock: bool = False  # free to anybody without learning: may be "the best stock arm"
    again: bool = False  # the second half of the A/A pair, never a baseline
    model_hash: str | None = None
    protocol: str | None = None  # of a MILP arm
    counts_only: bool = False  # its times are not compared, nor must it run on every instance

    @property
    def kind(self) -> Kind:
        return kinds.of_engine(self.engine)

    @property
    def answers_only(self) -> bool:
        """A second opinion: its claims are compared, and nothing else."""
        return self.engine == kinds.HIGHS

    def command(self, cli: Sequence[str], file: Path, name: str, limits: Limits, seed: int) -> list[str]:
        """The command line that solves `file` (an instance called `name`) once."""
        if self.answers_only:
            return [sys.executable, str(HIGHS_CHILD), str(file), "--time", f"{limits.time_s:g}"]
        guidance = self.guidance.replace("{name}", name)
        if self.kind is kinds.MILP:
            options = ["--guidance", guidance, "--protocol", self.protocol or PROTOCOLS[0]]
        else:
            options = ["--engine", self.engine, "--guidance", guidance]
        if self.delivery:
            options += ["--delivery", self.delivery]
        options += ["--time", f"{limits.time_s:g}", "--seed", str(seed)]
        if limits.memory_bytes:
            options += ["--memory", str(limits.memory_bytes)]
        return [*cli, "solve", str(file), "--json", "-", *options, *self.extra]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Of one solve: wall seconds and bytes (0: unlimited)."""

    time_s: float
    memory_bytes: int = 0


def parse_arm(spec: str) -> Arm:
    """`[NAME=]ENGINE:GUIDANCE[:DELIVERY][:OPTIONS]`, e.g. `ours=cadical195:model:universal:rename:--race`.

    `exec:PATH`, `model:NAME`, `file:PATH`, `preset:sat`, `auto:NAME` keep their colon; an empty delivery is
    the default one, and a name in DELIVERIES, plain or with +order, is never an argument of `preset`, `auto` or
    `majority`.
    A MILP arm is `scip:GUIDANCE[::OPTIONS]`.  Raises BenchError when a part is missing.
    """
    label, _, rest = spec.partition("=") if "=" in spec.split(":", 1)[0] else ("", "", spec)
    parts = rest.split(":")
    engine = _take(parts, ("exec",), spec)
    guidance = _take(parts, TWO_PART_GUIDANCES, spec)
    if guidance in OPTIONAL_TWO_PART and parts and not (_is_delivery(parts[0]) or parts[0].startswith("-")):
        guidance += ":" + parts.pop(0)
    delivery = parts.pop(0) if parts and not parts[0].startswith("-") else ""
    extra = tuple(shlex.split(":".join(parts)))
    return make_arm(label or rest, engine, guidance, delivery or None, extra)


def _is_delivery(part: str) -> bool:
    return part.removesuffix("+order") in DELIVERIES


def _take(parts: list[str], prefixes: Sequence[str], spec: str) -> str:
    """The next part, with the one after it when it is a prefix such as `exec`."""
    if not parts or not parts[0]:
        raise BenchError(f"arm {spec!r}: want [NAME=]ENGINE:GUIDANCE[:DELIVERY][:OPTIONS]")
    head = parts.pop(0)
    if head not in prefixes:
        return head
    if not parts or not parts[0]:
        raise BenchError(f"arm {spec!r}: {head}: wants a name or a path after it")
    return f"{head}:{parts.pop(0)}"


def make_arm(
    name: str,
    engine: str,
    guidance: str,
    delivery: str | None = None,
    extra: tuple[str, ...] = (),
    stock: bool | None = None,
) -> Arm:
    """An arm, flagged stock by its guidance unless `stock` says otherwise."""
    kind = kinds.of_engine(engine)
    if kind is kinds.MILP and delivery:
        raise BenchError(f"arm {name}: scip takes no delivery, got {delivery!r}")
    if stock is None:
        stock = guidance.split(":")[0] in STOCK_GUIDANCES[kind] and engine != kinds.HIGHS
    return Arm(name, engine, guidance, delivery, extra, stock)


def read_toml(path: Path) -> list[Arm]:
    """Arms of a TOML file: `[[arm]]` tables of name, engine, guidance, delivery, extra (list), stock, counts_only
    (bool).
    """
    try:
        tables = tomllib.loads(path.read_text())["arm"]
        return [
            dataclasses.replace(
                make_arm(
                    table["name"], table["engine"], table.get("guidance", "none"), table.get("delivery"),
                    tuple(table.get("extra", ())), table.get("stock"),
                ),
                counts_only=bool(table.get("counts_only")),
            )
            for table in tables
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(f"{path}: not a file of [[arm]] tables: {error!r}") from None


def read_arms(specs: Sequence[str]) -> list[Arm]:
    """Arms of `--config` values, each a spec or the path of a TOML file; names must differ."""
    arms: list[Arm] = []
    for spec in specs:
        arms += read_toml(Path(spec)) if spec.endswith(".toml") else [parse_arm(spec)]
    names = [arm.name for arm in arms]
    if len(set(names)) != len(names):
        raise BenchError(f"two arms of one name: {', '.join(names)}")
    return arms


def settle(arms: Sequence[Arm], protocol: str | None, counts_only: Sequence[str] = ()) -> list[Arm]:
    """The arms of one run: MILP arms get its protocol, the named ones are counted and not timed (never stock then).

    Raises BenchError where SAT and MILP arms stand side by side, for an unknown name, or a protocol for SAT.
    """
    known = {arm.kind for arm in arms}
    if len(known) > 1:
        raise BenchError("SAT and MILP arms do not run side by side")
    if protocol and known == {kinds.SAT}:
        raise BenchError("--protocol is for arms of scip")
    if protocol not in (None, *PROTOCOLS):
        raise BenchError(f"protocol {protocol!r} is none of {', '.join(PROTOCOLS)}")
    if unknown := set(counts_only) - {arm.name for arm in arms}:
        raise BenchError(f"no arm is called {', '.join(sorted(unknown))}")
    settled = []
    for arm in arms:
        counted = arm.counts_only or arm.name in counts_only
        own = (protocol or PROTOCOLS[0]) if arm.engine == kinds.SCIP else None
        settled.append(
            dataclasses.replace(arm, protocol=own, counts_only=counted, stock=arm.stock and not counted)
        )
    return settled


def with_repeat(arms: Sequence[Arm], reference: str | None = None) -> list[Arm]:
    """The arms, with the reference arm twice: the A/A pair that shows what noise looks like.

    The reference is the arm named, else the first `none`; with no `none` at all, one is added.  Where no arm is
    timed, none is repeated.
    """
    arms = list(arms)
    timed = [arm for arm in arms if not (arm.counts_only or arm.answers_only)]
    if arms and not timed:
        return arms
    if reference is None:
        stock = next((arm for arm in arms if arm.guidance == "none" and arm in timed), None)
        if stock is None:
            stock = dataclasses.replace(make_arm("none", timed[0].engine, "none"), protocol=timed[0].protocol)
            arms.insert(0, stock)
    else:
        stock = next((arm for arm in arms if arm.name == reference and arm in timed), None)
        if stock is None:
            raise BenchError(f"no arm is called {reference!r} that is timed")
    again = dataclasses.replace(stock, name=stock.name + "-again", stock=False, again=True)
    return arms if any(arm.name == again.name for arm in arms) else [*arms, again]
