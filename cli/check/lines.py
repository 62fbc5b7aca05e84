"""Invariant 3: a line's totals in orders are those that inventory and shipping record, and its buckets add up."""

from collections.abc import Mapping
from dataclasses import dataclass

from cli.check.books import Books, Told
from cli.check.databases import Row
from cli.check.findings import Fact, Finding
from services.orders.states import Totals, buckets_of

_LINES = """
select l.id::text as line_id, l.order_id::text as order_id, l.sku, l.quantity, l.reserved, l.backordered, l.given_back,
  l.picked, l.packed, l.handed_over, l.delivered, l.lost, l.returned, l.cancelled, l.put_back_due, l.put_back,
  l.written_off
from order_line l where l.requires_shipping order by l.order_id, l.position
"""
_RESERVATIONS = """
select line_id::text as line_id,
  coalesce(sum(quantity) filter (where state in ('soft_reserved', 'allocated', 'consumed')), 0) as reserved,
  coalesce(sum(quantity) filter (where state in ('requested', 'backordered', 'reallocating')), 0) as backordered,
  coalesce(sum(quantity) filter (where state in ('expired', 'released')), 0) as given_back
from reservation group by line_id
"""
_TASKS = """
select line_id::text as line_id, sum(picked - damaged) as picked, sum(packed) as packed,
  sum(handed_over) as handed_over, sum(put_back) as put_back
from pick_task group by line_id
"""
_ANSWERS = """
select o ->> 'line_id' as line_id,
  coalesce(sum((o ->> 'quantity')::int) filter (where o ->> 'outcome' = 'cancelled'), 0) as cancelled,
  coalesce(sum((o ->> 'quantity')::int) filter (where o ->> 'outcome' = 'put_back_pending'), 0) as put_back_due
from cancellation, jsonb_array_elements(outcomes) o group by 1
"""
_SHIPMENTS = """
select c ->> 'line_id' as line_id,
  coalesce(sum((c ->> 'quantity')::int) filter (where status = 'delivered'), 0) as delivered,
  coalesce(sum((c ->> 'quantity')::int) filter (where status = 'lost'), 0) as lost,
  coalesce(sum((c ->> 'quantity')::int) filter (where status = 'returned_to_sender'), 0) as returned
from shipment, jsonb_array_elements(contents) c group by 1
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A total of a line: who records it, and which field of which facts tells it.

    With `running` a fact tells of its own units only, and counts where `word` is its outcome or position.
    """

    column: str
    source: str
    facts: frozenset[str]
    field: str
    value: str = "quantity"
    running: bool = False
    word: str = ""

    def units(self, event: Told, line_id: str) -> int | None:
        """Give what an event says of a line, None when it does not speak of it."""
        if event.name not in self.facts:
            return None
        position = str(event.payload.get("position", ""))
        for part in event.payload.get(self.field, ()):
            if part["line_id"] == line_id and self.word in {"", position, str(part.get("outcome", ""))}:
                return int(part[self.value])
        return None


_STOCK = frozenset({"stock_reserved", "stock_backordered", "reservation_released"})
_ANSWER = frozenset({"cancellation_answered"})
_SCAN = frozenset({"shipment_progressed"})
STAGES = (
    Stage("reserved", "inventory", _STOCK, "lines", "reserved"),
    Stage("backordered", "inventory", _STOCK, "lines", "backordered"),
    Stage("given_back", "inventory", _STOCK, "lines", "released"),
    Stage("picked", "inventory", frozenset({"pick_confirmed"}), "lines"),
    Stage("packed", "inventory", frozenset({"parcel_closed", "parcel_reopened"}), "packed"),
    Stage("handed_over", "inventory", frozenset({"parcel_handed_over"}), "handed_over"),
    Stage("put_back", "inventory", frozenset({"picks_put_back"}), "lines"),
    Stage("cancelled", "inventory", _ANSWER, "outcomes", running=True, word="cancelled"),
    Stage("put_back_due", "inventory", _ANSWER, "outcomes", running=True, word="put_back_pending"),
    Stage("delivered", "shipping", frozenset({"shipment_delivered"}), "contents", running=True),
    Stage("lost", "shipping", _SCAN, "contents", running=True, word="lost"),
    Stage("returned", "shipping", _SCAN, "contents", running=True, word="returned_to_sender"),
)
Recorded = Mapping[str, Mapping[str, int]]


