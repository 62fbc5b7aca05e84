"""Packing: units from the tote into a box, weighed, closed; opened again once the label is void."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.inventory.actions import fulfilments
from services.inventory.actions.parcel_views import expected_weight, is_suspicious, show_parcel, variance_of
from services.inventory.errors import (
    FulfilmentNotFoundError,
    IncompleteError,
    NothingToPackError,
    OnHoldError,
    OverScanError,
    ParcelNotFoundError,
    UnitsCancelledError,
    VoidFirstError,
    WrongItemError,
    WrongParcelStateError,
)
from services.inventory.models.warehouse import Fulfilment, Parcel, ParcelContent, PickTask
from services.inventory.queries import orders, skus
from services.inventory.queries import parcels as queries
from services.inventory.queries.fulfilments import Work, lock_work
from services.inventory.schemas.packing import Packed, PackParcel, ParcelAnswer, Weighing
from services.inventory.states.warehouse import CLOSED_PARCELS, PARCEL, LabelState, ParcelState
from shared.audit import audit
from shared.db import Transaction
from shared.events.base import Destination, LineCount
from shared.events.inventory import ParcelClosed, ParcelReopened
from shared.ids import new_id

P = ParcelState
Put = tuple[PickTask, int]


@dataclass(slots=True)
class AtBench:
    """A parcel with the work it belongs to, its order locked."""

    work: Work
    parcel: Parcel

    @property
    def fulfilment(self) -> Fulfilment:
        """The fulfilment order whose units are packed."""
        return self.work.fulfilment(self.parcel.fulfilment_id)


async def pack_parcel(tx: Transaction, fulfilment_id: UUID, wanted: PackParcel, packer: str) -> ParcelAnswer:
    """Put units into a new parcel; weigh and close it too if asked.

    Raises FulfilmentNotFoundError, OnHoldError, NothingToPackError, WrongItemError, OverScanError,
    UnitsCancelledError and IncompleteError.
    """
    order_id = await orders.order_of_fulfilment(tx, fulfilment_id)
    if order_id is None:
        raise FulfilmentNotFoundError(f"there is no fulfilment order {fulfilment_id}")
    work = (await lock_work(tx, [order_id]))[order_id]
    fulfilment = work.fulfilment(fulfilment_id)
    check_not_held(work)
    parcel = Parcel(
        id=new_id(), fulfilment_id=fulfilment_id, order_id=order_id, location=fulfilment.location, since=tx.now,
        parcel_no=await queries.next_number(tx, fulfilment_id), packer=packer,
    )  # fmt: skip
    await queries.insert_parcel(tx, parcel)
    bench = AtBench(work, parcel)
    tasks = work.tasks_of(fulfilment_id)
    puts = [(t, t.to_box) for t in tasks if t.to_box] if wanted.contents is None else []
    for scan in wanted.contents or []:
        puts.extend(await _find_units(tx, tasks, scan, puts))
    if not puts:
        raise NothingToPackError(f"nothing of order {work.order.number} lies in the tote to be packed")
    await _put(tx, bench, puts)
    if (weighing := wanted.weighing) is not None:
        await _weigh(tx, bench, weighing)
    if wanted.close:
        await _close(tx, bench)
    await fulfilments.settle_and_store(tx, [work])
    await queries.save_parcels(tx, [parcel])
    if wanted.close:
        await publish_closed(tx, bench)
    return await show_parcel(tx, parcel)


async def scan_into_parcel(tx: Transaction, parcel_id: UUID, scan: Packed) -> ParcelAnswer:
    """Put further units into an open parcel; raises as pack_parcel and WrongParcelStateError."""
    bench = await get_bench(tx, parcel_id)
    check_not_held(bench.work)
    if bench.parcel.state == P.VERIFIED:
        move(bench.parcel, P.OPEN, tx)
    if bench.parcel.state != P.OPEN:
        raise WrongParcelStateError(f"the parcel is {bench.parcel.state}: open it again first")
    tasks = bench.work.tasks_of(bench.parcel.fulfilment_id)
    await _put(tx, bench, await _find_units(tx, tasks, scan, []))
    return await _stored(tx, bench)


async def weigh_parcel(tx: Transaction, parcel_id: UUID, weighing: Weighing) -> ParcelAnswer:
    """Weigh and measure a parcel; the answer warns when the weight does not fit the contents."""
    bench = await get_bench(tx, parcel_id)
    if bench.parcel.state == P.VERIFIED:
        move(bench.parcel, P.OPEN, tx)
    await _weigh(tx, bench, weighing)
    return await _stored(tx, bench)


async def close_parcel(tx: Transaction, parcel_id: UUID) -> ParcelAnswer:
    """Close a weighed parcel; raises OnHoldError, IncompleteError, UnitsCancelledError and WrongParcelStateError."""
    bench = await get_bench(tx, parcel_id)
    check_not_held(bench.work)
    await _close(tx, bench)
    answer = await _stored(tx, bench)
    await publish_closed(tx, bench)
    return answer


@dataclass(frozen=True, slots=True)
class Reopened:
    """Which parcel is opened again, why and by whom; `voided` says that shipping has given its label back."""

    parcel_id: UUID
    voided: bool
    reason: str
    actor: str


async def reopen_parcel(tx: Transaction, wanted: Reopened) -> ParcelAnswer:
    """Open a closed parcel again; raises VoidFirstError while its label is, or may become, live."""
    bench = await get_bench(tx, wanted.parcel_id)
    parcel = bench.parcel
    if parcel.state not in CLOSED_PARCELS:
        raise WrongParcelStateError(f"the parcel is {parcel.state}: only a closed one is opened again")
    if wanted.voided:
        lose_label(parcel, tx)
    if parcel.label_state != LabelState.VOIDED:
        raise VoidFirstError("the label of this parcel is live or being bought: it must be voided before it is opened")
    move(parcel, P.OPEN, tx)
    parcel.label_state = LabelState.NONE.value
    for task, count in await _contents(tx, bench):
        task.packed -= count
    await audit(tx, actor=wanted.actor, act="reopen_parcel", subject=str(parcel.id), reason=wanted.reason)
    answer = await _stored(tx, bench)
    tx.publish(
        ParcelReopened(
            order_id=parcel.order_id, parcel_id=parcel.id, fulfilment_id=parcel.fulfilment_id,
            location=parcel.location, packed=fulfilments.totals(bench.work.tasks, lambda t: t.packed),
            progress=fulfilments.progress_of(bench.fulfilment),
        )
    )  # fmt: skip
    return answer


async def discard_parcel(tx: Transaction, parcel_id: UUID) -> ParcelAnswer:
    """Lay the contents of an open parcel back into the tote; raises WrongParcelStateError."""
    bench = await get_bench(tx, parcel_id)
    if bench.parcel.state not in {P.OPEN, P.VERIFIED}:
        raise WrongParcelStateError(f"the parcel is {bench.parcel.state}: open it again first")
    move(bench.parcel, P.DISCARDED, tx)
    for task, count in await _contents(tx, bench):
        task.boxed -= count
    return await _stored(tx, bench)


async def get_bench(tx: Transaction, parcel_id: UUID) -> AtBench:
    """Lock a parcel's order and read both; raises ParcelNotFoundError."""
    order_id = await orders.order_of_parcel(tx, parcel_id)
    if order_id is None:
        raise ParcelNotFoundError(f"there is no parcel {parcel_id}")
    work = (await lock_work(tx, [order_id]))[order_id]
    return AtBench(work, (await queries.get_parcels(tx, [parcel_id]))[parcel_id])


