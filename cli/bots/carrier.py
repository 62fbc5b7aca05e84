"""The carrier's driver: takes parcels from the dock to the simulator, whose journeys then begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.bots.door import Door, key_of


@dataclass(slots=True)
class CarrierBot:
    """The simulator's side doors."""

    door: Door

    async def collect(self, tracking_numbers: Sequence[str], at: datetime) -> None:
        """Take parcels away at a business time."""
        if tracking_numbers:
            body = {"tracking_codes": sorted(tracking_numbers), "at": at.isoformat()}
            await self.door.act("/simulator/hand-overs", body, key=key_of("collect", *sorted(tracking_numbers)))

    async def script(self, order_reference: str, steps: list[dict[str, object]], *, scan_hours: int | None) -> None:
        """Set the journey of the parcels of one order before they are bought."""
        body = {"match": {"print_custom_1": order_reference}, "steps": steps, "synthetic_scan_hours": scan_hours}
        await self.door.act("/simulator/journeys", body, key=key_of("journey", order_reference))
