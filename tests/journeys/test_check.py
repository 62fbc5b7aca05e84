"""`doorstep check` finds each invariant broken by one changed row, names the first fact, and is clean without it."""

import asyncio
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio
import typer
from typer.core import TyperGroup

from cli import check
from cli.check import databases, repairs
from cli.check.databases import Databases
from cli.main import app
from deploy.local import names
from deploy.local.driver import Driver
from deploy.local.site import REPOSITORY
from deploy.local.stack import LocalStack
from shared import clock, db
from shared.ids import new_id
from tests.journeys.shop import DAY, PlacedOrder, Shop, open_shop

SCANNED = {"after_hours": 3, "status": "in_transit", "status_detail": "picked_up"}
DELIVERED = {"after_hours": 30, "status": "delivered", "status_detail": "arrived_at_destination"}
LOST = {"after_hours": 24, "status": "failure", "status_detail": "lost"}


@dataclass(frozen=True)
class Story:
    """One order that arrived, one that was lost and paid back, one that stands packed, one put back on its shelf."""

    stack: LocalStack
    shop: Shop
    orders: Mapping[str, PlacedOrder]
    numbers: Mapping[str, str]

    async def findings(self) -> list[check.Finding]:
        """Run the check as operators do, at rest."""
        return (await check.run(self.dsns)).findings

    @property
    def dsns(self) -> dict[str, str]:
        """The connections of whoever only reads."""
        return {service: self.stack.dsn(service, "readonly") for service in names.SERVICES}


@pytest_asyncio.fixture(scope="package")
async def story(stepped_stack: LocalStack, driver: Driver) -> AsyncIterator[Story]:
    """Small orders through all services, once for all the rows that are changed."""
    clock.use_stepped_file(stepped_stack.site.clock_file, environment="local")
    shop = await open_shop(stepped_stack, driver)
    await shop.until_morning()
    orders = {
        "arrived": await shop.place(2),
        "lost": await shop.place(0, 10),
        "packed": await shop.place(0, 0, 1),
        "put_back": await shop.place(0, 0, 2),
    }
    await shop.script(orders["arrived"], SCANNED, DELIVERED)
    await shop.script(orders["lost"], SCANNED, LOST)
    await orders["packed"].amend(contact={"phone": "+4915100000000"})
    await shop.pick()
    await orders["put_back"].cancel()
    parcels = await shop.pack()
    await shop.hand_over(parcel for parcel in parcels if parcel.order_id != orders["packed"].id)
    await shop.warehouses[shop.north].put_back_all()
    await orders["lost"].pay("captured")
    await shop.step(2 * DAY)
    case = next(case for case in await shop.cases(orders["lost"]) if case["family"] == "delivery")
    await shop.grant(case, "refund")
    await shop.storefront.confirm_refunds()
    await driver.rest()
    numbers = {name: (await order.read())["number"] for name, order in orders.items()}
    told = Story(stepped_stack, shop, orders, numbers)
    assert [str(finding) for finding in await told.findings()] == []
    yield told
    assert [str(finding) for finding in await told.findings()] == []
    await shop.close()


@dataclass(frozen=True)
class Change:
    """One row changed: `where` finds it by {order} or {sku}, `to` sets its columns; None takes the row away."""

    order: str
    service: str
    table: str
    where: str
    to: Mapping[str, str] | None
    invariant: int
    fact: str
    says: str

    def __str__(self) -> str:
        return f"{self.invariant}-{self.order}-{self.table}-{'-'.join(self.to or ['deleted'])}"


OF_ORDER = "order_id = '{order}'"
OF_TASK = "task_id in (select id from pick_task where order_id = '{order}')"
PLACED, EXECUTED = "doorstep.orders.order_placed.v1", "doorstep.orders.remedy_executed.v1"
RESERVED, PICKED = "doorstep.inventory.stock_reserved.v1", "doorstep.inventory.pick_confirmed.v1"
CLOSED, LEFT = "doorstep.inventory.parcel_closed.v1", "doorstep.inventory.parcel_handed_over.v1"
RAISED, OPENED = "doorstep.care.exception_raised.v1", "doorstep.care.case_opened.v1"
GRANTED, BOOKED = "doorstep.care.remedy_granted.v1", "doorstep.shipping.shipment_booked.v1"
LONG_AGO = " - interval '90 days'"


def shown(column: str, fact: str, *, order: str = "arrived", to: str = "") -> Change:
    """Let orders show another total of a line than inventory and shipping record."""
    return Change(
        order, "orders", "order_line", OF_ORDER, {column: to or f"{column} - 1"}, 3, fact, f"orders says {column}"
    )


