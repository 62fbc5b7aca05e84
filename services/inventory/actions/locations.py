"""Saving locations with their calendars."""

from dataclasses import asdict

from services.inventory.actions.cut_offs import resolve
from services.inventory.actions.effects import request_snapshots
from services.inventory.errors import refuse_repeated
from services.inventory.queries import locations, reservations, stock
from services.inventory.schemas.stock import LocationBody, SaveLocations
from services.inventory.schemas.stock_answers import Saved
from shared.db import Transaction
from shared.events.inventory import CutOff, LocationSaved


async def save_locations(tx: Transaction, body: SaveLocations) -> Saved:
    """Insert or replace locations and tell orders of them, and of the stock of those switched on or off.

    Raises InvalidError naming codes that occur twice.
    """
    refuse_repeated([(f"/locations/{number}/code", one.code) for number, one in enumerate(body.locations)])
    ordered = sorted(body.locations, key=lambda location: location.code)
    before = await stock.lock_active(tx, "location", [location.code for location in ordered])
    await locations.save_locations(tx, [(*_row(location), tx.now) for location in ordered])
    for location in ordered:
        tx.publish(_saved(location))
    switched = {one.code for one in ordered if before.get(one.code, one.active) != one.active}
    if switched:
        keys = await stock.list_keys(tx, locations=switched)
        await request_snapshots(tx, keys)
        await reservations.mark_for_refill(tx, {sku for sku, _ in keys})
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
