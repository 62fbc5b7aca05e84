"""Labels, their files, and the calls to the carrier that are still to be made for them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select

from services.shipping.models import ParcelLine, ShippingLabel, Step
from shared import clock
from shared.db import Transaction

BOOKING_SWITCH = "booking"
_PAUSED = """
exists (select from pause_switch p where p.kind = 'booking' and p.scope in ('*', l.adapter, s.location))
"""
NEXT_BOOKING = f"""
select min(j.due_at) from carrier_job j join shipment s on s.id = j.shipment_id join label l on l.id = j.label_id
where j.step in ('create', 'buy') and not {_PAUSED}
"""
_CLAIM = f"""
with due as (
  select j.label_id, j.sent_at as sent_before
  from carrier_job j join shipment s on s.id = j.shipment_id join label l on l.id = j.label_id
  where j.due_at <= $1 and j.not_before <= $2 and (j.leased_until is null or j.leased_until <= $2)
    and j.step = any($3) and ($4::uuid is null or j.shipment_id = $4)
    and not (j.step in ('create', 'buy') and {_PAUSED})
  order by j.due_at, j.label_id limit $5
  for no key update of j, s skip locked
), claimed as (
  update carrier_job j set leased_until = $6, sent_at = coalesce(j.sent_at, $2), attempts = j.attempts + 1
  from due where j.label_id = due.label_id
  returning j.label_id, j.shipment_id, j.step, j.attempts, due.sent_before
)
select c.label_id, c.shipment_id, c.step, c.attempts, c.sent_before is not null as sent_before,
  s.order_id, s.status, s.location, s.service_level, s.contents,
  s.weight_grams, s.length_mm, s.width_mm, s.height_mm, s.created_at,
  l.format, l.carrier_shipment_id, l.url, l.media_type, l.requested_at, o.reference, o.deliver_by
from claimed c
join shipment s on s.id = c.shipment_id
join label l on l.id = c.label_id
join order_copy o on o.order_id = s.order_id
order by c.label_id
"""
_PUT_JOB = """
insert into carrier_job (label_id, shipment_id, step, due_at, not_before)
values ($1, $2, $3, $4, $5)
on conflict (label_id) do update set step = excluded.step, due_at = excluded.due_at, not_before = excluded.not_before,
  leased_until = null, sent_at = null, attempts = 0, last_error = ''
"""
_RETRY_JOB = """
update carrier_job set leased_until = null, not_before = $3, last_error = $4,
  sent_at = case when $5 then sent_at end
where label_id = $1 and ($2::text is null or step = $2)
"""
_START_BOOKING = """
update shipment set status = 'booking', since = $2, due_at = $3, version = version + 1
where id = any($1) and status = 'pending'
"""
# A file that is being forgotten takes its copies along: who comes behind that keeps none.
_KEEP_COPY = """
insert into label_copy (label_id, format, media_type, content, fetched_at, forget_at)
select f.label_id, $2, $3, $4, $5, f.forget_at from label_file f where f.label_id = $1 for key share
on conflict (label_id, format) do nothing
"""
BOOKING_STEPS = (Step.CREATE, Step.BUY)
SETTLING_STEPS = (Step.FETCH_LABEL, Step.VOID, Step.CHECK_REFUND)


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A claimed call to the carrier with all that it needs but the addresses."""

    label_id: UUID
    shipment_id: UUID
    step: Step
    attempts: int
    sent_before: bool
    """An earlier attempt was sent and never answered: ask before sending again."""
    order_id: UUID
    status: str
    location: str
    service_level: str
    contents: list[ParcelLine]
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    created_at: datetime
    format: str
    carrier_shipment_id: str | None
    url: str | None
    media_type: str | None
    requested_at: datetime
    reference: str
    deliver_by: datetime | None


async def claim_jobs(
    tx: Transaction,
    *,
    lease: datetime,
    steps: Collection[Step],
    shipment_id: UUID | None = None,
    limit: int = 1,
) -> list[ClaimedJob]:
    """Claim due calls with a lease on the real clock; rows another process holds are left to it."""
    names = [step.value for step in steps]
    rows = await tx.fetch(_CLAIM, tx.now, clock.real(), names, shipment_id, limit, lease)
    if rows:
        tx.wrote = True
    return [ClaimedJob(**{**dict(row), "step": Step(row["step"])}) for row in rows]


async def put_job(tx: Transaction, label: ShippingLabel, step: Step, due_at: datetime) -> None:
    """Make `step` the next call for a label, in the place of whatever was to be made."""
    await tx.execute(_PUT_JOB, label.id, label.shipment_id, step.value, due_at, clock.real())


async def retry_job(
    tx: Transaction, label_id: UUID, *, not_before: datetime, error: str, sent: bool, step: Step | None = None
) -> None:
    """Give a claimed call back for another try; `sent` keeps the doubt whether it took effect."""
    await tx.execute(_RETRY_JOB, label_id, step.value if step else None, not_before, error[:500], sent)


async def drop_job(tx: Transaction, label_id: UUID, *steps: Step) -> None:
    """Forget a call that is done: whatever it was, or only one of `steps`, if others may have taken its place."""
    await tx.execute(
        "delete from carrier_job where label_id = $1 and ($2::text[] = '{}' or step = any($2))",
        label_id,
        [step.value for step in steps],
    )


