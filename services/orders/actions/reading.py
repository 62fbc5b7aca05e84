"""Reading orders: pages, timelines, summaries for other services, and the look-up of support."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.orders.actions.facts import TELLINGS
from services.orders.actions.finding import order_id_of, read_order
from services.orders.actions.looking_up import keys_of
from services.orders.errors import OrderNotFoundError, StorefrontNotFoundError
from services.orders.models import Document, OrderRecord
from services.orders.queries import callers, lookup, money, orders, stages, timeline
from services.orders.queries.views import cancellation_view, order_view, promise_view, refund_view
from services.orders.schemas.callers import PromiseHistory, PromiseRevisionView
from services.orders.schemas.views import (
    EnclosedLine,
    EnclosureView,
    FoundOrder,
    FoundOrders,
    OrderNumber,
    OrderNumbers,
    OrderPage,
    RecipientView,
    RefundList,
    StageCounts,
    SummaryView,
    TimelinePage,
    TimelineView,
    TrackedOrder,
)
from shared.auth import Principal, same
from shared.db import Transaction
from shared.errors import FieldError, InvalidError
from shared.fields import plain

_MOST_FOUND = 50
_NO_POSTCODE = "-"  # what no plain postcode can be: it has letters and digits only
_MOST_RELATED = 20
_TRACKING_NEW = timedelta(days=120)


def storefront_of(who: Principal) -> UUID:
    """Give the caller's storefront; raises StorefrontNotFoundError."""
    if who.storefront_id is None:
        raise StorefrontNotFoundError("only a storefront may ask")
    return who.storefront_id


async def list_orders(
    tx: Transaction,
    who: Principal,
    reference: str | None,
    updated_after: datetime | None,
    cursor: str | None,
    limit: int,
) -> OrderPage:
    """List a page of a storefront's orders."""
    after = _uuid(cursor)
    owner = storefront_of(who), who.test
    ids = await orders.list_order_ids(tx, owner, reference, updated_after, after, limit + 1)
    records = await orders.load_orders(tx, ids[:limit]) if ids else {}
    more = str(ids[limit - 1]) if len(ids) > limit else None
    return OrderPage(data=[order_view(records[one]) for one in ids[:limit]], next_cursor=more)


