"""Inbounds: deliveries announced, arrived, received and closed with what came over and short."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.inventory.actions.effects import request_snapshots
from services.inventory.errors import (
    InboundClosedError,
    InboundNotFoundError,
    UnknownLocationError,
    UnknownSkuError,
    WrongLocationError,
)
from services.inventory.queries import inbounds, locations, reservations, skus
from services.inventory.queries.inbounds import Inbound, InboundFilter
from services.inventory.schemas.stock import AnnounceInbound, Reschedule, Transfer
from services.inventory.schemas.stock_answers import InboundAnswer, InboundLineAnswer, InboundList
from services.inventory.states.stock import INBOUNDS, InboundState
from shared.audit import audit
from shared.db import Transaction
from shared.errors import FieldError
from shared.events.inventory import InboundAnnounced, InboundReceived
from shared.ids import new_id


async def announce_inbound(tx: Transaction, body: AnnounceInbound) -> InboundAnswer:
    """Announce a delivery; backorders get their date from it. Raises UnknownSkuError, UnknownLocationError."""
    wanted: dict[str, int] = {}
    for line in body.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    unknown = await skus.unknown_skus(tx, wanted)
    if unknown:
        errors = tuple(
            FieldError(f"/lines/{number}/sku", "unknown_sku", f"no SKU {line.sku}")
            for number, line in enumerate(body.lines)
            if line.sku in unknown
        )
        raise UnknownSkuError("some SKUs do not exist: save them first", errors=errors)
    if await locations.unknown_locations(tx, [body.location]):
        error = FieldError("/location", "unknown_location", f"no location {body.location}")
        raise UnknownLocationError(error.detail, errors=(error,))
    return await _announce(tx, _inbound(tx, (body.kind, body.location, None), body.reference, body.expected_at), wanted)


async def announce_transfer(tx: Transaction, body: Transfer, wanted: Mapping[str, int]) -> InboundAnswer:
    """Announce at the target what is leaving the source."""
    return await _announce(
        tx, _inbound(tx, ("transfer", body.target, body.source), body.reference, body.expected_at), wanted
    )


def _inbound(tx: Transaction, route: tuple[str, str, str | None], reference: str, expected_at: datetime) -> Inbound:
    kind, location, source = route
    return Inbound(new_id(), kind, InboundState.ANNOUNCED, location, source, reference, expected_at, tx.now)


async def _announce(tx: Transaction, inbound: Inbound, wanted: Mapping[str, int]) -> InboundAnswer:
    await inbounds.insert_inbound(tx, inbound, sorted(wanted.items()))
    _tell(tx, inbound, sorted(wanted.items()))
    await _supply_changed(tx, inbound.location, wanted.keys())
    return await show_inbound(tx, inbound.id)


def _tell(tx: Transaction, inbound: Inbound, lines: Sequence[tuple[str, int]]) -> None:
    for sku, quantity in lines:
        tx.publish(
            InboundAnnounced(
                sku=sku,
                inbound_id=inbound.id,
                location=inbound.location,
                quantity=quantity,
                expected_at=inbound.expected_at,
            )
        )


async def _supply_changed(tx: Transaction, location: str, codes: Collection[str]) -> None:
    """Have dates of backorders and of availability worked out again."""
    await reservations.mark_for_refill(tx, codes)
    await request_snapshots(tx, {(sku, location) for sku in codes})


async def receive_against(tx: Transaction, inbound_id: UUID, units: Sequence[tuple[str, str, int]]) -> str:
    """Note (SKU, location, quantity) received for an inbound; it closes when all has come. Gives its kind.

    Raises InboundNotFoundError, InboundClosedError, WrongLocationError.
    """
    inbound = await _lock(tx, inbound_id)
    if inbound.state is InboundState.CLOSED:
        raise InboundClosedError("this inbound is closed; receive without it, or announce another")
    wrong = tuple(
        FieldError(f"/lines/{number}/location", "wrong_location", f"this inbound comes to {inbound.location}")
        for number, (_, location, _) in enumerate(units)
        if location != inbound.location
    )
    if wrong:
        raise WrongLocationError("an inbound is received where it was announced", errors=wrong)
    totals: dict[str, int] = {}
    for sku, _, quantity in units:
        totals[sku] = totals.get(sku, 0) + quantity
    for sku, received in await inbounds.add_received(tx, inbound_id, sorted(totals.items())):
        tx.publish(InboundReceived(sku=sku, inbound_id=inbound_id, location=inbound.location, quantity=received))
    complete = await inbounds.is_complete(tx, inbound_id)
    if complete or inbound.state is not InboundState.RECEIVING:
        await _move(tx, inbound, InboundState.CLOSED if complete else InboundState.RECEIVING)
    return inbound.kind


async def arrive(tx: Transaction, inbound_id: UUID) -> InboundAnswer:
    """Note that a delivery stands at the dock; saying so twice is one. Raises InboundNotFoundError."""
    inbound = await _lock(tx, inbound_id)
    if inbound.state is InboundState.ANNOUNCED:
        await _move(tx, inbound, InboundState.ARRIVED)
    return await show_inbound(tx, inbound_id)


async def close(tx: Transaction, inbound_id: UUID) -> InboundAnswer:
    """Close an inbound: nothing more will come; over and short stand on its lines. Raises InboundNotFoundError."""
    inbound = await _lock(tx, inbound_id)
    if inbound.state is not InboundState.CLOSED:
        await _move(tx, inbound, InboundState.CLOSED)
        lines = await inbounds.list_lines(tx, [inbound_id])
        await _supply_changed(tx, inbound.location, {row["sku"] for row in lines})
    return await show_inbound(tx, inbound_id)


async def reschedule(tx: Transaction, inbound_id: UUID, body: Reschedule, actor: str) -> InboundAnswer:
    """Change when an inbound is expected; backorders' dates follow. Raises InboundNotFoundError, InboundClosedError."""
    inbound = await _lock(tx, inbound_id)
    if inbound.state is InboundState.CLOSED:
        raise InboundClosedError("this inbound is closed: it has no date any more")
    await inbounds.set_expected_at(tx, inbound_id, body.expected_at)
    change = (inbound.expected_at.isoformat(), body.expected_at.isoformat())
    await audit(tx, actor=actor, act="reschedule", subject=f"inbound:{inbound_id}", reason=body.reason, change=change)
    answer = await show_inbound(tx, inbound_id)
    _tell(tx, replace(inbound, expected_at=body.expected_at), [(line.sku, line.expected) for line in answer.lines])
    await _supply_changed(tx, inbound.location, {line.sku for line in answer.lines})
    return answer


