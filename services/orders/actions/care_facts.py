"""What care says of an order: exceptions and cases for its timeline, and that the customer knows the promise."""

from collections.abc import Sequence

from services.orders.actions.finding import open_order
from services.orders.actions.work import Work
from services.orders.models import Document, OrderRecord
from services.orders.queries.views import order_view
from services.orders.schemas.staff import ShowExceptions
from services.orders.schemas.views import OrderView
from shared.audit import audit
from shared.auth import Principal
from shared.db import Transaction
from shared.events.base import Received
from shared.events.care import CareEvent, CustomerNotified, ExceptionCleared, ExceptionRaised


async def note(tx: Transaction, events: Sequence[Received[CareEvent]]) -> None:
    """Put care's facts on the timeline."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        _apply(record, received)
    await work.save()


async def show_exceptions(tx: Transaction, who: Principal, named: str, body: ShowExceptions) -> OrderView:
    """Show of an order what care has open: after a restore, what care's former life raised is cleared by nobody."""
    work, record = await open_order(tx, who, named)
    before = record.head.exceptions
    after: Document = {str(identity): kind for identity, kind in body.exceptions.items()}
    record.head.exceptions = after
    await audit(
        tx, actor=who.actor, act="show_exceptions", subject=str(record.id), reason=body.reason, change=(before, after)
    )
    await work.save()
    return order_view(record)


def _apply(record: OrderRecord, received: Received[CareEvent]) -> None:
    event, known = received.event, record.head.exceptions
    if isinstance(event, ExceptionRaised):
        record.head.exceptions = {**known, str(event.exception_id): event.kind}
    elif isinstance(event, ExceptionCleared):
        record.head.exceptions = {key: kind for key, kind in known.items() if key != str(event.exception_id)}
    elif isinstance(event, CustomerNotified) and event.promise_revision == record.promise.revision:
        record.promise.communicated_at = record.promise.communicated_at or received.occurred_at
