"""The measures of care, each beside the formula it follows."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from services.care.queries import parcels
from shared.db import Transaction

FORMULAS: Mapping[str, str] = {
    "detection_lead_hours": "median of (the carrier's first exception, else the promise's end - detected_at), per kind",
    "kept_promise": "kept / (kept + broken), of orders whose promises ended; one broken promise is broken for good",
    "on_time_first_promise": "delivered before the first promise's end / delivered",
    "self_heal": "self_healed / cases opened",
    "proactive": "informed by us / cases that ended by a remedy or a reason",
    "sla_attainment": "clocks fulfilled in time / (those + breached); what only a self-heal ended is neither",
    "contacts": "contacts noted, by reason; none noted is no data, not zero",
    "wismo": "contacts 'where is it' / orders handed over; no data until contacts are noted",
    "csat": "ratings 4-5 / ratings that customers gave on the status page; none is no data",
    "resolution_hours": "median and p90 of (resolved_at - opened_at) of resolved and closed cases",
    "flag_recall": "late orders flagged before the first promise's end / late orders delivered",
    "flag_precision": "late orders flagged / all delivered orders flagged",
    "flag_lead_hours": "median of (the first promise's end - first flag) of late orders flagged",
    "baseline": "flags whatever is undelivered two days before the first promise's end",
}


def live(table: str) -> str:
    """Make the condition that a row of a table is of no test order; what belongs to no order counts."""
    return f"not exists (select from watch trial where trial.order_id = {table}.order_id and trial.test)"


_EXCEPTIONS = f"""
select e.kind, count(*) as raised, count(*) filter (where e.cleared_at is not null) as cleared,
  count(*) filter (where e.cleared_at is null) as open,
  percentile_cont(0.5) within group (order by extract(epoch from coalesce(c.at, e.promised_by) - e.detected_at) / 3600)
    as detection_lead_hours
from exception e left join lateral (select min(p.carrier_exception_at) as at from watch_parcel p
  where p.order_id = e.order_id and (e.subject not like 'parcel:%' or e.subject = 'parcel:' || p.parcel_id)) c on true
where e.detected_at >= $1 and e.detected_at < $2 and {live("e")} group by e.kind order by e.kind
"""
_COUNTS = """
select {column} as name, count(*) as count from {table} where {moment} >= $1 and {moment} < $2 and {live}
group by 1 order by 1
"""
_RESOLUTIONS = f"""
select coalesce(resolution, 'open') as resolution, state, count(*) as count,
  percentile_cont(0.5) within group (order by extract(epoch from resolved_at - opened_at) / 3600) as median_hours,
  percentile_cont(0.9) within group (order by extract(epoch from resolved_at - opened_at) / 3600) as p90_hours
from care_case where opened_at >= $1 and opened_at < $2 and {live("care_case")} group by 1, 2 order by 1, 2
"""
_CASES = f"""
select count(*) as opened,
  count(*) filter (where state = 'self_healed') as self_healed,
  count(*) filter (where state in ('resolved', 'closed')) as resolved,
  count(*) filter (where state in ('resolved', 'closed') and informed_at is not null) as informed,
  percentile_cont(0.5) within group (order by extract(epoch from resolved_at - opened_at) / 3600)
    filter (where state in ('resolved', 'closed')) as median_hours,
  percentile_cont(0.9) within group (order by extract(epoch from resolved_at - opened_at) / 3600)
    filter (where state in ('resolved', 'closed')) as p90_hours
from care_case where opened_at >= $1 and opened_at < $2 and {live("care_case")}
"""
_PROMISES = """
select count(*) filter (where promise_outcome = 'kept') as kept,
  count(*) filter (where promise_outcome = 'broken') as broken,
  count(*) filter (where delivered_at is not null and ended_at is not null) as delivered,
  count(*) filter (where ended_at is not null and delivered_at < first_deliver_by) as on_time
from watch where placed_at >= $1 and placed_at < $2 and not test
"""
_CLOCKS = f"""
select k.kind, count(*) filter (where k.fulfilled_at is not null and k.breached_at is null
    and not (c.state = 'self_healed' and k.fulfilled_at >= c.resolved_at)) as in_time,
  count(*) filter (where k.breached_at is not null) as breached
from case_clock k join care_case c on c.id = k.case_id
where k.started_at >= $1 and k.started_at < $2 and {live("c")} and {parcels.of_cut("c", 3)}
group by k.kind order by k.kind
"""
_WISMO = f"""
select count(*) as noted, count(*) filter (where reason = 'where_is_it') as asked,
  (select count(distinct order_id) from watch_parcel p
    where p.handed_over_at >= $1 and p.handed_over_at < $2 and {live("p")}) as shipped
from contact where at >= $1 and at < $2 and {live("contact")}
"""
_CSAT = f"""
select count(*) as rated, count(*) filter (where value in ('4', '5')) as content
from word where kind = 'rating' and at >= $1 and at < $2 and {live("word")}
"""
_FLAGS = """
with ended as (
  select order_id, first_deliver_by, delivered_at, delivered_at >= first_deliver_by as late from watch
  where placed_at >= $1 and placed_at < $2 and not test and ended_at is not null and delivered_at is not null
), flag as (
  select e.order_id, min(l.at) as any_at, min(l.at) filter (where l.level = 'predicted') as predicted_at
  from exception e join exception_level l on l.exception_id = e.id
  where e.kind in ('preship_risk', 'transit_risk') group by e.order_id
), judged as (
  select 'at_risk' as flag, d.late, f.any_at as at, d.first_deliver_by from ended d left join flag f using (order_id)
  union all
  select 'predicted', d.late, f.predicted_at, d.first_deliver_by from ended d left join flag f using (order_id)
  union all
  select 'baseline', d.late, case when d.delivered_at > d.first_deliver_by - interval '2 days'
    then d.first_deliver_by - interval '2 days' end, d.first_deliver_by from ended d
)
select flag, count(*) as delivered, count(*) filter (where late) as late,
  count(*) filter (where at < first_deliver_by) as flagged,
  count(*) filter (where late and at < first_deliver_by) as late_flagged,
  percentile_cont(0.5) within group (order by extract(epoch from first_deliver_by - at) / 3600)
    filter (where late and at < first_deliver_by) as lead_hours
