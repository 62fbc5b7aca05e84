"""Changing an order before anybody picks it; later the refusal says what is still possible."""

from collections.abc import Callable

from services.orders.actions import cancelling, holding, ledger, looking_up
from services.orders.actions.conclusion import finish
from services.orders.actions.drafting import INTAKE, address_hold
from services.orders.actions.finding import named_lines, open_order, refuse_if_ended
from services.orders.actions.ledger import NewDate
from services.orders.actions.work import Work
from services.orders.errors import TooLateError
from services.orders.models import OrderLine, OrderRecord
from services.orders.promise import Origin, Place, is_country, make_window, postal_zone, zone_of
from services.orders.queries import lookup
from services.orders.queries.catalogue import origin_of, read_locations
from services.orders.queries.views import order_view
from services.orders.schemas.intake import AmendOrder
from services.orders.schemas.parts import Address, Contact
from services.orders.schemas.staff import RevisePromise
from services.orders.schemas.views import OrderView
from services.orders.states import HoldReason, ServiceLevel
from shared.audit import audit
from shared.auth import Principal
from shared.db import Transaction
from shared.errors import FieldError, InvalidError
from shared.events.base import LineCount
from shared.events.orders import OrderAmended

_LEAST = "{0} units are at their end, or were made whole or paid back"


async def amend_order(
    tx: Transaction, who: Principal, named: str, body: AmendOrder, match: Callable[[int], None]
) -> OrderRecord:
    """Change an order; raises StaleError (by `match`), TooLateError, OrderEndedError or InvalidError."""
    work, record = await open_order(tx, who, named)
    match(record.head.version)
    _refuse_if_late(record)
    wanted = _check(record, body)
    changed: list[str] = []
    if _reduce(record, wanted):
        changed.append("lines")
    if body.shipping_address is not None:
        _set_address(record, body)
        _judge_address(work, record, body.shipping_address)
        changed.append("shipping_address")
    if body.contact is not None:
        record.head.customer = {**record.head.customer, **_contact(body.contact)}
        changed.append("contact")
    if "ship_after" in body.model_fields_set and body.ship_after != record.head.ship_after:
        record.head.ship_after = body.ship_after
        changed.append("ship_after")
    if changed:
        await _say(work, record, changed, who.actor)
    await finish(work)
    return record


def _contact(contact: Contact) -> dict[str, object]:
    """Give what changes of a contact; a new address is real unless its kind is told."""
    sent = contact.model_dump(mode="json", exclude_unset=True)
    kinds = {f"{name}_kind": "real" for name in ("email", "phone") if name in sent}
    return {**kinds, **sent}


def _refuse_if_late(record: OrderRecord) -> None:
    goods, head = record.goods, record.head
    if record.is_ended:
        raise TooLateError(
            f"the order is {head.state}: it cannot be changed any more",
            extra={"stage": str(head.state), "still_possible": []},
        )
    if not (goods.picked or goods.packed or goods.in_transit or goods.delivered or head.pick_started_at):
        return
    stage = str(record.fulfilment_status)
    possible = ["cancellation"] if any(count for _, count in cancelling.cancellable(record)) else []
    raise TooLateError(
        f"picking has begun, the order is {stage}: it cannot be changed any more",
        extra={"stage": stage, "still_possible": possible},
    )


def _check(record: OrderRecord, body: AmendOrder) -> list[tuple[OrderLine, int]]:
    """Give the lines' wanted units; raises InvalidError for all fields that cannot be, at once."""
    errors: list[FieldError] = []
    wanted: list[tuple[OrderLine, int]] = []
    try:
        wanted = named_lines(record, body.lines or [])
    except InvalidError as unknown:
        errors.extend(unknown.errors)
    else:
        errors.extend(_errors_of_lines(record, wanted))
    if body.shipping_address is not None and not is_country(body.shipping_address.country_code):
        errors.append(FieldError("/shipping_address/country_code", "unknown_country", "no such ISO 3166 country"))
    if errors:
        names = ", ".join(sorted({error.pointer for error in errors}))
        raise InvalidError(f"the order cannot be changed like this: {names}", errors=tuple(errors))
    return wanted


def _errors_of_lines(record: OrderRecord, wanted: list[tuple[OrderLine, int]]) -> list[FieldError]:
    errors: list[FieldError] = []
    for number, (line, quantity) in enumerate(wanted):
        least = _least(line)
        if quantity > line.quantity:
            errors.append(
                FieldError(
                    f"/lines/{number}/quantity", "only_fewer", f"at most {line.quantity}: place an order for more"
                )
            )
        elif quantity < least:
            errors.append(FieldError(f"/lines/{number}/quantity", "too_few", _LEAST.format(least)))
    left = record.ordered - sum(line.quantity - quantity for line, quantity in wanted)
    if not errors and left <= 0:
        errors.append(FieldError("/lines", "nothing_left", "cancel the order instead"))
    return errors


