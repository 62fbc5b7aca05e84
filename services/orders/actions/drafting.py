"""Making a new order's rows and first facts, for a storefront's order and for a reshipment alike."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from services.orders.actions import checks, looking_up
from services.orders.actions.addresses import doubt_about
from services.orders.actions.holding import make_hold
from services.orders.actions.numbers import order_number
from services.orders.actions.work import Work
from services.orders.models import Hold, Order, OrderLine, OrderRecord, PaymentReport, PromiseRow
from services.orders.promise import Origin, Place, Window, end_of_day, keep_given, make_window, postal_zone, zone_of
from services.orders.queries.catalogue import Catalogue
from services.orders.schemas.intake import PlaceLine, PlaceOrder, PlacePayment
from services.orders.schemas.parts import Address
from services.orders.settings import settings
from services.orders.states import (
    ORDER,
    HoldReason,
    OrderState,
    PaymentStatus,
    ServiceLevel,
    hold_progress,
    payment_status,
)
from shared.events.base import Money
from shared.events.orders import OrderLine as PlacedLine
from shared.events.orders import OrderPlaced, Policy, PromiseMade
from shared.ids import new_id

INTAKE = "intake"
LAPSING = "the payment's authorization expires soon"


@dataclass(frozen=True, slots=True)
class Keeper:
    """Whose order it is."""

    storefront_id: UUID
    notifications: str
    test: bool


@dataclass(frozen=True, slots=True)
class Dates:
    """A promise to make, and where it counts on the goods to be."""

    window: Window
    source: str
    location: str | None


@dataclass(slots=True)
class Payment:
    """Totals at intake."""

    status: PaymentStatus = PaymentStatus.NOT_REPORTED
    authorized: int = 0
    captured: int = 0
    expires_at: datetime | None = None
    holds: list[Hold] = field(default_factory=list)


def draft_order(body: PlaceOrder, keeper: Keeper, catalogue: Catalogue, now: datetime) -> OrderRecord:
    """Make the rows of an order as a storefront sent it; `catalogue` gives the next number."""
    order_id = new_id()
    if body.quote_id is not None:
        level = ServiceLevel(catalogue.quotes[body.quote_id]["service_level"])
        body = body.model_copy(update={"service_level": level})
    address = body.shipping_address
    dates = promise_dates(body, catalogue, Place(address.country_code, address.postal_code, address.region), now)
    payment = _payment(order_id, body.payment, checks.order_total(body), now)
    head = _head(order_id, order_number(catalogue.numbers.pop(0)), body, keeper, payment, now)
    head.origin_location = dates.location
    lines = [_line(order_id, position, line, catalogue) for position, line in enumerate(body.lines, start=1)]
    holds = [*payment.holds, *address_hold(order_id, address, now)]
    return OrderRecord(head=head, lines=lines, promise=first_promise(order_id, dates, now), holds=holds)


def address_hold(order_id: UUID, address: Address, now: datetime) -> list[Hold]:
    """Hold what cannot be delivered to as it stands, before a label is paid for."""
    doubt = doubt_about(address.country_code, address.postal_code)
    return [make_hold(order_id, HoldReason.ADDRESS, INTAKE, doubt, now)] if doubt else []


def _head(order_id: UUID, number: str, body: PlaceOrder, keeper: Keeper, payment: Payment, now: datetime) -> Order:
    address = body.shipping_address
    return Order(
        id=order_id,
        number=number,
        storefront_id=keeper.storefront_id,
        reference=body.reference,
        fingerprint="",
        state=OrderState.PLACED,
        version=1,
        test=keeper.test,
        currency=checks.currency_of(body),
        placed_at=body.placed_at or now,
        since=now,
        updated_at=now,
        due_at=ORDER.due_at(OrderState.PLACED, now),
        service_level=body.service_level,
        priority=body.priority,
        ship_after=body.ship_after,
        customer=body.customer.model_dump(mode="json"),
        address=address.model_dump(mode="json"),
        gift=body.gift.model_dump(mode="json") if body.gift else None,
        storefront_metadata=body.metadata,
        country_code=address.country_code,
        postal_zone=postal_zone(address.country_code, address.postal_code),
        time_zone=zone_of(address.country_code, address.region),
        notifications=keeper.notifications,
        shipping_price=body.shipping_price.amount if body.shipping_price else 0,
        total=checks.order_total(body),
        payment_status=payment.status,
        authorized=payment.authorized,
        captured=payment.captured,
        refunded=0,
        voided=0,
        shipping_refunded=0,
        authorization_expires_at=payment.expires_at,
        exceptions={},
        **body.policy.model_dump(),
    )


def _line(order_id: UUID, position: int, line: PlaceLine, catalogue: Catalogue) -> OrderLine:
    sku = catalogue.skus[line.sku]
    ships = line.requires_shipping and sku.requires_shipping
    return OrderLine(
        id=new_id(),
        order_id=order_id,
        position=position,
        reference=line.reference,
        sku=line.sku,
        name=line.name or sku.name,
        quantity=line.quantity,
        requires_shipping=ships,
        perishable=sku.perishable,
        safety=sku.safety,
        location=line.location,
        unit_price=line.unit_price.amount,
        discount=line.discount.amount if line.discount else 0,
        tax=line.tax.amount if line.tax else 0,
        total=checks.line_total(line),
        properties=line.properties,
        customs=line.customs,
    )


def promise_dates(body: PlaceOrder, catalogue: Catalogue, place: Place, now: datetime) -> Dates:
    """Promise what was quoted, or what cut-offs and transit allow, or what the storefront said already."""
    wanted = [(line.sku, line.quantity, line.location) for line in body.lines]
    origin = catalogue.origin(wanted, body.service_level)
    window = make_window(origin or _anywhere(place), place, body.service_level, max(now, body.ship_after or now))
    location = origin.location if origin else None
    if body.deliver_by is not None:
        return Dates(keep_given(window, body.deliver_by, place), "storefront", location)
    if body.quote_id is not None:
        quote = catalogue.quotes[body.quote_id]
        quoted = Window(window.order_by, quote["ship_by"], quote["deliver_by_earliest"], quote["deliver_by_latest"])
        return Dates(quoted, "doorstep", quote["location"])
    return Dates(window, "doorstep", location)


def _anywhere(place: Place) -> Origin:
    """Stand in for a location while none is known: a usual week in the destination's country."""
    return Origin("", place.country_code, "", place.time_zone)


