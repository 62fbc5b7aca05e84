"""Pick lists: planned in the order of work, taken by pickers, given back by hand or by time."""

from collections.abc import Sequence
from uuid import UUID

from services.inventory.actions import fulfilments
from services.inventory.actions.list_views import show_list
from services.inventory.errors import NotYourListError, PickListNotFoundError
from services.inventory.models.warehouse import Fulfilment, PickList
from services.inventory.queries import pick_lists as queries
from services.inventory.queries.fulfilments import Work, lock_work
from services.inventory.queries.pick_lists import ListFilter
from services.inventory.schemas.picking import ListAnswer, ListsAnswer, ListSummary, PlanList
from services.inventory.states.warehouse import PICK_LIST, ListState, PickMode
from shared.audit import audit
from shared.auth import Principal, Scope
from shared.db import Transaction
from shared.errors import PausedError
from shared.idempotency import Reply
from shared.ids import new_id
from shared.switches import is_paused

L = ListState
IDLE_BATCH = 200
_CANDIDATES = 5
_TRIES = 3
NOTHING = Reply(204, None, {})


async def take_next_list(tx: Transaction, wanted: PlanList, picker: str) -> ListAnswer | Reply:
    """Give the picker's unfinished list here, else the next planned one, else a new one; 204 when nothing is to pick.

    Raises PausedError while planning is paused for the location.
    """
    active = await queries.active_list_of(tx, picker, wanted.location)
    row = await queries.get_list(tx, active) if active is not None else None
    if row is None:
        row = await _take_planned(tx, wanted, picker) or await _plan(tx, wanted, picker)
    return await show_list(tx, row) if row is not None else NOTHING


async def plan_list(tx: Transaction, wanted: PlanList) -> ListAnswer | Reply:
    """Plan a list that is nobody's yet; 204 when nothing is to pick. Raises PausedError."""
    row = await _plan(tx, wanted, None)
    return await show_list(tx, row) if row is not None else NOTHING


async def assign_list(tx: Transaction, list_id: UUID, picker: str, actor: str) -> ListAnswer:
    """Give a list to a picker; whoever had it loses it. Raises PickListNotFoundError and IllegalMoveError."""
    works = await lock_work(tx, await queries.orders_of(tx, list_id))
    row = await _lock(tx, list_id)
    before = row.picker
    if row.state in {L.ASSIGNED, L.PICKING}:
        _move(row, L.PLANNED, tx)
    await _hand_to(tx, row, picker, works)
    await audit(tx, actor=actor, act="assign_list", subject=str(list_id), reason="assigned", change=(before, picker))
    return await show_list(tx, row)


async def unassign_list(tx: Transaction, list_id: UUID, who: Principal) -> ListAnswer:
    """Take a list from its picker; raises PickListNotFoundError, NotYourListError and IllegalMoveError."""
    row = await _lock(tx, list_id)
    if row.picker != who.subject and Scope.WAREHOUSE not in who.scopes:
        raise NotYourListError("only the list's picker or a lead gives it back")
    before = row.picker
    _move(row, L.PLANNED, tx)
    await queries.save_list(tx, row)
    change = (before, None)
    await audit(tx, actor=who.actor, act="unassign_list", subject=str(list_id), reason="unassigned", change=change)
    return await show_list(tx, row)


async def unassign_idle_lists(tx: Transaction) -> int:
    """Give lists without a scan for 30 minutes to whoever asks next."""
    return await queries.unassign_idle(tx, IDLE_BATCH)


async def read_list(tx: Transaction, list_id: UUID) -> ListAnswer:
    """Read a list; raises PickListNotFoundError."""
    row = await queries.get_list(tx, list_id)
    if row is None:
        raise PickListNotFoundError(f"there is no pick list {list_id}")
    return await show_list(tx, row)