def _reduce(record: OrderRecord, wanted: list[tuple[OrderLine, int]]) -> bool:
    """Lower ordered totals; money follows in proportion."""
    reduced = [(line, quantity) for line, quantity in wanted if quantity < line.quantity]
    for line, quantity in reduced:
        before = line.total
        for name in ("total", "discount", "tax"):
            setattr(line, name, getattr(line, name) * quantity // line.quantity)
        line.quantity = quantity
        record.head.total = max(0, record.head.total - (before - line.total))
    return bool(reduced)


def _least(line: OrderLine) -> int:
    """Give how many units must stay: those at their end, made whole by a remedy, or worth what was paid back."""
    refunded = -(-line.refunded * line.quantity // line.total) if line.total else 0
    return max(line.buckets.ended, line.made_whole, refunded)


def _set_address(record: OrderRecord, body: AmendOrder) -> None:
    address, head = body.shipping_address, record.head
    if address is None:
        return
    head.address = address.model_dump(mode="json")
    head.country_code = address.country_code
    head.postal_zone = postal_zone(address.country_code, address.postal_code)
    head.time_zone = zone_of(address.country_code, address.region)


def _judge_address(work: Work, record: OrderRecord, address: Address) -> None:
    """Hold an order whose new address cannot be right; let go what intake held, once its address can be."""
    held = next((hold for hold in record.open_holds if hold.reason == HoldReason.ADDRESS), None)
    doubtful = address_hold(record.id, address, work.now)
    if held is None and doubtful:
        holding.put_on(work, record, doubtful[0])
    elif held is not None and held.actor == INTAKE and not doubtful:
        holding.let_go(work, record, held, actor=INTAKE)


async def _say(work: Work, record: OrderRecord, changed: list[str], actor: str) -> None:
    head = record.head
    fact = OrderAmended(
        order_id=record.id,
        changed=tuple(changed),
        lines=tuple(LineCount(line_id=line.id, sku=line.sku, quantity=line.quantity) for line in record.lines),
        destination=record.destination,
        ship_after=head.ship_after,
    )
    work.say(record, fact, actor=actor)
    work.announce(record, "order.amended", {"changed": changed})
    if {"shipping_address", "ship_after"} & set(changed):
        await _promise_again(work, record, changed)
    if {"shipping_address", "contact"} & set(changed):
        await lookup.forget_person(work.tx, record.id)
        for entry in looking_up.entries_of(head):
            work.add(entry)


async def _promise_again(work: Work, record: OrderRecord, changed: list[str]) -> None:
    """Promise a later date when the change needs one; never an earlier one."""
    head = record.head
    place = Place(head.country_code, str(head.address["postal_code"]), str(head.address["region"]))
    rows = await read_locations(work.tx, [head.origin_location or ""])
    row = rows.get(head.origin_location or "")
    origin = origin_of(row, head.service_level) if row else Origin("", head.country_code, "", head.time_zone)
    ready_at = max(work.now, head.ship_after or work.now)
    window = make_window(origin, place, ServiceLevel(head.service_level), ready_at)
    if window.deliver_by_latest > record.promise.deliver_by_latest:
        reason = f"the customer changed: {', '.join(changed)}"
        date = NewDate(
            window.deliver_by_latest, "doorstep", reason, "customer", window.ship_by, window.deliver_by_earliest
        )
        ledger.revise(work, record, date)


async def revise_promise(tx: Transaction, who: Principal, named: str, body: RevisePromise) -> OrderView:
    """Tell the customer another date; an agent's or another service's decision."""
    work, record = await open_order(tx, who, named)
    refuse_if_ended(record)
    if body.deliver_by_latest < work.now:
        error = FieldError("/deliver_by_latest", "in_the_past", "promise a day to come")
        raise InvalidError(error.detail, errors=(error,))
    date = NewDate(body.deliver_by_latest, "agent", body.reason, body.attributed_to, body.ship_by)
    row = ledger.revise(work, record, date)
    await audit(
        tx, actor=who.actor, act="revise_promise", subject=str(record.id), reason=body.reason,
        change=(None, {"revision": row.revision, "deliver_by_latest": row.deliver_by_latest.isoformat()}),
    )  # fmt: skip
    await finish(work)
    return order_view(record)


async def drive_again(tx: Transaction, who: Principal, named: str, reason: str) -> OrderView:
    """Draw the conclusions of where an order is once more: the repair for one that seems stuck."""
    work, record = await open_order(tx, who, named)
    await audit(tx, actor=who.actor, act="drive_again", subject=str(record.id), reason=reason)
    await finish(work)
    return order_view(record)