CHANGES = (
    Change("arrived", "shipping", "order_copy", OF_ORDER, None, 1, PLACED, "shipping does not know it"),
    Change("arrived", "orders", "idempotency", "body ->> 'id' = '{order}'",
           {"body": f"jsonb_set(body, array['id'], to_jsonb('{new_id()}'::text))"}, 1, "answer under key", "not there"),
    Change("put_back", "orders", "cancellation", OF_ORDER, {"id": f"'{new_id()}'"},
           1, "doorstep.orders.", "its cancellation is not there"),
    Change("packed", "orders", "orders", "id = '{order}'", {"version": "1"},
           1, "doorstep.orders.", "it is at version 1"),
    Change("packed", "orders", "order_line", OF_ORDER, {"quantity": "quantity + 1"},
           1, "doorstep.orders.", "an act was answered"),
    Change("lost", "orders", "orders", "id = '{order}'", {"captured": "captured - 1"},
           1, "doorstep.orders.", "are in its books, not"),
    Change("arrived", "inventory", "stock", "sku = '{sku}' and on_hand > 0", {"on_hand": "on_hand + 1"},
           2, "ledger hand_over", "on_hand is"),
    Change("packed", "inventory", "reservation", OF_ORDER, {"quantity": "quantity + 1"},
           2, "ledger reserve", "live reservations hold"),
    shown("reserved", RESERVED),
    shown("backordered", RESERVED, to="1"),
    shown("given_back", "doorstep.inventory.reservation_released.v1", order="put_back"),
    shown("picked", PICKED),
    shown("packed", CLOSED),
    shown("handed_over", LEFT),
    shown("delivered", "doorstep.shipping.shipment_delivered.v1"),
    shown("lost", "doorstep.shipping.shipment_progressed.v1", order="lost"),
    shown("returned", PLACED, to="1"),
    shown("cancelled", PLACED, to="1"),
    shown("put_back_due", "doorstep.inventory.cancellation_answered.v1", order="put_back"),
    shown("put_back", "doorstep.inventory.picks_put_back.v1", order="put_back"),
    Change("arrived", "inventory", "reservation", OF_ORDER, {"quantity": "1"}, 3, RESERVED, "units of 2 are nowhere"),
    Change("arrived", "inventory", "pick_scan", OF_TASK, {"units": "units + 1"}, 4, PICKED, "picked is 2, scanned 3"),
    Change("arrived", "inventory", "parcel_content", OF_TASK, {"quantity": "1"},
           4, CLOSED, "packed is 2, in parcels 1"),
    Change("arrived", "shipping", "shipment", OF_ORDER, {"contents": "jsonb_set(contents, '{{0,quantity}}', '3')"},
           4, CLOSED, "it carries"),
    Change("arrived", "shipping", "shipment", OF_ORDER, {"parcel_id": f"'{new_id()}'"},
           4, "doorstep.inventory.", "unknown to inventory"),
    Change("arrived", "orders", "order_line", OF_ORDER, {"cancelled": "1"},
           4, LEFT, "2 units were handed over and 1 cancelled of 2"),
    Change("arrived", "orders", "order_line", OF_ORDER, {"lost": "1"}, 4, LEFT, "3 units have ended outside"),
    Change("arrived", "inventory", "reservation", OF_ORDER, {"state": "'allocated'"},
           4, LEFT, "2 units were handed over, stock gave out 0"),
    Change("packed", "inventory", "parcel", OF_ORDER, {"state": "'open'"}, 4, CLOSED, "is open"),
    Change("lost", "care", "exception", f"{OF_ORDER} and kind = 'lost'",
           {"disposition": "'cleared'", "case_id": "null"},
           5, RAISED, "counts as cleared, but never was"),
    Change("lost", "care", "exception", f"{OF_ORDER} and kind = 'lost'", {"cleared_at": "detected_at"},
           5, RAISED, "orders still shows it"),
    Change("lost", "orders", "orders", "id = '{order}'", {"exceptions": "'{{}}'"},
           5, RAISED, "is open, orders does not show it"),
    Change("lost", "care", "care_case", f"{OF_ORDER} and family = 'delivery'", {"order_id": f"'{new_id()}'"},
           5, RAISED, "is in a case of another order"),
    Change("lost", "care", "remedy", f"{OF_ORDER} and kind = 'refund'", {"state": "'granted'"},
           6, GRANTED, "care says granted, orders says executed"),
    Change("lost", "care", "remedy", f"{OF_ORDER} and kind = 'refund'", {"state": "'observed'"},
           6, GRANTED, "never granted"),
    Change("lost", "orders", "remedy", f"{OF_ORDER} and kind = 'refund'", {"kind": "'reship'"},
           6, EXECUTED, "its reshipment None is not there"),
    Change("lost", "orders", "refund", OF_ORDER, {"state": "'requested'"}, 6, EXECUTED, "with 1 refunds (requested)"),
    Change("lost", "orders", "order_line", OF_ORDER, {"refunded": "refunded - 1"}, 6, GRANTED, "instructions say"),
    Change("lost", "orders", "order_line", OF_ORDER, {"made_whole": "9"}, 6, GRANTED, "made whole 9 of 10"),
    Change("lost", "orders", "orders", "id = '{order}'", {"captured": "captured - 1"},
           6, "doorstep.orders.payment_reported.v1", "captured"),
    Change("lost", "orders", "refund", OF_ORDER, {"kind": "'shipping_refund'"},
           6, "doorstep.orders.payment_reported.v1", "of 0 captured"),
    Change("arrived", "care", "stream_position", "source = 'orders' and key = '{order}'", {"sequence": "sequence - 1"},
           7, "doorstep.orders.", "under way at rest: care has read"),
    Change("arrived", "care", "stream_position", "source = 'orders' and key = '{order}'", {"sequence": "sequence + 1"},
           7, "doorstep.orders", "care has read up to"),
    Change("arrived", "shipping", "stream_position", "source = 'orders' and key = '{order}'", None,
           7, "doorstep.orders.", "shipping has read 0 of"),
    Change("arrived", "inventory", "event_log", "key = '{order}' and sequence = 1", None,
           7, "doorstep.inventory", "are in outbox and event log"),
    Change("packed", "shipping", "shipment", OF_ORDER, {"due_at": f"due_at{LONG_AGO}"},
           8, BOOKED, "should have moved by"),
    Change("packed", "inventory", "parcel", OF_ORDER, {"since": f"since{LONG_AGO}"},
           8, CLOSED, "should have moved by"),
    Change("packed", "orders", "orders", "id = '{order}'", {"due_at": f"due_at{LONG_AGO}"},
           8, "doorstep.orders.", "should have moved by"),
    Change("lost", "care", "care_case", f"{OF_ORDER} and dwell_due_at is not null",
           {"dwell_due_at": f"dwell_due_at{LONG_AGO}"}, 8, OPENED, "should have moved by"),
)  # fmt: skip


