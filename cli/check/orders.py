"""Invariants 1, 3 and 4: each order once, its lines' totals agree in every service, nothing ships twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cli.check.databases import Databases, Row
from cli.check.findings import Finding

_ANSWERED = """
select i.key, i.body ->> 'id' as order_id from idempotency i
where i.scope like '% POST /v1/orders' and i.status = 201
  and not exists (select from orders o where o.id::text = i.body ->> 'id')
limit 100
"""
_LINES = """
select l.id::text as line_id, l.order_id::text as order_id, o.number, o.state, l.sku, l.quantity, l.reserved, l.picked,
  l.packed, l.handed_over, l.delivered, l.lost, l.returned, l.cancelled, l.written_off, l.backordered
from order_line l join orders o on o.id = l.order_id
"""
# What inventory holds of a line, in the same words.
_RESERVED = """
select line_id::text, sum(quantity) from reservation
where state in ('soft_reserved', 'allocated', 'consumed') group by 1
"""
_WAITING = """
select line_id::text, sum(quantity) from reservation
where state in ('requested', 'backordered', 'reallocating') group by 1
"""
_CONSUMED = "select line_id::text, sum(quantity) from reservation where state = 'consumed' group by 1"
_HANDED_OVER = "select line_id::text, sum(handed_over) from pick_task group by 1"
_PARCELLED = """
select t.line_id::text, sum(c.quantity) from parcel_content c join pick_task t on t.id = c.task_id
join parcel p on p.id = c.parcel_id where p.state = 'handed_over' group by 1
"""
_DELIVERED = """
select c ->> 'line_id', sum((c ->> 'quantity')::int) from shipment, jsonb_array_elements(contents) c
where status = 'delivered' group by 1
"""
_FACTS = """
select e.sequence, e.type, e.occurred_at, (t.line ->> 'quantity')::int as quantity
from event_log e, jsonb_array_elements(e.payload -> $2) as t(line)
where e.key = $1 and t.line ->> 'line_id' = $3 order by e.epoch, e.sequence
"""
_SHIPMENTS = "select id::text as id, parcel_id::text as parcel_id, status, order_id::text as order_id from shipment"
_PARCELS = "select id::text as id, state, label_state, order_id::text as order_id from parcel"
_LABELS = """
select parcel_id::text as parcel_id, count(*) as live from label where state = 'live' group by parcel_id
having count(*) > 1
"""
_CLOSED = frozenset({"closed", "labelled", "staged", "handed_over", "discarded"})


@dataclass(frozen=True, slots=True)
class Stage:
    """One total of a line: how orders calls it, who else records it, and the event field that carries it."""

    column: str
    source: str
    recorded: Mapping[str, int]
    field: str


async def check_orders(databases: Databases, unsettled: Iterable[str]) -> list[Finding]:
    """Compare orders, inventory, shipping and care, order by order; those not settled are left out."""
    waiting = frozenset(unsettled)
    findings = await _accepted(databases, waiting)
    lines = await databases.rows("orders", _LINES)
    findings.extend(_impossible(lines))
    findings.extend(await _disagreements(databases, [row for row in lines if row["order_id"] not in waiting]))
    findings.extend(await _twice(databases, lines))
    findings.extend(await _parcels(databases, waiting))
    return findings


async def _accepted(databases: Databases, waiting: frozenset[str]) -> list[Finding]:
    findings = [
        Finding(1, f"order {row['order_id']}", f"answered 201 under key {row['key']}, but it is not there")
        for row in await databases.rows("orders", _ANSWERED)
    ]
    placed = {row["id"]: row["number"] for row in await databases.rows("orders", "select id::text, number from orders")}
    seen = {
        "inventory": {row[0] for row in await databases.rows("inventory", "select order_id::text from order_demand")},
        "care": {row[0] for row in await databases.rows("care", "select order_id::text from watch")},
    }
    for service, known in seen.items():
        findings.extend(
            Finding(1, f"order {number}", f"{service} does not know it though it has read everything")
            for order_id, number in placed.items()
            if order_id not in known and order_id not in waiting
        )
        findings.extend(
            Finding(1, f"order {order_id}", f"{service} knows it, orders does not")
            for order_id in known - placed.keys()
        )
    return findings


def _impossible(lines: Iterable[Row]) -> list[Finding]:
    """Totals that no order of events can explain."""
    findings: list[Finding] = []
    for row in lines:
        ended = row["delivered"] + row["lost"] + row["returned"]
        if ended > row["handed_over"] or row["handed_over"] + row["cancelled"] > row["quantity"]:
            counts = {
                name: row[name] for name in ("quantity", "handed_over", "cancelled", "delivered", "lost", "returned")
            }
            findings.append(
                Finding(4, f"line {row['line_id']} of order {row['number']}", f"impossible totals {counts}")
            )
    return findings


async def _disagreements(databases: Databases, lines: list[Row]) -> list[Finding]:
    stages = (
        Stage("reserved", "inventory", await databases.totals("inventory", _RESERVED), "lines"),
        Stage("backordered", "inventory", await databases.totals("inventory", _WAITING), "lines"),
        Stage("handed_over", "inventory", await databases.totals("inventory", _HANDED_OVER), "handed_over"),
        Stage("delivered", "shipping", await databases.totals("shipping", _DELIVERED), "contents"),
    )
    findings: list[Finding] = []
    for row in lines:
        for stage in stages:
            recorded = stage.recorded.get(row["line_id"], 0)
            if row[stage.column] != recorded:
                detail = f"orders says {stage.column} {row[stage.column]}, {stage.source} {recorded}"
                fact = await _first_fact(databases, row, stage)
                findings.append(Finding(3, f"line {row['line_id']} of order {row['number']}", detail, fact))
    return findings


async def _first_fact(databases: Databases, line: Row, stage: Stage) -> str:
    """Find the first published fact whose total orders does not show."""
    shown = line[stage.column]
    running = 0
    for fact in await databases.rows(stage.source, _FACTS, line["order_id"], stage.field, line["line_id"]):
        if fact["quantity"] is None:
            continue
        running = running + fact["quantity"] if stage.field == "contents" else fact["quantity"]
        if running > shown:
            return f"{fact['type']} #{fact['sequence']} of {fact['occurred_at']:%Y-%m-%d %H:%M}"
    return ""


async def _twice(databases: Databases, lines: list[Row]) -> list[Finding]:
    """Within inventory: what was picked into parcels, handed over and consumed is the same, and not too much."""
    consumed = await databases.totals("inventory", _CONSUMED)
    handed_over = await databases.totals("inventory", _HANDED_OVER)
    parcelled = await databases.totals("inventory", _PARCELLED)
    findings: list[Finding] = []
    for row in lines:
        line_id = row["line_id"]
        counts = [totals.get(line_id, 0) for totals in (consumed, handed_over, parcelled)]
        if len(set(counts)) > 1 or counts[0] > row["quantity"]:
            detail = f"ordered {row['quantity']}, consumed {counts[0]}, handed over {counts[1]}, in parcels {counts[2]}"
            findings.append(Finding(4, f"line {line_id} of order {row['number']}", detail))
    return findings


async def _parcels(databases: Databases, waiting: frozenset[str]) -> list[Finding]:
    parcels = {row["id"]: row for row in await databases.rows("inventory", _PARCELS)}
    findings = [
        Finding(4, f"parcel {row['parcel_id']}", f"{row['live']} labels are live")
        for row in await databases.rows("shipping", _LABELS)
    ]
    for row in await databases.rows("shipping", _SHIPMENTS):
        if row["order_id"] in waiting:
            continue
        parcel = parcels.get(row["parcel_id"])
        if parcel is None or parcel["state"] not in _CLOSED:
            state = parcel["state"] if parcel is not None else "unknown to inventory"
            findings.append(Finding(4, f"shipment {row['id']}", f"its parcel is {state}"))
    return findings
