"""What staff see of SKUs, locations, stock and its ledger."""

from collections.abc import Sequence
from uuid import UUID

from services.inventory.errors import LocationNotFoundError, SkuNotFoundError
from services.inventory.queries import locations, reservations, skus, stock
from services.inventory.schemas.paging import write_cursor
from services.inventory.schemas.stock_answers import (
    CountTaskAnswer,
    CountTaskList,
    LedgerAnswer,
    LedgerPage,
    LocationAnswer,
    LocationPage,
    ReservationAnswer,
    ReservationList,
    SkuAnswer,
    SkuPage,
    StockAnswer,
    StockPage,
)
from shared.db import Transaction


async def show_sku(tx: Transaction, code: str) -> SkuAnswer:
    """Show a SKU; raises SkuNotFoundError."""
    page = await show_skus(tx, code=code, after="", limit=1)
    if not page.data:
        raise SkuNotFoundError(f"there is no SKU {code}")
    return page.data[0]


async def show_scanned(tx: Transaction, barcode: str) -> SkuPage:
    """Show the SKU that a barcode, or its own code, stands for."""
    found = await skus.find_by_barcode(tx, barcode)
    return await show_skus(tx, code=found[0], after="", limit=1) if found is not None else SkuPage(data=[])


async def show_skus(tx: Transaction, *, code: str | None, after: str, limit: int) -> SkuPage:
    """Show a page of SKUs."""
    rows = await skus.list_skus(tx, codes=[code] if code is not None else None, after=after, limit=limit)
    data = [SkuAnswer.model_validate(dict(row)) for row in rows]
    return SkuPage(data=data, next_cursor=_next([sku.code for sku in data], limit))


async def show_location(tx: Transaction, code: str) -> LocationAnswer:
    """Show a location with its address; raises LocationNotFoundError."""
    row = await locations.get_address(tx, code)
    if row is None:
        raise LocationNotFoundError(f"there is no location {code}")
    return LocationAnswer.model_validate(dict(row))


async def show_locations(tx: Transaction, *, after: str, limit: int) -> LocationPage:
    """Show a page of locations."""
    rows = await locations.list_addresses(tx, after=after, limit=limit)
    data = [LocationAnswer.model_validate(dict(row)) for row in rows]
    return LocationPage(data=data, next_cursor=_next([location.code for location in data], limit))


async def show_stock(
    tx: Transaction, *, sku: str | None, location: str | None, after: stock.Key, limit: int
) -> StockPage:
    """Show a page of stock."""
    rows = await stock.list_stock(tx, sku=sku, location=location, after=after, limit=limit)
    keys = [[row.sku, row.location] for row in rows]
    return StockPage(
        data=[StockAnswer.model_validate(row) for row in rows],
        next_cursor=write_cursor([*keys[-1]]) if len(rows) == limit else None,
    )


async def show_ledger(
    tx: Transaction, *, sku: str | None, location: str | None, document: str | None, page: tuple[int, int]
) -> LedgerPage:
    """Show a page of the ledger; `page` is (after this id, how many)."""
    rows = await stock.list_ledger(tx, sku=sku, location=location, document=document, page=page)
    return LedgerPage(
        data=[LedgerAnswer.model_validate(dict(row)) for row in rows],
        next_cursor=write_cursor([rows[-1]["id"]]) if len(rows) == page[1] else None,
    )


async def show_count_tasks(tx: Transaction, *, location: str | None, limit: int) -> CountTaskList:
    """Show open count tasks."""
    rows = await stock.list_count_tasks(tx, location=location, limit=limit)
    return CountTaskList(data=[CountTaskAnswer.model_validate(dict(row)) for row in rows])


async def show_reservations(tx: Transaction, order_id: UUID) -> ReservationList:
    """Show an order's reservations."""
    rows = await reservations.list_reservations(tx, [order_id])
    return ReservationList(data=[ReservationAnswer.model_validate(row) for row in rows])


def _next(codes: Sequence[str], limit: int) -> str | None:
    return write_cursor([codes[-1]]) if len(codes) == limit else None
