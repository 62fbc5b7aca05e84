"""Why an order is where it is, read from the progress that facts carried; never guessed."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from services.orders.actions.facts import STAGES, TELLINGS
from services.orders.models import OrderRecord, ProgressRow
from services.orders.queries.timeline import list_progress
from services.orders.queries.views import promise_view
from services.orders.schemas.views import ExplainView, Waiting
from services.orders.states import CANCELLATION, DELIVERED, LOST, RETURNED, hold_progress
from shared.db import Transaction
from shared.events.base import Progress

_ENDED = frozenset({DELIVERED, LOST, RETURNED})


async def explain_order(tx: Transaction, record: OrderRecord) -> ExplainView:
    """Name the step that blocks, who holds it, since when, until when, and what unblocks it."""
    waiting = (
        [] if record.is_ended else [*_own_steps(tx, record), *_steps(tx, record, await list_progress(tx, record.id))]
    )
    return ExplainView(
        order_id=record.id,
        number=record.head.number,
        status=record.head.state,
        fulfilment_status=record.fulfilment_status,
        blocking=waiting[0] if waiting else None,
        also=waiting[1:],
        promise=promise_view(record),
    )


def _waiting(tx: Transaction, stage: str, progress: Progress | ProgressRow) -> Waiting:
    due_at = progress.due_at
    return Waiting(
        stage=stage,
        step=progress.step,
        holder=progress.holder,
        since=progress.since,
        due_at=due_at,
        overdue=due_at is not None and due_at < tx.now,
        unblock=progress.unblock,
    )


def _own_steps(tx: Transaction, record: OrderRecord) -> Iterator[Waiting]:
    """Give what stops an order whatever its units do: holds, unanswered cancellations, its day, a pause."""
    units, head = record.units, record.head
    if units.inside:
        for hold in sorted(record.open_holds, key=lambda hold: hold.since):
            yield _waiting(tx, "hold", hold_progress(hold.reason, hold.since, hold.due_at))
    for row in record.pending_cancellations:
        progress = CANCELLATION.progress(row.state, row.requested_at)
        yield _waiting(tx, "cancellation", progress.model_copy(update={"step": "cancellation_pending"}))
    if head.release_due_at is not None:
        paused = head.release_due_at <= tx.now
        yield _waiting(
            tx,
            "release",
            Progress(
                step="release_paused" if paused else "ship_after",
                holder="operator" if paused else "customer",
                since=head.stock_ready_at or head.since,
                due_at=None if paused else head.release_due_at,
                unblock="resume the release of orders" if paused else "the day the customer asked for comes",
            ),
        )


def _steps(tx: Transaction, record: OrderRecord, rows: Sequence[ProgressRow]) -> Iterator[Waiting]:
    """Give the step of each stage that has units, the least advanced stage first."""
    units = record.units
    for stage in STAGES:
        if not getattr(units, stage):
            continue
        mine = _current(record, stage, rows)
        if mine:
            yield _waiting(tx, stage, mine)


def _current(record: OrderRecord, stage: str, rows: Sequence[ProgressRow]) -> ProgressRow | None:
    """Give the step its units wait in: of several parcels or fulfilment orders the one that is due first.

    A parcel or fulfilment order speaks for the stage it is in now, by its newest step; an order's own steps speak
    where none of them does.
    """
    newest: dict[str, ProgressRow] = {}
    for row in rows:
        if row.subject not in newest or _age(row) > _age(newest[row.subject]):
            newest[row.subject] = row
    ended = {str(parcel.id) for parcel in record.parcels if parcel.position in _ENDED}
    there = [row for row in newest.values() if row.stage == stage and row.subject and row.subject not in ended]
    if there:
        return min(there, key=lambda row: (row.due_at is None, row.due_at or row.since, row.since))
    mine = [row for row in rows if row.stage == stage and row.subject not in ended]
    return max(mine, key=_age, default=None)


def _age(row: ProgressRow) -> tuple[datetime, int]:
    return row.since, TELLINGS[row.fact].rank
