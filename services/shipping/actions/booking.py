"""Booking in two steps with a lost answer in mind: create, remember, buy; and the void of what was bought."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.shipping.actions import addresses
from services.shipping.actions.addresses import AddressAwayError, AddressMissingError
from services.shipping.carriers.base import (
    AlreadyBoughtError,
    CarrierError,
    CarrierRejectedError,
    CarrierShipment,
    Content,
    Label,
    LabelFormat,
    NotFoundAtCarrierError,
    ParcelSize,
    RefundStatus,
    ShipmentRequest,
)
from services.shipping.carriers.rating import choose_rate
from services.shipping.carriers.registry import carrier
from services.shipping.models import Step
from services.shipping.queries import labels as queries
from services.shipping.queries.labels import BOOKING_STEPS, SETTLING_STEPS, ClaimedJob
from services.shipping.settings import settings
from services.shipping.states import ShipmentStatus, due_at
from shared.db import Database, Transaction
from shared.jobs import lease_until
from shared.switches import paused_scopes

LEASE_SECONDS = 90
_CLOCK_MARGIN = timedelta(minutes=10)
_MAX_JOBS = 16
_CONVERSIONS = 5  # after so many failed ones a label is kept as it was bought: it can be printed all the same


class OvertakenError(Exception):
    """Nothing is bought: whoever claimed the call since has told the carrier of the parcel, or it needs no label."""


class CarrierPausedError(Exception):
    """Nothing is bought: only carriers that an operator paused take the parcel."""


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed call, and the database in which its first step is remembered before the second."""

    database: Database
    job: ClaimedJob


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What the bench prints."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """What a call brought: a bought shipment, a label file, or the state of a refund."""

    bought: CarrierShipment | None = None
    file: LabelFile | None = None
    refund: RefundStatus | None = None


async def claim_bookings(tx: Transaction, shipment_id: UUID | None = None) -> list[Work]:
    """Claim due calls of bookings, or the one of a shipment; none whose booking is paused."""
    works = await _claim(tx, BOOKING_STEPS, shipment_id)
    shipments = [work.job.shipment_id for work in works]
    await queries.start_booking(tx, shipments, due_at(ShipmentStatus.BOOKING, tx.now))
    return works


async def claim_settlements(tx: Transaction) -> list[Work]:
    """Claim due calls for labels that are bought: their file, their void, their refund."""
    return await _claim(tx, SETTLING_STEPS, None)


async def _claim(tx: Transaction, steps: tuple[Step, ...], shipment_id: UUID | None) -> list[Work]:
    jobs = await queries.claim_jobs(
        tx,
        lease=lease_until(LEASE_SECONDS),
        steps=steps,
        shipment_id=shipment_id,
        limit=1 if shipment_id is not None else _MAX_JOBS,
    )
    return [Work(tx.database, job) for job in jobs]


async def perform(work: Work) -> Done:
    """Make the claimed call, outside any transaction."""
    job = work.job
    match job.step:
        case Step.CREATE | Step.BUY:
            return await _book(work)
        case Step.FETCH_LABEL:
            printed = LabelFormat(job.format) if job.attempts < _CONVERSIONS else LabelFormat.PNG
            bought = Label(job.url or "", job.media_type or "")
            return Done(file=await _fetch(job.carrier_shipment_id or "", bought, printed))
        case Step.VOID:
            return Done(refund=await _void(job))
        case Step.CHECK_REFUND:
            return Done(refund=(await carrier().find_by_id(job.carrier_shipment_id or "")).refund)


async def _book(work: Work) -> Done:
    known = await _ask_for(work)
    if known is not None:
        printed = await _printed(work.job)
    else:
        request, printed = await _request(work)
        try:
            known = await carrier().create_shipment(request)
        except CarrierRejectedError as error:
            raise error.without(request.recipient.words()) from None
    await _remember_created(work, known, printed)
    bought = known if known.is_bought else await _buy(work, known)
    file = None
    if bought.label is not None:
        try:
            file = await _fetch(bought.id, bought.label, printed)
        except CarrierError:
            file = None  # the label is sold all the same; its file has a job of its own
    return Done(bought=bought, file=file)


async def _ask_for(work: Work) -> CarrierShipment | None:
    """Find what an earlier attempt brought about: by the carrier's id, by our reference only without it."""
    job = work.job
    if job.carrier_shipment_id is not None:
        return await carrier().find_by_id(job.carrier_shipment_id)
    if not job.sent_before:
        return None
    found = await carrier().find_by_reference(str(job.shipment_id), job.requested_at - _CLOCK_MARGIN)
    if found is None:
        return None
    async with work.database.transaction() as tx:
        others = await queries.known_carrier_shipments(tx, job.shipment_id)
    return None if found.id in others else found


