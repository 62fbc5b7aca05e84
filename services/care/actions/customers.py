"""What a customer does on the status page: report, send a photo, wait, choose how to be told, rate."""

from uuid import UUID

from services.care.actions import consents, contacts, staff
from services.care.actions.forgetting import require_customer
from services.care.errors import EvidenceNotFoundError, TooManyPhotosError
from services.care.models import Contact, Evidence, Word
from services.care.photos import Photo
from services.care.policy.consent import Standing
from services.care.queries import customers as queries
from services.care.queries.facts import get_watch, list_reports
from services.care.schemas import Report
from services.care.schemas import customers as schemas
from services.care.states import Consent
from shared.db import Transaction
from shared.events.care import FeedbackReceived
from shared.ids import new_id

MOST_PHOTOS = 10
_ACTOR = "customer"
_WAITS = "waits for the new date"
_REASONS = {"damage": "damaged", "missing_item": "missing"}


async def show(tx: Transaction, order_id: UUID) -> schemas.CustomerSees:
    """Give what a customer may know of care's work on their order."""
    said = await queries.get_said(tx, order_id)
    watch = await get_watch(tx, order_id)
    standing = await consents.standing_of(tx, watch) if watch is not None else Standing(Consent.NOT_NEEDED)
    return schemas.CustomerSees(
        troubles=[schemas.TroubleSeen.model_validate(dict(row)) for row in await queries.list_troubles(tx, order_id)],
        reports=[schemas.ReportSeen.model_validate(dict(row)) for row in await list_reports(tx, order_id, limit=50)],
        waits_for_revision=said.waits_for_revision,
        consent=standing.consent,
        answer_by=standing.answer_by,
        notices=said.notices,
        rating=said.rating,
        heard_by=await queries.get_heard_by(tx, order_id),
        may_rate=await queries.may_rate(tx, order_id),
    )


async def keep_photo(tx: Transaction, order_id: UUID, photo: Photo) -> schemas.EvidenceKept:
    """Keep a photo; raises OrderNotWatchedError, CustomerErasedError and TooManyPhotosError."""
    await require_customer(tx, order_id)
    if await queries.count_evidence(tx, order_id) >= MOST_PHOTOS:
        raise TooManyPhotosError(f"an order may have {MOST_PHOTOS} photos")
    row = Evidence(id=new_id(), order_id=order_id, width=photo.width, height=photo.height, image=photo.image, at=tx.now)
    tx.session.add(row)
    return schemas.EvidenceKept(id=row.id, width=row.width, height=row.height)


async def report(tx: Transaction, order_id: UUID, said: schemas.CustomerReport) -> schemas.ReportSeen:
    """Keep what a customer reports, with its photos; the rules look at it at once."""
    wanted = Report(order_id=order_id, kind=said.kind, parcel_id=said.parcel_id, comment=said.comment)
    row = await staff.report(tx, wanted, _ACTOR)
    await tx.session.flush()
    attached = await queries.attach_evidence(tx, order_id, row.id, said.evidence_ids)
    if attached != len(set(said.evidence_ids)):
        raise EvidenceNotFoundError("a photo of this report is not there, or belongs to another report")
    await _note_contact(tx, order_id, _REASONS[said.kind], said.comment[:500])
    return schemas.ReportSeen(kind=row.kind, reported_at=row.reported_at)


async def choose(tx: Transaction, order_id: UUID, said: schemas.CustomerWord) -> schemas.CustomerSees:
    """Keep what a customer chose; a second rating changes nothing."""
    watch = await require_customer(tx, order_id)
    if said.kind == "wait":
        await consents.agree(tx, watch)
        await _note_contact(tx, order_id, "late", _WAITS)
    elif said.kind == "notices" or await queries.get_word(tx, order_id, "rating") is None:
        tx.session.add(Word(id=new_id(), order_id=order_id, kind=said.kind, value=said.value, at=tx.now))
        if said.kind == "rating":
            tx.publish(FeedbackReceived(order_id=order_id, kind="csat", score=int(said.value)))
    await tx.session.flush()
    return await show(tx, order_id)


async def agree_for(tx: Transaction, said: schemas.Agree, agent: str) -> schemas.ConsentView:
    """Keep that a customer told an agent they wait; raises OrderNotWatchedError and CustomerErasedError."""
    await consents.agree(tx, await require_customer(tx, said.order_id))
    await _note_contact(tx, said.order_id, "late", said.note or _WAITS, by=agent, channel="phone")
    await tx.session.flush()
    return await consents.show(tx, said.order_id)


async def _note_contact(
    tx: Transaction, order_id: UUID, reason: str, note: str, *, by: str = _ACTOR, channel: str = "status_page"
) -> None:
    fields = {"channel": channel, "direction": "inbound", "reason": reason, "note": note, "ticket": ""}
    await contacts.keep(tx, Contact(id=new_id(), order_id=order_id, agent=by, at=tx.now, **fields))
