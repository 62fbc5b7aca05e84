"""Care's remedies carried out under the order's row lock: each once, each unit made whole once."""

from collections.abc import Sequence
from uuid import UUID

from services.orders.actions import cancelling, ledger, refunding, reshipping
from services.orders.actions.conclusion import finish
from services.orders.actions.ledger import NewDate
from services.orders.actions.refunding import RefusedRemedy
from services.orders.actions.work import Work
from services.orders.models import Cancellation, OrderRecord, Parcel, Refund, Remedy
from services.orders.queries import orders
from services.orders.states import (
    DELIVERED,
    LOST,
    REMEDY,
    RefundState,
    RemedyKind,
    RemedyState,
)
from shared.db import Transaction
from shared.events.base import LineCount, Money, Received
from shared.events.care import RemedyGranted
from shared.events.orders import KnownGrant, RemedyExecuted, RemedyRefused

REVIVED = "revived"
_MADE_WHOLE_BY = frozenset({RemedyKind.RESHIP, RemedyKind.REFUND})


async def execute_remedies(tx: Transaction, events: Sequence[Received[RemedyGranted]]) -> None:
    """Carry out what care granted, or say why not; the same remedy again is answered again and changes nothing."""
    work = await Work.open_linked(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        known = next((remedy for remedy in record.remedies if remedy.id == event.remedy_id), None)
        if known is not None:
            _answer_again(work, record, known)
            continue
        if event.kind not in {kind.value for kind in RemedyKind}:
            detail = f"orders knows no remedy {event.kind!r}"
            work.say(
                record,
                RemedyRefused(
                    order_id=record.id, remedy_id=event.remedy_id, kind=event.kind, code="unknown_kind", detail=detail
                ),
            )
            continue
        remedy = _book(work, record, event)
        try:
            take_units(record, remedy)
            await _execute(work, record, remedy)
        except RefusedRemedy as refused:
            refuse(work, record, remedy, refused)
    await finish(work)


def _book(work: Work, record: OrderRecord, event: RemedyGranted) -> Remedy:
    remedy = Remedy(
        id=event.remedy_id,
        order_id=record.id,
        case_id=event.case_id,
        kind=RemedyKind(event.kind),
        since=work.now,
        due_at=REMEDY.due_at(RemedyState.WAITING, work.now),
        reason=event.reason,
        granted_by=event.granted_by,
        lines=[line.model_dump(mode="json") for line in event.lines],
        amount=event.amount.amount if event.amount else None,
        currency=event.amount.currency if event.amount else None,
        deliver_by_latest=event.deliver_by_latest,
        parcel_id=event.parcel_id,
    )
    record.remedies.append(remedy)
    return remedy


async def _execute(work: Work, record: OrderRecord, remedy: Remedy) -> None:
    if remedy.kind == RemedyKind.RESHIP:
        if record.head.erased_at is not None:
            raise RefusedRemedy("customer_erased", "nobody knows any more where to send it")
        remedy.reship_order_id = await reshipping.place(work, record, remedy)
    elif remedy.kind in {RemedyKind.REFUND, RemedyKind.SHIPPING_REFUND, RemedyKind.GOODWILL_CREDIT}:
        remedy.refund_id = refunding.instruct(work, record, remedy).id
    elif remedy.kind == RemedyKind.NEW_PROMISE:
        _promise(work, record, remedy)
    else:
        _cancel(work, record, remedy)


def take_units(record: OrderRecord, remedy: Remedy) -> None:
    """Count units as made whole; raises RefusedRemedy when one would be so twice, or does not exist."""
    if remedy.kind not in _MADE_WHOLE_BY:
        return
    wanted = [(UUID(str(entry["line_id"])), int(str(entry["quantity"]))) for entry in remedy.lines]
    lines = {line.id: line for line in record.lines}
    for line_id, quantity in wanted:
        line = lines.get(line_id)
        if line is None:
            raise RefusedRemedy("unknown_line", f"the order has no line {line_id}")
        if line.made_whole + quantity > line.quantity:
            raise RefusedRemedy("already_made_whole", f"line {line.reference} was made whole by another remedy")
    for line_id, quantity in wanted:
        lines[line_id].made_whole += quantity


def give_units_back(record: OrderRecord, remedy: Remedy) -> None:
    """Free the units of a remedy that did not happen."""
    if remedy.kind in _MADE_WHOLE_BY:
        for entry in remedy.lines:
            line = next((one for one in record.lines if str(one.id) == entry["line_id"]), None)
            if line is not None:
                line.made_whole = max(0, line.made_whole - int(str(entry["quantity"])))


def _promise(work: Work, record: OrderRecord, remedy: Remedy) -> None:
    if remedy.deliver_by_latest is None:
        raise RefusedRemedy("no_date", "a new promise needs deliver_by_latest")
    if record.is_ended:
        raise RefusedRemedy("order_ended", f"the order is {record.head.state}")
    attributed_to = "carrier" if record.head.handed_over_at else "warehouse"
    date = NewDate(remedy.deliver_by_latest, "agent", remedy.reason, attributed_to)
    ledger.revise(work, record, date)
    executed(work, record, remedy)


def _cancel(work: Work, record: OrderRecord, remedy: Remedy) -> None:
    asked = {str(entry["line_id"]): int(str(entry["quantity"])) for entry in remedy.lines}
    wanted = [
        (line, min(asked.get(str(line.id), 0) if asked else line.quantity, count))
        for line, count in cancelling.cancellable(record)
    ]
    if not any(count for _, count in wanted):
        raise RefusedRemedy("nothing_to_cancel", "no unit can be cancelled any more")
    request = cancelling.Request("staff", remedy.granted_by, remedy.reason, remedy.id)
    remedy.cancellation_id = cancelling.request(work, record, wanted, request).id


def cancellation_answered(work: Work, record: OrderRecord, row: Cancellation) -> None:
    """End a cancel_line remedy by the warehouse's answer."""
    remedy = next((one for one in record.remedies if one.id == row.remedy_id), None)
    if remedy is None or remedy.state != RemedyState.WAITING:
        return
    done = {cancelling.CANCELLED, cancelling.PUT_BACK}
    if any(outcome["outcome"] in done for outcome in row.outcomes):
        executed(work, record, remedy)
    else:
        refuse(work, record, remedy, RefusedRemedy("too_late", "the units have left the house"))


def executed(work: Work, record: OrderRecord, remedy: Remedy, *, amount: int | None = None) -> None:
    """Say that a remedy took effect."""
    _end(work, remedy, RemedyState.EXECUTED)
    _say_executed(work, record, remedy, amount)


def _say_executed(work: Work, record: OrderRecord, remedy: Remedy, amount: int | None) -> None:
    fact = RemedyExecuted(
        order_id=record.id,
        remedy_id=remedy.id,
        kind=remedy.kind,
        reship_order_id=remedy.reship_order_id,
        refund_id=remedy.refund_id,
        amount=Money(amount=amount, currency=record.head.currency) if amount is not None else None,
        grant=_grant(remedy),
    )
    work.say(record, fact)


def _grant(remedy: Remedy) -> KnownGrant:
    lines = tuple(LineCount.model_validate(entry) for entry in remedy.lines)
    return KnownGrant(
        case_id=remedy.case_id,
        reason=remedy.reason,
        granted_by=remedy.granted_by,
        answered_at=remedy.since,
        lines=lines,
        parcel_id=remedy.parcel_id,
    )


def _answer_again(work: Work, record: OrderRecord, remedy: Remedy) -> None:
    """Say what became of a remedy to a care that was restored to before it was told."""
    if remedy.state == RemedyState.EXECUTED:
        amount = next((refund.amount for refund in record.refunds if refund.remedy_id == remedy.id), None)
        _say_executed(work, record, remedy, amount)
    elif remedy.state == RemedyState.REFUSED:
        _say_refused(work, record, remedy)


def refuse(work: Work, record: OrderRecord, remedy: Remedy, why: RefusedRemedy) -> None:
    """Say that a remedy cannot take effect; what it had taken is free again."""
    if why.code not in {"already_made_whole", "unknown_line"}:
        give_units_back(record, remedy)
    _end(work, remedy, RemedyState.REFUSED)
    remedy.code, remedy.detail = why.code, why.detail
    _say_refused(work, record, remedy)


def _say_refused(work: Work, record: OrderRecord, remedy: Remedy) -> None:
    code, detail = remedy.code or "", remedy.detail or ""
    fact = RemedyRefused(
        order_id=record.id, remedy_id=remedy.id, kind=remedy.kind, code=code, detail=detail, grant=_grant(remedy)
    )
    work.say(record, fact)


def _end(work: Work, remedy: Remedy, state: RemedyState) -> None:
    REMEDY.check(remedy.state, state)
    remedy.state, remedy.since, remedy.due_at = state, work.now, None


async def refund_confirmed(work: Work, payer: OrderRecord, refund: Refund, *, ok: bool) -> None:
    """End an instruction, and its remedy, by what the storefront reported; the remedy may be that of a reshipment."""
    order_id = await orders.get_order_of_remedy(work.tx, refund.remedy_id)
    await work.reach([order_id])
    record = work.records[order_id]
    remedy = next(one for one in record.remedies if one.id == refund.remedy_id)
    refunding.move(work, refund, RefundState.SUCCEEDED if ok else RefundState.FAILED)
    if ok:
        executed(work, record, remedy, amount=refund.amount)
        return
    refunding.undo(payer, refund, remedy)
    refuse(work, record, remedy, RefusedRemedy("refund_failed", "the storefront could not pay back"))


def _reship_of(work: Work, record: OrderRecord, *states: RemedyState) -> tuple[OrderRecord, Remedy] | None:
    """Give the original order and the remedy of a reshipment, if that is in one of these states."""
    original = work.records.get(record.head.reship_of) if record.head.reship_of else None
    if original is None:
        return None
    mine = (one for one in original.remedies if one.id == record.head.remedy_id)
    remedy = next((one for one in mine if one.state in states), None)
    return (original, remedy) if remedy is not None else None


def reship_has_stock(work: Work, record: OrderRecord) -> None:
    """A reshipment counts as carried out once its goods are reserved."""
    found = _reship_of(work, record, RemedyState.WAITING)
    if found is not None:
        executed(work, *found)


def reship_lacks_stock(work: Work, record: OrderRecord) -> None:
    """A reshipment without stock is no remedy: it is refused and its order cancelled."""
    found = _reship_of(work, record, RemedyState.WAITING)
    if found is None:
        return
    original, remedy = found
    refuse(work, original, remedy, RefusedRemedy("no_stock", "the goods are not in stock"))
    wanted = cancelling.cancellable(record)
    if any(count for _, count in wanted):
        cancelling.request(work, record, wanted, cancelling.Request("inventory", "orders", "no stock to reship"))


def reship_cancelled(work: Work, record: OrderRecord) -> None:
    """A reshipment whose every unit was cancelled made nobody whole: its units are owed again."""
    found = _reship_of(work, record, RemedyState.WAITING, RemedyState.EXECUTED)
    if found is not None and record.units.cancelled == record.ordered:
        refuse(work, *found, RefusedRemedy("reship_called_off", "the reshipment was cancelled before it left"))


def revived(record: OrderRecord, parcel: Parcel) -> None:
    """Mark reshipments whose missing parcel is seen again: if theirs has not left, it is not needed any more.

    Only a reshipment for a missing parcel names it; damaged goods that arrive still need theirs.
    """
    for remedy in record.remedies:
        if remedy.parcel_id != parcel.id or remedy.kind != RemedyKind.RESHIP or remedy.code is not None:
            continue
        scanned = parcel.position != LOST and parcel.scanned_at is not None and parcel.scanned_at > remedy.since
        if remedy.state != RemedyState.REFUSED and (parcel.position == DELIVERED or scanned):
            remedy.code = REVIVED


async def settle_revived(tx: Transaction) -> int:
    """Cancel reshipments that have become needless, unless they left already; then the customer keeps both."""
    rows = await tx.fetch(
        "select id, order_id, reship_order_id from remedy where code = $1 and state = 'executed' "
        "order by since limit 50",
        REVIVED,
    )
    if not rows:
        return 0
    work = await Work.open(tx, [order_id for row in rows for order_id in (row["order_id"], row["reship_order_id"])])
    for row in rows:
        original, linked = work.records[row["order_id"]], work.records[row["reship_order_id"]]
        remedy = next(one for one in original.remedies if one.id == row["id"])
        wanted = cancelling.cancellable(linked)
        if remedy.code != REVIVED:
            continue
        if linked.is_ended or linked.head.handed_over_at is not None or not any(count for _, count in wanted):
            remedy.code = "revived_kept"
        else:
            request = cancelling.Request("other", "orders", "the first parcel was found")
            cancelling.request(work, linked, wanted, request)
            remedy.code = "revived_cancelled"
    await finish(work)
    return len(rows)
