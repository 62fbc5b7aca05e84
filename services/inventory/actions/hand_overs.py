"""Hand-over: the dispatch scan is the last gate; what may not leave is refused with the reason, the rest leaves."""

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from prometheus_client import Counter

from services.inventory.actions import fulfilments, reservations
from services.inventory.actions.parcels import get_bench, move
from services.inventory.errors import NothingHandedOverError
from services.inventory.models.warehouse import Fulfilment, HandOver, Parcel, ParcelContent
from services.inventory.queries import parcels as queries
from services.inventory.queries.fulfilments import Work, lock_work
from services.inventory.queries.reservations import Units, lock_orders
from services.inventory.schemas.packing import Accepted, HandOverAnswer, HandOverParcels, Refused
from services.inventory.states.warehouse import CLOSED_PARCELS, LabelState, ParcelState
from shared.audit import audit
from shared.db import Transaction
from shared.events.base import LineCount
from shared.events.inventory import ParcelHandedOver
from shared.ids import new_id

HANDED_OVER = Counter("doorstep_parcels_handed_over", "Parcels that left", ["location", "carrier"])
P = ParcelState
Reason = tuple[str, str]


async def hand_over(tx: Transaction, wanted: HandOverParcels, actor: str) -> HandOverAnswer:
    """Hand parcels over to a carrier; raises NothingHandedOverError when every one was refused."""
    named, unknown = await _find(tx, wanted)
    order_ids = {parcel.order_id for parcel in named}
    await lock_orders(tx, order_ids)
    works = await lock_work(tx, order_ids)
    locked = await queries.get_parcels(tx, [parcel.id for parcel in named])
    refused = list(unknown)
    leaving: list[Parcel] = []
    for parcel in (locked[p.id] for p in named):
        reason = _why_not(parcel, works[parcel.order_id], wanted)
        if reason is None:
            leaving.append(parcel)
        else:
            refused.append(_refuse(parcel, reason))
    if not leaving:
        raise NothingHandedOverError(
            f"no parcel may leave: {'; '.join(r.detail for r in refused[:5])}",
            extra={"refused": [r.model_dump(mode="json") for r in refused]},
        )
    row = HandOver(
        id=new_id(), location=wanted.location, carrier=wanted.carrier, manifest=wanted.manifest, actor=actor, at=tx.now
    )
    await queries.insert_hand_over(tx, row)
    await _let_go(tx, row, works, leaving)
    tx.after_commit(partial(HANDED_OVER.labels(row.location, row.carrier).inc, len(leaving)))
    accepted = [Accepted(parcel_id=p.id, order_id=p.order_id, tracking_number=p.tracking_number) for p in leaving]
    return HandOverAnswer(hand_over_id=row.id, accepted=accepted, refused=refused)


async def note_departure(tx: Transaction, parcel_id: UUID, reason: str, actor: str) -> HandOverAnswer:
    """Record a parcel that left without our scan, as the carrier's scans or the customer show.

    It is gone, so neither its label nor a hold keeps it; units cancelled meanwhile are first put back in the books.
    Raises ParcelNotFoundError and NothingHandedOverError.
    """
    bench = await get_bench(tx, parcel_id)
    parcel, work = bench.parcel, bench.work
    refused = _why_not_gone(parcel, work, bench.fulfilment)
    if refused is not None:
        raise NothingHandedOverError(refused[1], extra={"refused": [_refuse(parcel, refused).model_dump(mode="json")]})
    row = HandOver(id=new_id(), location=parcel.location, carrier=parcel.carrier, manifest="", actor=actor, at=tx.now)
    await queries.insert_hand_over(tx, row)
    await _let_go(tx, row, {parcel.order_id: work}, [parcel])
    await audit(tx, actor=actor, act="note_departure", subject=str(parcel.id), reason=reason)
    tx.after_commit(HANDED_OVER.labels(row.location, row.carrier).inc)
    gone = Accepted(parcel_id=parcel.id, order_id=parcel.order_id, tracking_number=parcel.tracking_number)
    return HandOverAnswer(hand_over_id=row.id, accepted=[gone], refused=[])


async def _find(tx: Transaction, wanted: HandOverParcels) -> tuple[list[Parcel], list[Refused]]:
    """Find the named parcels, each once; those nobody packed are refused."""
    by_number = await queries.find_by_numbers(tx, wanted.tracking_numbers)
    by_id = await queries.get_parcels(tx, wanted.parcel_ids)
    scanned = [by_number.get(number) for number in wanted.tracking_numbers]
    named = [by_id.get(parcel_id) for parcel_id in wanted.parcel_ids]
    found = {parcel.id: parcel for parcel in [*scanned, *named] if parcel is not None}
    unknown = [
        Refused(parcel_id=None, tracking_number=number, code="unknown_parcel", detail=f"nobody packed {number}")
        for number in dict.fromkeys(wanted.tracking_numbers)
        if number not in by_number
    ]
    unknown += [
        Refused(parcel_id=parcel_id, tracking_number="", code="unknown_parcel", detail=f"nobody packed {parcel_id}")
        for parcel_id in dict.fromkeys(wanted.parcel_ids)
        if parcel_id not in by_id
    ]
    return list(found.values()), unknown


def _refuse(parcel: Parcel, reason: Reason) -> Refused:
    code, detail = reason
    return Refused(parcel_id=parcel.id, tracking_number=parcel.tracking_number, code=code, detail=detail)


