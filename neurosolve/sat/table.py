"""The table of engines: what each one really does with a phase, asserted by
tests/contract/test_engines_contract.py.

One row an engine.  Names are PySAT's own; `kissat` is the Kissat 4.0.4 binary of the wheel
passagemath-kissat, and `exec:PATH` is any binary that speaks the SAT competition's format (see binaries.py).
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from neurosolve.errors import UsageError

Delivery = Literal["rename", "forced", "initial", "decide"]
CADICAL_SAT = {"elimreleff": 10, "stabilizeonly": 1, "subsumereleff": 60}
CADICAL_UNSAT = {"stabilize": 0, "walk": 0}
# configure() ignores a name it does not know, without a word: only names of this list are ever passed on.
KNOWN_OPTIONS = frozenset(
    {"elimreleff", "subsumereleff", "elimeffort", "subsumeeffort", "stabilizeonly", "stabilize"}
    | {"walk", "lucky", "seed", "emulate"}
)


@dataclasses.dataclass(frozen=True)
class Engine:
    """What one engine is.  Every field is a fact that a contract test asserts.

    default_phase: the value a variable gets before any phase is saved; None: a heuristic picks it, renaming
    does nothing.  set_phases: what the engine makes of them (None: it has no such call).  deliveries: what
    run() offers; forced is offered only where conflicts can be bounded.  stats: counters that are real.
    lucky: False: it has no lucky phases; True: it has and they can be switched off; None: it has and they
    cannot. twin: the same solver as a binary, for formulas too large for Python lists.
    """

    name: str
    default_phase: int | None
    deliveries: tuple[Delivery, ...]
    set_phases: Literal["initial", "forced"] | None = None
    pysat: str | None = None
    glue: str | None = None  # prefix of its functions in the extension module pysolvers
    stats: tuple[str, ...] = ("conflicts", "decisions", "propagations", "restarts")
    has_proof: bool = True
    proof_checks: bool = True
    binary_proof: bool = False
    conflict_limit: bool = True
    exact_conflict_limit: bool = True  # False: checked at restarts only
    seed: bool = False
    lucky: bool | None = False
    options: Mapping[str, int | str] = dataclasses.field(default_factory=dict)
    presets: Mapping[str, Mapping[str, int] | tuple[str, ...]] = dataclasses.field(default_factory=dict)
    activities: bool = False
    zero_conflicts: bool = True  # a true assignment as phases needs no conflict
    twin: str | None = None
    requires: str | None = None
    notes: str = ""

    @property
    def has_stats(self) -> bool:
        return bool(self.stats)

    @property
    def is_binary(self) -> bool:
        return self.pysat is None

    @property
    def path(self) -> str | None:
        """The binary's path, for `exec:PATH`."""
        return self.name.removeprefix("exec:") if self.name.startswith("exec:") else None


_RENAME: tuple[Delivery, ...] = ("rename",)
_INITIAL: tuple[Delivery, ...] = ("rename", "initial")
_FORCED: tuple[Delivery, ...] = ("rename", "forced")
_DECIDE: tuple[Delivery, ...] = ("rename", "forced", "decide")
_NO_PROPAGATIONS = ("conflicts", "decisions", "restarts")


def _cadical(name: str, deliveries: tuple[Delivery, ...], sat: Mapping[str, int], notes: str = "") -> Engine:
    presets = {"sat": sat, "unsat": CADICAL_UNSAT}
    return Engine(name, +1, deliveries, "forced", name, name, binary_proof=True, seed=True, lucky=True,
                  presets=presets, notes=notes)  # fmt: skip


def _minisat(name: str, glue: str, *, glucose: bool = False, proof: bool = False, **more: object) -> Engine:
    row = Engine(name, -1, _INITIAL, "initial", name, glue, has_proof=proof, exact_conflict_limit=not glucose)
    return dataclasses.replace(row, **more)  # type: ignore[arg-type]


