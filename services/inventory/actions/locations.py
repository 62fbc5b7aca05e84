"""Saving locations with their calendars."""

from dataclasses import asdict

from services.inventory.actions.cut_offs import resolve
from services.inventory.queries import locations
from services.inventory.schemas.stock import LocationBody, SaveLocations
from services.inventory.schemas.stock_answers import Saved
from shared.db import Transaction
from shared.events.inventory import CutOff, LocationSaved


async def save_locations(tx: Transaction, body: SaveLocations) -> Saved:
    """Insert or replace locations and tell orders of them; of a code that occurs twice the last one stays."""
    wanted = {location.code: location for location in body.locations}
    ordered = [wanted[code] for code in sorted(wanted)]
    await locations.save_locations(tx, [(*_row(location), tx.now) for location in ordered])
    for location in ordered:
        tx.publish(_saved(location))
    return Saved(saved=len(ordered))


def _row(location: LocationBody) -> tuple[object, ...]:
    return (
        location.code, location.name, location.company, location.line1, location.line2, location.city,
        location.region, location.postal_code, location.country_code, location.phone, location.email, location.zone,
        location.time_zone, [cut_off.model_dump() for cut_off in location.cut_offs],
        [day.isoformat() for day in location.holidays], location.label_format, location.active,
    )  # fmt: skip


def _given(location: LocationBody) -> list[locations.CutOff]:
    return [locations.CutOff(**cut_off.model_dump()) for cut_off in location.cut_offs]


def _saved(location: LocationBody) -> LocationSaved:
    return LocationSaved(
        location=location.code,
        name=location.name,
        country_code=location.country_code,
        postal_code=location.postal_code,
        zone=location.zone,
        time_zone=location.time_zone,
        cut_offs=tuple(CutOff(**asdict(cut_off)) for cut_off in resolve(_given(location))),
        holidays=tuple(day.isoformat() for day in location.holidays),
        active=location.active,
    )