async def _lock(tx: Transaction, inbound_id: UUID) -> Inbound:
    inbound = await inbounds.lock_inbound(tx, inbound_id)
    if inbound is None:
        raise InboundNotFoundError(f"there is no inbound {inbound_id}")
    return inbound


async def _move(tx: Transaction, inbound: Inbound, state: InboundState) -> None:
    INBOUNDS.check(inbound.state, state)
    await inbounds.move_inbound(tx, inbound, state)


async def show_inbound(tx: Transaction, inbound_id: UUID) -> InboundAnswer:
    """Show an inbound with its lines; raises InboundNotFoundError."""
    found = await show_inbounds(tx, InboundFilter([inbound_id], None, None, 1))
    if not found.data:
        raise InboundNotFoundError(f"there is no inbound {inbound_id}")
    return found.data[0]


async def show_inbounds(tx: Transaction, wanted: InboundFilter) -> InboundList:
    """Show inbounds with their lines."""
    rows = await inbounds.list_inbounds(tx, wanted)
    lines: dict[UUID, list[InboundLineAnswer]] = {row.id: [] for row in rows}
    for line in await inbounds.list_lines(tx, lines):
        lines[line["inbound_id"]].append(InboundLineAnswer.model_validate(dict(line)))
    return InboundList(
        data=[
            InboundAnswer(
                id=row.id, kind=row.kind, state=row.state, location=row.location, source=row.source,
                reference=row.reference, expected_at=row.expected_at, since=row.since, lines=lines[row.id],
            )
            for row in rows
        ]
    )  # fmt: skip
