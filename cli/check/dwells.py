"""Invariant 8: what stays in its state longer than it may has been told of."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cli.check.books import Books
from cli.check.databases import Row
from cli.check.findings import Fact, Finding
from services.care.queries import overdue as care
from services.inventory.queries import overdue as inventory
from services.orders.queries import overdue as orders
from services.shipping.queries import overdue as shipping
from shared.overdue import Dwelling, interval

DWELLINGS: Mapping[str, Sequence[Dwelling]] = {
    "orders": orders.DWELLINGS,
    "inventory": inventory.DWELLINGS,
    "shipping": shipping.DWELLINGS,
    "care": care.DWELLINGS,
}
# Who moves on between two looks is not told of.
_FORGOTTEN = """
select s.subject, s.order_id, s.state, s.due_at from ({standing}) s where s.due_at < $1 and not exists (
  select from overdue o where o.kind = $2 and o.subject = s.subject and o.due_at = s.due_at
) order by s.due_at limit 100
"""
# Care's own escalation takes the due time away.
_CARE = """
select 'case ' || number as subject, order_id::text as order_id, state, dwell_due_at as due_at, id::text as id
from care_case where dwell_due_at < $1
union all
select 'remedy ' || id, order_id::text, state, dwell_due_at, id::text from remedy where dwell_due_at < $1
order by due_at limit 100
"""
_CARE_INTERVAL = timedelta(hours=1)


async def check_dwells(books: Books, now: datetime) -> list[Finding]:
    """Look for what is past its dwell by more than one look, and that nobody was told of."""
    findings: list[Finding] = []
    for service, dwellings in DWELLINGS.items():
        for one in dwellings:
            question = _FORGOTTEN.format(standing=one.standing)
            for row in await books.rows(service, question, now - interval(), one.kind):
                holder, unblock = one.unblock.get(row["state"], ("nobody", "it should rest"))
                subject = f"{one.kind} {row['subject']} of {books.name(row['order_id'])}"
                detail = f"is {row['state']}, should have moved by {row['due_at']:%Y-%m-%d %H:%M} ({holder}: {unblock})"
                fact = await _last_fact(books, service, row)
                findings.append(Finding(8, subject, detail, fact))
    for row in await books.rows("care", _CARE, now - _CARE_INTERVAL):
        fact = await books.naming("care", row["order_id"], row["id"], ["case_opened", "remedy_granted"])
        detail = f"is {row['state']}, should have moved by {row['due_at']:%Y-%m-%d %H:%M}"
        findings.append(Finding(8, f"{row['subject']} of {books.name(row['order_id'])}", detail, fact))
    return findings


async def _last_fact(books: Books, service: str, row: Row) -> Fact:
    """Name the last event of the thing's order, after which none came; what has no order is named itself."""
    if row["order_id"] is None:
        return Fact(row["subject"], row["state"], 0, f"{row['due_at']:%Y-%m-%d %H:%M}")
    return await books.latest(service, row["order_id"])
