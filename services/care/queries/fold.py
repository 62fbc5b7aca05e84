"""How facts of other services change what care knows: one set-based statement per kind of fact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.care.models import WatchReport
from services.care.models.columns import Units
from shared.db import Transaction
from shared.events.base import Progress, Received
from shared.events.orders import OrderPlaced, Promise

# The rows are locked in order, so that two waves never wait for each other in a circle.
_TOUCH = """
with locked as (
  select order_id from watch where order_id = any($1::uuid[]) order by order_id for no key update
)
update watch w set next_check_at = least(w.next_check_at, $2) from locked l where w.order_id = l.order_id
returning w.order_id
"""
# No order holds between topics, so what was told later wins, whichever arrives last. Facts of one business moment
# are told apart by their event ids, which are ordered by the real time at which they were made.
_STEPS = """
insert into watch_step (order_id, about, step, holder, since, due_at, unblock, told_by, ended)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[],
  $8::uuid[], $9::bool[])
on conflict (order_id, about) do update set step = excluded.step, holder = excluded.holder, since = excluded.since,
  due_at = excluded.due_at, unblock = excluded.unblock, told_by = excluded.told_by, ended = excluded.ended
where (watch_step.since, watch_step.told_by) < (excluded.since, excluded.told_by)
"""
_LINES = """
insert into watch_line (order_id, line_id, sku, ordered, requires_shipping)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bool[])
"""
_LINE_COLUMNS = frozenset({"ordered", "cancelled", "handed_over"})


@dataclass(frozen=True, slots=True)
class StepNow:
    """A step as a fact told it; `about` is `order`, `fulfilment:<id>`, `parcel:<id>` or `line:<id>`."""

    order_id: UUID
    about: str
    progress: Progress
    told_by: UUID
    ended: bool = False

    @classmethod
    def end(cls, order_id: UUID, about: str, at: datetime, told_by: UUID) -> "StepNow":
        """Say that nobody holds this any more."""
        return cls(order_id, about, Progress(step="ended", holder="", since=at), told_by, ended=True)


@dataclass(frozen=True, slots=True)
class LineNow:
    """A total of one line as a fact told it."""

    order_id: UUID
    line_id: UUID
    quantity: int


async def touch(tx: Transaction, order_ids: Iterable[UUID]) -> set[UUID]:
    """Lock the watches and make them due for a look; give those that exist."""
    rows = await tx.fetch(_TOUCH, sorted(set(order_ids)), tx.now)
    tx.wrote = True
    return {row["order_id"] for row in rows}


async def put_lines(tx: Transaction, rows: Sequence[tuple[UUID, UUID, str, int, bool]]) -> None:
    """Insert (order, line, sku, ordered, requires_shipping)."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    await tx.write(_LINES, *columns)


async def put_steps(tx: Transaction, steps: Sequence[StepNow]) -> None:
    """Keep the latest step of each thing; an older fact that arrives late changes nothing."""
    in_order = sorted(steps, key=lambda step: (step.progress.since, step.told_by))
    latest = {(step.order_id, step.about): step for step in in_order}
    rows = [latest[key] for key in sorted(latest, key=str)]
    await tx.write(
        _STEPS,
        [row.order_id for row in rows],
        [row.about for row in rows],
        [row.progress.step for row in rows],
        [row.progress.holder for row in rows],
        [row.progress.since for row in rows],
        [row.progress.due_at for row in rows],
        [row.progress.unblock for row in rows],
        [row.told_by for row in rows],
        [row.ended for row in rows],
    )


async def set_line_totals(tx: Transaction, column: str, lines: Sequence[LineNow]) -> None:
    """Set one total of lines; totals are absolute."""
    if column not in _LINE_COLUMNS:
        raise ValueError(f"{column} is no total of a line")
    value = "excluded.quantity" if column == "ordered" else f"greatest(l.{column}, excluded.quantity)"
    await tx.write(
        f"update watch_line l set {column} = {value} "
        "from unnest($1::uuid[], $2::uuid[], $3::int[]) as excluded(order_id, line_id, quantity) "
        "where l.order_id = excluded.order_id and l.line_id = excluded.line_id",
        [line.order_id for line in lines],
        [line.line_id for line in lines],
        [line.quantity for line in lines],
    )


async def set_backorders(tx: Transaction, rows: Sequence[tuple[UUID, UUID, int, datetime | None]]) -> None:
    """Set (order, line, backordered, expected_at)."""
    await tx.write(
        "update watch_line l set backordered = b.backordered, expected_at = b.expected_at "
        "from unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[]) "
        "as b(order_id, line_id, backordered, expected_at) where l.order_id = b.order_id and l.line_id = b.line_id",
        *[list(column) for column in zip(*rows, strict=True)],
    )


async def set_promises(tx: Transaction, promises: Sequence[tuple[UUID, Promise, datetime]]) -> None:
    """Put newer revisions of promises in force, each since its moment."""
    await tx.execute(
        "update watch w set promise_revision = p.revision, ship_by = p.ship_by, deliver_by = p.deliver_by, "
        "promise_revised_at = p.revised_at "
        "from unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[]) "
        "as p(order_id, revision, ship_by, deliver_by, revised_at) "
        "where w.order_id = p.order_id and w.promise_revision < p.revision",
        [order_id for order_id, _, _ in promises],
        [promise.revision for _, promise, _ in promises],
        [promise.ship_by for _, promise, _ in promises],
        [promise.deliver_by_latest for _, promise, _ in promises],
        [revised_at for _, _, revised_at in promises],
    )


