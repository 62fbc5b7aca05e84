"""Invariants 5, 6 and 8: dispositions, remedies that act once, and nothing forgotten."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from cli.check.databases import Databases
from cli.check.findings import Finding

_UNDISPOSED = """
select id::text as id, kind, order_id::text as order_id from exception
where disposition = '' or (disposition = 'case') <> (case_id is not null)
"""
_DOUBLE_CASES = """
select order_id::text as order_id, family, count(*) as cases from care_case
where state not in ('resolved', 'closed', 'self_healed', 'merged', 'false_positive')
group by order_id, family having count(*) > 1
"""
_CARE_REMEDIES = """
select id::text as id, order_id::text as order_id, kind, state from remedy
where state in ('granted', 'executed', 'refused')
"""
_ORDER_REMEDIES = """
select id::text as id, kind, state from remedy
"""
_OVER_REFUNDED = """
select o.number, l.id::text as line_id, l.refunded, l.total, l.made_whole, l.quantity from order_line l
join orders o on o.id = l.order_id where l.refunded > l.total or l.made_whole > l.quantity
"""
_OVER_CAPTURED = """
select number, refunded, captured from orders where refunded > captured
"""
_LOST_RESHIPS = """
select r.id::text as id, r.reship_order_id::text as reship from remedy r
where r.kind = 'reship' and r.state = 'executed'
  and not exists (select from orders o where o.id = r.reship_order_id and o.remedy_id = r.id)
"""
# What may not last, with the order it belongs to, and until when.
_DWELLS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "orders": (
        ("hold", "select order_id::text, due_at from hold where state = 'open' and due_at < $1"),
        ("cancellation", "select order_id::text, due_at from cancellation where state = 'pending' and due_at < $1"),
        ("remedy", "select order_id::text, due_at from remedy where state = 'waiting' and due_at < $1"),
        (
            "refund",
            "select order_id::text, due_at from refund where state in ('approved', 'requested') and due_at < $1",
        ),
        (
            "release",
            "select order_id::text, min(due_at) from order_release where state = 'released' and due_at < $1 group by 1",
        ),
    ),
    "inventory": (
        (
            "fulfilment order",
            """
            select order_id::text, cut_off_at + interval '1 day' from fulfilment
            where state not in ('handed_over', 'cancelled') and cut_off_at + interval '1 day' < $1
            """,
        ),
    ),
    "shipping": (("shipment", "select order_id::text, due_at from shipment where due_at < $1"),),
    "care": (
        ("case", "select order_id::text, dwell_due_at from care_case where dwell_due_at < $1"),
        ("remedy", "select order_id::text, dwell_due_at from remedy where dwell_due_at < $1"),
    ),
}
_ESCALATED = "select distinct order_id::text from exception where order_id is not null"
_JOB_INTERVAL = timedelta(hours=1)


async def check_care(databases: Databases, unsettled: Iterable[str]) -> list[Finding]:
    """Dispositions and cases; remedies as care granted and as orders executed them."""
    waiting = frozenset(unsettled)
    findings = [
        Finding(5, f"exception {row['id']} ({row['kind']})", "has no disposition")
        for row in await databases.rows("care", _UNDISPOSED)
    ]
    findings.extend(
        Finding(5, f"order {row['order_id']}", f"{row['cases']} open cases of family {row['family']}")
        for row in await databases.rows("care", _DOUBLE_CASES)
    )
    findings.extend(await _remedies(databases, waiting))
    findings.extend(await _money(databases))
    return findings


async def _remedies(databases: Databases, waiting: frozenset[str]) -> list[Finding]:
    executed = {row["id"]: row for row in await databases.rows("orders", _ORDER_REMEDIES)}
    granted = await databases.rows("care", _CARE_REMEDIES)
    findings: list[Finding] = []
    for row in granted:
        if row["order_id"] in waiting:
            continue
        known = executed.get(row["id"])
        state = known["state"] if known is not None else "unknown"
        agreed = {"granted": "waiting", "executed": "executed", "refused": "refused"}[row["state"]]
        if state != agreed:
            detail = f"care says {row['state']}, orders says {state}"
            findings.append(Finding(6, f"remedy {row['id']} ({row['kind']})", detail))
    ours = {row["id"] for row in granted}
    findings.extend(
        Finding(6, f"remedy {identity}", "orders executed it, care never granted it")
        for identity in executed.keys() - ours
    )
    return findings


async def _money(databases: Databases) -> list[Finding]:
    findings = [
        Finding(6, f"line {row['line_id']} of order {row['number']}", f"made whole or refunded too often: {dict(row)}")
        for row in await databases.rows("orders", _OVER_REFUNDED)
    ]
    findings.extend(
        Finding(6, f"order {row['number']}", f"refunded {row['refunded']} of {row['captured']} captured")
        for row in await databases.rows("orders", _OVER_CAPTURED)
    )
    findings.extend(
        Finding(6, f"remedy {row['id']}", f"its reshipment {row['reship']} is not there")
        for row in await databases.rows("orders", _LOST_RESHIPS)
    )
    return findings


async def check_dwells(databases: Databases, now: datetime) -> list[Finding]:
    """What lasts longer than its state's maximum dwell without an exception raised for its order."""
    escalated = {row[0] for row in await databases.rows("care", _ESCALATED)}
    findings: list[Finding] = []
    for service, questions in _DWELLS.items():
        for name, question in questions:
            findings.extend(
                Finding(8, f"order {row[0]}", f"{name} of {service} should have moved by {row[1]:%Y-%m-%d %H:%M}")
                for row in await databases.rows(service, question, now - _JOB_INTERVAL)
                if row[0] not in escalated
            )
    return findings
