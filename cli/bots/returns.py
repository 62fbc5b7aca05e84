"""The returns desk bot: it scans in the parcels that carriers bring back, as a warehouse does at its dock."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from cli.bots.door import Door, key_of

_PAGE = 100
BROUGHT_BACK = "Returned to sender"
"""What the simulated carrier says when it stands at our dock with the parcel."""


class Read(BaseModel):
    """A part of an answer the bot reads; what it does not need is ignored."""

    model_config = ConfigDict(extra="ignore")


class Shipment(Read):
    """A parcel on its way back."""

    id: UUID


class ShipmentPage(Read):
    """Parcels on their way back."""

    data: list[Shipment]
    next_cursor: UUID | None = None


class Scan(Read):
    """What the carrier said."""

    message: str


class Track(Read):
    """All that was said of a parcel."""

    tracking: list[Scan]


@dataclass(slots=True)
class ReturnsBot:
    """Whoever is at the dock when the carrier brings a parcel back."""

    door: Door
    received: int = 0

    async def receive(self) -> int:
        """Scan in every parcel that was brought back; give how many."""
        before = self.received
        for shipment in await self._coming_back():
            track = await self.door.get(f"/staff/shipments/{shipment.id}", Track)
            if any(scan.message == BROUGHT_BACK for scan in track.tracking):
                body = {"status": "returned_to_sender", "reason": "received at our dock"}
                await self.door.act(
                    f"/staff/shipments/{shipment.id}/set-status", body, key=key_of("returned", shipment.id)
                )
                self.received += 1
        return self.received - before

    async def _coming_back(self) -> list[Shipment]:
        found: list[Shipment] = []
        cursor: str | None = None
        while True:
            page = await self.door.get(
                "/staff/shipments", ShipmentPage, status="returning_to_sender", limit=_PAGE, cursor=cursor
            )
            found.extend(page.data)
            if page.next_cursor is None:
                return found
            cursor = str(page.next_cursor)