from judged group by flag order by flag
"""


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rounded(value: float | None) -> float | None:
    return round(float(value), 2) if value is not None else None


async def measure(tx: Transaction, since: datetime, until: datetime) -> dict[str, object]:
    """Give all measures over what began in [since, until)."""
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "exceptions": await _exceptions(tx, since, until),
        "dispositions": await _counts(tx, ("disposition", "exception", "detected_at"), since, until),
        "cases": await _cases(tx, since, until),
        "clocks": await _clocks(tx, since, until),
        "promises": await _promises(tx, since, until),
        "remedies": await _counts(tx, ("kind || ':' || state", "remedy", "asked_at"), since, until),
        "messages": await _counts(tx, ("topic || ':' || state", "message", "created_at"), since, until),
        "silences": await _counts(
            tx, ("coalesce(nullif(split_part(silence, ':', 1), ''), state)", "message", "created_at"), since, until
        ),
        "contacts": await _counts(tx, ("reason", "contact", "at"), since, until) or None,
        "wismo": await _wismo(tx, since, until),
        "csat": await _csat(tx, since, until),
        "flags": await _flags(tx, since, until),
        "formulas": dict(FORMULAS),
    }


async def _exceptions(tx: Transaction, since: datetime, until: datetime) -> dict[str, object]:
    rows = await tx.fetch(_EXCEPTIONS, since, until)
    return {
        row["kind"]: {
            "raised": row["raised"],
            "cleared": row["cleared"],
            "open": row["open"],
            "detection_lead_hours": _rounded(row["detection_lead_hours"]),
        }
        for row in rows
    }


async def _counts(tx: Transaction, what: tuple[str, str, str], since: datetime, until: datetime) -> dict[str, int]:
    """Count by a column of a table over a time column; all three are constants of ours."""
    column, table, moment = what
    rows = await tx.fetch(_COUNTS.format(column=column, table=table, moment=moment, live=live(table)), since, until)
    return {row["name"]: row["count"] for row in rows}


async def _cases(tx: Transaction, since: datetime, until: datetime) -> dict[str, object]:
    total = await tx.row(_CASES, since, until)
    by_resolution = [
        {**dict(row), "median_hours": _rounded(row["median_hours"]), "p90_hours": _rounded(row["p90_hours"])}
        for row in await tx.fetch(_RESOLUTIONS, since, until)
    ]
    if total is None:
        return {"by_resolution": by_resolution}
    return {
        "opened": total["opened"],
        "resolved": total["resolved"],
        "self_heal": _ratio(total["self_healed"], total["opened"]),
        "proactive": _ratio(total["informed"], total["resolved"]),
        "resolution_hours": {"median": _rounded(total["median_hours"]), "p90": _rounded(total["p90_hours"])},
        "by_resolution": by_resolution,
    }


async def _clocks(tx: Transaction, since: datetime, until: datetime) -> dict[str, object]:
    rows = await count_clocks(tx, since, until)
    return {
        row["kind"]: {
            "in_time": row["in_time"],
            "breached": row["breached"],
            "sla_attainment": _ratio(row["in_time"], row["in_time"] + row["breached"]),
        }
        for row in rows
    }


async def count_clocks(
    tx: Transaction, since: datetime, until: datetime, location: str | None = None, carrier: str | None = None
) -> list[asyncpg.Record]:
    """Count by kind the cases' clocks that began in [since, until): fulfilled in time, breached."""
    return await tx.fetch(_CLOCKS, since, until, location, carrier)


async def _promises(tx: Transaction, since: datetime, until: datetime) -> dict[str, object]:
    row = await tx.row(_PROMISES, since, until)
    if row is None:
        return {}
    return {
        "kept": row["kept"],
        "broken": row["broken"],
        "kept_promise": _ratio(row["kept"], row["kept"] + row["broken"]),
        "delivered": row["delivered"],
        "on_time_first_promise": _ratio(row["on_time"], row["delivered"]),
    }


async def _wismo(tx: Transaction, since: datetime, until: datetime) -> float | None:
    row = await tx.row(_WISMO, since, until)
    return _ratio(row["asked"], row["shipped"]) if row is not None and row["noted"] else None


async def _csat(tx: Transaction, since: datetime, until: datetime) -> float | None:
    row = await tx.row(_CSAT, since, until)
    return _ratio(row["content"], row["rated"]) if row is not None else None


async def _flags(tx: Transaction, since: datetime, until: datetime) -> dict[str, object]:
    rows = await tx.fetch(_FLAGS, since, until)
    return {
        row["flag"]: {
            "delivered": row["delivered"],
            "late": row["late"],
            "flagged": row["flagged"],
            "late_flagged": row["late_flagged"],
            "recall": _ratio(row["late_flagged"], row["late"]),
            "precision": _ratio(row["late_flagged"], row["flagged"]),
            "lead_hours": _rounded(row["lead_hours"]),
        }
        for row in rows
    }
