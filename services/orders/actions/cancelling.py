"""Asking for units to be cancelled, and what an answer means; shared by people, policies, remedies and timers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.actions.work import Work
from services.orders.models import Cancellation, OrderLine, OrderRecord
from services.orders.states import CANCELLATION, CancellationState
from shared.events.inventory import CancellationOutcome
from shared.events.orders import CancellationRequested, LinesCancelled
from shared.ids import new_id

CANCELLED, PUT_BACK = "cancelled", "put_back_pending"
INTERCEPT, REFUSED = "intercept_requested", "refused_shipped"


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, and why."""

    reason: str
    actor: str
    note: str = ""
    remedy_id: UUID | None = None


def pending_units(record: OrderRecord) -> list[tuple[OrderLine, int]]:
    """Give for each line the units that requests without an answer ask for."""
    asked: dict[str, int] = {}
    for row in record.pending_cancellations:
        for entry in row.lines:
            line_id = str(entry["line_id"])
            asked[line_id] = asked.get(line_id, 0) + int(str(entry["quantity"]))
    return [(line, asked.get(str(line.id), 0)) for line in record.lines]


def cancellable(record: OrderRecord) -> list[tuple[OrderLine, int]]:
    """Give for each line the units that are not at their end and that no request has taken already."""
    return [
        (line, max(0, line.quantity - line.buckets.ended - _waiting_for_shelf(line) - asked))
        for line, asked in pending_units(record)
    ]


def cancellable_inside(record: OrderRecord) -> list[tuple[OrderLine, int]]:
    """Give for each line the units that can be cancelled and have not left the house."""
    return [
        (line, max(0, min(count, line.buckets.inside - _waiting_for_shelf(line))))
        for line, count in cancellable(record)
    ]


def has_goods_inside(record: OrderRecord) -> bool:
    """Say whether units are in the house that nobody asked to cancel."""
    return any(count for _, count in cancellable_inside(record))


def _waiting_for_shelf(line: OrderLine) -> int:
    return line.put_back_due - min(line.put_back_due, line.put_back)


def request(work: Work, record: OrderRecord, wanted: Iterable[tuple[OrderLine, int]], asked: Request) -> Cancellation:
    """Ask the warehouse to cancel units; it answers exactly once."""
    lines = record.counts(wanted)
    row = Cancellation(
        id=new_id(),
        order_id=record.id,
        reason=asked.reason,
        actor=asked.actor,
        note=asked.note,
        lines=[line.model_dump(mode="json") for line in lines],
        requested_at=work.now,
        due_at=CANCELLATION.due_at(CancellationState.PENDING, work.now),
        remedy_id=asked.remedy_id,
    )
    record.cancellations.append(row)
    fact = CancellationRequested(
        order_id=record.id, cancellation_id=row.id, reason=asked.reason, actor=asked.actor, lines=lines
    )
    work.say(record, fact, actor=asked.actor)
    return row


def was_answered(record: OrderRecord, cancellation_id: UUID, outcomes: Sequence[CancellationOutcome]) -> bool:
    """Say whether a request has this very answer already."""
    row = next((asked for asked in record.cancellations if asked.id == cancellation_id), None)
    if row is None or row.state != CancellationState.ANSWERED:
        return False
    told = sorted((str(one.line_id), one.outcome, one.quantity) for one in outcomes)
    return told == sorted((str(one["line_id"]), str(one["outcome"]), int(str(one["quantity"]))) for one in row.outcomes)


def answer(
    work: Work, record: OrderRecord, cancellation_id: UUID, outcomes: Sequence[CancellationOutcome]
) -> Cancellation:
    """Book the one answer to a request; raises KeyError when it is not ours."""
    row = next((asked for asked in record.cancellations if asked.id == cancellation_id), None)
    if row is None:
        raise KeyError(cancellation_id)
    CANCELLATION.check(row.state, CancellationState.ANSWERED)
    row.state, row.answered_at, row.due_at = CancellationState.ANSWERED, work.now, None
    row.outcomes = [outcome.model_dump(mode="json") for outcome in outcomes]
    for outcome in outcomes:
        line = record.line(outcome.line_id)
        if outcome.outcome == CANCELLED:
            line.cancelled += outcome.quantity
        elif outcome.outcome == PUT_BACK:
            line.put_back_due += outcome.quantity
    if any(outcome.outcome == CANCELLED and outcome.quantity for outcome in outcomes):
        say_cancelled(work, record, row.id)
    return row


def say_cancelled(work: Work, record: OrderRecord, cancellation_id: UUID) -> None:
    """Publish how many units of each line are cancelled by now."""
    totals = record.counts((line, line.cancelled_units) for line in record.lines)
    work.say(record, LinesCancelled(order_id=record.id, cancellation_id=cancellation_id, lines=totals))
