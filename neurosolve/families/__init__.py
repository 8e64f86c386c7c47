"""Seeded families of instances: a family is one file here and one row of FAMILIES.

`kind` tells a row's half: "sat" (records and builder: base.py) or "milp" (milp_base.py).
"""

from neurosolve.families.assignment import ASSIGNMENT
from neurosolve.families.auctions import AUCTIONS
from neurosolve.families.base import Family, Instance
from neurosolve.families.colouring import COLOURING
from neurosolve.families.decoding import DECODING, DECODING_UNSAT
from neurosolve.families.diagnosis import DIAGNOSIS
from neurosolve.families.equivalence import EQUIVALENCE, TROJAN
from neurosolve.families.facilities import FACILITIES
from neurosolve.families.independent_set import INDEPENDENT_SET
from neurosolve.families.keystream import GEFFE, KEYSTREAM, KEYSTREAM_UNSAT
from neurosolve.families.knapsack import KNAPSACK
from neurosolve.families.lot_sizing import LOT_SIZING
from neurosolve.families.milp_base import MilpFamily
from neurosolve.families.quasigroup import QUASIGROUP
from neurosolve.families.random3sat import RANDOM3SAT, RANDOM3SAT_UNSAT
from neurosolve.families.routing import ROUTING
from neurosolve.families.set_cover import SET_COVER
from neurosolve.families.timetable import TIMETABLE

SAT_FAMILIES: dict[str, Family] = {
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

MILP_FAMILIES: dict[str, MilpFamily] = {
    family.name: family
    for family in (SET_COVER, AUCTIONS, FACILITIES, INDEPENDENT_SET, KNAPSACK, LOT_SIZING, ASSIGNMENT)
}

FAMILIES: dict[str, Family | MilpFamily] = {**SAT_FAMILIES, **MILP_FAMILIES}

__all__ = ["FAMILIES", "MILP_FAMILIES", "SAT_FAMILIES", "Family", "Instance", "MilpFamily"]
