"""Forgetting a customer: asked for, waiting while anything of the order is open, then done here and told to all."""

from datetime import datetime, timedelta
from uuid import UUID

from services.orders.actions.finding import order_id_of
from services.orders.actions.work import Work
from services.orders.errors import OrderNotFoundError
from services.orders.models import Erasure, OrderRecord
from services.orders.queries import erasures, rows
from services.orders.queries.personal import TABLES
from services.orders.schemas.erasures import AskErasure, ErasureList, ErasureView
from services.orders.states import ERASURE, REFUND, REMEDY, ErasureState
from shared import privacy
from shared.audit import audit
from shared.auth import Principal
from shared.db import Transaction
from shared.events.orders import CustomerErased

_MOST_ORDERS = 500
_MOST_OLD = 1_000
_BATCH = 1  # each looks through all stored answers since its order was placed
_LOOK_EVERY = timedelta(hours=1)


async def ask_erasure(tx: Transaction, who: Principal, wish: AskErasure) -> ErasureList:
    """Note the wish for every order it reaches; a job fulfils it. Raises OrderNotFoundError when it reaches none."""
    order_ids = await erasures.family_of(tx, await _reached(tx, who, wish))
    for order_id in await erasures.put_erasures(tx, order_ids, who.actor, wish.reason, _due_at(tx)):
        await audit(tx, actor=who.actor, act="ask_erasure", subject=str(order_id), reason=wish.reason)
    tx.wrote = True
    return ErasureList(data=[ErasureView(**dict(row)) for row in await erasures.get_erasures(tx, order_ids)])


async def _reached(tx: Transaction, who: Principal, wish: AskErasure) -> list[UUID]:
    if wish.order is not None:
        return [await order_id_of(tx, who, wish.order)]
    owner = (who.storefront_id, who.test) if who.storefront_id is not None else None
    found = await erasures.find_by_email(tx, wish.email or "", owner, _MOST_ORDERS)
    if not found:
        raise OrderNotFoundError("no order has this as its customer's own e-mail address")
    return found


async def ask_for_old_customers(tx: Transaction, before: datetime) -> int:
    """Note the wish for orders that ended before `before`, as many as one batch takes; gives how many."""
    order_ids = await erasures.list_old_orders(tx, before, _MOST_OLD)
    return len(await erasures.put_erasures(tx, order_ids, "orders", "too old to keep", _due_at(tx)))


def _due_at(tx: Transaction) -> datetime:
    return tx.now + (ERASURE.rules[ErasureState.WAITING].dwell or timedelta())


async def list_erasures(tx: Transaction, state: str | None, after: UUID | None, limit: int) -> ErasureList:
    """List a page of wishes."""
    found = await erasures.list_erasures(tx, state, after, limit + 1)
    data = [ErasureView(**dict(row)) for row in found[:limit]]
    return ErasureList(data=data, next_cursor=str(data[-1].order_id) if len(found) > limit else None)


async def erase_due_customers(tx: Transaction) -> int:
    """Look at the wishes that are due: fulfil those of which nothing is open, say what the others wait for."""
    work = await Work.open(tx, await erasures.due_order_ids(tx, _BATCH))
    waiting = await erasures.get_waiting(tx, list(work.records))
    cases = await erasures.list_open_cases(tx, list(work.records))
    for wish in waiting:
        record = work.records[wish.order_id]
        still_open = open_matters(record, cases.get(record.id, []))
        wish.waits_for, wish.look_at = "; ".join(still_open), work.now + _LOOK_EVERY
        if not still_open:
            await _fulfil(work, record, wish)
    await work.save()
    await rows.save(tx, waiting)
    for wish in waiting:
        if wish.state == ErasureState.ERASED:
            await privacy.erase(tx, TABLES, wish.order_id)
    return len(waiting)


def open_matters(record: OrderRecord, case_numbers: list[str]) -> list[str]:
    """Say what of an order is not at its end."""
    order = [] if record.is_ended else [f"the order is {record.head.state}"]
    cancelling = ["a cancellation waits for its answer"] if record.pending_cancellations else []
    refunds = [f"a refund is {one.state}" for one in record.refunds if REFUND.must_move(one.state)]
    remedies = [f"a {one.kind} is {one.state}" for one in record.remedies if REMEDY.must_move(one.state)]
    return [*order, *cancelling, *refunds, *remedies, *(f"case {number} is open" for number in case_numbers)]


async def _fulfil(work: Work, record: OrderRecord, wish: Erasure) -> None:
    ERASURE.check(wish.state, ErasureState.ERASED)
    wish.state, wish.since, wish.due_at, wish.look_at = ErasureState.ERASED, work.now, None, None
    record.head.erased_at = work.now
    work.say(record, CustomerErased(order_id=record.id), actor=wish.asked_by)
    await audit(work.tx, actor=wish.asked_by, act="erase_customer", subject=str(record.id), reason=wish.reason)
