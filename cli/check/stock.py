"""Invariant 2: stock equals its ledger's sums, and what is reserved equals the live reservations."""

from cli.check.databases import Databases
from cli.check.findings import Finding

_LEDGER = """
select s.sku, s.location, s.on_hand, s.reserved, s.damaged, s.quarantined,
  coalesce(l.on_hand, 0) as l_on_hand, coalesce(l.reserved, 0) as l_reserved, coalesce(l.damaged, 0) as l_damaged,
  coalesce(l.quarantined, 0) as l_quarantined, l.last_id
from stock s left join (
  select sku, location, sum(on_hand) as on_hand, sum(reserved) as reserved, sum(damaged) as damaged,
    sum(quarantined) as quarantined, max(id) as last_id
  from ledger group by sku, location
) l using (sku, location)
where (s.on_hand, s.reserved, s.damaged, s.quarantined)
  is distinct from (coalesce(l.on_hand, 0), coalesce(l.reserved, 0), coalesce(l.damaged, 0), coalesce(l.quarantined, 0))
order by s.sku, s.location
"""
_RUNNING = """
select id, act, document from (
  select id, act, document, sum(on_hand) over w as on_hand, sum(reserved) over w as reserved,
    sum(damaged) over w as damaged, sum(quarantined) over w as quarantined
  from ledger where sku = $1 and location = $2 window w as (order by id)
) r where least(on_hand, reserved, damaged, quarantined, on_hand - reserved - damaged - quarantined) < 0
order by id limit 1
"""
_RESERVED = """
select s.sku, s.location, s.reserved, coalesce(r.held, 0) as held
from stock s left join (
  select sku, location, sum(quantity) as held from reservation where state in ('soft_reserved', 'allocated')
  group by sku, location
) r using (sku, location)
where s.reserved <> coalesce(r.held, 0) order by s.sku, s.location
"""
_DOCUMENTS = """
select l.document, min(l.id) as first_id, sum(l.reserved) as booked from ledger l
where l.sku = $1 and l.location = $2 and l.reserved <> 0 group by l.document order by min(l.id)
"""
_HELD = """
select order_id::text as document, sum(quantity) as held from reservation
where sku = $1 and location = $2 and state in ('soft_reserved', 'allocated') group by order_id
"""
_OVERSOLD = """
select sku, location, on_hand, reserved, damaged, quarantined from stock
where on_hand - reserved - damaged - quarantined < 0 or least(on_hand, reserved, damaged, quarantined) < 0
"""


async def check_stock(databases: Databases) -> list[Finding]:
    """Compare every stock row with its ledger and its reservations."""
    findings = [
        Finding(2, f"{row['sku']} at {row['location']}", f"oversold: {dict(row)}")
        for row in await databases.rows("inventory", _OVERSOLD)
    ]
    for row in await databases.rows("inventory", _LEDGER):
        differ = ", ".join(
            f"{bucket} is {row[bucket]}, its ledger says {row['l_' + bucket]}"
            for bucket in ("on_hand", "reserved", "damaged", "quarantined")
            if row[bucket] != row["l_" + bucket]
        )
        first = await databases.rows("inventory", _RUNNING, row["sku"], row["location"])
        fact = (
            f"ledger row {first[0]['id']} ({first[0]['act']}, {first[0]['document']})"
            if first
            else (f"after ledger row {row['last_id']}: no row accounts for it")
        )
        findings.append(Finding(2, f"{row['sku']} at {row['location']}", differ, fact))
    for row in await databases.rows("inventory", _RESERVED):
        detail = f"reserved is {row['reserved']}, live reservations hold {row['held']}"
        fact = await _first_document(databases, row["sku"], row["location"])
        findings.append(Finding(2, f"{row['sku']} at {row['location']}", detail, fact))
    return findings


async def _first_document(databases: Databases, sku: str, location: str) -> str:
    """Find the first order whose booked reservations differ from those it holds."""
    held = {row["document"]: row["held"] for row in await databases.rows("inventory", _HELD, sku, location)}
    for row in await databases.rows("inventory", _DOCUMENTS, sku, location):
        order_id = next((key for key in held if key in row["document"]), None)
        if row["booked"] != (held.get(order_id, 0) if order_id else 0):
            return f"ledger row {row['first_id']} ({row['document']})"
    return ""