_ROWS = (
    Engine("cadical103", +1, _RENAME, None, "cadical103", "cadical103", binary_proof=True, lucky=None,
           zero_conflicts=False, notes="no options; lucky phases cannot be switched off"),
    _cadical("cadical153", _FORCED, CADICAL_SAT, "phases set before the clauses are ignored"),
    _cadical("cadical195", _DECIDE, CADICAL_SAT, "phases set before the clauses are ignored"),
    _cadical("cadical300", _DECIDE, {"elimeffort": 10, "stabilizeonly": 1, "subsumeeffort": 60},
             "the options of 1.5.3 called ...releff are called ...effort"),
    Engine("cryptominisat", None, _RENAME, None, "cryptominisat", None, stats=(), has_proof=False,
           conflict_limit=False, zero_conflicts=False, requires="pycryptosat",
           notes="local search and its own polarity modes decide; renaming is only a reshuffle"),
    Engine("ergo", -1, _DECIDE, "forced", "ergo", "ergo", activities=True,
           notes="phase-saving=0 by default: phases act at every decision, renamed ones too"),
    Engine("ergo-g42", -1, _INITIAL, "initial", "ergo", "ergo", activities=True,
           options={"emulate": "g4.2"}, notes="Ergo emulating Glucose 4.2, with phase saving"),
    _minisat("gluecard3", "gluecard3", glucose=True, proof=True),
    _minisat("gluecard4", "gluecard41", glucose=True, proof=True),
    _minisat("glucose3", "glucose3", glucose=True, proof=True),
    _minisat("glucose4", "glucose41", glucose=True, proof=True),
    _minisat("glucose42", "glucose421", glucose=True, proof=True),
    Engine("kissat404", +1, _RENAME, None, "kissat404", "kissat404", stats=(), has_proof=False, lucky=None,
           twin="kissat", notes="no options, statistics or proof in PySAT: `kissat` is the same and has all"),
    Engine("lingeling", None, _RENAME, "forced", "lingeling", "lingeling", conflict_limit=False,
           zero_conflicts=False,
           notes="Jeroslow-Wang phases: renaming does nothing, and nothing bounds a forced run"),
    _minisat("maplechrono", "maplechrono", proof=True, notes="replaces the SIGALRM handler"),
    _minisat("maplecm", "maplecm", proof=True, stats=_NO_PROPAGATIONS,
             notes="replaces the SIGALRM handler; counts no propagations"),
    _minisat("maplesat", "maplesat", proof=True, proof_checks=False, stats=_NO_PROPAGATIONS,
             notes="its proofs do not check; counts no propagations"),
    _minisat("mergesat3", "mergesat3", notes="its own rephasing takes over after 2000 restarts"),
    _minisat("minicard", "minicard"),
    _minisat("minisat22", "minisat22"),
    _minisat("minisat-gh", "minisatgh", deliveries=_FORCED, set_phases="forced"),
    _minisat("minisatep", "minisatep", deliveries=_DECIDE, set_phases="forced"),
    Engine("kissat", +1, _RENAME, seed=True, lucky=True, requires="passagemath-kissat",
           presets={"sat": ("--sat",), "unsat": ("--unsat",)}, notes="the Kissat 4.0.4 binary"),
)  # fmt: skip

ENGINES: dict[str, Engine] = {row.name: row for row in _ROWS}

# What a binary's file name says; one that says nothing is taken to prefer true, as CaDiCaL and Kissat do.
_CADICAL_BINARY: dict[str, object] = {
    "seed": True, "lucky": True, "presets": {"sat": ("--sat",), "unsat": ("--unsat",)},
    "conflict_limit": True, "zero_conflicts": True,
    "stats": ("conflicts", "decisions", "propagations", "restarts"),
}  # fmt: skip
_BINARY_NAMES: dict[str, tuple[int, dict[str, object]]] = {
    "kissat": (+1, _CADICAL_BINARY),
    "cadical": (+1, _CADICAL_BINARY),
    "glucose": (-1, {"has_proof": False}),
    "minisat": (-1, {"has_proof": False}),
    "maple": (-1, {}),
    "lingeling": (+1, {}),
}
_PYSAT_ALIASES = {
    "g3": "glucose3", "g4": "glucose4", "g42": "glucose42", "cd153": "cadical153", "cd195": "cadical195",
    "cd300": "cadical300", "m22": "minisat22", "mgh": "minisat-gh", "minisatgh": "minisat-gh",
    "lgl": "lingeling", "cms": "cryptominisat", "cadical": "cadical195", "glucose": "glucose4",
    "minisat": "minisat22",
}  # fmt: skip


def kind_of_binary(path: str) -> str | None:
    """The solver family a binary's file name names: "kissat", "cadical", ..., None for a stranger."""
    stem = Path(path).name.lower()
    return next((kind for kind in _BINARY_NAMES if stem.startswith(kind)), None)


def find_engine(name: str) -> Engine:
    """The row of an engine by name or alias, or one made for `exec:PATH`.  UsageError for a stranger."""
    if name.startswith("exec:") and len(name) > len("exec:"):
        phase, facts = _BINARY_NAMES.get(kind_of_binary(name.removeprefix("exec:")) or "", (+1, {}))
        row = Engine(name, phase, _RENAME, stats=(), conflict_limit=False, zero_conflicts=False, lucky=None)
        return dataclasses.replace(row, **facts)  # type: ignore[arg-type]
    try:
        return ENGINES[_PYSAT_ALIASES.get(name, name)]
    except KeyError:
        raise UsageError(f"no engine '{name}': one of {', '.join(ENGINES)} or exec:PATH") from None


def is_installed(engine: Engine) -> bool:
    """Whether this engine can be started here."""
    if engine.is_binary:
        from neurosolve.sat.binaries import find_binary

        return find_binary(engine) is not None
    return engine.requires is None or importlib.util.find_spec(engine.requires) is not None
