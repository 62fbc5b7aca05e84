"""What the carrier's answers, refusals and silences mean for a shipment; each recorded in one transaction."""

from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from services.shipping.actions.addresses import AddressAwayError, AddressMissingError
from services.shipping.actions.booking import CarrierPausedError, Done, LabelFile, OvertakenError, Work
from services.shipping.actions.estimates import estimate
from services.shipping.actions.labels import settle_void, void_label
from services.shipping.actions.moves import S, estimate_of, move, status_of
from services.shipping.actions.tracking import apply_facts
from services.shipping.carriers.base import (
    AnswerLostError,
    AnswerNotUnderstoodError,
    CarrierRejectedError,
    CarrierShipment,
    CarrierUnavailableError,
    CredentialsRefusedError,
    LabelFormat,
    NotFoundAtCarrierError,
    RateLimitedError,
    RefundStatus,
)
from services.shipping.models import LabelState, Shipment, ShippingLabel, Step
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as shipment_queries
from services.shipping.queries import tracking as tracking_queries
from services.shipping.queries.labels import BOOKING_STEPS, ClaimedJob
from services.shipping.settings import settings
from services.shipping.states import due_at, progress_of
from shared import clock
from shared.db import Transaction
from shared.events.base import Money
from shared.events.shipping import BookingFailed, BookingUnknown, ShipmentBooked
from shared.jobs import Outcome, back_off_until

log = structlog.get_logger()

BOOKINGS = Counter("doorstep_shipping_bookings", "Bookings by outcome", ["outcome"])

# EasyPost's codes of refused addresses (ADDRESS.VERIFY.FAILURE, E.ADDRESS.NOT_FOUND), and our own address_missing.
_ADDRESS = "ADDRESS"
_NOTHING_HAPPENED = (CarrierUnavailableError, CredentialsRefusedError, AddressAwayError, CarrierPausedError)


async def record_booking(tx: Transaction, work: Work, outcome: Outcome[Done]) -> None:
    """Record what became of an attempt at a label; one that was overtaken has nothing to say."""
    if isinstance(outcome.error, OvertakenError):
        return
    shipment = await shipment_queries.lock_shipment(tx, work.job.shipment_id)
    label = await label_queries.get_label(tx, work.job.label_id)
    if shipment is None or label is None or label.state != LabelState.REQUESTED:
        # Not what was put in the place of the attempt meanwhile: a void, a file still to be fetched.
        await label_queries.drop_job(tx, work.job.label_id, *BOOKING_STEPS)
        return
    if outcome.result is not None and outcome.result.bought is not None:
        await _booked(tx, shipment, label, outcome.result.bought, outcome.result.file)
    else:
        await _not_booked(tx, shipment, label, work.job, outcome.error or AnswerLostError("no answer"))


async def _booked(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, bought: CarrierShipment, file: LabelFile | None
) -> None:
    _fill(label, bought, tx.now)
    move(shipment, S.LABEL_PURCHASED, tx.now)
    await estimate(tx, shipment, label, tx.now, None)
    if file is None:
        await label_queries.put_job(tx, label, Step.FETCH_LABEL, tx.now)
    else:
        await _keep_file(tx, label, file)
        await label_queries.drop_job(tx, label.id)
    tx.publish(
        ShipmentBooked(
            order_id=shipment.order_id,
            shipment_id=shipment.id,
            parcel_id=shipment.parcel_id,
            carrier=label.carrier or "",
            service=label.service or "",
            tracking_number=label.tracking_number or "",
            tracking_url=label.tracking_url or "",
            price=Money(amount=label.price_minor or 0, currency=label.currency or ""),
            estimate=estimate_of(shipment),
            progress=progress_of(S.LABEL_PURCHASED, shipment.since),
        )
    )
    BOOKINGS.labels("booked").inc()
    await tx.session.flush()
    await tracking_queries.adopt_events(tx, label.id, shipment.id, label.tracking_number or "")
    events = await tracking_queries.list_events_of_label(tx, label.id)
    if events:
        await apply_facts(tx, shipment, label, events)
    if shipment.void_reason is not None and status_of(shipment) is S.LABEL_PURCHASED:
        await void_label(tx, shipment, reason=shipment.void_reason)


def _fill(label: ShippingLabel, bought: CarrierShipment, now: datetime) -> None:
    rate = bought.bought_rate
    label.state = LabelState.LIVE.value
    label.carrier_shipment_id = bought.id
    label.tracking_number = bought.tracking_code
    label.tracking_url = bought.tracking_url
    label.tracker_id = bought.tracker_id
    label.bought_at = now
    if rate is not None:
        label.rate_id, label.carrier, label.service = rate.id, rate.carrier, rate.service
        label.price_minor, label.currency, label.delivery_days = rate.price_minor, rate.currency, rate.delivery_days
    if bought.label is not None:
        label.url, label.media_type = bought.label.url, bought.label.media_type


async def _keep_file(tx: Transaction, label: ShippingLabel, file: LabelFile) -> None:
    keep = timedelta(days=settings().label_retention_days)
    label.format = next((one.value for one in LabelFormat if one.media_type == file.media_type), label.format)
    await label_queries.keep_file(tx, label.id, file.media_type, file.content, keep)


