"""The dock: which parcels wait for which carrier, and the scan that lets one leave."""

from collections import Counter
from dataclasses import dataclass

from services.console.actions.scans import tracking_number
from services.console.actions.workload import Pile, read_workload
from services.console.errors import RefusedError
from services.console.neighbours import Caller
from services.console.schemas.warehouse import HandOver, Parcel, Parcels, Refused

_SERVICE = "inventory"
_MOST = 200
_LABELLED = ("staged", "labelled")


@dataclass(frozen=True, slots=True)
class Dock:
    """What waits at a location; `carrier` is the truck at the door, `here` its parcels by cut-off."""

    location: str
    carrier: str
    carriers: list[tuple[str, int]]  # who has parcels here, and how many
    here: Pile[Parcel]


async def read_dock(caller: Caller, location: str, carrier: str) -> Dock:
    """Read what waits; without a carrier named, the only one that has parcels is meant."""
    load = await read_workload(caller, location)
    waiting: Counter[str] = Counter()
    for parcel in load.parcels:
        if parcel.state in _LABELLED:
            waiting[parcel.carrier] += parcel.count
    carrier = carrier or (next(iter(waiting)) if len(waiting) == 1 else "")
    count = sum(number for name, number in waiting.items() if name.casefold() == carrier.casefold())
    here: list[Parcel] = []
    if count:
        which = {"location": location, "carrier": carrier}
        here = (await caller.get(_SERVICE, "/staff/parcels", Parcels, state=_LABELLED, limit=_MOST, **which)).data
    return Dock(location, carrier, sorted(waiting.items()), Pile(here, count))


async def load(caller: Caller, dock: tuple[str, str], read: str, key: str) -> HandOver:
    """Hand the parcel with the scanned label to (location, carrier); raises RefusedError."""
    location, carrier = dock
    body = {"location": location, "carrier": carrier, "tracking_numbers": [tracking_number(read)]}
    return HandOver.model_validate(await caller.act(_SERVICE, "/staff/hand-overs", body, key=key))


def reason_of(error: RefusedError) -> Refused | None:
    """Give the refusal of the one parcel that was scanned, if the service told it."""
    refused = error.extra.get("refused")
    return Refused.model_validate(refused[0]) if isinstance(refused, list) and refused else None