async def _request(work: Work) -> tuple[ShipmentRequest, LabelFormat]:
    """Give what the carrier must know, and what the printers of the parcel's house read."""
    job = work.job
    sender, printed = await addresses.fetch_sender(job.location)
    request = ShipmentRequest(
        reference=str(job.shipment_id),
        order_reference=job.reference,
        sender=sender,
        recipient=await addresses.fetch_recipient(job.order_id),
        size=ParcelSize(job.weight_grams, job.length_mm, job.width_mm, job.height_mm),
        contents=tuple(Content(line["sku"], line["quantity"]) for line in job.contents),
    )
    return request, printed


async def _printed(job: ClaimedJob) -> LabelFormat:
    """Give what the printers of the parcel's house read; what is on record while nobody can say."""
    try:
        return (await addresses.fetch_sender(job.location))[1]
    except (AddressAwayError, AddressMissingError):
        return LabelFormat(job.format)


async def _remember_created(work: Work, created: CarrierShipment, label_format: LabelFormat) -> None:
    """Store the carrier's id before anything is bought: a lost purchase is asked for by it.

    Raises OvertakenError for one who was away for longer than the lease of the call.
    """
    job = work.job
    async with work.database.transaction(cause=f"booking:{job.label_id}") as tx:
        known = job.carrier_shipment_id
        if not await queries.remember_created(tx, job.label_id, known, created.id, label_format.value):
            raise OvertakenError(f"label {job.label_id} is in other hands")


async def _buy(work: Work, created: CarrierShipment) -> CarrierShipment:
    job = work.job
    async with work.database.transaction() as tx:
        paused = await paused_scopes(tx, queries.BOOKING_SWITCH)
    rates = [rate for rate in created.rates if rate.carrier not in paused]
    if created.rates and not rates:
        raise CarrierPausedError("every carrier that takes this parcel is paused by an operator")
    rate = choose_rate(rates, job.service_level, settings().level_services, job.requested_at, job.deliver_by)
    if rate is None:
        said = "; ".join(created.refusals) or "the carrier offers no service for this parcel"
        raise CarrierRejectedError("no_rates", said)
    try:
        return await carrier().buy(created.id, rate.id)
    except AlreadyBoughtError:
        return await carrier().find_by_id(created.id)


async def _fetch(carrier_shipment_id: str, bought: Label, printed: LabelFormat) -> LabelFile:
    """Fetch a bought label as the bench prints it; as it was bought if the carrier does not give it so."""
    label = bought
    if bought.media_type != printed.media_type:
        label = await carrier().convert_label(carrier_shipment_id, printed) or bought
    return LabelFile(label.media_type, await carrier().fetch_label(label))


async def _void(job: ClaimedJob) -> RefundStatus:
    known = job.carrier_shipment_id or ""
    # Also the first time: a restored database does not know that it asked before.
    refund = (await carrier().find_by_id(known)).refund
    if refund is not RefundStatus.NOT_REQUESTED:
        return refund
    try:
        return await carrier().void(known)
    except NotFoundAtCarrierError:
        raise
    except CarrierRejectedError:
        return RefundStatus.REJECTED
