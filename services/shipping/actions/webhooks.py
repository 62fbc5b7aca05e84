"""The carrier's messages at our door, and their registration at the carrier's."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.shipping.actions.tracking import listen, record_tracking
from services.shipping.carriers.base import AnswerNotUnderstoodError, SignatureRefusedError, Tracking
from services.shipping.carriers.registry import carrier
from services.shipping.errors import ForgedMessageError, UnreadableMessageError
from services.shipping.models import Source
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as queries
from services.shipping.queries import webhooks as webhook_queries
from services.shipping.settings import settings
from shared.db import Database, Transaction
from shared.jobs import Outcome, back_off_until, lease_until
from shared.switches import is_paused

log = structlog.get_logger()

MESSAGES = Counter("doorstep_shipping_carrier_messages", "Messages of carriers by outcome", ["outcome"])

_MAX_POLLS = 32


async def receive_message(database: Database, body: bytes, headers: Mapping[str, str]) -> None:
    """Check who sent a message, then record what it says; the same message again changes nothing.

    Raises ForgedMessageError before anything is read, UnreadableMessageError for an unknown shape.
    """
    try:
        message = carrier().parse_webhook(body, headers)
    except SignatureRefusedError as error:
        MESSAGES.labels("forged").inc()
        log.warning("a forged message was refused")
        raise ForgedMessageError("the signature does not match") from error
    except AnswerNotUnderstoodError as error:
        MESSAGES.labels("unreadable").inc()
        raise UnreadableMessageError(str(error)) from error
    if message.tracking is None:
        MESSAGES.labels("other").inc()
        return
    async with database.transaction(cause=f"carrier:{message.id}") as tx:
        new = await record_tracking(tx, carrier().name, message.tracking, Source.WEBHOOK)
    MESSAGES.labels("new" if new else "known").inc()


@dataclass(frozen=True, slots=True)
class Silence:
    """A parcel nobody spoke of for long, and the tracker to ask for."""

    shipment_id: UUID
    tracker_id: str


async def claim_silent(tx: Transaction) -> list[Silence]:
    """Claim parcels to ask the carrier for; none while polling is paused."""
    if await is_paused(tx, "polling", carrier().name):
        return []
    claimed = await queries.claim_silent(tx, lease=lease_until(), limit=_MAX_POLLS)
    labels = await label_queries.current_labels(tx, [label_id for _, label_id in claimed])
    return [
        Silence(shipment_id, labels[label_id].tracker_id or "")
        for shipment_id, label_id in claimed
        if label_id in labels
    ]


async def ask_for_tracking(silence: Silence) -> Tracking:
    """Ask the carrier where a parcel is."""
    return await carrier().fetch_tracking(silence.tracker_id)


async def record_poll(tx: Transaction, silence: Silence, outcome: Outcome[Tracking]) -> None:
    """Record what the carrier said when asked; if it could not be, ask again soon."""
    if outcome.result is not None:
        await record_tracking(tx, carrier().name, outcome.result, Source.POLL)
    shipment = await queries.lock_shipment(tx, silence.shipment_id)
    if shipment is None:
        return
    if outcome.result is None:
        shipment.poll_not_before = back_off_until(6)
    else:
        # Heard or not, the carrier was asked: the next question waits its time.
        listen(shipment, tx.now)


async def renew_registration(database: Database) -> None:
    """Have the worker see to it, once after its start, that the carrier sends us messages signed as we check them."""
    if settings().public_url:
        async with database.transaction(cause="worker start") as tx:
            await webhook_queries.renew(tx, webhook_url())


def webhook_url() -> str:
    """Give the address at which the carrier reaches us."""
    return f"{settings().public_url.rstrip('/')}/carriers/easypost/webhooks"


async def claim_registration(tx: Transaction) -> list[str]:
    """Claim the registration of our address."""
    return await webhook_queries.claim(tx, lease_until())


async def register(url: str) -> None:
    """Register an address at the carrier, or tell it the secret of now."""
    await carrier().ensure_webhook(url)


async def record_registration(tx: Transaction, url: str, outcome: Outcome[None]) -> None:
    """Note that the carrier sends to an address, or when to try again."""
    await webhook_queries.settle(tx, url, registered=outcome.error is None, not_before=back_off_until(5))