def _uuid(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        error = FieldError("/query/cursor", "invalid_cursor", "use next_cursor of the page before")
        raise InvalidError(error.detail, errors=(error,)) from None


async def read_timeline(tx: Transaction, who: Principal, named: str, after: int, limit: int) -> TimelinePage:
    """List an order's facts; a storefront sees the public ones."""
    order_id = await order_id_of(tx, who, named)
    internal = who.storefront_id is None
    found = await timeline.list_timeline(tx, order_id, internal=internal, after=after, limit=limit + 1)
    data = [
        TimelineView(
            at=row["occurred_at"],
            source=row["source"],
            fact=row["fact"],
            what=TELLINGS[row["fact"]].what,
            actor=row["actor"] if internal else _public_actor(row["actor"]),
            audience=row["audience"],
            details=row["details"] if internal else _public_details(row["details"]),
        )
        for row in found[:limit]
    ]
    more = str(found[limit - 1]["id"]) if len(found) > limit else None
    return TimelinePage(data=data, next_cursor=more)


def _public_actor(actor: str) -> str:
    """Say which side acted, not which of our people."""
    if actor.startswith("customer:"):
        return "customer"
    return "staff" if ":" in actor and not actor.startswith("storefront:") else actor


def _public_details(details: Document) -> Document:
    named = {"actor": _public_actor(str(details["actor"]))} if "actor" in details else {}
    return {**details, **named}


async def look_up(tx: Transaction, query: str) -> FoundOrders:
    """Find orders by whatever somebody has in hand."""
    keys = keys_of(query)
    rows = await lookup.find_orders(tx, keys, _MOST_FOUND) if keys else []
    return await _found_orders(tx, _without_recycled(rows, tx.now))


def _without_recycled(rows: list[asyncpg.Record], now: datetime) -> list[asyncpg.Record]:
    """Leave out old orders that a tracking number led to, when it leads to a young one: carriers recycle them."""
    old = [row for row in rows if row["kinds"] == ["tracking"] and row["placed_at"] < now - _TRACKING_NEW]
    young = [row for row in rows if "tracking" in row["kinds"] and row not in old]
    return [row for row in rows if row not in old] if young else rows


async def list_numbers(tx: Transaction, order_ids: Sequence[UUID]) -> OrderNumbers:
    """Give the numbers of orders that are known by their ids."""
    rows = await lookup.list_numbers(tx, order_ids)
    return OrderNumbers(data=[OrderNumber(order_id=row["order_id"], number=row["number"]) for row in rows])


async def count_stages(tx: Transaction, location: str | None) -> StageCounts:
    """Count the orders at work by stage, all of them or those of one warehouse."""
    return StageCounts(data={row["stage"]: row["orders"] for row in await stages.count_stages(tx, location)})


async def find_for_customer(tx: Transaction, number: str, postal_code: str) -> TrackedOrder:
    """Find an order by its number and postcode; raises OrderNotFoundError, the same whichever of them is wrong."""
    row = await lookup.find_by_number(tx, plain(number))
    real = plain(str(row["postal_code"])) if row is not None else _NO_POSTCODE
    if not same(real, plain(postal_code)) or row is None:
        raise OrderNotFoundError("no order has this number and this postcode")
    return TrackedOrder(order_id=row["id"])


async def find_related(tx: Transaction, who: Principal, named: str) -> FoundOrders:
    """Find other orders of the same person at the same storefront."""
    order_id = await order_id_of(tx, who, named)
    return await _found_orders(tx, await callers.find_related(tx, order_id, _MOST_RELATED))


async def list_promises(tx: Transaction, who: Principal, named: str) -> PromiseHistory:
    """List an order's promises, the original first."""
    rows = await callers.list_promises(tx, await order_id_of(tx, who, named))
    return PromiseHistory(data=[PromiseRevisionView.model_validate(row) for row in rows])


async def _found_orders(tx: Transaction, rows: list[asyncpg.Record]) -> FoundOrders:
    records = await orders.load_orders(tx, [row["id"] for row in rows]) if rows else {}
    return FoundOrders(data=[_found(records[row["id"]], row["kinds"]) for row in rows])


def _found(record: OrderRecord, kinds: list[str]) -> FoundOrder:
    head = record.head
    return FoundOrder(
        order_id=head.id,
        number=head.number,
        reference=head.reference,
        storefront_id=head.storefront_id,
        status=head.state,
        fulfilment_status=record.fulfilment_status,
        placed_at=head.placed_at,
        promise=promise_view(record),
        matched=sorted(kinds),
    )


async def list_refunds(
    tx: Transaction, who: Principal, state: str | None, cursor: str | None, limit: int
) -> RefundList:
    """List a page of a storefront's refund instructions."""
    found = await money.list_refunds(tx, (storefront_of(who), who.test), state, _uuid(cursor), limit + 1)
    more = str(found[limit - 1].id) if len(found) > limit else None
    return RefundList(data=[refund_view(row) for row in found[:limit]], next_cursor=more)


async def read_recipient(tx: Transaction, who: Principal, order_id: UUID) -> RecipientView:
    """Say who gets the goods, for the moment of use."""
    record = await read_order(tx, who, str(order_id))
    head = record.head
    address = {name: value for name, value in head.address.items() if name in RecipientView.model_fields}
    return RecipientView.model_validate(
        {
            **address,
            "order_id": head.id,
            "number": head.number,
            "reference": head.reference,
            "storefront_id": head.storefront_id,
            "test": head.test,
            "notifications": head.notifications,
            "locale": head.customer.get("locale") or "en",
            "email": head.customer.get("email"),
            "phone": head.customer.get("phone"),
            "gift": head.gift,
        }
    )


async def read_enclosure(tx: Transaction, who: Principal, order_id: UUID) -> EnclosureView:
    """Say what goes with an order: a gift's message, words to the driver, what lines were ordered with."""
    record = await read_order(tx, who, str(order_id))
    return EnclosureView(
        order_id=record.head.id,
        gift_message=str((record.head.gift or {}).get("message") or ""),
        delivery_instructions=str(record.head.address.get("delivery_instructions") or ""),
        lines=[EnclosedLine(line_id=line.id, properties=line.properties or {}) for line in record.lines],
    )


async def read_summary(tx: Transaction, who: Principal, named: str) -> SummaryView:
    """Give care, staff and the customer what they need of an order: no address, nothing of the storefront's own."""
    record = await read_order(tx, who, named)
    view = {**order_view(record).model_dump(), "metadata": {}}
    return SummaryView.model_validate(
        {
            **view,
            "storefront_id": record.head.storefront_id,
            "notifications": record.head.notifications,
            "locale": str(record.head.customer.get("locale") or ""),
            "remedies": [
                {
                    "id": remedy.id,
                    "kind": remedy.kind,
                    "state": remedy.state,
                    "code": remedy.code,
                    "reship_order_id": remedy.reship_order_id,
                    "refund_id": remedy.refund_id,
                }
                for remedy in record.remedies
            ],
            "refunds": [refund_view(refund) for refund in record.refunds],
            "cancellations": [cancellation_view(row) for row in record.cancellations],
            "made_whole": {str(line.id): line.made_whole for line in record.lines},
        }
    )
