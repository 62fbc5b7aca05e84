"""The dock: which parcels wait for which carrier, and the scan that lets one leave."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from services.console.actions.scans import tracking_number
from services.console.errors import RefusedError
from services.console.neighbours import Caller
from services.console.schemas.warehouse import HandOver, Parcel, Parcels, Refused

_SERVICE = "inventory"
_MOST = 200


@dataclass(frozen=True, slots=True)
class Dock:
    """What waits at a location; `carrier` is the truck at the door."""

    location: str
    carrier: str
    waiting: list[Parcel]

    @property
    def carriers(self) -> list[tuple[str, int]]:
        """Carriers with parcels here, and how many."""
        return sorted(Counter(parcel.label.carrier for parcel in self.waiting).items())

    @property
    def for_this_truck(self) -> list[Parcel]:
        """Parcels that this truck takes."""
        return [parcel for parcel in self.waiting if parcel.label.carrier.casefold() == self.carrier.casefold()]


async def read_dock(caller: Caller, location: str, carrier: str) -> Dock:
    """Read what waits; without a carrier named, the only one that has parcels is meant."""
    pages = await asyncio.gather(
        *(
            caller.get(_SERVICE, "/staff/parcels", Parcels, location=location, state=state, limit=_MOST)
            for state in ("staged", "labelled")
        )
    )
    waiting = [parcel for page in pages for parcel in page.data]
    carriers = {parcel.label.carrier for parcel in waiting}
    only = next(iter(carriers)) if len(carriers) == 1 else ""
    return Dock(location, carrier or only, waiting)


async def load(caller: Caller, dock: tuple[str, str], read: str, key: str) -> HandOver:
    """Hand the parcel with the scanned label to (location, carrier); raises RefusedError."""
    location, carrier = dock
    body = {"location": location, "carrier": carrier, "tracking_numbers": [tracking_number(read)]}
    return HandOver.model_validate(await caller.act(_SERVICE, "/staff/hand-overs", body, key=key))


def reason_of(error: RefusedError) -> Refused | None:
    """Give the refusal of the one parcel that was scanned, if the service told it."""
    refused = error.extra.get("refused")
    return Refused.model_validate(refused[0]) if isinstance(refused, list) and refused else None
