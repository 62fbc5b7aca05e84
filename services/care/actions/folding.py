"""What care learns from each fact: what it knows changes, and the order becomes due for a look."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from services.care.actions import answers, casework
from services.care.queries import fold, history, parcels
from services.care.queries.fold import LineNow, StepNow
from shared.db import Transaction
from shared.errors import NotYetError
from shared.events import inventory, orders, shipping
from shared.events.base import LineCount, Progress, Received

OrderFact = orders.OrdersEvent | inventory.InventoryEvent | shipping.ShippingEvent
F = TypeVar("F", bound=OrderFact)

_ORDER = "order"
_ADDRESS_REFUSED = "address_refused"
_INTERCEPT = "intercept_requested"
_STOP = "ask the carrier to stop the parcel, and tell the customer"


def _fulfilment(fulfilment_id: UUID) -> str:
    return f"fulfilment:{fulfilment_id}"


def _parcel(parcel_id: UUID) -> str:
    return f"parcel:{parcel_id}"


async def _known(tx: Transaction, facts: Sequence[Received[F]]) -> None:
    """Lock the watches; a fact that overtook its order's own placing waits for it."""
    order_ids = {received.event.order_id for received in facts}
    missing = order_ids - await fold.touch(tx, order_ids)
    if missing:
        raise NotYetError(frozenset(map(str, missing)), "the order is not placed here yet")


def _totals(facts: Sequence[tuple[UUID, Sequence[LineCount]]]) -> list[LineNow]:
    return [LineNow(order_id, line.line_id, line.quantity) for order_id, lines in facts for line in lines]


async def place(tx: Transaction, facts: Sequence[Received[orders.OrderPlaced]]) -> None:
    """Begin to watch orders."""
    await fold.place_watches(tx, facts)
    await fold.put_lines(
        tx,
        [
            (received.event.order_id, line.line_id, line.sku, line.quantity, line.requires_shipping)
            for received in facts
            for line in received.event.lines
        ],
    )
    await fold.put_steps(tx, [StepNow(r.event.order_id, _ORDER, r.event.progress, r.id) for r in facts])


StepFact = (
    orders.OrderReleased
    | orders.HoldApplied
    | orders.HoldReleased
    | inventory.PickStarted
    | inventory.PickConfirmed
    | shipping.BookingFailed
    | shipping.BookingUnknown
)
S = TypeVar("S", bound=StepFact)


def _about(fact: StepFact) -> str:
    if isinstance(fact, inventory.PickStarted | inventory.PickConfirmed):
        return _fulfilment(fact.fulfilment_id)
    if isinstance(fact, shipping.BookingFailed | shipping.BookingUnknown):
        return _parcel(fact.parcel_id)
    return _ORDER


def _held(fact: StepFact) -> Progress:
    if isinstance(fact, shipping.BookingFailed) and fact.address_refused:
        return fact.progress.model_copy(update={"step": _ADDRESS_REFUSED})
    return fact.progress


async def step(tx: Transaction, facts: Sequence[Received[S]]) -> None:
    """Note who holds an order, a fulfilment or a parcel now."""
    await _known(tx, facts)
    await fold.put_steps(tx, [StepNow(r.event.order_id, _about(r.event), _held(r.event), r.id) for r in facts])


async def amend(tx: Transaction, facts: Sequence[Received[orders.OrderAmended]]) -> None:
    """Take over fewer units, another destination, another date."""
    await _known(tx, facts)
    await fold.set_line_totals(tx, "ordered", _totals([(r.event.order_id, r.event.lines) for r in facts]))
    await fold.set_destinations(
        tx,
        [
            (r.event.order_id, r.event.destination.country_code, r.event.destination.postal_zone, r.event.ship_after)
            for r in facts
        ],
    )


async def cancel_lines(tx: Transaction, facts: Sequence[Received[orders.LinesCancelled]]) -> None:
    """Take over cancelled units."""
    await _known(tx, facts)
    await fold.set_line_totals(tx, "cancelled", _totals([(r.event.order_id, r.event.lines) for r in facts]))


