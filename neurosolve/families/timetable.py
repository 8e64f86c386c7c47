"""University timetabling: give each event a slot, under room capacities, availability, conflicts and
precedences.

`size` events, rooms in two classes (large events need one of the few large rooms, small ones fit anywhere),
and as many slots as fill the rooms to `fill`. A timetable is planted; every constraint keeps it:
  availability  each event may use some slots only (chance `available` each, besides its planted one);
  conflicts     `conflicts` random partners per event (the same teacher or students) may not share its slot;
  precedence    `precedence` * size pairs are ordered (lecture before exercise);
  rooms         per slot at most `rooms` events, and at most `large_rooms` large ones (PySAT's cardinality
                encodings; by Hall's theorem the two counts amount to an assignment of rooms).
Variables: event e in slot s, exactly one per event.

Can phases carry signal?  Hardly, at these knobs. Availability ties events to slots, so there is no slot
symmetry, but solutions abound: measured at 60 and 100 events, 5 to 7% of the variables are backbone (also
with 18 or 24 conflicts per event, or availability 0.35), and a majority over 5 diverse solutions is right
on no more variables (85 to 90%) than "false everywhere". A family that should show what guidance costs
where it cannot help.

References: Lewis, A survey of metaheuristic-based techniques for university timetabling problems (2008);
Asin Acha and Nieuwenhuis, Curriculum-based course timetabling with SAT and MaxSAT (2014).

Stock CPU seconds (CaDiCaL 1.9.5 / Kissat 4.0.4, default options, seeds 0 and 1, busy machine, 20 s limit):
  125: 1.1/0.7, 1.0/1.1; 150: 1.3/0.5, 3.7/1.2; 175: 6.2/1.2.
"""

from __future__ import annotations

import numpy as np

from neurosolve.families.base import Builder, Family, Instance, family_rng, require


def _partners(slot: list[int], count: int, before: bool, rng: np.random.Generator) -> list[tuple[int, int]]:
    """`count` distinct pairs of events with different planted slots, the earlier first if `before`."""
    pairs: dict[tuple[int, int], None] = {}
    while len(pairs) < count:
        a, b = rng.integers(0, len(slot), 2).tolist()
        if slot[a] < slot[b]:
            pairs[(a, b) if before or a < b else (b, a)] = None
    return list(pairs)


def generate(
    size: int,
    seed: int,
    *,
    rooms: int = 5,
    large_rooms: int = 2,
    fill: float = 1.0,
    available: float = 0.5,
    conflicts: float = 10.0,
    precedence: float = 0.3,
) -> Instance:
    """One instance; `planted` covers every (event, slot) variable.  Raises UsageError below 20 events."""
    require(size >= 20, f"timetable: size {size} is below 20 events")
    rng = family_rng("timetable", size, seed)
    num_slots = -(-size // round(rooms * fill)) if fill * rooms >= 1 else size
    # Room r of slot s is seat s * rooms + r; the first rooms of each slot are the large ones.
    seats = rng.permutation(num_slots * rooms)[:size]
    slot = (seats // rooms).tolist()
    large = (seats % rooms < large_rooms).tolist()
    open_slots = rng.random((size, num_slots)) < available
    open_slots[np.arange(size), slot] = True

    builder = Builder()
    names = [{s: builder.variable() for s in np.flatnonzero(row).tolist()} for row in open_slots]
    for name in names:
        builder.exactly_one(list(name.values()))
    for a, b in _partners(slot, round(conflicts * size / 2), False, rng):
        builder.extend([-names[a][s], -names[b][s]] for s in names[a].keys() & names[b].keys())
    for a, b in _partners(slot, round(precedence * size), True, rng):
        builder.extend([-x, -y] for s, x in names[a].items() for t, y in names[b].items() if s >= t)
    for s in range(num_slots):
        here = [(name[s], big) for name, big in zip(names, large, strict=True) if s in name]
        builder.at_most([x for x, _ in here], rooms)
        builder.at_most([x for x, big in here if big], large_rooms)
    planted = [x if slot[e] == s else -x for e, name in enumerate(names) for s, x in name.items()]
    return builder.instance(rng, planted)


TIMETABLE = Family(
    name="timetable",
    models="timetabling with room capacities, availability, conflicts and precedences",
    generate=generate,
    sizes={"small": (40,), "train": (100, 125, 150), "test": (150,), "beyond": (175,)},
    satisfiable=True,
    phases="hardly: many solutions, 5% backbone",
)