async def _not_booked(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, job: ClaimedJob, error: Exception
) -> None:
    match error:
        case NotFoundAtCarrierError() if job.carrier_shipment_id is not None:
            await label_queries.forget_created(tx, label.id)
            await _again(tx, shipment, job, error, sent=False)
        case RateLimitedError():
            wait = clock.real() + timedelta(seconds=error.retry_after_seconds)
            await _again(tx, shipment, job, error, sent=job.sent_before, not_before=wait)
        case _ if isinstance(error, _NOTHING_HAPPENED):
            await _again(tx, shipment, job, error, sent=job.sent_before)
        case CarrierRejectedError():
            await _failed(tx, shipment, label, (error.code or "rejected", error.in_words()))
        case AddressMissingError():
            await _failed(tx, shipment, label, ("address_missing", str(error)))
        case AnswerNotUnderstoodError() if job.attempts >= settings().attempts_until_failed:
            await _failed(tx, shipment, label, ("answer_not_understood", str(error)))
        case _:
            # Also an error of our own: what was sent before it may have taken effect.
            await _unknown(tx, shipment, label, job, error)


async def _again(
    tx: Transaction,
    shipment: Shipment,
    job: ClaimedJob,
    error: Exception,
    *,
    sent: bool,
    not_before: datetime | None = None,
) -> None:
    """Nothing was sold: wait and try again, in doubt still if an earlier answer was lost."""
    BOOKINGS.labels("again").inc()
    if status_of(shipment) is S.BOOKING and not sent:
        move(shipment, S.PENDING, tx.now)
        # The longest stay counts from the first attempt: trying again does not start it over.
        shipment.due_at = due_at(S.PENDING, job.requested_at)
        if shipment.void_reason is not None:
            await void_label(tx, shipment, reason=shipment.void_reason)
            return
    wait = not_before or back_off_until(job.attempts)
    await label_queries.retry_job(tx, job.label_id, not_before=wait, error=str(error), sent=sent)


async def _unknown(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, job: ClaimedJob, error: Exception
) -> None:
    BOOKINGS.labels("unknown").inc()
    if status_of(shipment) is S.BOOKING:
        move(shipment, S.BOOKING_UNKNOWN, tx.now)
        tx.publish(
            BookingUnknown(
                order_id=shipment.order_id,
                shipment_id=shipment.id,
                parcel_id=shipment.parcel_id,
                carrier=label.adapter,
                progress=progress_of(S.BOOKING_UNKNOWN, shipment.since),
            )
        )
    wait = back_off_until(job.attempts)
    await label_queries.retry_job(
        tx, job.label_id, not_before=wait, error=f"{type(error).__name__}: {error}", sent=True
    )


async def _failed(tx: Transaction, shipment: Shipment, label: ShippingLabel, why: tuple[str, str]) -> None:
    BOOKINGS.labels("failed").inc()
    label.state = LabelState.ABANDONED.value
    await label_queries.drop_job(tx, label.id)
    shipment.failure_code, shipment.failure_reason = why
    move(shipment, S.BOOKING_FAILED, tx.now)
    log.warning("booking failed", shipment_id=str(shipment.id), reason=why[0])
    tx.publish(
        BookingFailed(
            order_id=shipment.order_id,
            shipment_id=shipment.id,
            parcel_id=shipment.parcel_id,
            carrier=label.adapter,
            code=why[0],
            reason=why[1],
            address_refused=_ADDRESS in why[0].upper(),
            progress=progress_of(S.BOOKING_FAILED, shipment.since),
        )
    )
    if shipment.void_reason is not None:
        await void_label(tx, shipment, reason=shipment.void_reason)


async def record_settlement(tx: Transaction, work: Work, outcome: Outcome[Done]) -> None:
    """Record a label's file, or where its refund stands."""
    job = work.job
    shipment = await shipment_queries.lock_shipment(tx, job.shipment_id)
    label = await label_queries.get_label(tx, job.label_id)
    if shipment is None or label is None:
        return
    if outcome.result is None:
        await _try_later(tx, shipment, label, job, outcome.error)
    elif outcome.result.file is not None:
        await _keep_file(tx, label, outcome.result.file)
        await label_queries.drop_job(tx, label.id, Step.FETCH_LABEL)
    elif label.state == LabelState.VOID_REQUESTED:
        await _refund(tx, shipment, label, outcome.result.refund or RefundStatus.SUBMITTED)


async def _refund(tx: Transaction, shipment: Shipment, label: ShippingLabel, refund: RefundStatus) -> None:
    if refund is RefundStatus.SUBMITTED:
        check_at = tx.now + timedelta(hours=settings().refund_check_hours)
        await label_queries.put_job(tx, label, Step.CHECK_REFUND, check_at)
    elif refund is RefundStatus.NOT_REQUESTED:
        await label_queries.put_job(tx, label, Step.VOID, tx.now)
    else:
        await settle_void(tx, shipment, label, voided=refund is RefundStatus.REFUNDED)


async def _try_later(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, job: ClaimedJob, error: Exception | None
) -> None:
    if isinstance(error, NotFoundAtCarrierError) and job.step is not Step.FETCH_LABEL:
        await settle_void(tx, shipment, label, voided=False)
        return
    wait = back_off_until(job.attempts)
    if isinstance(error, RateLimitedError):
        wait = clock.real() + timedelta(seconds=error.retry_after_seconds)
    await label_queries.retry_job(tx, job.label_id, not_before=wait, error=str(error), sent=True, step=job.step)
