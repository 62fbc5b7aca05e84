"""Invariant 4: no unit is picked or shipped twice, nothing cancelled ships, and each shipment has its closed parcel."""

from cli.check.books import Books
from cli.check.databases import Row
from cli.check.findings import Finding

_LINES = """
select id::text as line_id, order_id::text as order_id, quantity, handed_over, delivered + lost + returned as ended,
  cancelled + least(put_back_due, put_back) as cancelled
from order_line where requires_shipping order by order_id, position
"""
_TAKEN = """
select line_id::text, sum(picked - damaged - put_back) from pick_task group by line_id
"""
_CONSUMED = "select line_id::text, sum(quantity) from reservation where state = 'consumed' group by line_id"
_TASKS = """
select t.id::text as id, t.line_id::text as line_id, t.order_id::text as order_id, t.picked, t.boxed, t.packed,
  t.handed_over, coalesce(s.scanned, 0) as scanned, coalesce(c.boxed, 0) as in_boxes,
  coalesce(c.packed, 0) as in_parcels, coalesce(c.left_house, 0) as left_house
from pick_task t left join (
  select task_id, sum(units) as scanned from pick_scan where undone_at is null group by task_id
) s on s.task_id = t.id left join (
  select c.task_id, sum(c.quantity) as boxed,
    sum(c.quantity) filter (where p.state in ('closed', 'labelled', 'staged', 'handed_over')) as packed,
    sum(c.quantity) filter (where p.state = 'handed_over') as left_house
  from parcel_content c join parcel p on p.id = c.parcel_id where p.state <> 'discarded' group by c.task_id
) c on c.task_id = t.id
where (t.picked, t.boxed, t.packed, t.handed_over) is distinct from (
  coalesce(s.scanned, 0), coalesce(c.boxed, 0), coalesce(c.packed, 0), coalesce(c.left_house, 0))
order by t.id
"""
_COUNTS = (
    ("picked", "scanned", "pick_confirmed"),
    ("boxed", "in_boxes", "parcel_closed"),
    ("packed", "in_parcels", "parcel_closed"),
    ("handed_over", "left_house", "parcel_handed_over"),
)
_PARCELS = """
select p.id::text as id, p.state, p.order_id::text as order_id, (
  select jsonb_object_agg(line_id, quantity) from (
    select t.line_id::text, sum(c.quantity) as quantity from parcel_content c join pick_task t on t.id = c.task_id
    where c.parcel_id = p.id group by t.line_id
  ) l
) as contents from parcel p
"""
_SHIPMENTS = """
select s.id::text as id, s.parcel_id::text as parcel_id, s.order_id::text as order_id, s.status, (
  select jsonb_object_agg(line_id, quantity) from (
    select c ->> 'line_id' as line_id, sum((c ->> 'quantity')::int) as quantity from jsonb_array_elements(s.contents) c
    group by 1
  ) l
) as contents from shipment s order by s.id
"""
_LABELS = """
select l.parcel_id::text as parcel_id, s.order_id::text as order_id, count(*) as live
from label l join shipment s on s.id = l.shipment_id where l.state = 'live' group by 1, 2 having count(*) > 1
"""
# A parcel opened again has given its label back; its shipment waits for another.
_CLOSED = frozenset({"closed", "labelled", "staged", "handed_over", "discarded"})
_UNSHIPPED = frozenset({"voided", "void_requested", "void_refused"})


async def check_goods(books: Books) -> list[Finding]:
    """Follow the units of each line from the shelf into parcels and out of the house."""
    return [*await _lines(books), *await _tasks(books), *await _shipments(books), *await _labels(books)]


async def _lines(books: Books) -> list[Finding]:
    consumed = await books.databases.totals("inventory", _CONSUMED)
    taken = await books.databases.totals("inventory", _TAKEN)
    left = await books.databases.totals(
        "inventory", "select line_id::text, sum(handed_over) from pick_task group by line_id"
    )
    findings: list[Finding] = []
    for row in await books.rows("orders", _LINES):
        if not books.is_settled(row["order_id"]):
            continue
        line_id = row["line_id"]
        counts = consumed.get(line_id, 0), left.get(line_id, 0), taken.get(line_id, 0)
        for problem, fact in _problems(row, *counts):
            named = await books.naming("inventory", row["order_id"], line_id, [fact])
            findings.append(Finding(4, f"line {line_id} of {books.name(row['order_id'])}", problem, named))
    return findings


def _problems(row: Row, consumed: int, left: int, taken: int) -> list[tuple[str, str]]:
    """Say what cannot be true of a line, each with the kind of event that made it so."""
    ordered, gone = row["quantity"], max(row["handed_over"], left)
    found: list[tuple[str, str]] = []
    if consumed != left:
        found.append((f"{left} units were handed over, stock gave out {consumed}", "parcel_handed_over"))
    if taken > ordered:
        found.append((f"{taken} units are picked of {ordered} ordered", "pick_confirmed"))
    if gone + row["cancelled"] > ordered:
        text = f"{gone} units were handed over and {row['cancelled']} cancelled of {ordered} ordered"
        found.append((text, "parcel_handed_over"))
    if row["ended"] > gone:
        found.append((f"{row['ended']} units have ended outside, {gone} were handed over", "parcel_handed_over"))
    return found


async def _tasks(books: Books) -> list[Finding]:
    """Compare each pick task's totals with its scans and with the parcels its units lie in."""
    findings: list[Finding] = []
    for row in await books.rows("inventory", _TASKS):
        for column, recorded, fact in _COUNTS:
            if row[column] != row[recorded]:
                subject = f"pick task {row['id']} of {books.name(row['order_id'])}"
                detail = f"{column} is {row[column]}, {recorded.replace('_', ' ')} {row[recorded]}"
                named = await books.naming("inventory", row["order_id"], row["line_id"], [fact])
                findings.append(Finding(4, subject, detail, named))
    return findings


async def _shipments(books: Books) -> list[Finding]:
    parcels = {row["id"]: row for row in await books.rows("inventory", _PARCELS)}
    findings: list[Finding] = []
    for row in await books.rows("shipping", _SHIPMENTS):
        parcel = parcels.get(row["parcel_id"])
        problem = _unlike(row, parcel) if books.is_settled(row["order_id"]) else ""
        if problem:
            fact = await books.naming("inventory", row["order_id"], row["parcel_id"], ["parcel_closed"])
            findings.append(Finding(4, f"shipment {row['id']} of {books.name(row['order_id'])}", problem, fact))
    return findings


def _unlike(shipment: Row, parcel: Row | None) -> str:
    """Say how a shipment differs from its parcel; empty when it does not."""
    if parcel is None:
        return f"its parcel {shipment['parcel_id']} is unknown to inventory"
    if shipment["status"] in _UNSHIPPED:
        return ""
    if parcel["state"] not in _CLOSED:
        return f"its parcel {parcel['id']} is {parcel['state']}"
    if parcel["contents"] != shipment["contents"]:
        return f"it carries {shipment['contents']}, its parcel holds {parcel['contents']}"
    return ""


async def _labels(books: Books) -> list[Finding]:
    findings: list[Finding] = []
    for row in await books.rows("shipping", _LABELS):
        fact = await books.naming("shipping", row["order_id"], row["parcel_id"], ["shipment_booked"])
        findings.append(Finding(4, f"parcel {row['parcel_id']}", f"{row['live']} labels are live", fact))
    return findings
