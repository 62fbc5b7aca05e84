"""A database that the released version has filled is brought to today's shape while it is worked in."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence

import asyncpg
import pytest

from deploy.local import names
from deploy.local.site import REPOSITORY
from shared import clock, migrate
from shared.ids import new_id
from tests.contracts.test_migrations import RELEASED

Row = tuple[str, Mapping[str, object]]
ROUNDS = 50
WRITES_SECONDS = 2.5
STOPS_SECONDS = 1.0
_LOGGED = """
insert into event_log (slot, event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at,
  recorded_at, published_at)
select n % 32, gen_random_uuid(), 0, 'doorstep.orders', gen_random_uuid()::text, 1, 1, 'filled', '{{}}', '{{}}', now(),
  now(), now()
from generate_series(1, {count}) n
"""
_FILL = _LOGGED.format(count=100_000)
# Intake and relay never hold both tables in one transaction.
_WORK = ("insert into stream (key, sequence) values (gen_random_uuid()::text, 1)", _LOGGED.format(count=1))
_WRITE_NOTHING = "delete from {table} where false"  # takes the lock that every writer takes

_CHANGED = re.compile(r"\b(?:alter table|update|insert into|on|references) (\w+)", re.IGNORECASE)
_TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"
_NEEDED = """
select column_name, udt_name from information_schema.columns
where table_schema = 'public' and table_name = $1 and is_nullable = 'NO' and column_default is null
  and is_identity = 'NO'
