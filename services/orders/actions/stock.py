"""What inventory says of an order's stock: reserved, waiting, given back; dates move when stock comes late."""

from collections.abc import Sequence
from datetime import datetime

from services.orders.actions import cancelling, holding, ledger, remedies
from services.orders.actions.conclusion import finish
from services.orders.actions.ledger import NewDate
from services.orders.actions.work import Work
from services.orders.models import OrderRecord
from services.orders.promise import Origin, Place, make_window
from services.orders.queries.catalogue import origin_of, read_locations
from services.orders.states import ServiceLevel
from shared.db import Transaction
from shared.events.base import Received
from shared.events.inventory import (
    LineStock,
    ReservationReleased,
    ShortfallHealed,
    ShortfallOpened,
    StockBackordered,
    StockReserved,
)

_EXPIRED = "expired"


async def apply_reserved(tx: Transaction, events: Sequence[Received[StockReserved]]) -> None:
    """Every unit has stock: the order may be released, a reshipment is carried out."""
    work = await Work.open_linked(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        _apply_lines(record, received.event.lines)
        record.head.stock_ready_at = received.occurred_at
        remedies.reship_has_stock(work, record)
    await finish(work)


async def apply_backordered(tx: Transaction, events: Sequence[Received[StockBackordered]]) -> None:
    """Some units wait: their date moves the promise if need be; a reshipment is not possible."""
    work = await Work.open_linked(tx, (received.event.order_id for received in events))
    origins = await read_locations(tx, (record.head.origin_location or "" for record in work.records.values()))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        _apply_lines(record, received.event.lines)
        waiting = record.counts((line, line.buckets.backordered) for line in record.lines)
        lines = [line.model_dump(mode="json") for line in waiting]
        work.announce(record, "order.backordered", {"lines": lines})
        expected = [line.expected_at for line in record.lines if line.expected_at and line.buckets.backordered]
        if expected:
            row = origins.get(record.head.origin_location or "")
            origin = origin_of(row, record.head.service_level) if row else None
            _follow_stock(work, record, max(expected), origin)
        remedies.reship_lacks_stock(work, record)
    await finish(work)


async def apply_released(tx: Transaction, events: Sequence[Received[ReservationReleased]]) -> None:
    """Reservations ended; an unpaid order whose stock was given back is cancelled."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        _apply_lines(record, received.event.lines)
        if received.event.reason == _EXPIRED:
            cancel_unpaid(work, record)
    await finish(work)


async def apply_shortfall(tx: Transaction, events: Sequence[Received[ShortfallOpened]]) -> None:
    """Shorted units have no other stock."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        record.line(received.event.line_id).expected_at = received.event.expected_at
    await finish(work)


async def apply_healed(tx: Transaction, events: Sequence[Received[ShortfallHealed]]) -> None:
    """Shorted units have stock again."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        work.hear(received, work.records[received.event.order_id])
    await finish(work)


def cancel_unpaid(work: Work, record: OrderRecord) -> None:
    """Cancel what is left of an order whose payment never came."""
    if holding.payment_hold(record) is None or record.is_ended or record.pending_cancellations:
        return
    wanted = cancelling.cancellable_inside(record)
    if any(count for _, count in wanted):
        cancelling.request(work, record, wanted, cancelling.Request("payment", "orders", "not paid in time"))


def _apply_lines(record: OrderRecord, lines: Sequence[LineStock]) -> None:
    for stock in lines:
        line = record.line(stock.line_id)
        line.reserved, line.backordered, line.given_back = stock.reserved, stock.backordered, stock.released
        line.expected_at = stock.expected_at
        line.allocations = [allocation.model_dump(mode="json") for allocation in stock.allocations]


def _follow_stock(work: Work, record: OrderRecord, expected_at: datetime, origin: Origin | None) -> None:
    """Promise a later date when stock comes too late for the one in force; never an earlier one."""
    if record.is_ended or record.head.handed_over_at is not None or expected_at <= record.promise.ship_by:
        return
    address = record.head.address
    place = Place(record.head.country_code, str(address["postal_code"]), str(address["region"]))
    origin = origin or Origin("", place.country_code, "", place.time_zone)
    window = make_window(origin, place, ServiceLevel(record.head.service_level), expected_at)
    if window.deliver_by_latest > record.promise.deliver_by_latest:
        date = NewDate(
            deliver_by_latest=window.deliver_by_latest,
            deliver_by_earliest=window.deliver_by_earliest,
            ship_by=window.ship_by,
            source="doorstep",
            reason="waiting for stock",
            attributed_to="stock",
        )
        ledger.revise(work, record, date)