EndFact = orders.OrderRejected | orders.OrderCancelled | orders.OrderCompleted
D = TypeVar("D", bound=EndFact)


async def end(tx: Transaction, facts: Sequence[Received[D]]) -> None:
    """Stop expecting anything of orders."""
    await _known(tx, facts)
    await fold.end_watches(tx, [(r.event.order_id, _outcome(r.event), r.occurred_at) for r in facts])


def _outcome(fact: EndFact) -> str:
    if isinstance(fact, orders.OrderCompleted):
        return fact.outcome
    return "cancelled" if isinstance(fact, orders.OrderCancelled) else "rejected"


async def revise(tx: Transaction, facts: Sequence[Received[orders.PromiseRevised]]) -> None:
    """Put a later promise in force and tell the customer."""
    await _known(tx, facts)
    await fold.set_promises(tx, [(r.event.order_id, r.event.promise, r.occurred_at) for r in facts])
    for received in facts:
        fact = received.event
        await casework.tell_new_date(tx, fact.order_id, fact.reason, fact.slip_minutes)


async def settle_promises(tx: Transaction, facts: Sequence[Received[orders.PromiseSettled]]) -> None:
    """Note how promises ended."""
    await _known(tx, facts)
    await fold.settle_promises(tx, [(r.event.order_id, r.event.outcome) for r in facts])


async def execute_remedies(tx: Transaction, facts: Sequence[Received[orders.RemedyExecuted]]) -> None:
    """Take orders' yes to remedies."""
    await _known(tx, facts)
    for received in facts:
        await answers.record_executed(tx, received.event)


async def refuse_remedies(tx: Transaction, facts: Sequence[Received[orders.RemedyRefused]]) -> None:
    """Take orders' no to remedies, and let the playbook try the next."""
    await _known(tx, facts)
    for received in facts:
        refused = await answers.record_refused(tx, received.event)
        if refused is not None:
            await casework.try_next_remedy(tx, refused)


StockFact = inventory.StockReserved | inventory.StockBackordered | inventory.ReservationReleased
K = TypeVar("K", bound=StockFact)


async def stock(tx: Transaction, facts: Sequence[Received[K]]) -> None:
    """Take over which lines wait for goods, and until when."""
    await _known(tx, facts)
    await fold.set_backorders(
        tx,
        [(r.event.order_id, line.line_id, line.backordered, line.expected_at) for r in facts for line in r.event.lines],
    )
    steps = [
        StepNow(r.event.order_id, _ORDER, r.event.progress, r.id)
        for r in facts
        if not isinstance(r.event, inventory.ReservationReleased)
    ]
    await fold.put_steps(tx, steps)


async def plan_fulfilments(tx: Transaction, facts: Sequence[Received[inventory.FulfilmentPlanned]]) -> None:
    """Note that a location will pick units by its cut-off; the order itself is held by nobody now."""
    await _known(tx, facts)
    await parcels.plan_fulfilments(
        tx,
        [
            (
                r.event.fulfilment_id,
                r.event.order_id,
                r.event.location,
                r.event.cut_off_at,
                r.occurred_at,
                r.event.queue_depth,
                fold.units((line.line_id, line.sku, line.quantity) for line in r.event.lines),
            )
            for r in facts
        ],
    )
    await fold.put_steps(tx, [StepNow.end(r.event.order_id, _ORDER, r.occurred_at, r.id) for r in facts])
    await fold.put_steps(
        tx, [StepNow(r.event.order_id, _fulfilment(r.event.fulfilment_id), r.event.progress, r.id) for r in facts]
    )


async def cancel_fulfilments(tx: Transaction, facts: Sequence[Received[inventory.FulfilmentCancelled]]) -> None:
    """Stop expecting a location to ship: its units were cancelled, or are picked elsewhere."""
    await _known(tx, facts)
    await parcels.mark_fulfilments(tx, "cancelled_at", [(r.event.fulfilment_id, r.occurred_at) for r in facts])
    await fold.put_steps(
        tx, [StepNow.end(r.event.order_id, _fulfilment(r.event.fulfilment_id), r.occurred_at, r.id) for r in facts]
    )