"""
_PLAIN = {
    "bool": False, "bytea": "\\x00", "int2": 1, "int4": 1, "int8": 1, "jsonb": {}, "text": "x", "_text": [],
    "timestamptz": "2026-11-20T08:00:00Z",
}  # fmt: skip

ORDER, UNSENT_ORDER, SHOP, CASE, SHIPMENT, LABEL = (str(new_id()) for _ in range(6))
FIRST, LAST, UNSENT = (str(new_id()) for _ in range(3))
_ADDRESS = {"name": "Ann Lee", "postal_code": "20457", "country_code": "DE"}
_LATE = "Your parcel is late.\n\n{link}We are sorry.\n\nThe shop"
_LINK = "Where it is, and what you can do: https://shop.example/track/e.y\n\n"
ROWS: Mapping[str, Sequence[Row]] = {
    "orders": (
        ("storefront", {"id": SHOP, "notifications": "doorstep"}),
        ("orders", {"id": ORDER, "storefront_id": SHOP, "state": "completed", "partial_shipments": "none",
                    "backorder": "wait", "notifications": "doorstep", "customer": {"phone": "+49 40 1234567"},
                    "address": _ADDRESS}),
        ("look_up", {"kind": "name_postcode", "value": "annlee20457", "order_id": ORDER}),
        ("caller_verification", {"order_id": ORDER}),
        ("person_view", {"order_id": ORDER}),
        ("audit", {}),
    ),
    "inventory": (("ledger", {}), ("audit", {})),
    "shipping": (
        ("shipment", {"id": SHIPMENT, "contents": [{"sku": "A"}], "status": "pending"}),
        ("label", {"id": LABEL, "shipment_id": SHIPMENT, "state": "requested", "format": "png"}),
        ("label_file", {"label_id": LABEL}),
        ("audit", {}),
    ),
    "care": (
        ("watch", {"order_id": ORDER}),
        ("watch_parcel", {"parcel_id": FIRST, "order_id": ORDER, "handed_over_at": "2026-11-20T09:00:00Z"}),
        ("watch_parcel", {"parcel_id": LAST, "order_id": ORDER, "handed_over_at": "2026-11-21T09:00:00Z"}),
        ("watch_parcel", {"parcel_id": UNSENT, "order_id": ORDER}),
        ("watch_parcel", {"order_id": UNSENT_ORDER}),
        ("watch_report", {"order_id": ORDER, "kind": "damage", "comment": "of the last"}),
        ("watch_report", {"order_id": ORDER, "kind": "damage", "comment": "of the first", "parcel_id": FIRST}),
        ("watch_report", {"order_id": UNSENT_ORDER, "kind": "damage", "comment": "of none"}),
        ("care_case", {"id": CASE, "order_id": ORDER, "family": "delivery", "kind": "lost", "level": "confirmed",
                       "state": "open", "priority": "P2"}),
        ("case_entry", {"case_id": CASE, "act": "opened"}),
        ("message", {"topic": "greeted", "channel": "email", "state": "sent",
                     "body": "Hello Ann Lee,\n\n" + _LATE.format(link=_LINK)}),
        ("message", {"topic": "linked", "channel": "email", "state": "sent",
                     "body": "Hello,\n\n" + _LATE.format(link=_LINK)}),
        ("message", {"topic": "plain", "channel": "email", "state": "sent",
                     "body": "Hello,\n\nSay Hello Kitty to all.\n\nThe shop"}),
        ("audit", {}),
    ),
}  # fmt: skip
"""What the released version had in the tables that migrations change since."""

MADE: Mapping[str, Mapping[str, object]] = {
    "orders": {
        "select value from look_up where kind = 'phone' order by value": ["(0)401234567", "+49401234567"],
        "select value from look_up where kind = 'name_postcode' order by value": ["annlee20457", "lee20457"],
    },
    "inventory": {},
    "shipping": {"select format from label_copy": []},
    "care": {
        "select parcel_id::text from watch_report order by comment": [None, FIRST, LAST],
        "select body from message order by topic": [
            "Hello,\n\n" + _LATE.format(link=""),
            "Hello,\n\n" + _LATE.format(link=""),
            "Hello,\n\nSay Hello Kitty to all.\n\nThe shop",
        ],
        "select distinct milestones from watch_parcel": [[]],
        "select act from case_entry order by id": ["opened", "prioritised"],
    },
}
"""What the migrations made of it."""


@pytest.mark.parametrize("service", names.SERVICES)
async def test_migrations_of_a_filled_database_stop_nobody_for_a_second(empty: str, service: str) -> None:
    """A transaction that has written for seconds is in their way, and whoever works must not wait behind both."""
    migrations = REPOSITORY / "services" / service / "migrations"
    await asyncio.to_thread(migrate.upgrade, migrations, empty, RELEASED[service])
    writer, worker = await asyncpg.connect(empty), await asyncpg.connect(empty)
    await worker.execute(_FILL)
    for table, given in ROWS[service]:
        await _put(worker, table, given)
    changed = await _changed(worker, migrate.sql_of(migrations, RELEASED[service]))
    work = (*_WORK, *(_WRITE_NOTHING.format(table=table) for table in changed))
    before = [await _work(worker, work) for _ in range(ROUNDS)]
    await writer.execute("begin")
    for table in changed:
        await writer.execute(_WRITE_NOTHING.format(table=table))

    migrating = asyncio.create_task(asyncio.to_thread(migrate.upgrade, migrations, empty))
    writing = asyncio.create_task(_end(writer))
    during: list[float] = []
    while not migrating.done():
        during.append(await _work(worker, work))
        await asyncio.sleep(0.002)
    await asyncio.gather(migrating, writing)

    made = {question: [row[0] for row in await worker.fetch(question)] for question in MADE[service]}
    assert await worker.fetchval("select version_num from alembic_version") > RELEASED[service]
    await worker.close()
    assert made == MADE[service]
    assert max(during) - max(before) < STOPS_SECONDS


async def _changed(worker: asyncpg.Connection, sql: str) -> list[str]:
    """Give the tables of the release that this SQL changes; each has a row."""
    there = {row["tablename"] for row in await worker.fetch(_TABLES)}
    changed = sorted(there.intersection(_CHANGED.findall(sql)))
    empty = [table for table in changed if not await worker.fetchval(f"select exists (select from {table})")]
    assert changed
    assert not empty, "migrations change these tables, and no row shows what becomes of one"
    return changed


async def _put(worker: asyncpg.Connection, table: str, given: Mapping[str, object]) -> None:
    """Insert a row of which this is given; what else it must have is plain."""
    needed = {row["column_name"]: row["udt_name"] for row in await worker.fetch(_NEEDED, table)}
    plain = {name: str(new_id()) if kind == "uuid" else _PLAIN[kind] for name, kind in needed.items()}
    row = {**plain, **given}
    columns = ", ".join(row)
    await worker.execute(
        f"insert into {table} ({columns}) select {columns} from jsonb_populate_record(null::{table}, $1)",
        json.dumps(row),
    )


async def _end(writer: asyncpg.Connection) -> None:
    await asyncio.sleep(WRITES_SECONDS)
    await writer.close()


async def _work(worker: asyncpg.Connection, work: Sequence[str]) -> float:
    """Publish and note as published, as intake and relay do, and write to what is changed; give how long it took."""
    began = clock.monotonic()
    for statement in work:
        await worker.execute(statement)
    return clock.monotonic() - began
