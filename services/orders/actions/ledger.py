"""The promise ledger: revisions are appended; each ends kept, broken, or withdrawn by a later one in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.orders.actions.work import Work
from services.orders.models import OrderRecord, PromiseRow
from services.orders.promise import Milestones, attribute_slip, end_of_day, slip_minutes
from shared.events.orders import PromiseRevised, PromiseSettled


@dataclass(frozen=True, slots=True)
class NewDate:
    """A date to promise; without `ship_by` the shipping day moves as far as the delivery day."""

    deliver_by_latest: datetime
    source: str
    reason: str
    attributed_to: str
    ship_by: datetime | None = None
    deliver_by_earliest: datetime | None = None


def revise(work: Work, record: OrderRecord, new: NewDate) -> PromiseRow:
    """Append a revision that ends with the local day of the new date."""
    old = record.promise
    latest = end_of_day(new.deliver_by_latest, record.head.time_zone)
    slip = slip_minutes(old.deliver_by_latest, latest)
    moved = old.ship_by if record.head.handed_over_at else old.ship_by + timedelta(minutes=slip)
    # A new date does not mend a day that has passed: that promise was broken.
    outcome = "broken" if work.now >= old.deliver_by_latest else "withdrawn"
    _settle(work, record, outcome, attributed_to=new.attributed_to)
    work.add(old)
    record.promise = PromiseRow(
        order_id=record.id,
        revision=old.revision + 1,
        ship_by=min(new.ship_by or moved, latest),
        deliver_by_earliest=new.deliver_by_earliest,
        deliver_by_latest=latest,
        source=new.source,
        made_at=work.now,
        reason=new.reason,
        attributed_to=new.attributed_to,
        slip_minutes=slip,
    )
    fact = PromiseRevised(
        order_id=record.id,
        promise=record.promised,
        slip_minutes=slip,
        attributed_to=new.attributed_to,
        reason=new.reason,
    )
    work.say(record, fact, actor=new.source)
    work.announce(record, "order.promise_revised", {"reason": new.reason, "slip_minutes": slip})
    return record.promise


def settle_delivered(work: Work, record: OrderRecord, *, whole: bool) -> None:
    """End the promise of an order whose units all ended: kept when everything arrived in time."""
    promise, head = record.promise, record.head
    ended_at = head.delivered_at or work.now
    if whole and ended_at <= promise.deliver_by_latest:
        _settle(work, record, "kept", at=ended_at)
        return
    milestones = Milestones(head.stock_ready_at, head.holds_cleared_at, head.handed_over_at)
    attributed_to = attribute_slip(promise.ship_by, milestones, ended_at)
    _settle(work, record, "broken", at=ended_at, attributed_to=attributed_to)


def withdraw(work: Work, record: OrderRecord) -> None:
    """End the promise of an order that nobody waits for any more."""
    if record.promise.outcome is None:
        _settle(work, record, "withdrawn")


def _settle(
    work: Work, record: OrderRecord, outcome: str, *, at: datetime | None = None, attributed_to: str = "other"
) -> None:
    promise = record.promise
    if promise.outcome is not None:
        return
    promise.outcome, promise.settled_at = outcome, at or work.now
    fact = PromiseSettled(
        order_id=record.id,
        revision=promise.revision,
        outcome=outcome,
        settled_at=promise.settled_at,
        slip_minutes=slip_minutes(promise.deliver_by_latest, promise.settled_at) if outcome == "broken" else 0,
        attributed_to=attributed_to,
    )
    work.say(record, fact)
