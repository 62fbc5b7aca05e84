"""Invariant 6: each remedy takes effect once, each unit is made whole once, and no more is paid back than was taken."""

from cli.check.books import Books, Told
from cli.check.findings import Finding

_GRANTED = """
select id::text as id, order_id::text as order_id, kind, state from remedy
where state in ('granted', 'executed', 'refused') order by id
"""
# Goods of a reshipment are paid back from the order that was paid for.
_PAID = """(
  with recursive up(id, reship_of) as (
    select o.id, o.reship_of from orders o where o.id = r.order_id
    union all select o.id, o.reship_of from up join orders o on o.id = up.reship_of
  )
  select up.id from up where up.reship_of is null
)"""
_BOOKED = f"""
select r.id::text as id, r.order_id::text as order_id, r.kind, r.state, r.refund_id is not null as instructed,
  count(f.id) as refunds, coalesce(bool_and(f.id = r.refund_id and f.order_id in (r.order_id, {_PAID})), false) as same,
  min(f.state) as refund_state
from remedy r left join refund f on f.remedy_id = r.id group by r.id order by r.id
"""
_AGREED = {"granted": "waiting", "executed": "executed", "refused": "refused"}
_MONEY_KINDS = frozenset({"refund", "shipping_refund", "goodwill_credit"})
_REFUND_STATES = {
    "waiting": frozenset({"approved", "requested"}),
    "executed": frozenset({"succeeded"}),
    "refused": frozenset({"failed", None}),
}
_LINES = """
select l.id::text as line_id, l.order_id::text as order_id, l.quantity, l.total, l.made_whole, l.refunded,
  coalesce(w.units, 0) as remedied, coalesce(p.amount, 0) as instructed
from order_line l left join (
  select x ->> 'line_id' as line_id, sum((x ->> 'quantity')::int) as units
  from remedy r, jsonb_array_elements(r.lines) x
  where r.kind in ('reship', 'refund') and r.state in ('waiting', 'executed') group by 1
) w on w.line_id = l.id::text left join (
  select x ->> 'line_id' as line_id, sum((x ->> 'amount')::bigint) as amount
  from refund f, jsonb_array_elements(f.lines) x where f.state <> 'failed' group by 1
) p on p.line_id = l.id::text
where l.made_whole <> coalesce(w.units, 0) or l.made_whole > l.quantity
  or l.refunded <> coalesce(p.amount, 0) or l.refunded > l.total
order by l.id
"""
_MONEY = """
select o.id::text as order_id, o.captured, o.refunded, o.shipping_price, o.shipping_refunded,
  coalesce(f.taken, 0) as taken, coalesce(f.shipping, 0) as shipping, coalesce(f.shipping_taken, 0) as shipping_taken,
  coalesce(f.succeeded, 0) as succeeded
from orders o left join (
  select f.order_id, sum(f.amount) filter (where f.kind in ('refund', 'shipping_refund')) as taken,
    sum(f.amount) filter (where r.kind = 'shipping_refund') as shipping,
    sum(f.amount) filter (where f.kind = 'shipping_refund') as shipping_taken,
    sum(f.amount) filter (where f.kind in ('refund', 'shipping_refund') and f.state = 'succeeded') as succeeded
  from refund f join remedy r on r.id = f.remedy_id where f.state <> 'failed' group by f.order_id
) f on f.order_id = o.id
order by o.id
"""
_LOST_RESHIPS = """
select r.id::text as id, r.order_id::text as order_id, r.reship_order_id::text as reship from remedy r
where r.kind = 'reship' and r.state = 'executed'
  and not exists (
    select from orders o where o.id = r.reship_order_id and o.remedy_id = r.id and o.reship_of = r.order_id)
"""


async def check_remedies(books: Books) -> list[Finding]:
    """Compare what care granted with what orders carried out, and that with refunds, units and money."""
    return [*await _agreement(books), *await _effects(books), *await _lines(books), *await _money(books)]