async def start_picks(tx: Transaction, facts: Sequence[Received[inventory.PickStarted]]) -> None:
    """Note that picking began."""
    await step(tx, facts)
    await parcels.mark_fulfilments(tx, "started_at", [(r.event.fulfilment_id, r.occurred_at) for r in facts])


async def open_shortfalls(tx: Transaction, facts: Sequence[Received[inventory.ShortfallOpened]]) -> None:
    """Note units that no stock serves in time."""
    await _known(tx, facts)
    await fold.set_shorts(
        tx,
        [(r.event.order_id, r.event.line_id, r.event.quantity, "no other stock", r.event.expected_at) for r in facts],
    )
    await fold.put_steps(
        tx, [StepNow(r.event.order_id, f"line:{r.event.line_id}", r.event.progress, r.id) for r in facts]
    )


async def heal_shortfalls(tx: Transaction, facts: Sequence[Received[inventory.ShortfallHealed]]) -> None:
    """Note that shorted units have stock again."""
    await _known(tx, facts)
    await fold.set_shorts(tx, [(r.event.order_id, r.event.line_id, -r.event.quantity, "", None) for r in facts])
    await fold.put_steps(
        tx, [StepNow.end(r.event.order_id, f"line:{r.event.line_id}", r.occurred_at, r.id) for r in facts]
    )


async def ask_for_intercepts(tx: Transaction, facts: Sequence[Received[inventory.CancellationAnswered]]) -> None:
    """Have somebody stop parcels that had just left when their units were cancelled: a step due at once is a case."""
    await _known(tx, facts)
    asked = [r for r in facts if any(outcome.outcome == _INTERCEPT for outcome in r.event.outcomes)]
    await fold.put_steps(
        tx,
        [
            StepNow(
                r.event.order_id,
                f"cancellation:{r.event.cancellation_id}",
                Progress(step=_INTERCEPT, holder="care", since=r.occurred_at, due_at=r.occurred_at, unblock=_STOP),
                r.id,
            )
            for r in asked
        ],
    )


async def close_parcels(tx: Transaction, facts: Sequence[Received[inventory.ParcelClosed]]) -> None:
    """Note packed parcels."""
    await _known(tx, facts)
    await parcels.close_parcels(
        tx,
        [
            (
                r.event.parcel_id,
                r.event.order_id,
                r.event.fulfilment_id,
                r.event.location,
                fold.units((line.line_id, line.sku, line.quantity) for line in r.event.contents),
            )
            for r in facts
        ],
    )
    await parcels.mark_fulfilments(tx, "packed_at", [(r.event.fulfilment_id, r.occurred_at) for r in facts])
    await fold.put_steps(
        tx, [StepNow.end(r.event.order_id, _fulfilment(r.event.fulfilment_id), r.occurred_at, r.id) for r in facts]
    )
    await fold.put_steps(
        tx, [StepNow(r.event.order_id, _parcel(r.event.parcel_id), r.event.progress, r.id) for r in facts]
    )


async def reopen_parcels(tx: Transaction, facts: Sequence[Received[inventory.ParcelReopened]]) -> None:
    """Note that units lie on the bench again: the fulfilment is not packed, and the parcel is held by nobody."""
    await _known(tx, facts)
    await parcels.unpack_fulfilments(tx, [r.event.fulfilment_id for r in facts])
    await fold.put_steps(
        tx, [StepNow.end(r.event.order_id, _parcel(r.event.parcel_id), r.occurred_at, r.id) for r in facts]
    )
    # The fulfilment's own state may be older than the closing that ended this step.
    steps = [(r, r.event.progress.model_copy(update={"since": r.occurred_at})) for r in facts]
    await fold.put_steps(
        tx, [StepNow(r.event.order_id, _fulfilment(r.event.fulfilment_id), step, r.id) for r, step in steps]
    )