@asynccontextmanager
async def changed(story: Story, change: Change) -> AsyncIterator[None]:
    """Change one row as only the owner of the tables can, and put it back; the service's worker stands still meanwhile.

    Else it might answer the change, as it does when something has become due.
    """
    found = {"order": story.orders[change.order].id, "sku": story.shop.skus[0]}
    worker = names.worker_of(change.service)
    connection = await db.connect(story.stack.dsn(change.service, "owner"), application="test")
    story.stack.kill(worker, signal.SIGSTOP)
    try:
        row = await connection.fetchrow(
            f"select t.ctid, t.tableoid::regclass::text as home, to_jsonb(t) as old from {change.table} t "
            f"where {change.where.format(**found)} order by 2, 1 limit 1"
        )
        assert row is not None
        columns = ", ".join(change.to or ())
        old = f"jsonb_populate_record(null::{row['home']}, $1)"
        if change.to is None:
            await connection.execute(f"delete from {row['home']} where ctid = $1", row["ctid"])
            restore = f"insert into {row['home']} select * from {old}"
        else:
            values = ", ".join(change.to.values()).format()
            place = await connection.fetchval(
                f"update {row['home']} set ({columns}) = row({values}) where ctid = $1 returning ctid", row["ctid"]
            )
            there = f"ctid = '({place[0]},{place[1]})'"
            restore = f"update {row['home']} set ({columns}) = (select {columns} from {old}) where {there}"
        try:
            yield
        finally:
            await connection.execute(restore, row["old"])
    finally:
        story.stack.kill(worker, signal.SIGCONT)
        await connection.close()


def assert_proposed(finding: check.Finding) -> None:
    """Hold the proposal for a finding to be commands that exist, with all the arguments they need."""
    proposal = repairs.propose(finding)
    assert proposal.commands, finding
    for command in proposal.commands:
        program, *words = shlex.split(command)
        assert program == "doorstep"
        parsed = typer.main.get_command(app)
        while isinstance(parsed, TyperGroup):
            name = words.pop(0)
            assert name in parsed.commands, command
            parsed = parsed.commands[name]
        numbers = ["1" if word in {"UNITS", "COUNTED"} else word for word in words]
        parsed.make_context(command, numbers)


