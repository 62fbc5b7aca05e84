"""What the suite is told of an order's stock: absolute totals of every line, after each change."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from services.inventory.queries import reservations
from services.inventory.queries.reservations import Demand, Reservation
from services.inventory.states.stock import ENDED, HOLDING_STOCK, RESERVATIONS, WAITING, ReservationState
from shared.db import Transaction
from shared.events.inventory import Allocation, LineStock, ReservationReleased, StockBackordered, StockReserved

R = ReservationState
# Who waits for a known day is stuck only once that day's own job has had its time.
_EXPIRY_GRACE = timedelta(hours=2)
_RECEIVING_GRACE = timedelta(days=1)


def line_totals(rows: Iterable[Reservation]) -> tuple[LineStock, ...]:
    """Add up one order's reservations by line."""
    by_line: dict[UUID, list[Reservation]] = {}
    for row in rows:
        by_line.setdefault(row.line_id, []).append(row)
    return tuple(_line(line_id, parts) for line_id, parts in by_line.items())


def _line(line_id: UUID, parts: Sequence[Reservation]) -> LineStock:
    places: dict[str, int] = {}
    for row in parts:
        if row.location is not None and (row.state in HOLDING_STOCK or row.state is R.CONSUMED):
            places[row.location] = places.get(row.location, 0) + row.quantity
    waiting = [row for row in parts if row.state in WAITING]
    dates = [row.expected_at for row in waiting if row.expected_at is not None]
    return LineStock(
        line_id=line_id,
        sku=parts[0].sku,
        reserved=sum(places.values()),
        backordered=sum(row.quantity for row in waiting),
        released=sum(row.quantity for row in parts if row.state in ENDED),
        allocations=tuple(Allocation(location=code, quantity=count) for code, count in sorted(places.items())),
        expected_at=max(dates) if waiting and len(dates) == len(waiting) else None,
    )


def publish_standing(tx: Transaction, demand: Demand, lines: tuple[LineStock, ...]) -> None:
    """Publish that all units are reserved, or that some wait."""
    if any(line.backordered for line in lines):
        expected = [line.expected_at for line in lines if line.backordered]
        last = max(moment for moment in expected if moment) if expected and all(expected) else None
        due_at = last + _RECEIVING_GRACE if last is not None else None
        progress = RESERVATIONS.progress(R.BACKORDERED, tx.now, due_at=due_at)
        tx.publish(StockBackordered(order_id=demand.order_id, lines=lines, progress=progress))
        return
    state = R.SOFT_RESERVED if demand.soft_until else R.ALLOCATED
    due_at = demand.soft_until + _EXPIRY_GRACE if demand.soft_until else None
    progress = RESERVATIONS.progress(state, tx.now, due_at=due_at)
    tx.publish(StockReserved(order_id=demand.order_id, lines=lines, soft_until=demand.soft_until, progress=progress))


async def publish_totals(
    tx: Transaction, demands: Mapping[UUID, Demand], order_ids: Collection[UUID], *, released: str | None = None
) -> None:
    """Read orders' reservations again and publish; `released` is why units were given back."""
    grouped: dict[UUID, list[Reservation]] = {order_id: [] for order_id in sorted(set(order_ids))}
    for row in await reservations.list_reservations(tx, grouped):
        grouped[row.order_id].append(row)
    for order_id, rows in grouped.items():
        lines = line_totals(rows)
        if released is not None:
            tx.publish(ReservationReleased(order_id=order_id, reason=released, lines=lines))
        else:
            publish_standing(tx, demands[order_id], lines)