def check_not_held(work: Work) -> None:
    """Raise OnHoldError while anything holds the order."""
    if work.order.holds:
        raise OnHoldError(f"order {work.order.number} is on hold ({', '.join(work.order.holds)}): put it aside")


def move(parcel: Parcel, to: ParcelState, tx: Transaction) -> None:
    """Move a parcel to another state; raises WrongParcelStateError when the table does not allow it."""
    if not PARCEL.allows(P(parcel.state), to):
        raise WrongParcelStateError(f"the parcel is {parcel.state}: it cannot become {to} now")
    parcel.state, parcel.since = to.value, tx.now


def lose_label(parcel: Parcel, tx: Transaction) -> None:
    """Note that a parcel's label is no longer live; a labelled or staged parcel is merely closed again."""
    parcel.label_state = LabelState.VOIDED.value
    if parcel.state in {P.LABELLED, P.STAGED}:
        move(parcel, P.CLOSED, tx)


async def _stored(tx: Transaction, bench: AtBench) -> ParcelAnswer:
    await fulfilments.settle_and_store(tx, [bench.work])
    await queries.save_parcels(tx, [bench.parcel])
    return await show_parcel(tx, bench.parcel)


async def _contents(tx: Transaction, bench: AtBench) -> list[Put]:
    return [(bench.work.task(c.task_id), c.quantity) for c in await queries.contents_of(tx, [bench.parcel.id])]