async def hand_over(tx: Transaction, facts: Sequence[Received[inventory.ParcelHandedOver]]) -> None:
    """Note the dispatch scan; parcels of one manifest, or of one location and day, are siblings."""
    await _known(tx, facts)
    await parcels.hand_over_parcels(
        tx,
        [
            (
                r.event.parcel_id,
                r.event.order_id,
                r.event.fulfilment_id,
                r.event.location,
                fold.units((line.line_id, line.sku, line.quantity) for line in r.event.contents),
                r.occurred_at,
                r.event.manifest or f"{r.event.location}/{r.occurred_at:%Y-%m-%d}",
            )
            for r in facts
        ],
    )
    await fold.place_reports(tx, [(r.event.order_id, r.event.parcel_id) for r in facts])
    await parcels.mark_fulfilments(tx, "handed_over_at", [(r.event.fulfilment_id, r.occurred_at) for r in facts])
    await fold.set_line_totals(tx, "handed_over", _totals([(r.event.order_id, r.event.handed_over) for r in facts]))
    await fold.put_steps(
        tx, [StepNow(r.event.order_id, _parcel(r.event.parcel_id), r.event.progress, r.id) for r in facts]
    )


async def book(tx: Transaction, facts: Sequence[Received[shipping.ShipmentBooked]]) -> None:
    """Note the label of a parcel."""
    await _known(tx, facts)
    await parcels.book_parcels(
        tx,
        [
            (
                r.event.parcel_id,
                r.event.order_id,
                r.event.carrier,
                r.event.service,
                r.event.tracking_number,
                r.event.estimate.deliver_at if r.event.estimate and r.event.estimate.source == "carrier" else None,
            )
            for r in facts
        ],
    )
    await fold.put_steps(
        tx, [StepNow(r.event.order_id, _parcel(r.event.parcel_id), r.event.progress, r.id) for r in facts]
    )


async def progress(tx: Transaction, facts: Sequence[Received[shipping.ShipmentProgressed]]) -> None:
    """Note where carriers say parcels are."""
    await _known(tx, facts)
    await parcels.progress_parcels(tx, [r.event for r in facts])
    await parcels.hear_feeds(tx, [(r.event.carrier, tx.now) for r in facts if parcels.is_carriers_word(r.event)])
    steps = [
        StepNow(r.event.order_id, _parcel(r.event.parcel_id), r.event.progress, r.id)
        for r in facts
        if r.event.progress is not None
    ]
    await fold.put_steps(tx, steps)


async def deliver(tx: Transaction, facts: Sequence[Received[shipping.ShipmentDelivered]]) -> None:
    """Note deliveries, and learn from the parcels that are finished."""
    await _known(tx, facts)
    await parcels.deliver_parcels(
        tx,
        [
            (
                r.event.parcel_id,
                r.event.order_id,
                r.event.carrier,
                r.event.service,
                r.event.tracking_number,
                "delivered",
                r.event.delivered_at,
            )
            for r in facts
        ],
    )
    await parcels.hear_feeds(tx, [(r.event.carrier, tx.now) for r in facts])
    await fold.put_steps(tx, [StepNow.end(r.event.order_id, _parcel(r.event.parcel_id), tx.now, r.id) for r in facts])
    await fold.date_deliveries(tx, [r.event.order_id for r in facts])
    await history.put_samples(tx, await history.samples_of(tx, [r.event.parcel_id for r in facts]))


VoidFact = shipping.LabelVoidRequested | shipping.LabelVoided
V = TypeVar("V", bound=VoidFact)


async def give_back_labels(tx: Transaction, facts: Sequence[Received[V]]) -> None:
    """Note who has to act on a label that is given back, if the parcel travels with no other by now."""
    await _known(tx, facts)
    steps = [
        StepNow(r.event.order_id, _parcel(r.event.parcel_id), r.event.progress, r.id)
        for r in facts
        if r.event.progress is not None
    ]
    await fold.put_steps(tx, steps)


async def keep_locations(tx: Transaction, facts: Sequence[Received[inventory.LocationSaved]]) -> None:
    """Keep which country a location ships from."""
    await fold.put_locations(tx, [(r.event.location, r.event.country_code) for r in facts])