def first_promise(order_id: UUID, dates: Dates, now: datetime) -> PromiseRow:
    """Make revision 1."""
    return PromiseRow(
        order_id=order_id,
        revision=1,
        ship_by=dates.window.ship_by,
        deliver_by_earliest=dates.window.deliver_by_earliest,
        deliver_by_latest=dates.window.deliver_by_latest,
        source=dates.source,
        made_at=now,
        communicated_at=now,
    )


def _payment(order_id: UUID, payment: PlacePayment | None, total: int, now: datetime) -> Payment:
    if payment is None:
        return Payment()
    amount = payment.amount.amount if payment.amount else total
    if payment.status == "pending":
        due_at = payment.expires_at or now + timedelta(hours=settings().payment_wait_hours)
        hold = make_hold(order_id, HoldReason.PAYMENT, "storefront", "payment pending", now, due_at)
        return Payment(PaymentStatus.PENDING, holds=[hold])
    holds = _short_hold(order_id, payment.status, amount, total, now)
    if payment.status == "authorized":
        holds = holds or _lapsing_hold(order_id, payment.expires_at, now)
        return Payment(PaymentStatus.AUTHORIZED, authorized=amount, expires_at=payment.expires_at, holds=holds)
    status = payment_status(total, authorized=amount, captured=amount, refunded=0, voided=0)
    return Payment(status, authorized=amount, captured=amount, holds=holds)


