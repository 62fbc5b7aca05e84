"""Invariant 2: stock equals its ledger's sums, and what is reserved equals the live reservations."""

from cli.check.databases import Databases, Row
from cli.check.findings import Fact, Finding

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
select id, act, document, at from (
  select id, at, act, document, sum(on_hand) over w as on_hand, sum(reserved) over w as reserved,
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
_LAST = """
select id, act, document, at from ledger where sku = $1 and location = $2 order by id desc limit 1
"""
# A hand-over is booked for all its orders at once: for an order, what it used up still counts as booked.
_DOCUMENTS = """
select min(l.id) as id, (array_agg(l.act order by l.id))[1] as act, min(l.at) as at, 'order:' || o.id as document,
  o.id as order_id, sum(l.reserved) as booked
from ledger l left join fulfilment f on l.document = 'fulfilment:' || f.id,
  lateral (select coalesce(f.order_id::text, substring(l.document from '^order:(.*)')) as id) o
where l.sku = $1 and l.location = $2 and l.reserved <> 0 and o.id is not null group by o.id order by 1
"""
_HELD = """
select order_id::text as order_id, sum(quantity) as held from reservation
where sku = $1 and location = $2 and state in ('soft_reserved', 'allocated', 'consumed') group by order_id
"""
_OVERSOLD = """
select sku, location, on_hand, reserved, damaged, quarantined from stock
where on_hand - reserved - damaged - quarantined < 0 or least(on_hand, reserved, damaged, quarantined) < 0
"""


async def check_stock(databases: Databases) -> list[Finding]:
    """Compare every stock row with its ledger and its reservations."""
    findings: list[Finding] = []
    for row in await databases.rows("inventory", _OVERSOLD):
        fact = await _first_row(databases, row)
        findings.append(Finding(2, f"{row['sku']} at {row['location']}", f"oversold: {dict(row)}", fact))
    for row in await databases.rows("inventory", _LEDGER):
        differ = ", ".join(
            f"{bucket} is {row[bucket]}, its ledger says {row['l_' + bucket]}"
            for bucket in ("on_hand", "reserved", "damaged", "quarantined")
            if row[bucket] != row["l_" + bucket]
        )
        fact = await _first_row(databases, row)
        findings.append(Finding(2, f"{row['sku']} at {row['location']}", differ, fact))
    for row in await databases.rows("inventory", _RESERVED):
        detail = f"reserved is {row['reserved']}, live reservations hold {row['held']}"
        fact = await _first_document(databases, row)
        findings.append(Finding(2, f"{row['sku']} at {row['location']}", detail, fact))
    return findings


async def _first_row(databases: Databases, stock: Row) -> Fact:
    """Name the ledger's first impossible row, else its last: whatever changed the stock after it, nothing booked."""
    place = stock["sku"], stock["location"]
    rows = await databases.rows("inventory", _RUNNING, *place) or await databases.rows("inventory", _LAST, *place)
    return _booked(rows[0]) if rows else Fact(f"{place[0]} at {place[1]}", "ledger has no row", 0)


async def _first_document(databases: Databases, stock: Row) -> Fact:
    """Name the first booking for an order whose reservations differ from what was booked for it."""
    place = stock["sku"], stock["location"]
    held = {row["order_id"]: row["held"] for row in await databases.rows("inventory", _HELD, *place)}
    for row in await databases.rows("inventory", _DOCUMENTS, *place):
        if row["booked"] != held.get(row["order_id"], 0):
            return _booked(row)
    return await _first_row(databases, stock)


def _booked(row: Row) -> Fact:
    return Fact(row["document"], f"ledger {row['act']}", row["id"], f"{row['at']:%Y-%m-%d %H:%M}")
