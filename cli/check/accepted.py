"""Invariant 1: what was answered is so: orders exist, were published, are known to all; acts on them are in effect."""

from cli.check.books import Books
from cli.check.findings import Fact, Finding

_ANSWERED = """
select i.key, i.body ->> 'id' as order_id, i.scope, i.created_at from idempotency i
where i.scope ~ ' POST /v1/(orders|orders/bulk|storefronts/shopify/orders)$' and i.status in (200, 201)
  and not exists (select from orders o where o.id::text = i.body ->> 'id')
order by i.created_at limit 100
"""
_CANCELLATIONS = """
select i.key, i.scope, i.created_at, i.body ->> 'order_id' as order_id, 'its cancellation is not there' as problem
from idempotency i
where i.scope ~ ' POST /v1/orders/[^/]+/cancellations$' and i.status = 202 and not exists (
  select from cancellation c where c.id::text = i.body ->> 'id' and c.order_id::text = i.body ->> 'order_id')
order by i.created_at limit 100
"""
# Versions only rise, and lines only get fewer units.
_CHANGES = """
select i.key, i.scope, i.created_at, o.id::text as order_id,
  'it is at version ' || o.version || ', the answer was at ' || (i.body ->> 'version') as problem
from idempotency i join orders o on o.id::text = i.body ->> 'id'
where i.scope ~ ' PATCH /v1/orders/[^/]+$' and i.status = 200 and (
  o.version < (i.body ->> 'version')::int or exists (
    select from jsonb_array_elements(i.body -> 'lines') a join order_line l on l.id::text = a ->> 'id'
    where l.quantity > (a ->> 'quantity')::int))
order by i.created_at limit 100
"""
# An authorization may replace another; all else only adds up.
_PAYMENTS = """
select i.key, i.scope, i.created_at, o.id::text as order_id,
  format('%s captured, %s refunded, %s voided are in its books, not %s, %s, %s', o.captured, o.refunded, o.voided,
    i.body ->> 'captured', i.body ->> 'refunded', i.body ->> 'voided') as problem
from idempotency i join orders o
  on substring(i.scope from ' POST /v1/orders/([^/]+)/payments$') in (o.id::text, o.number)
where i.status = 200 and (o.captured < (i.body ->> 'captured')::bigint
  or o.refunded < (i.body ->> 'refunded')::bigint or o.voided < (i.body ->> 'voided')::bigint)
order by i.created_at limit 100
"""
_UNPUBLISHED = """
select o.id::text as order_id from orders o where not exists (select from stream s where s.key = o.id::text)
order by o.id limit 100
"""
_REFERENCES = """
select min(id::text) as order_id, reference, count(*) as orders from orders group by storefront_id, test, reference
having count(*) > 1 order by 1 limit 100
"""
_READERS = {
    "inventory": "select order_id::text from order_demand",
    "shipping": "select order_id::text from order_copy",
    "care": "select order_id::text from watch",
}


async def check_accepted(books: Books) -> list[Finding]:
    """Compare what storefronts were answered with what orders has, and that with what the others know."""
    findings: list[Finding] = []
    for row in await books.rows("orders", _ANSWERED):
        detail = f"answered ({row['scope']}), but it is not there"
        told = await books.told("orders", row["order_id"])
        answer = Fact(
            f"order {row['order_id']}", f"answer under key {row['key']}", 0, f"{row['created_at']:%Y-%m-%d %H:%M}"
        )
        findings.append(Finding(1, answer.stream, detail, books.fact(row["order_id"], told[0]) if told else answer))
    findings.extend(await _acts(books))
    for row in await books.rows("orders", _UNPUBLISHED):
        name = books.name(row["order_id"])
        findings.append(Finding(1, name, "nothing was ever published of it", Fact(name, "order_placed", 1)))
    for row in await books.rows("orders", _REFERENCES):
        fact = await books.naming("orders", row["order_id"], row["order_id"], ["order_placed"])
        findings.append(Finding(1, f"reference {row['reference']}", f"{row['orders']} orders have it", fact))
    for service in _READERS:
        findings.extend(await _known(books, service))
    return findings


async def _acts(books: Books) -> list[Finding]:
    """Compare what was answered of changes, cancellations and payments with what is in effect."""
    findings: list[Finding] = []
    for question in (_CANCELLATIONS, _CHANGES, _PAYMENTS):
        for row in await books.rows("orders", question):
            fact = await books.latest("orders", row["order_id"])
            detail = f"an act was answered ({row['scope']}, key {row['key']}), but {row['problem']}"
            findings.append(Finding(1, books.name(row["order_id"]), detail, fact))
    return findings


async def _known(books: Books, service: str) -> list[Finding]:
    known = {row[0] for row in await books.rows(service, _READERS[service])}
    missing = [order for order in books.numbers if order not in known and books.is_settled(order)]
    foreign = sorted(order for order in known - books.numbers.keys() if books.is_settled(order))
    findings: list[Finding] = []
    for order_id in missing:
        fact = await books.naming("orders", order_id, order_id, ["order_placed"])
        detail = f"{service} does not know it though it has read everything"
        findings.append(Finding(1, books.name(order_id), detail, fact))
    for order_id in foreign:
        fact = await books.naming("orders", order_id, order_id, ["order_placed"])
        findings.append(Finding(1, f"order {order_id}", f"{service} knows it, orders does not", fact))
    return findings
