"""Labels at the bench: shipping is asked for them, its facts say whether they live, a scan stages the parcel."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from services.inventory.actions.parcel_views import read_parcel, show_parcel
from services.inventory.actions.parcels import check_not_held, get_bench, lose_label, move
from services.inventory.errors import ParcelNotFoundError, VoidFirstError, WrongParcelStateError
from services.inventory.models.warehouse import Parcel
from services.inventory.queries import parcels as queries
from services.inventory.queries.fulfilments import lock_work
from services.inventory.schemas.packing import LabelAnswer, ParcelAnswer, PrintedLabel, Stage
from services.inventory.states.warehouse import CLOSED_PARCELS, LabelState, ParcelState
from shared.auth import Role, mint_token
from shared.db import Database, Transaction
from shared.errors import PausedError, UnavailableError
from shared.events.base import Received
from shared.events.shipping import BookingFailed, BookingUnknown, LabelVoidRequested, ShipmentBooked, ShippingEvent
from shared.http import HttpAnswerLostError, HttpClient, HttpStatusError, HttpUnavailableError
from shared.settings import platform

P = ParcelState
Fact = TypeVar("Fact", bound=ShippingEvent)
LABEL_WAIT_SECONDS = 10
_PATIENCE_SECONDS = LABEL_WAIT_SECONDS + 1.0  # who stands at the bench is not kept longer by a shipping that hangs
_NOT_YET = frozenset({404, 409})
_CONFLICT = 409


@lru_cache(maxsize=1)
def _shipping() -> HttpClient:
    return HttpClient("shipping", platform().shipping_url, timeout_seconds=_PATIENCE_SECONDS)


def _authorization() -> dict[str, str]:
    token = mint_token(platform().service_private_key.get_secret_value(), subject="inventory", role=Role.SERVICE)
    return {"Authorization": f"Bearer {token}"}


async def ask_for_label(parcel_id: UUID, *, wait_seconds: int) -> PrintedLabel | None:
    """Ask shipping to buy a parcel's label and wait; None while there is none. Outside any transaction.

    Raises PausedError while an operator keeps labels from being bought, and UnavailableError.
    """
    try:
        answer = await _shipping().request(
            "POST",
            f"/internal/parcels/{parcel_id}/label",
            params={"wait": str(wait_seconds)},
            headers=_authorization(),
        )
    except HttpStatusError as error:
        if error.status in _NOT_YET:
            return None
        if isinstance(error.body, dict) and error.body.get("code") == PausedError.code:
            raise PausedError("an operator has paused the buying of labels; ask again") from error
        raise UnavailableError("shipping cannot give a label now; ask again") from error
    except (HttpUnavailableError, HttpAnswerLostError) as error:
        raise UnavailableError("shipping does not answer; the label is bought as soon as it is back") from error
    return PrintedLabel.model_validate(answer.json())


async def get_labelled(database: Database, parcel_id: UUID) -> Parcel | None:
    """Read a parcel whose label lives or may come to live; None when there is no label to give back."""
    async with database.transaction() as tx:
        parcel = (await queries.get_parcels(tx, [parcel_id])).get(parcel_id)
    if parcel is None or parcel.state not in CLOSED_PARCELS or parcel.label_state == LabelState.VOIDED:
        return None
    return parcel


async def void_before_reopening(labelled: Parcel | None, reason: str) -> bool:
    """Have shipping give the label of a closed parcel back, once per version; says whether it agreed.

    Raises VoidFirstError and UnavailableError.
    """
    if labelled is None:
        return False
    await _ask_for_void(labelled, reason)
    return True


async def _ask_for_void(parcel: Parcel, reason: str) -> None:
    try:
        await _shipping().request(
            "POST",
            f"/internal/parcels/{parcel.id}/void",
            json={"reason": reason},
            headers={**_authorization(), "Idempotency-Key": f"reopen:{parcel.id}:{parcel.version}"},
        )
    except HttpStatusError as error:
        if error.status == _CONFLICT and isinstance(error.body, dict) and error.body.get("code") == "nothing_to_void":
            return
        raise VoidFirstError(f"shipping cannot give the label back yet: {error}") from error
    except (HttpUnavailableError, HttpAnswerLostError) as error:
        raise UnavailableError("shipping does not answer: its label cannot be given back now") from error


async def show_waiting(database: Database, parcel_id: UUID) -> LabelAnswer:
    """Answer the bench that the label is not here yet; raises ParcelNotFoundError and WrongParcelStateError."""
    async with database.transaction() as tx:
        return LabelAnswer(parcel=await show_parcel(tx, await _lock_closed(tx, parcel_id)), label=None)


async def attach_label(tx: Transaction, parcel_id: UUID, label: PrintedLabel) -> LabelAnswer:
    """Note a label that shipping gave and answer the bench; raises ParcelNotFoundError and WrongParcelStateError."""
    parcel = await _lock_closed(tx, parcel_id)
    was_voided = _was_voided(parcel, label.tracking_number)
    if parcel.state == P.CLOSED and not was_voided:
        parcel.shipment_id = label.shipment_id
        _go_live(tx, parcel, (label.carrier, label.service, label.tracking_number))
        await queries.save_parcels(tx, [parcel])
    return LabelAnswer(parcel=await show_parcel(tx, parcel), label=None if was_voided else label)


async def _lock_closed(tx: Transaction, parcel_id: UUID) -> Parcel:
    parcel = (await get_bench(tx, parcel_id)).parcel
    if parcel.state in {P.OPEN, P.VERIFIED, P.DISCARDED}:
        raise WrongParcelStateError(f"the parcel is {parcel.state}: close it before its label is printed")
    return parcel


async def read_label(database: Database, parcel_id: UUID) -> LabelAnswer:
    """Read a parcel and its label as they are; raises ParcelNotFoundError and UnavailableError."""
    async with database.transaction() as tx:
        parcel = await read_parcel(tx, parcel_id)
    live = parcel.label.state is LabelState.LIVE
    return LabelAnswer(parcel=parcel, label=await ask_for_label(parcel_id, wait_seconds=0) if live else None)


async def stage_parcel(tx: Transaction, scan: Stage) -> ParcelAnswer:
    """Note by the scan of its label that a parcel lies in the carrier's lane.

    Raises ParcelNotFoundError, OnHoldError and WrongParcelStateError.
    """
    found = (await queries.find_by_numbers(tx, [scan.tracking_number])).get(scan.tracking_number)
    if found is None or found.location != scan.location:
        raise ParcelNotFoundError(f"no parcel at {scan.location} has the tracking number {scan.tracking_number}")
    bench = await get_bench(tx, found.id)
    check_not_held(bench.work)
    if bench.parcel.state != P.STAGED:
        move(bench.parcel, P.STAGED, tx)
        await queries.save_parcels(tx, [bench.parcel])
    return await show_parcel(tx, bench.parcel)


async def note_labels(tx: Transaction, events: Sequence[Received[ShipmentBooked]]) -> None:
    """Learn that labels were bought: their parcels are labelled, also when nobody waits at the bench."""

    def note(parcel: Parcel, fact: ShipmentBooked) -> None:
        if parcel.state != P.HANDED_OVER:
            parcel.shipment_id = fact.shipment_id
            _go_live(tx, parcel, (fact.carrier, fact.service, fact.tracking_number))

    await _note(tx, events, note)


async def note_failures(tx: Transaction, events: Sequence[Received[BookingFailed]]) -> None:
    """Learn that the carrier refused parcels: a person mends what it says."""

    def note(parcel: Parcel, fact: BookingFailed) -> None:
        if parcel.label_state != LabelState.LIVE:
            parcel.label_state, parcel.label_problem = LabelState.FAILED.value, f"{fact.code}: {fact.reason}"[:500]

    await _note(tx, events, note)


async def note_unknown(tx: Transaction, events: Sequence[Received[BookingUnknown]]) -> None:
    """Learn that the carrier's answer was lost: the label may or may not be bought."""

    def note(parcel: Parcel, _fact: BookingUnknown) -> None:
        if parcel.label_state == LabelState.ASKED:
            parcel.label_state = LabelState.UNKNOWN.value

    await _note(tx, events, note)