async def _put(tx: Transaction, bench: AtBench, puts: Iterable[Put]) -> None:
    listed = list(puts)
    for task, count in listed:
        task.boxed += count
    await queries.add_contents(
        tx, [ParcelContent(parcel_id=bench.parcel.id, task_id=task.id, quantity=count) for task, count in listed]
    )


async def _find_units(tx: Transaction, tasks: Sequence[PickTask], scan: Packed, taken: Sequence[Put]) -> list[Put]:
    """Find scanned units in the tote; `taken` are those this request has put into the parcel before."""
    found = await skus.find_by_barcode(tx, scan.barcode)
    sku, per_scan = found if found is not None else ("", 0)
    own = [task for task in tasks if task.sku == sku]
    if not own:
        raise WrongItemError(f"{scan.barcode} does not belong to this order: take it out of the tote")
    left = scan.quantity * per_scan
    puts: list[Put] = []
    for task in own:
        count = min(left, task.to_box - sum(n for t, n in taken if t.id == task.id))
        if count > 0:
            puts.append((task, count))
            left -= count
    if left and any(task.put_back_due for task in own):
        raise UnitsCancelledError(f"{left} units of {sku} were cancelled: put them back on their shelf")
    if left:
        raise OverScanError(f"{left} units of {sku} more than lie in the tote for this order")
    return puts


async def _weigh(tx: Transaction, bench: AtBench, weighing: Weighing) -> None:
    parcel = bench.parcel
    move(parcel, P.VERIFIED, tx)
    lines = (await queries.content_lines(tx, [parcel.id])).get(parcel.id, [])
    parcel.weight_grams, parcel.tare_grams = weighing.weight_grams, weighing.tare_grams
    parcel.length_mm, parcel.width_mm, parcel.height_mm = weighing.length_mm, weighing.width_mm, weighing.height_mm
    parcel.expected_grams = expected_weight(lines)


async def _close(tx: Transaction, bench: AtBench) -> None:
    order = bench.work.order
    missing = sum(f.missing for f in bench.work.fulfilments)
    if missing and not order.ships_partially:
        raise IncompleteError(f"order {order.number} ships whole and waits for {missing} units: keep it open")
    puts = await _contents(tx, bench)
    if any(task.put_back_due for task, _ in puts):
        raise UnitsCancelledError("units in this parcel were cancelled: take them out and put them back first")
    move(bench.parcel, P.CLOSED, tx)
    bench.parcel.label_state, bench.parcel.label_problem = LabelState.ASKED.value, ""
    for task, count in puts:
        task.packed += count


async def publish_closed(tx: Transaction, bench: AtBench) -> None:
    """Tell that a parcel is closed: shipping buys its label now."""
    parcel, order = bench.parcel, bench.work.order
    lines = (await queries.content_lines(tx, [parcel.id]))[parcel.id]
    tx.publish(
        ParcelClosed(
            order_id=parcel.order_id, parcel_id=parcel.id, fulfilment_id=parcel.fulfilment_id,
            location=parcel.location,
            contents=tuple(LineCount(line_id=c.line_id, sku=c.sku, quantity=c.quantity) for c in lines),
            packed=fulfilments.totals(bench.work.tasks, lambda t: t.packed), weight_grams=parcel.weight_grams or 0,
            length_mm=parcel.length_mm or 0, width_mm=parcel.width_mm or 0, height_mm=parcel.height_mm or 0,
            service_level=order.service_level,
            destination=Destination(country_code=order.country_code, postal_zone=order.postal_zone),
            cut_off_at=bench.fulfilment.cut_off_at,
            weight_variance_grams=(variance_of(parcel) or 0) if is_suspicious(parcel) else 0,
            progress=fulfilments.progress_of(bench.fulfilment),
        )
    )  # fmt: skip
