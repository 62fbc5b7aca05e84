"""Saving SKUs with their barcodes and bins."""

from collections.abc import Sequence

from services.inventory.actions.effects import request_snapshots
from services.inventory.errors import BarcodeTakenError, UnknownLocationError, refuse_repeated
from services.inventory.queries import locations, skus, stock
from services.inventory.schemas.stock import SaveSkus, SkuBody
from services.inventory.schemas.stock_answers import Saved
from shared.db import Transaction
from shared.errors import FieldError
from shared.events.inventory import SkuSaved


async def save_skus(tx: Transaction, body: SaveSkus) -> Saved:
    """Insert or replace SKUs and tell orders of them.

    Raises InvalidError (a code twice), BarcodeTakenError and UnknownLocationError naming each bad field.
    """
    _refuse_twins(body.skus)
    await _refuse_taken_barcodes(tx, body.skus)
    await _refuse_unknown_locations(tx, body.skus)
    before = await stock.lock_active(tx, "sku", [sku.code for sku in body.skus])
    await skus.save_skus(tx, [_row(sku) for sku in sorted(body.skus, key=lambda sku: sku.code)])
    labelled = [sku for sku in body.skus if sku.barcodes is not None]
    if labelled:
        barcodes = [(b.code, sku.code, b.units) for sku in labelled for b in sku.barcodes or ()]
        await skus.replace_barcodes(tx, [sku.code for sku in labelled], barcodes)
    binned = [sku for sku in body.skus if sku.bins is not None]
    if binned:
        bins = [(b.location, sku.code, b.bin, b.walk_order) for sku in binned for b in sku.bins or ()]
        await skus.replace_bins(tx, [sku.code for sku in binned], bins)
    for sku in body.skus:
        tx.publish(_saved(sku))
    switched = {sku.code for sku in body.skus if before.get(sku.code, sku.active) != sku.active}
    if switched:
        await request_snapshots(tx, await stock.list_keys(tx, skus=switched))
    return Saved(saved=len(body.skus))


def _row(sku: SkuBody) -> tuple[object, ...]:
    return (
        sku.code, sku.name, sku.weight_grams, sku.length_mm, sku.width_mm, sku.height_mm, sku.requires_shipping,
        sku.active, "fragile" in sku.flags, "perishable" in sku.flags, "safety" in sku.flags,
    )  # fmt: skip


def _saved(sku: SkuBody) -> SkuSaved:
    return SkuSaved(
        sku=sku.code,
        name=sku.name,
        weight_grams=sku.weight_grams,
        requires_shipping=sku.requires_shipping,
        active=sku.active,
        fragile="fragile" in sku.flags,
        perishable="perishable" in sku.flags,
        safety="safety" in sku.flags,
    )


def _refuse_twins(bodies: Sequence[SkuBody]) -> None:
    refuse_repeated(
        [(f"/skus/{number}/code", sku.code) for number, sku in enumerate(bodies)],
        [
            (f"/skus/{number}/barcodes/{place}/code", barcode.code)
            for number, sku in enumerate(bodies)
            for place, barcode in enumerate(sku.barcodes or ())
        ],
    )


async def _refuse_taken_barcodes(tx: Transaction, bodies: Sequence[SkuBody]) -> None:
    wanted = {barcode.code for sku in bodies for barcode in sku.barcodes or ()}
    taken = await skus.barcodes_of_others(tx, wanted, [sku.code for sku in bodies]) if wanted else {}
    errors = tuple(
        FieldError(
            f"/skus/{number}/barcodes/{place}/code", "barcode_taken", f"belongs to SKU {taken[barcode.code]} already"
        )
        for number, sku in enumerate(bodies)
        for place, barcode in enumerate(sku.barcodes or ())
        if barcode.code in taken
    )
    if errors:
        raise BarcodeTakenError("a barcode stands for one SKU", errors=errors)


async def _refuse_unknown_locations(tx: Transaction, bodies: Sequence[SkuBody]) -> None:
    wanted = {entry.location for sku in bodies for entry in sku.bins or ()}
    unknown = await locations.unknown_locations(tx, wanted) if wanted else set()
    errors = tuple(
        FieldError(f"/skus/{number}/bins/{place}/location", "unknown_location", f"no location {entry.location}")
        for number, sku in enumerate(bodies)
        for place, entry in enumerate(sku.bins or ())
        if entry.location in unknown
    )
    if errors:
        raise UnknownLocationError("a bin lies in a location that exists", errors=errors)