async def note_voids(tx: Transaction, events: Sequence[Received[LabelVoidRequested]]) -> None:
    """Learn that labels are no longer live: their parcels do not leave with them."""

    def note(parcel: Parcel, fact: LabelVoidRequested) -> None:
        if parcel.tracking_number in {"", fact.tracking_number}:
            parcel.tracking_number = fact.tracking_number
            lose_label(parcel, tx)

    await _note(tx, events, note)


async def _note(tx: Transaction, events: Sequence[Received[Fact]], note: Callable[[Parcel, Fact], None]) -> None:
    await lock_work(tx, {event.event.order_id for event in events})
    found = await queries.get_parcels(tx, {event.event.parcel_id for event in events})
    changed = [(found[e.event.parcel_id], e.event) for e in events if e.event.parcel_id in found]
    for parcel, fact in changed:
        note(parcel, fact)
    await queries.save_parcels(tx, [parcel for parcel, _ in changed])


def _was_voided(parcel: Parcel, tracking_number: str) -> bool:
    return parcel.label_state == LabelState.VOIDED and parcel.tracking_number == tracking_number


def _go_live(tx: Transaction, parcel: Parcel, label: tuple[str, str, str]) -> None:
    parcel.carrier, parcel.service, parcel.tracking_number = label
    parcel.label_state, parcel.label_problem = LabelState.LIVE.value, ""
    if parcel.state == P.CLOSED:
        move(parcel, P.LABELLED, tx)