async def end_watches(tx: Transaction, ended: Sequence[tuple[UUID, str, datetime]]) -> None:
    """Note (order, outcome, when) of orders of which nothing more is expected, and drop their steps."""
    order_ids = [order_id for order_id, _, _ in ended]
    await tx.execute(
        "update watch w set ended_at = e.at, outcome = e.outcome "
        "from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as e(order_id, outcome, at) "
        "where w.order_id = e.order_id",
        *[list(column) for column in zip(*ended, strict=True)],
    )
    await date_deliveries(tx, order_ids)
    await tx.execute("delete from watch_step where order_id = any($1::uuid[])", order_ids)


async def date_deliveries(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Note when the last parcel of ended orders arrived: the end and the delivery are heard in either order."""
    await tx.execute(
        "update watch w set delivered_at = (select max(p.delivered_at) from watch_parcel p "
        "where p.order_id = w.order_id) where w.order_id = any($1::uuid[]) and w.ended_at is not null",
        list(order_ids),
    )


def units(lines: Iterable[tuple[UUID, str, int]]) -> list[Units]:
    """Make the stored form of (line, sku, quantity)."""
    return [{"line_id": str(line_id), "sku": sku, "quantity": quantity} for line_id, sku, quantity in lines]


_PLACE = """
insert into watch (order_id, number, storefront_id, placed_at, service_level, country, zone, value_amount, currency,
  notifications, reship_of, ship_after, promise_revision, ship_by, deliver_by, perishable, safety,
  gift_due_at, test, customer, first_deliver_by, next_check_at)
select p.*, p.deliver_by, $21 from unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[],
  $7::text[], $8::bigint[], $9::text[], $10::text[], $11::uuid[], $12::timestamptz[], $13::int[], $14::timestamptz[],
  $15::timestamptz[], $16::bool[], $17::bool[], $18::timestamptz[], $19::bool[], $20::text[])
as p(order_id, number, storefront_id, placed_at, service_level, country, zone, value_amount, currency, notifications,
  reship_of, ship_after, revision, ship_by, deliver_by, perishable, safety, gift_due_at, test, customer)
"""


async def place_watches(tx: Transaction, placed: Sequence[Received[OrderPlaced]]) -> None:
    """Begin to watch orders."""
    orders = [received.event for received in placed]
    await tx.write(
        _PLACE,
        [order.order_id for order in orders],
        [order.number for order in orders],
        [order.storefront_id for order in orders],
        [received.occurred_at for received in placed],
        [order.service_level for order in orders],
        [order.destination.country_code for order in orders],
        [order.destination.postal_zone for order in orders],
        [order.value.amount for order in orders],
        [order.value.currency for order in orders],
        [order.notifications for order in orders],
        [order.reship_of for order in orders],
        [order.ship_after for order in orders],
        [order.promise.revision for order in orders],
        [order.promise.ship_by for order in orders],
        [order.promise.deliver_by_latest for order in orders],
        [any(line.perishable for line in order.lines) for order in orders],
        [any(line.safety for line in order.lines) for order in orders],
        [order.gift_due_at for order in orders],
        [order.test for order in orders],
        [order.customer for order in orders],
        tx.now,
    )


async def settle_promises(tx: Transaction, settled: Sequence[tuple[UUID, str]]) -> None:
    """Note how (order) promises ended: kept, broken or withdrawn."""
    await tx.execute(
        "update watch w set promise_outcome = case when w.promise_outcome = 'broken' then 'broken' else s.outcome end "
        "from unnest($1::uuid[], $2::text[]) as s(order_id, outcome) where w.order_id = s.order_id",
        *[list(column) for column in zip(*settled, strict=True)],
    )


async def set_destinations(tx: Transaction, rows: Sequence[tuple[UUID, str, str, datetime | None]]) -> None:
    """Note amended (order, country, zone, ship_after)."""
    await tx.execute(
        "update watch w set country = a.country, zone = a.zone, ship_after = a.ship_after "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as a(order_id, country, zone, ship_after) "
        "where w.order_id = a.order_id",
        *[list(column) for column in zip(*rows, strict=True)],
    )


async def set_shorts(tx: Transaction, rows: Sequence[tuple[UUID, UUID, int, str, datetime | None]]) -> None:
    """Add (order, line, units, reason, expected_at) to the shorts of lines; negative units heal."""
    await tx.execute(
        "update watch_line l set short = greatest(0, l.short + s.units), "
        "short_reason = case when s.reason = '' then l.short_reason else s.reason end, "
        "expected_at = coalesce(s.expected_at, l.expected_at) "
        "from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::timestamptz[]) "
        "as s(order_id, line_id, units, reason, expected_at) where l.order_id = s.order_id and l.line_id = s.line_id",
        *[list(column) for column in zip(*rows, strict=True)],
    )


async def put_locations(tx: Transaction, locations: Sequence[tuple[str, str]]) -> None:
    """Keep the (location, country) of locations."""
    await tx.execute(
        "insert into watch_location (location, country) select * from unnest($1::text[], $2::text[]) "
        "on conflict (location) do update set country = excluded.country",
        *[list(column) for column in zip(*locations, strict=True)],
    )


async def put_report(tx: Transaction, report: WatchReport) -> None:
    """Keep what a person reported and make the order due for a look."""
    tx.session.add(report)
    await tx.execute("update watch set next_check_at = $2 where order_id = $1", report.order_id, tx.now)


async def place_reports(tx: Transaction, parcels: Sequence[tuple[UUID, UUID]]) -> None:
    """Let reports that came before any hand-over be about the first (order, parcel) that leaves."""
    first = dict(reversed(parcels))
    await tx.execute(
        "update watch_report r set parcel_id = p.parcel_id "
        "from unnest($1::uuid[], $2::uuid[]) as p(order_id, parcel_id) "
        "where r.order_id = p.order_id and r.parcel_id is null",
        list(first),
        list(first.values()),
    )