@pytest.mark.parametrize("change", CHANGES, ids=str)
async def test_one_changed_row_is_found_with_the_first_fact_that_diverges(story: Story, change: Change) -> None:
    async with changed(story, change):
        found = [finding for finding in await story.findings() if finding.invariant == change.invariant]

    speaking = [finding for finding in found if change.says in finding.detail]
    assert speaking, [str(finding) for finding in found]
    fact = speaking[0].first_fact
    assert fact.type.startswith(change.fact), fact
    if fact.type.startswith("doorstep."):
        assert fact.stream == f"order {story.numbers[change.order]}"
        assert fact.sequence > 0
    if fact.type.endswith(".v1") and "event log" not in change.says:
        assert fact.topic == ".".join(fact.type.split(".")[:2])
        assert (fact.partition, fact.offset) != (None, None)
        assert f"{fact.topic}[{fact.partition}]@{fact.offset}" in str(fact)
    assert_proposed(speaking[0])


async def test_what_a_producer_said_before_it_was_restored_is_no_finding_unless_it_said_more(story: Story) -> None:
    of_orders = "source = 'orders' and key = '{order}'"
    ahead = Change("arrived", "care", "stream_position", of_orders, {"sequence": "sequence + 1"}, 7, "", "")
    restored = Change("lost", "care", "stream_position", of_orders, {"epoch": "2"}, 7, "", "")
    newest = "key = '{order}' and sequence = (select sequence from stream where key = '{order}')"
    more = Change("arrived", "orders", "event_log", newest, {"epoch": "2"}, 7, "", "")

    async with changed(story, ahead), changed(story, restored):
        assert await story.findings() == []
        async with changed(story, more):
            found = await story.findings()
    assert any("care has read" in finding.detail for finding in found), found


async def test_an_event_that_a_consumer_never_applied_is_named(story: Story) -> None:
    event = await first_event(story)
    where = f"consumer = 'care' and event_id = '{event['event_id']}'"
    change = Change("arrived", "care", "inbox", where, None, 7, PLACED, "care never applied it")

    async with changed(story, change):
        found = await story.findings()

    assert [(finding.detail, finding.first_fact.type, finding.first_fact.sequence) for finding in found] == [
        ("care never applied it", PLACED, 1)
    ]
    assert_proposed(found[0])


async def test_events_are_read_a_page_at_a_time_however_many_there_are(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await first_event(story)
    where = f"consumer = 'care' and event_id = '{event['event_id']}'"
    unheard = Change("arrived", "care", "inbox", where, None, 7, PLACED, "care never applied it")
    read, sizes = Databases.rows, []

    async def watched(self: Databases, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
        found = await read(self, service, sql, *values)
        sizes.append(len(found) if "from event_log" in sql else 0)
        return found

    monkeypatch.setattr(databases, "PAGE", 10)
    monkeypatch.setattr(Databases, "rows", watched)
    async with changed(story, unheard):
        found = await story.findings()

    assert [finding.detail for finding in found] == ["care never applied it"]
    async with databases.connect(story.dsns) as opened:
        told = max([(await opened.rows(service, "select count(*) from event_log"))[0][0] for service in names.SERVICES])
    assert max(sizes) < told, "one order's events at most, not all that a service has told"


async def test_a_stream_that_is_not_settled_is_named_with_who_has_not_read_it_and_for_how_long(story: Story) -> None:
    of_orders = "source = 'orders' and key = '{order}'"
    unread = Change("arrived", "care", "stream_position", of_orders, {"sequence": "sequence - 1"}, 7, "", "")
    command = (sys.executable, "-m", "cli.main", "check")
    home = {**os.environ, names.HOME: str(story.stack.site.home)}

    async with changed(story, unread):
        process = await asyncio.create_subprocess_exec(
            *command, cwd=REPOSITORY, env=home, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    named = rf"order {story.numbers['arrived']}: care has read (\d+) of \d+ events of orders, for \d+:\d\d:\d\d\n"
    assert re.search(named, said.decode()), said.decode()


async def test_a_look_ends_by_itself_later_than_others_of_its_role(story: Story) -> None:
    async with databases.connect(story.dsns) as opened:
        limits = {
            (await opened.rows(service, f"show {name}"))[0][0]
            for service in names.SERVICES for name in ("statement_timeout", "transaction_timeout")
        }  # fmt: skip
    assert limits == {"10min", "30min"}


async def first_event(story: Story) -> asyncpg.Record:
    """Read the event that placed the order which arrived."""
    connection = await db.connect(story.stack.dsn("orders", "readonly"), application="test")
    try:
        row = await connection.fetchrow(
            "select event_id from event_log where key = $1 and sequence = 1", str(story.orders["arrived"].id)
        )
    finally:
        await connection.close()
    assert row is not None
    return row
