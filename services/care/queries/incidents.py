"""Incidents and carriers' feeds: reads, locks and lists."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from prometheus_client import Gauge
from sqlmodel import col, select

from services.care.errors import IncidentNotFoundError
from services.care.models import Incident
from services.care.states import ACTIVE_STATES
from shared.db import Transaction
from shared.upkeep import Measured

_ACTIVE = [state.value for state in ACTIVE_STATES]
# Whether the silent feed of incident i weighs on case c: the carrier has a parcel of its order.
WEIGHS = """i.kind = 'feed_silent' and c.family = 'delivery' and exists (
  select from watch_parcel p where p.order_id = c.order_id and p.carrier = i.scope
  and p.handed_over_at is not null and p.delivered_at is null)"""
# What a silent feed weighs on: worked cases of parcels with its carrier, and troubles it keeps from the queue.
_FAN_OUT = f"""
select i.id, (select count(*) from care_case c where c.state = any($2::text[]) and {WEIGHS}) as cases,
  (select count(*) from exception e where e.cleared_at is null and e.disposition = 'suppressed'
    and e.disposition_reason like 'feed_silent%' and exists (
    select from watch_parcel p where p.order_id = e.order_id and p.carrier = i.scope)) as explained
from incident i where i.id = any($1::uuid[]) and i.kind = 'feed_silent'
"""
_OVER_CASE = f"""
select i.id, i.kind, i.scope, i.opened_at from incident i join care_case c on c.id = $1
where i.state = 'open' and {WEIGHS}
order by i.opened_at, i.id
"""

MEASURED = (
    Measured(
        Gauge("doorstep_care_open_incidents", "Common causes of trouble that last, such as a silent feed", ["kind"]),
        "select kind, count(*) from incident where state = 'open' and opened_at <= $1 group by kind",
    ),
)


async def get_open_incident(tx: Transaction, kind: str, scope: str) -> Incident | None:
    """Give the open incident of a feed that is locked."""
    found = await tx.session.exec(
        select(Incident).where(Incident.kind == kind, Incident.scope == scope, Incident.state == "open")
    )
    return found.one_or_none()


async def lock_incident(tx: Transaction, incident_id: UUID) -> Incident:
    """Lock an incident by its feed, as who watches the feeds does; raises IncidentNotFoundError."""
    await tx.fetch(
        "select from carrier_feed f join incident i on i.scope = f.carrier where i.id = $1 for no key update of f",
        incident_id,
    )
    incident = await tx.session.get(Incident, incident_id)
    if incident is None:
        raise IncidentNotFoundError(f"there is no incident {incident_id}")
    return incident


async def list_incidents(tx: Transaction, *, only_open: bool, limit: int = 100) -> list[Incident]:
    """List incidents, newest first."""
    question = select(Incident).order_by(col(Incident.opened_at).desc(), col(Incident.id)).limit(limit)
    if only_open:
        question = question.where(Incident.state == "open")
    return list(await tx.session.exec(question))


async def list_incidents_over(tx: Transaction, case_id: UUID) -> list[asyncpg.Record]:
    """List the open incidents that weigh on a case, (id, kind, scope, opened_at), the oldest first."""
    return await tx.fetch(_OVER_CASE, case_id)


async def lock_due_feeds(tx: Transaction, limit: int) -> list[asyncpg.Record]:
    """Lock carrier feeds that are due for a look, with the parcels under way."""
    return await tx.fetch(
        "select f.*, (select count(*) from watch_parcel p where p.carrier = f.carrier and p.handed_over_at is not null "
        "and p.delivered_at is null and p.handed_over_at > $1::timestamptz - interval '30 days') as underway "
        "from carrier_feed f where f.next_check_at <= $1 order by f.carrier limit $2 for update of f skip locked",
        tx.now,
        limit,
    )


async def get_silent_carriers(tx: Transaction) -> frozenset[str]:
    """Give the carriers whose whole feed is silent."""
    rows = await tx.fetch("select carrier from carrier_feed where silent_since is not null")
    return frozenset(row["carrier"] for row in rows)


async def set_feed(tx: Transaction, carrier: str, *, silent_since: datetime | None, next_check_at: datetime) -> None:
    """Store what was found about a feed."""
    await tx.execute(
        "update carrier_feed set silent_since = $2, next_check_at = $3 where carrier = $1",
        carrier,
        silent_since,
        next_check_at,
    )


async def hear_feed(tx: Transaction, carrier: str, *, next_check_at: datetime) -> None:
    """Take a feed for heard though it said nothing: its silence counts from now."""
    await tx.execute(
        "update carrier_feed set last_event_at = $2, silent_since = null, next_check_at = $3 where carrier = $1",
        carrier,
        tx.now,
        next_check_at,
    )


async def recheck_carrier(tx: Transaction, carrier: str) -> None:
    """Make the orders due whose parcels a feed's silence may explain, or no longer explains."""
    await tx.execute(
        "update watch set next_check_at = $2 where order_id in (select order_id from exception "
        "where cleared_at is null and kind in ('stalled', 'no_first_scan', 'loss_suspected') and order_id in "
        "(select order_id from watch_parcel where carrier = $1))",
        carrier,
        tx.now,
    )


async def clear_incident_exceptions(tx: Transaction, incident_id: UUID) -> None:
    """Clear the exceptions an ended incident stood for."""
    await tx.execute(
        "update exception set cleared_at = $2 where incident_id = $1 and cleared_at is null", incident_id, tx.now
    )


async def count_fan_out(tx: Transaction, incident_ids: Sequence[UUID]) -> dict[UUID, asyncpg.Record]:
    """Count the worked cases and the troubles kept from the queue that incidents stand behind."""
    return {row["id"]: row for row in await tx.fetch(_FAN_OUT, list(incident_ids), _ACTIVE)}
