"""Seeded families of instances: a family is one file here and one row of FAMILIES (records: base.py)."""

from neurosolve.families.base import Family, Instance
from neurosolve.families.colouring import COLOURING
from neurosolve.families.decoding import DECODING, DECODING_UNSAT
from neurosolve.families.diagnosis import DIAGNOSIS
from neurosolve.families.equivalence import EQUIVALENCE, TROJAN
from neurosolve.families.keystream import GEFFE, KEYSTREAM, KEYSTREAM_UNSAT
from neurosolve.families.quasigroup import QUASIGROUP
from neurosolve.families.random3sat import RANDOM3SAT, RANDOM3SAT_UNSAT
from neurosolve.families.routing import ROUTING
from neurosolve.families.timetable import TIMETABLE

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        KEYSTREAM,
        GEFFE,
        DECODING,
        DIAGNOSIS,
        TIMETABLE,
        COLOURING,
        QUASIGROUP,
        ROUTING,
        TROJAN,
        RANDOM3SAT,
        EQUIVALENCE,
        KEYSTREAM_UNSAT,
        DECODING_UNSAT,
        RANDOM3SAT_UNSAT,
    )
}

__all__ = ["FAMILIES", "Family", "Instance"]