async def read_lists(tx: Transaction, wanted: ListFilter) -> ListsAnswer:
    """Read a page of lists."""
    rows = await queries.list_lists(tx, wanted)
    data = [
        ListSummary(**{**dict(row), "due_at": PICK_LIST.due_at(L(row["state"]), row["active_at"] or row["since"])})
        for row in rows
    ]
    return ListsAnswer(data=data, next_cursor=str(data[-1].id) if len(data) == wanted.limit else None)


async def _take_planned(tx: Transaction, wanted: PlanList, picker: str) -> PickList | None:
    for list_id in await queries.planned_lists(tx, wanted.location, wanted.mode, _CANDIDATES):
        works = await lock_work(tx, await queries.orders_of(tx, list_id))
        row = await queries.lock_list(tx, list_id)
        if row is not None and row.state == L.PLANNED:
            await _hand_to(tx, row, picker, works)
            return row
    return None


async def _plan(tx: Transaction, wanted: PlanList, picker: str | None) -> PickList | None:
    if await is_paused(tx, "planning", wanted.location):
        raise PausedError(f"planning is paused for {wanted.location}")
    most = 1 if wanted.mode is PickMode.SINGLE else wanted.max_orders
    for _ in range(_TRIES):
        works = await lock_work(tx, await queries.claim_orders(tx, wanted.location, most))
        if not works:
            return None
        chosen = _choose(works, wanted.location, most)
        if chosen:
            return await _make(tx, wanted, picker, works, chosen)
    return None


def _choose(works: dict[UUID, Work], location: str, most: int) -> list[Fulfilment]:
    """Choose again under the lock: somebody may have planned them just before."""
    open_here = [f for work in works.values() for f in work.fulfilments if f.location == location and f.to_pick]
    return sorted(open_here, key=lambda f: (f.cut_off_at, -f.priority, f.placed_at, f.reference, f.part))[:most]


async def _make(
    tx: Transaction, wanted: PlanList, picker: str | None, works: dict[UUID, Work], chosen: Sequence[Fulfilment]
) -> PickList:
    first = chosen[0]
    row = PickList(
        id=new_id(), location=wanted.location, mode=wanted.mode.value, since=tx.now, cut_off_at=first.cut_off_at,
        priority=first.priority, placed_at=first.placed_at, reference=first.reference, planned_at=tx.now,
    )  # fmt: skip
    await queries.insert_list(tx, row, [(f, f"T{number}") for number, f in enumerate(chosen, start=1)])
    for fulfilment in chosen:
        for task in works[fulfilment.order_id].tasks_of(fulfilment.id):
            if task.unpicked and task.list_id is None:
                task.list_id = row.id
    if picker is None:
        await fulfilments.settle_and_store(tx, works.values())
    else:
        await _hand_to(tx, row, picker, works)
    return row


async def _hand_to(tx: Transaction, row: PickList, picker: str, works: dict[UUID, Work]) -> None:
    _move(row, L.ASSIGNED, tx)
    row.picker, row.active_at = picker, tx.now
    await queries.save_list(tx, row)
    tasks = [task for work in works.values() for task in work.tasks if task.list_id == row.id]
    on_list = {task.fulfilment_id for task in tasks}
    started = [f for work in works.values() for f in work.fulfilments if f.id in on_list and f.started_at is None]
    for fulfilment in started:
        fulfilment.started_at = tx.now
    await fulfilments.settle_and_store(tx, works.values())
    for fulfilment in sorted(started, key=lambda f: f.reference):
        fulfilments.publish_started(tx, fulfilment)


def _move(row: PickList, to: ListState, tx: Transaction) -> None:
    PICK_LIST.check(L(row.state), to)
    row.state, row.since = to.value, tx.now
    if to is L.PLANNED:
        row.picker = row.active_at = None


async def _lock(tx: Transaction, list_id: UUID) -> PickList:
    row = await queries.lock_list(tx, list_id)
    if row is None:
        raise PickListNotFoundError(f"there is no pick list {list_id}")
    return row