def _why_not(parcel: Parcel, work: Work, wanted: HandOverParcels) -> Reason | None:
    """Say why a parcel must not leave; None lets it go."""
    name = _name(parcel, work)
    if parcel.location != wanted.location:
        return "other_location", f"{name} was packed at {parcel.location}, not at {wanted.location}"
    return (
        _why_gone_already(name, parcel)
        or _why_order_stays(name, work, work.fulfilment(parcel.fulfilment_id))
        or _why_label_stays(name, parcel, wanted.carrier)
        or _why_rest_is_missing(name, work, work.fulfilment(parcel.fulfilment_id))
    )


def _why_not_gone(parcel: Parcel, work: Work, fulfilment: Fulfilment) -> Reason | None:
    """Say why the books cannot let a parcel go that left without our scan; None lets them."""
    name = _name(parcel, work)
    if (gone := _why_gone_already(name, parcel)) is not None:
        return gone
    if parcel.state not in CLOSED_PARCELS or not parcel.tracking_number:
        return "not_closed", f"{name} is {parcel.state} and never had a label to travel with: close and label it first"
    return _why_units_stay(name, work, fulfilment)


def _name(parcel: Parcel, work: Work) -> str:
    return parcel.tracking_number or f"parcel {parcel.parcel_no} of order {work.order.number}"


def _why_gone_already(name: str, parcel: Parcel) -> Reason | None:
    return ("already_handed_over", f"{name} has left already") if parcel.state == P.HANDED_OVER else None


def _why_order_stays(name: str, work: Work, fulfilment: Fulfilment) -> Reason | None:
    if work.order.holds:
        return "on_hold", f"{name}: order {work.order.number} is on hold ({', '.join(work.order.holds)})"
    return _why_units_stay(name, work, fulfilment)


def _why_units_stay(name: str, work: Work, fulfilment: Fulfilment) -> Reason | None:
    if any(task.put_back_due for task in work.tasks_of(fulfilment.id)):
        return "open_cancellation", f"{name}: order {work.order.number} has units that were cancelled: put them back"
    return None


def _why_label_stays(name: str, parcel: Parcel, carrier: str) -> Reason | None:
    if parcel.state not in CLOSED_PARCELS:
        return "not_closed", f"{name} is {parcel.state}: close it first"
    if parcel.label_state != LabelState.LIVE or parcel.state == P.CLOSED:
        return "no_live_label", f"{name} has no live label ({parcel.label_state}): it would not arrive"
    if parcel.carrier.casefold() != carrier.casefold():
        return "other_carrier", f"{name} goes with {parcel.carrier}, this truck is {carrier}'s"
    return None


def _why_rest_is_missing(name: str, work: Work, fulfilment: Fulfilment) -> Reason | None:
    if work.order.ships_partially:
        return None
    missing = sum(f.missing for f in work.fulfilments)
    tasks = work.tasks_of(fulfilment.id)
    unpacked = sum(task.live - task.packed for task in tasks)
    if missing or unpacked:
        return "incomplete", f"{name}: order {work.order.number} ships whole, {missing + unpacked} units are not packed"
    return None


async def _let_go(tx: Transaction, row: HandOver, works: dict[UUID, Work], leaving: Sequence[Parcel]) -> None:
    """Let parcels leave: states, totals and stock, order by order in the sequence they were scanned."""
    contents: dict[UUID, list[ParcelContent]] = {}
    for content in await queries.contents_of(tx, [parcel.id for parcel in leaving]):
        contents.setdefault(content.parcel_id, []).append(content)
    units: list[Units] = []
    for parcel in leaving:
        work = works[parcel.order_id]
        move(parcel, P.HANDED_OVER, tx)
        parcel.hand_over_id = row.id
        for content in contents[parcel.id]:
            task = work.task(content.task_id)
            task.handed_over += content.quantity
            units.append(Units(task.order_id, task.line_id, task.sku, parcel.location, content.quantity))
        fulfilments.settle(work, tx.now)
        _publish(tx, work, parcel, contents[parcel.id], row.manifest)
    await fulfilments.settle_and_store(tx, works.values())
    await queries.save_parcels(tx, leaving)
    await reservations.consume(tx, _merge(units), document=f"hand_over:{row.id}", actor=row.actor)


def _publish(tx: Transaction, work: Work, parcel: Parcel, contents: Iterable[ParcelContent], manifest: str) -> None:
    sums: dict[tuple[UUID, str], int] = {}
    for content in contents:
        task = work.task(content.task_id)
        sums[task.line_id, task.sku] = sums.get((task.line_id, task.sku), 0) + content.quantity
    tx.publish(
        ParcelHandedOver(
            order_id=parcel.order_id, parcel_id=parcel.id, fulfilment_id=parcel.fulfilment_id,
            location=parcel.location,
            contents=tuple(LineCount(line_id=i, sku=sku, quantity=n) for (i, sku), n in sorted(sums.items())),
            handed_over=fulfilments.totals(work.tasks, lambda t: t.handed_over),
            tracking_number=parcel.tracking_number, manifest=manifest,
            progress=fulfilments.progress_of(work.fulfilment(parcel.fulfilment_id)),
        )
    )  # fmt: skip


def _merge(units: Iterable[Units]) -> list[Units]:
    sums: dict[tuple[UUID, UUID, str, str], int] = {}
    for unit in units:
        key = (unit.order_id, unit.line_id, unit.sku, unit.location)
        sums[key] = sums.get(key, 0) + unit.quantity
    return [Units(*key, quantity) for key, quantity in sums.items()]
