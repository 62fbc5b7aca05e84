"""Invariant 5: one disposition each, one open case per order and family, and orders shows what is wrong with it."""

from cli.check.books import Books
from cli.check.findings import Finding

# What the table's CHECKs cannot say: that the disposition points at the right thing.
_UNDISPOSED = """
select e.id::text as id, e.kind, e.order_id::text as order_id, e.disposition, case
  when e.disposition not in ('case', 'cleared', 'informed', 'suppressed', 'incident') then 'has no disposition'
  when e.disposition = 'case' and c.id is null then 'has no case'
  when e.disposition <> 'case' and e.case_id is not null then 'has a case beside its disposition ' || e.disposition
  when c.order_id <> e.order_id then 'is in a case of another order'
  when e.disposition = 'incident' and i.id is null then 'has no incident'
  when e.disposition = 'incident' and i.state = 'ended' and e.cleared_at is null then 'outlives its incident'
  when e.disposition = 'cleared' and e.cleared_at is null then 'counts as cleared, but never was'
  when e.disposition = 'suppressed' and e.disposition_reason = '' then 'is suppressed without a reason'
  when e.disposition = 'informed' and not exists (select from message m where m.order_id = e.order_id)
    then 'counts as told, but nothing was ever to be told'
  end as problem
from exception e left join care_case c on c.id = e.case_id left join incident i on i.id = e.incident_id
order by e.detected_at
"""
_DOUBLE_CASES = """
select order_id::text as order_id, family, count(*) as cases, min(id::text) as id from care_case
where state not in ('resolved', 'closed', 'self_healed', 'false_positive')
group by order_id, family having count(*) > 1
"""
# A case that was opened for a remedy remembered after a restore has its cause in what was forgotten.
_CAUSELESS = """
select c.id::text as id, c.number, c.order_id::text as order_id from care_case c
where not exists (select from exception e where e.case_id = c.id)
  and not exists (select from case_entry n where n.case_id = c.id and n.act = 'remembered')
"""
_OPEN = """
select id::text as id, kind, order_id::text as order_id from exception where cleared_at is null and order_id is not null
"""
_SHOWN = """
select o.id::text as order_id, e.key as id, e.value #>> '{}' as kind from orders o, jsonb_each(o.exceptions) e
"""


async def check_exceptions(books: Books) -> list[Finding]:
    """Look for exceptions without their one disposition, for double cases, and for what orders shows otherwise."""
    findings: list[Finding] = []
    for row in await books.rows("care", _UNDISPOSED):
        if row["problem"] is not None:
            fact = await books.naming("care", row["order_id"], row["id"], ["exception_raised"])
            subject = f"exception {row['id']} ({row['kind']}) of {books.name(row['order_id'])}"
            findings.append(Finding(5, subject, row["problem"], fact))
    for row in await books.rows("care", _DOUBLE_CASES):
        fact = await books.naming("care", row["order_id"], row["family"], ["case_opened"])
        detail = f"{row['cases']} open cases of family {row['family']}"
        findings.append(Finding(5, books.name(row["order_id"]), detail, fact))
    for row in await books.rows("care", _CAUSELESS):
        fact = await books.naming("care", row["order_id"], row["id"], ["case_opened"])
        findings.append(
            Finding(5, f"case {row['number']} of {books.name(row['order_id'])}", "no exception is in it", fact)
        )
    return [*findings, *await _shown(books)]


async def _shown(books: Books) -> list[Finding]:
    """Compare the exceptions care has open with those orders shows of a settled order."""
    open_ones = {row["id"]: row for row in await books.rows("care", _OPEN)}
    shown = {row["id"]: row for row in await books.rows("orders", _SHOWN)}
    findings: list[Finding] = []
    for identity in sorted(open_ones.keys() ^ shown.keys()):
        row = open_ones.get(identity) or shown[identity]
        if not books.is_settled(row["order_id"]):
            continue
        is_open = identity in open_ones
        names = ["exception_raised"] if is_open else ["exception_cleared"]
        fact = await books.naming("care", row["order_id"], identity, names)
        detail = "is open, orders does not show it" if is_open else "is not open, orders still shows it"
        subject = f"exception {identity} ({row['kind']}) of {books.name(row['order_id'])}"
        findings.append(Finding(5, subject, detail, fact))
    return findings