async def get_label(tx: Transaction, label_id: UUID) -> ShippingLabel | None:
    """Read a label."""
    return await tx.session.get(ShippingLabel, label_id)


async def list_labels(tx: Transaction, shipment_id: UUID) -> list[ShippingLabel]:
    """List all labels a shipment ever had, oldest first."""
    found = await tx.session.exec(
        select(ShippingLabel).where(ShippingLabel.shipment_id == shipment_id).order_by(col(ShippingLabel.id))
    )
    return list(found)


async def current_labels(tx: Transaction, label_ids: Collection[UUID]) -> dict[UUID, ShippingLabel]:
    """Give labels by id."""
    found = await tx.session.exec(select(ShippingLabel).where(col(ShippingLabel.id).in_(label_ids)))
    return {label.id: label for label in found}


async def find_label(
    tx: Transaction, adapter: str, carrier_shipment_id: str | None, tracking_number: str
) -> ShippingLabel | None:
    """Find the label a carrier speaks of: by its own id, else the newest with that tracking number."""
    if carrier_shipment_id is not None:
        query = select(ShippingLabel).where(
            ShippingLabel.adapter == adapter, ShippingLabel.carrier_shipment_id == carrier_shipment_id
        )
        found = (await tx.session.exec(query)).first()
        if found is not None:
            return found
    query = select(ShippingLabel).where(
        ShippingLabel.adapter == adapter, ShippingLabel.tracking_number == tracking_number
    )
    return (await tx.session.exec(query.order_by(col(ShippingLabel.bought_at).desc()).limit(1))).first()


async def known_carrier_shipments(tx: Transaction, shipment_id: UUID) -> set[str]:
    """Give the carrier's ids of all attempts a shipment ever had."""
    rows = await tx.fetch(
        "select carrier_shipment_id from label where shipment_id = $1 and carrier_shipment_id is not null", shipment_id
    )
    return {row["carrier_shipment_id"] for row in rows}


async def known_among(tx: Transaction, adapter: str, carrier_shipment_ids: Sequence[str]) -> set[str]:
    """Give those of a carrier's ids that some label has."""
    rows = await tx.fetch(
        "select carrier_shipment_id from label where adapter = $1 and carrier_shipment_id = any($2::text[])",
        adapter,
        list(carrier_shipment_ids),
    )
    return {row["carrier_shipment_id"] for row in rows}


async def start_booking(tx: Transaction, shipment_ids: Sequence[UUID], due_at: datetime | None) -> None:
    """Move the pending ones among locked shipments to booking."""
    await tx.execute(_START_BOOKING, list(shipment_ids), tx.now, due_at)


async def remember_created(
    tx: Transaction, label_id: UUID, known: str | None, carrier_shipment_id: str, label_format: str
) -> bool:
    """Store the carrier's own id of a shipment and make its purchase the next call, unless it is not as `known`."""
    remembered = await tx.value(
        "update label set carrier_shipment_id = $3, format = $4 "
        "where id = $1 and state = 'requested' and carrier_shipment_id is not distinct from $2 returning true",
        label_id,
        known,
        carrier_shipment_id,
        label_format,
    )
    if not remembered:
        return False
    await tx.execute("update carrier_job set step = 'buy' where label_id = $1 and step = 'create'", label_id)
    return True


async def forget_created(tx: Transaction, label_id: UUID) -> None:
    """Start a label over whose shipment the carrier no longer knows."""
    await tx.execute("update label set carrier_shipment_id = null where id = $1", label_id)
    await tx.execute("update carrier_job set step = 'create', sent_at = null where label_id = $1", label_id)


async def keep_file(tx: Transaction, label_id: UUID, media_type: str, content: bytes, keep: timedelta) -> None:
    """Keep what the bench prints, for a while: it has an address on it."""
    await tx.execute(
        "insert into label_file (label_id, media_type, content, fetched_at, forget_at) values ($1, $2, $3, $4, $5) "
        "on conflict (label_id) do nothing",
        label_id,
        media_type,
        content,
        clock.real(),
        clock.real() + keep,
    )


async def get_file(tx: Transaction, label_id: UUID) -> tuple[str, bytes] | None:
    """Read a label's media type and bytes."""
    row = await tx.row("select media_type, content from label_file where label_id = $1", label_id)
    return (row["media_type"], bytes(row["content"])) if row is not None else None


async def keep_copy(tx: Transaction, label_id: UUID, label_format: str, media_type: str, content: bytes) -> None:
    """Keep a label in another format for as long as the file that the bench prints."""
    await tx.execute(_KEEP_COPY, label_id, label_format, media_type, content, clock.real())


async def get_copy(tx: Transaction, label_id: UUID, label_format: str) -> tuple[str, bytes] | None:
    """Read a label's media type and bytes in another format."""
    row = await tx.row(
        "select media_type, content from label_copy where label_id = $1 and format = $2", label_id, label_format
    )
    return (row["media_type"], bytes(row["content"])) if row is not None else None


async def drop_file_jobs(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Fetch the label files of these orders no more."""
    await tx.execute(
        "delete from carrier_job j using shipment s where s.id = j.shipment_id and j.step = 'fetch_label' "
        "and s.order_id = any($1::uuid[])",
        list(order_ids),
    )
