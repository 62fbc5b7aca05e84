"""What follows from where an order's units are: release, cancellation, completion, and what is due when."""

from datetime import datetime, timedelta
from uuid import UUID

from services.orders.actions import cancelling, funds, holding, ledger
from services.orders.actions.standing import standing
from services.orders.actions.work import Work
from services.orders.models import OrderLine, OrderRecord, OrderRelease
from services.orders.states import ORDER, RELEASE, Buckets, OrderState, ReleaseState
from shared.events.orders import OrderCancelled, OrderCompleted, OrderReleased, ReleasedLine
from shared.switches import EVERYWHERE, paused_scopes


async def finish(work: Work) -> None:
    """Draw the conclusions for every order in hand and write them; the last step of every action."""
    paused: set[str] | None = None
    for record in work.records.values():
        conclude(work, record)
        if record.is_ended:
            holding.close_all(work, record)
        parts = [] if record.is_ended else releasable(record)
        if parts and paused is None:
            paused = await paused_scopes(work.tx, "release")
        _release_or_wait(work, record, parts, paused or set())
        _set_due(record, work.now)
    await work.save()


def conclude(work: Work, record: OrderRecord) -> None:
    """Cancel or complete an order whose units have all ended; cancel what may not wait for stock."""
    if record.is_ended:
        return
    _give(record)
    units = record.units
    if units.cancelled == record.ordered:
        _move(work, record, OrderState.CANCELLED)
        ledger.withdraw(work, record)
        reason = record.cancellations[-1].reason if record.cancellations else "customer"
        work.say(record, OrderCancelled(order_id=record.id, reason=reason))
        work.announce(record, "order.cancelled", {"reason": reason})
    elif units.ended == record.ordered:
        _complete(work, record, units)
    elif units.backordered and record.head.backorder == "cancel" and not record.pending_cancellations:
        wanted = [(line, line.buckets.backordered) for line in record.lines if line.buckets.backordered]
        cancelling.request(work, record, wanted, cancelling.Request("inventory", "orders", "no stock, policy cancel"))


def _give(record: OrderRecord) -> None:
    """Count what needs no shipping as delivered, once nothing holds the order."""
    if record.open_holds or record.pending_cancellations:
        return
    for line in record.lines:
        if not line.requires_shipping:
            line.given = wanted_units(line)


def _complete(work: Work, record: OrderRecord, units: Buckets) -> None:
    missed = units.lost + units.returned_to_sender + units.written_off
    if units.delivered:
        outcome = "partially_delivered" if missed else "delivered"
    else:
        outcome = "returned" if units.returned_to_sender > units.lost + units.written_off else "lost"
    if record.head.state == OrderState.PLACED:
        _move(work, record, OrderState.OPEN)
    _move(work, record, OrderState.COMPLETED)
    ledger.settle_delivered(work, record, whole=not missed)
    work.say(record, OrderCompleted(order_id=record.id, outcome=outcome))
    work.announce(record, "order.completed", {"outcome": outcome})


def _move(work: Work, record: OrderRecord, state: OrderState) -> None:
    ORDER.check(record.head.state, state)
    record.head.state, record.head.since = state, work.now


def releasable(record: OrderRecord) -> list[tuple[OrderLine, str, int]]:
    """Give (line, location, units) that stock allows the warehouse to have and it has not got yet.

    Nothing while something holds the order or a cancellation waits for its answer; without partial
    shipments nothing until every unit has stock. Each unit is released once.
    """
    if record.open_holds or record.pending_cancellations:
        return []
    shipping = [line for line in record.lines if line.requires_shipping]
    if record.head.partial_shipments == "none" and any(line.reserved < wanted_units(line) for line in shipping):
        return []
    released: dict[tuple[UUID, str], int] = {}
    for release in record.releases:
        key = release.line_id, release.location
        released[key] = released.get(key, 0) + release.quantity
    parts: list[tuple[OrderLine, str, int]] = []
    for line in shipping:
        left = wanted_units(line) - sum(count for (line_id, _), count in released.items() if line_id == line.id)
        for allocation in line.allocations:
            location = str(allocation["location"])
            count = min(left, int(str(allocation["quantity"])) - released.get((line.id, location), 0))
            if count > 0:
                parts.append((line, location, count))
                left -= count
    return parts


def wanted_units(line: OrderLine) -> int:
    """Units of a line that somebody wants or has wanted shipped: all but the cancelled ones."""
    return max(0, line.quantity - line.cancelled - line.put_back_due)


def _release_or_wait(
    work: Work, record: OrderRecord, parts: list[tuple[OrderLine, str, int]], paused: set[str]
) -> None:
    head = record.head
    head.release_due_at = None
    if not parts:
        return
    if head.ship_after is not None and head.ship_after > work.now:
        head.release_due_at = head.ship_after
    elif paused & {EVERYWHERE, str(head.storefront_id)}:
        head.release_due_at = work.now
    else:
        _release(work, record, parts)


def _release(work: Work, record: OrderRecord, parts: list[tuple[OrderLine, str, int]]) -> None:
    head = record.head
    number = max((release.release_no for release in record.releases), default=0) + 1
    progress = RELEASE.progress(ReleaseState.RELEASED, work.now)
    record.releases.extend(
        OrderRelease(
            order_id=record.id,
            release_no=number,
            line_id=line.id,
            location=location,
            sku=line.sku,
            quantity=count,
            released_at=work.now,
            due_at=progress.due_at,
        )
        for line, location, count in parts
    )
    head.released_at = head.released_at or work.now
    if head.state == OrderState.PLACED:
        _move(work, record, OrderState.OPEN)
    fact = OrderReleased(
        order_id=record.id,
        release_no=number,
        number=head.number,
        reference=head.reference,
        lines=tuple(
            ReleasedLine(line_id=line.id, sku=line.sku, quantity=count, location=location)
            for line, location, count in parts
        ),
        service_level=head.service_level,
        destination=record.destination,
        ship_by=record.promise.ship_by,
        priority=head.priority,
        progress=progress,
    )
    work.say(record, fact)


def _set_due(record: OrderRecord, now: datetime) -> None:
    """Write until when this state may last, and the moments at which a timer must look at this order again."""
    head = record.head
    head.due_at = ORDER.due_at(head.state, head.since)
    if head.state == OrderState.PLACED:
        head.due_at = max(filter(None, (head.due_at, standing(record, now).due_at)), default=None)
    head.payment_due_at = head.backorder_due_at = head.authorization_due_at = None
    if record.is_ended:
        head.release_due_at = None
        return
    if record.pending_cancellations:
        return
    unpaid = holding.payment_hold(record)
    if unpaid is not None and unpaid.due_at is not None and cancelling.has_goods_inside(record):
        head.payment_due_at = funds.given_up_at(record, unpaid.due_at)
    if record.units.backordered and head.max_backorder_days is not None:
        head.backorder_due_at = head.placed_at + timedelta(days=head.max_backorder_days)
    warned_at = funds.warned_at(record) if unpaid is None else None
    if warned_at is not None and cancelling.has_goods_inside(record):
        head.authorization_due_at = warned_at