async def _agreement(books: Books) -> list[Finding]:
    booked = {row["id"]: row for row in await books.rows("orders", _BOOKED)}
    granted = {row["id"]: row for row in await books.rows("care", _GRANTED)}
    findings: list[Finding] = []
    for identity in sorted(granted.keys() | booked.keys()):
        ours, theirs = granted.get(identity), booked.get(identity)
        row = ours or booked[identity]
        said = _AGREED[ours["state"]] if ours is not None else "never granted"
        done = theirs["state"] if theirs is not None else "unknown"
        if said != done and books.is_settled(row["order_id"]):
            fact = await books.naming("care", row["order_id"], identity, ["remedy_granted"])
            detail = f"care says {ours['state'] if ours is not None else said}, orders says {done}"
            findings.append(Finding(6, f"remedy {identity} ({row['kind']})", detail, fact))
    return findings


async def _effects(books: Books) -> list[Finding]:
    """Each remedy about money has its one refund in the state that answers its own; each reshipment its order."""
    findings: list[Finding] = []
    for row in await books.rows("orders", _BOOKED):
        about_money = row["kind"] in _MONEY_KINDS
        wanted = int(row["instructed"])
        fits = row["refunds"] == wanted and (not wanted or row["same"])
        agrees = not about_money or row["refund_state"] in _REFUND_STATES[row["state"]]
        if not (fits and agrees):
            fact = await books.naming("orders", row["order_id"], row["id"], ["remedy_executed", "remedy_refused"])
            detail = f"it is {row['state']}, with {row['refunds']} refunds ({row['refund_state'] or 'none'})"
            findings.append(Finding(6, f"remedy {row['id']} ({row['kind']})", detail, fact))
    for row in await books.rows("orders", _LOST_RESHIPS):
        fact = await books.naming("orders", row["order_id"], row["id"], ["remedy_executed"])
        findings.append(Finding(6, f"remedy {row['id']}", f"its reshipment {row['reship']} is not there", fact))
    return findings


async def _lines(books: Books) -> list[Finding]:
    findings: list[Finding] = []
    for row in await books.rows("orders", _LINES):
        detail = (
            f"made whole {row['made_whole']} of {row['quantity']} units, remedies say {row['remedied']}; "
            f"refunded {row['refunded']} of {row['total']}, instructions say {row['instructed']}"
        )
        fact = await books.naming("care", row["order_id"], row["line_id"], ["remedy_granted"])
        findings.append(Finding(6, f"line {row['line_id']} of {books.name(row['order_id'])}", detail, fact))
    return findings


async def _money(books: Books) -> list[Finding]:
    findings: list[Finding] = []
    for row in await books.rows("orders", _MONEY):
        problems = {
            f"refunded {row['refunded']} of {row['captured']} captured": row["refunded"] > row["captured"],
            f"{row['taken']} is or will be paid back of {row['captured']} captured": row["taken"] > row["captured"],
            f"{row['succeeded']} was paid back by instruction, {row['refunded']} in all": (
                row["succeeded"] > row["refunded"]
            ),
            f"shipping refunded {row['shipping_refunded']}, instructions say {row['shipping']}": (
                row["shipping_refunded"] != row["shipping"]
            ),
            f"shipping refunded {row['shipping_taken']} of {min(row['shipping_price'], row['captured'])} captured": (
                row["shipping_taken"] > min(row["shipping_price"], row["captured"])
            ),
        }
        for detail in (text for text, is_wrong in problems.items() if is_wrong):
            fact = await books.first("orders", row["order_id"], _pays_back)
            findings.append(Finding(6, books.name(row["order_id"]), detail, fact))
    return findings


def _pays_back(event: Told) -> bool:
    """Say whether an event told of money that went back."""
    reported = event.name == "payment_reported" and event.payload["refunded"] > 0
    return reported or (event.name == "remedy_executed" and event.payload["kind"] in _MONEY_KINDS)