def _short_hold(order_id: UUID, status: str, amount: int, total: int, now: datetime) -> list[Hold]:
    """Hold what is paid in part; the rest is waited for as for a pending payment."""
    if amount >= total:
        return []
    due_at = now + timedelta(hours=settings().payment_wait_hours)
    return [make_hold(order_id, HoldReason.PAYMENT, "storefront", f"{status} {amount} of {total}", now, due_at)]


def reported(order_id: UUID, payment: PlacePayment, total: int, now: datetime) -> PaymentReport:
    """Write what came with the order as the report it is, so that the same report later changes nothing."""
    amount = payment.amount.amount if payment.amount else total
    return PaymentReport(
        id=new_id(), order_id=order_id, type=payment.status, amount=amount, reference=payment.reference, reported_at=now
    )


def _lapsing_hold(order_id: UUID, expires_at: datetime | None, now: datetime) -> list[Hold]:
    """Hold at once what relies on an authorization about to end; its stock waits until that moment."""
    if expires_at is None or expires_at - timedelta(hours=settings().authorization_warning_hours) > now:
        return []
    return [make_hold(order_id, HoldReason.PAYMENT, "orders", LAPSING, now, expires_at)]


def say_placed(work: Work, record: OrderRecord) -> None:
    """Publish an order's first facts and index it."""
    work.adopt(record)
    for entry in looking_up.entries_of(record.head):
        work.add(entry)
    work.say(record, placed_fact(record), actor="storefront")
    work.say(record, PromiseMade(order_id=record.id, promise=record.promised))
    work.announce(record, "order.placed")
    for hold in record.holds:
        work.announce(record, "order.on_hold", {"reason": hold.reason})


def placed_fact(record: OrderRecord) -> OrderPlaced:
    """Write `order_placed`."""
    head = record.head
    first = next(iter(record.holds), None)
    unpaid = next((hold for hold in record.holds if hold.reason == HoldReason.PAYMENT), None)
    return OrderPlaced(
        order_id=head.id,
        number=head.number,
        reference=head.reference,
        storefront_id=head.storefront_id,
        customer=looking_up.customer_digest(head, settings().secret.get_secret_value()),
        lines=tuple(_placed_line(line) for line in record.lines),
        destination=record.destination,
        service_level=head.service_level,
        promise=record.promised,
        policy=Policy(
            partial_shipments=head.partial_shipments,
            backorder=head.backorder,
            max_backorder_days=head.max_backorder_days,
        ),
        priority=head.priority,
        holds=tuple(str(hold.reason) for hold in record.holds),
        soft_until=unpaid.due_at if unpaid else None,
        ship_after=head.ship_after,
        value=Money(amount=_worth(record), currency=head.currency),
        reship_of=head.reship_of,
        remedy_id=head.remedy_id,
        gift_due_at=_gift_due_at(head),
        notifications=head.notifications,
        test=head.test,
        progress=hold_progress(first.reason, first.since, first.due_at)
        if first
        else ORDER.progress(OrderState.PLACED, head.since),
    )


def _worth(record: OrderRecord) -> int:
    """Give what an order's goods are worth: its total, or for a reshipment, which costs nothing, their prices."""
    head = record.head
    return sum(line.unit_price * line.quantity for line in record.lines) if head.reship_of else head.total


def _gift_due_at(head: Order) -> datetime | None:
    """Give the end of the day a gift is for, where it goes to."""
    day = (head.gift or {}).get("needed_on")
    return end_of_day(date.fromisoformat(str(day)), head.time_zone) if day else None


def _placed_line(line: OrderLine) -> PlacedLine:
    return PlacedLine(
        line_id=line.id,
        reference=line.reference,
        sku=line.sku,
        quantity=line.quantity,
        requires_shipping=line.requires_shipping,
        location=line.location,
        perishable=line.perishable,
        safety=line.safety,
    )
