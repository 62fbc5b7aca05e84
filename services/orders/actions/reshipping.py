"""A reshipment is a linked order of its own, with its own reservation and promise, at no charge."""

from uuid import UUID

from services.orders.actions import drafting
from services.orders.actions.numbers import order_number
from services.orders.actions.refunding import RefusedRemedy
from services.orders.actions.work import Work
from services.orders.models import Order, OrderLine, OrderRecord, Remedy
from services.orders.promise import Origin, Place, make_window
from services.orders.queries import orders
from services.orders.queries.catalogue import Catalogue, read_catalogue
from services.orders.queries.rows import as_row, columns_of
from services.orders.states import OrderState, PaymentStatus, RemedyKind, ServiceLevel
from shared.ids import new_id

_PRIORITY = 5


async def place(work: Work, original: OrderRecord, remedy: Remedy) -> UUID:
    """Place the linked order of a reship remedy; it is carried out once its goods are reserved."""
    asked = {UUID(str(entry["line_id"])): int(str(entry["quantity"])) for entry in remedy.lines}
    if not asked:
        raise RefusedRemedy("no_lines", "a reshipment needs lines")
    catalogue = await read_catalogue(work.tx, (original.line(line_id).sku for line_id in asked), numbers=1)
    reference = await _reference(work, original)
    head = _head(work, original, remedy, catalogue, reference)
    lines = [
        _line(head.id, position, original.line(line_id), quantity)
        for position, (line_id, quantity) in enumerate(asked.items(), start=1)
    ]
    dates = _dates(work, head, lines, catalogue)
    head.origin_location = dates.location
    record = OrderRecord(head=head, lines=lines, promise=drafting.first_promise(head.id, dates, work.now))
    drafting.say_placed(work, record)
    return record.id


async def _reference(work: Work, original: OrderRecord) -> str:
    number = sum(remedy.kind == RemedyKind.RESHIP for remedy in original.remedies)
    head = original.head
    names = [(head.storefront_id, head.test, f"{head.reference}-R{number + lap}") for lap in range(10)]
    taken = await orders.find_references(work.tx, names)
    return next(name for name in names if name not in taken)[2]


def _head(work: Work, original: OrderRecord, remedy: Remedy, catalogue: Catalogue, reference: str) -> Order:
    changes = {
        "id": new_id(),
        "number": order_number(catalogue.numbers.pop(0)),
        "reference": reference,
        "fingerprint": f"remedy:{remedy.id}",
        "state": OrderState.PLACED,
        "version": 1,
        "placed_at": work.now,
        "since": work.now,
        "priority": max(_PRIORITY, original.head.priority),
        "partial_shipments": "none",
        "backorder": "wait",
        "payment_status": PaymentStatus.NOT_REPORTED,
        "exceptions": {},
        "reship_of": original.id,
        "remedy_id": remedy.id,
    }
    zeroes = ("shipping_price", "total", "authorized", "captured", "refunded", "voided", "shipping_refunded")
    kept = (
        "storefront_id", "test", "currency", "service_level", "customer", "address", "gift", "storefront_metadata",
        "country_code", "postal_zone", "time_zone", "notifications",
    )  # fmt: skip
    values = {name: value for name, value in as_row(original.head).items() if name in kept}
    empty = dict.fromkeys(columns_of(Order))
    return Order.of({**empty, **values, **dict.fromkeys(zeroes, 0), **changes, "updated_at": work.now})


def _line(order_id: UUID, position: int, line: OrderLine, quantity: int) -> OrderLine:
    return OrderLine(
        id=new_id(),
        order_id=order_id,
        position=position,
        reference=line.reference,
        sku=line.sku,
        name=line.name,
        quantity=quantity,
        requires_shipping=line.requires_shipping,
        perishable=line.perishable,
        safety=line.safety,
        location=line.location,
        unit_price=line.unit_price,
        discount=0,
        tax=0,
        total=0,
        properties=line.properties,
        customs=line.customs,
    )


def _dates(work: Work, head: Order, lines: list[OrderLine], catalogue: Catalogue) -> drafting.Dates:
    place_ = Place(head.country_code, str(head.address["postal_code"]), str(head.address["region"]))
    origin = catalogue.origin(((line.sku, line.quantity, line.location) for line in lines), head.service_level)
    usual = Origin("", head.country_code, "", head.time_zone)
    window = make_window(origin or usual, place_, ServiceLevel(head.service_level), work.now)
    return drafting.Dates(window, "doorstep", origin.location if origin else None)