async def check_lines(books: Books) -> list[Finding]:
    """Compare every total of every settled line, then its buckets with what was ordered."""
    recorded = await _recorded(books)
    findings: list[Finding] = []
    for row in await books.rows("orders", _LINES):
        if not books.is_settled(row["order_id"]):
            continue
        theirs = recorded.get(row["line_id"], {})
        findings += [
            await _disagreement(books, row, stage, theirs.get(stage.column, 0))
            for stage in STAGES
            if row[stage.column] != theirs.get(stage.column, 0)
        ]
        problem = _sum(row, theirs)
        if problem:
            fact = await books.naming("inventory", row["order_id"], row["line_id"], _STOCK)
            findings.append(Finding(3, _name(books, row), problem, fact))
    return findings


async def _recorded(books: Books) -> dict[str, dict[str, int]]:
    """Read what inventory and shipping record, by line."""
    recorded: dict[str, dict[str, int]] = {}
    questions = (("inventory", _RESERVATIONS), ("inventory", _TASKS), ("inventory", _ANSWERS), ("shipping", _SHIPMENTS))
    for service, question in questions:
        for row in await books.rows(service, question):
            counts = {name: int(count) for name, count in row.items() if name != "line_id"}
            recorded.setdefault(row["line_id"], {}).update(counts)
    return recorded


def _name(books: Books, row: Row) -> str:
    return f"line {row['line_id']} ({row['sku']}) of {books.name(row['order_id'])}"


async def _disagreement(books: Books, row: Row, stage: Stage, recorded: int) -> Finding:
    detail = f"orders says {stage.column} {row[stage.column]}, {stage.source} {recorded}"
    return Finding(3, _name(books, row), detail, await _first_fact(books, row, stage))


async def _first_fact(books: Books, row: Row, stage: Stage) -> Fact:
    """Find the first fact whose total orders does not show, else the last that speaks of this total."""
    order_id, shown = row["order_id"], row[stage.column]
    told: Told | None = None
    total = 0
    for event in await books.told(stage.source, order_id):
        units = stage.units(event, row["line_id"])
        if units is None:
            continue
        told = event
        total = total + units if stage.running else units
        if total > shown:
            break
    if told is None:
        return await books.naming("orders", order_id, row["line_id"], ["order_placed"])
    return books.fact(order_id, told)


def _sum(row: Row, theirs: Mapping[str, int]) -> str:
    """Say why the recorded totals of a line do not add up to what was ordered; empty when they do."""
    cancelled = theirs.get("cancelled", 0) + min(theirs.get("put_back_due", 0), theirs.get("put_back", 0))
    reserved, backordered = theirs.get("reserved", 0), theirs.get("backordered", 0)
    totals = Totals(
        ordered=row["quantity"],
        backordered=backordered,
        reserved=reserved,
        picked=theirs.get("picked", 0),
        packed=theirs.get("packed", 0),
        handed_over=theirs.get("handed_over", 0),
        delivered=theirs.get("delivered", 0),
        lost=theirs.get("lost", 0),
        returned_to_sender=theirs.get("returned", 0),
        cancelled=cancelled,
        written_off=row["written_off"],
    )
    buckets = buckets_of(totals)
    unheld = row["quantity"] - reserved - backordered - cancelled
    if unheld < 0:
        return f"ordered {row['quantity']}, but reserved {reserved}, backordered {backordered}, cancelled {cancelled}"
    if unheld > theirs.get("given_back", 0):
        return f"{unheld} units of {row['quantity']} are nowhere: never reserved, backordered, cancelled or given back"
    return "" if buckets.total == row["quantity"] else f"its buckets are {buckets}, ordered {row['quantity']}"
