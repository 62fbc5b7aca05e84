"""What is late in the warehouse and why, and all about one order."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from services.inventory.actions.fulfilments import progress_of
from services.inventory.actions.parcel_views import show_parcels
from services.inventory.errors import OrderNotInWarehouseError
from services.inventory.models.warehouse import Fulfilment, Parcel, PickTask
from services.inventory.queries import orders as queries
from services.inventory.queries import parcels as parcel_queries
from services.inventory.queries.orders import Circumstances, WorkFilter
from services.inventory.schemas.paging import read_cursor, write_cursor
from services.inventory.schemas.picking import ListSummary
from services.inventory.schemas.warehouse import (
    FulfilmentAnswer,
    FulfilmentsAnswer,
    OrderWorkAnswer,
    ShortfallAnswer,
    WorkLine,
)
from services.inventory.states.warehouse import (
    PICK_LIST,
    FulfilmentState,
    LabelState,
    ListState,
    ParcelState,
    ShortfallState,
)
from shared.db import Transaction
from shared.errors import FieldError, InvalidError

F = FulfilmentState


async def read_fulfilments(tx: Transaction, wanted: WorkFilter) -> FulfilmentsAnswer:
    """Read a page of fulfilment orders by cut-off, each with the reason why it is where it is."""
    rows = await queries.list_page(tx, wanted)
    around = await queries.read_circumstances(tx, rows)
    last = rows[-1] if len(rows) == wanted.limit else None
    return FulfilmentsAnswer(
        data=[_show(row, around, tx.now) for row in rows],
        next_cursor=write_cursor([last.cut_off_at.isoformat(), str(last.id)]) if last is not None else None,
    )


def read_place(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Read where a page of fulfilment orders starts; raises InvalidError for a cursor that is none of ours."""
    if cursor is None:
        return None
    moment, last = read_cursor(cursor, ["", ""])
    try:
        return datetime.fromisoformat(str(moment)).astimezone(UTC), UUID(str(last))
    except (ValueError, OverflowError):
        error = FieldError("/query/cursor", "invalid_cursor", "not a cursor of this list: start without one")
        raise InvalidError("the cursor cannot be read", errors=(error,)) from None


async def read_order_work(tx: Transaction, order_id: UUID) -> OrderWorkAnswer:
    """Read all the warehouse has about one order; raises OrderNotInWarehouseError."""
    order = await queries.get_order(tx, order_id)
    if order is None:
        raise OrderNotInWarehouseError(f"order {order_id} was not released to the warehouse")
    rows = await queries.list_of_order(tx, order_id)
    around = await queries.read_circumstances(tx, rows)
    lists = await queries.lists_of(tx, [row.id for row in rows])
    return OrderWorkAnswer(
        order_id=order_id,
        number=order.number,
        reference=order.reference,
        service_level=order.service_level,
        ship_by=order.ship_by,
        holds=order.holds,
        fulfilments=[_show(row, around, tx.now) for row in rows],
        lists=[
            ListSummary(**{**dict(r), "due_at": PICK_LIST.due_at(ListState(r["state"]), r["active_at"] or r["since"])})
            for r in lists
        ],
        parcels=await show_parcels(tx, await parcel_queries.list_of_order(tx, order_id)),
        shortfalls=[
            ShortfallAnswer(
                line_id=s.line_id, sku=s.sku, quantity=s.quantity, missing=s.missing, state=ShortfallState(s.state),
                opened_at=s.opened_at,
            )
            for s in await queries.shortfalls_of(tx, order_id)
        ],
    )  # fmt: skip


def _show(row: Fulfilment, around: Circumstances, now: datetime) -> FulfilmentAnswer:
    tasks = around.tasks.get(row.id, [])
    progress = progress_of(row)
    unfinished = row.state not in {F.HANDED_OVER, F.CANCELLED}
    return FulfilmentAnswer(
        id=row.id, order_id=row.order_id, number=row.number, location=row.location, release_no=row.release_no,
        part=row.part, state=F(row.state), since=row.since, due_at=progress.due_at, cut_off_at=row.cut_off_at,
        late=unfinished and row.cut_off_at < now, why=_why(row, around), unblock=progress.unblock,
        missing=row.missing, totes=around.totes.get(row.id, []),
        lines=_show_lines(tasks),
    )  # fmt: skip


def _show_lines(tasks: Sequence[PickTask]) -> list[WorkLine]:
    """Sum the tasks of each line: a line that got units again has several."""
    by_line: dict[UUID, list[PickTask]] = {}
    for task in tasks:
        by_line.setdefault(task.line_id, []).append(task)
    return [
        WorkLine(
            line_id=line_id, sku=own[0].sku, quantity=sum(t.live for t in own),
            picked=sum(t.picked - t.put_back - t.damaged for t in own), packed=sum(t.packed for t in own),
            handed_over=sum(t.handed_over for t in own), put_back_due=sum(t.put_back_due for t in own),
            shorted=sum(t.shorted for t in own),
        )
        for line_id, own in by_line.items()
    ]  # fmt: skip


def _why(row: Fulfilment, around: Circumstances) -> str:
    """Say in plain words what a fulfilment order waits for."""
    tasks = around.tasks.get(row.id, [])
    if row.state == F.ON_HOLD:
        return f"on hold: {', '.join(around.holds.get(row.order_id, []))}"
    if row.state == F.CANCEL_REQUESTED:
        return f"to be put back: {_units(sum(t.put_back_due for t in tasks))}, cancelled"
    if row.state == F.INCOMPLETE:
        skus = ", ".join(sorted({t.sku for t in tasks if t.shorted or t.damaged}))
        return f"{_units(row.missing)} without stock ({skus})"
    if row.state == F.PACKED:
        return _why_packed_stays(around.parcels.get(row.id, []))
    return str(row.state) if row.state in {F.HANDED_OVER, F.CANCELLED} else _why_unpacked(row, around)


def _why_unpacked(row: Fulfilment, around: Circumstances) -> str:
    tasks = around.tasks.get(row.id, [])
    if unpicked := sum(t.unpicked for t in tasks):
        picker = around.pickers.get(row.id)
        return f"{_units(unpicked)} to pick, {f'{picker} is on it' if picker else 'nobody is on it'}"
    return f"{_units(sum(t.live - t.packed for t in tasks))} to pack"


def _units(count: int) -> str:
    return "1 unit" if count == 1 else f"{count} units"


def _why_packed_stays(parcels: list[Parcel]) -> str:
    waiting = [p for p in parcels if p.state != ParcelState.HANDED_OVER]
    for parcel in waiting:
        if parcel.label_state == LabelState.FAILED:
            return f"the carrier refused parcel {parcel.parcel_no}: {parcel.label_problem}"
        if parcel.label_state != LabelState.LIVE:
            return f"parcel {parcel.parcel_no} waits for its label ({parcel.label_state})"
    return "its parcel waits for the truck" if len(waiting) == 1 else f"{len(waiting)} parcels wait for the truck"
