"""The inventory service's three doors over a database of their own: requests, waves of events, jobs that are due."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from unittest import mock
from uuid import UUID

import httpx

from deploy.local import databases
from deploy.local.databases import Login, Plan
from deploy.local.stack import LocalStack
from services.inventory.settings import settings
from shared import clock, migrate
from shared.consumer import Applier
from shared.db import Database
from shared.events import orders
from shared.events.base import REGISTRY, Destination, Event, LineCount, Money, Progress, topic_of
from shared.ids import new_id
from shared.inbox import Envelope
from shared.kafka import Record
from shared.process import build_app
from shared.settings import platform
from tests.clients import RoleAuth

Json = dict[str, Any]
E = TypeVar("E", bound=Event)

DATABASE = "inventory_lab"
# A truck every day of the week, so that no test depends on the day it is run.
EVERY_EVENING = [{"service_level": "*", "weekday": day, "order_by": "23:59", "truck_at": "23:59"} for day in range(7)]
_MOST_ROUNDS = 200


@dataclass
class Line:
    """A line to order."""

    sku: str
    quantity: int = 1
    location: str | None = None
    line_id: UUID = field(default_factory=new_id)


def order_placed(*lines: Line, **changes: Any) -> orders.OrderPlaced:  # noqa: ANN401 - any field of the event
    """Make the fact of an order with these lines; every other field may be given."""
    now = clock.now()
    order_id = changes.pop("order_id", None) or new_id()
    ship_by = changes.pop("ship_by", now + timedelta(days=2))
    fields: Json = {
        "order_id": order_id,
        "number": f"T-{str(order_id)[-8:]}",
        "reference": str(order_id),
        "storefront_id": new_id(),
        "lines": tuple(
            orders.OrderLine(
                line_id=line.line_id, reference=line.sku, sku=line.sku, quantity=line.quantity, location=line.location
            )
            for line in lines
        ),
        "destination": Destination(country_code="DE", postal_zone="10"),
        "service_level": "standard",
        "promise": orders.Promise(revision=1, ship_by=ship_by, deliver_by_latest=ship_by + timedelta(days=3)),
        "value": Money(amount=1000, currency="EUR"),
        "progress": step("placed"),
    }
    return orders.OrderPlaced(**{**fields, **changes})


def step(name: str) -> Progress:
    """Make a step of an order's progress."""
    return Progress(step=name, holder="orders", since=clock.now())


def cancel(order: orders.OrderPlaced, *units: tuple[UUID, int]) -> orders.CancellationRequested:
    """Make the request to cancel these units, or all of them."""
    asked = dict(units) or {line.line_id: line.quantity for line in order.lines}
    skus = {line.line_id: line.sku for line in order.lines}
    return orders.CancellationRequested(
        order_id=order.order_id,
        cancellation_id=new_id(),
        reason="customer",
        actor="customer",
        lines=tuple(LineCount(line_id=line, sku=skus[line], quantity=count) for line, count in asked.items()),
    )


def hold_released(order: orders.OrderPlaced, *remaining: str) -> orders.HoldReleased:
    """Make the fact that the payment hold is gone."""
    return orders.HoldReleased(
        order_id=order.order_id, hold_id=new_id(), reason="payment", remaining=remaining, progress=step("open")
    )


class Lab:
    """One open inventory service; SKUs and locations are made by each test for itself."""

    def __init__(self, database: Database, client: httpx.AsyncClient) -> None:
        from services.inventory.app import service

        self.database = database
        self.client = client
        self._service = service
        self._applier = Applier("inventory", service.events, database)
        self._sequences: dict[tuple[str, str], int] = defaultdict(int)

    async def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> httpx.Response:
        """Post with an Idempotency-Key."""
        return await self.client.post(path, json=body, headers={"Idempotency-Key": key or str(new_id())})

    async def do(self, path: str, body: Json | None = None) -> Json:
        """Post and expect success."""
        answer = await self.post(path, body)
        assert answer.is_success, answer.text
        done: Json = answer.json()
        return done

    async def get(self, path: str, **params: Any) -> Json:  # noqa: ANN401 - query values
        """Get and expect success."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def location(self, **fields: Any) -> str:  # noqa: ANN401 - any field of a location
        """Save a new location; give its code."""
        code = f"L-{str(new_id())[-10:]}"
        place = {
            "code": code, "name": f"House {code}", "line1": "1 Test Street", "city": "Berlin", "postal_code": "10115",
            "country_code": "DE", "zone": "DE", "time_zone": "Europe/Berlin", "cut_offs": EVERY_EVENING,
        }  # fmt: skip
        await self.do("/staff/locations", {"locations": [{**place, **fields}]})
        return code

    async def sku(self, **fields: Any) -> str:  # noqa: ANN401 - any field of a SKU
        """Save a new SKU; give its code."""
        (code,) = await self.skus(1, **fields)
        return code

    async def skus(self, count: int, **fields: Any) -> list[str]:  # noqa: ANN401 - any field of a SKU
        """Save new SKUs; give their codes."""
        codes = [f"S-{str(new_id())[-10:]}" for _ in range(count)]
        size = {"weight_grams": 300, "length_mm": 100, "width_mm": 80, "height_mm": 60}
        await self.do("/staff/skus", {"skus": [{"code": c, "name": f"Thing {c}", **size, **fields} for c in codes]})
        return codes

    async def receive(self, sku: str, location: str, quantity: int, **more: Any) -> Json:  # noqa: ANN401
        """Receive units."""
        line = {"sku": sku, "location": location, "quantity": quantity}
        return await self.do("/staff/stock/receive", {"lines": [line], **more})

    async def stocked(self, quantity: int, **fields: Any) -> tuple[str, str]:  # noqa: ANN401 - fields of a location
        """Make a new SKU with units at a new location: (SKU, location)."""
        sku, location = await self.sku(), await self.location(**fields)
        await self.receive(sku, location, quantity)
        return sku, location

    async def stock(self, sku: str, location: str) -> Json:
        """Read one stock row."""
        (row,) = (await self.get("/staff/stock", sku=sku, location=location))["data"]
        found: Json = row
        return found

    async def reservations(self, order: orders.OrderPlaced) -> list[tuple[str, str | None, int]]:
        """List an order's reservations as (state, location, quantity), sorted."""
        rows = (await self.get("/staff/reservations", order_id=str(order.order_id)))["data"]
        return sorted((r["state"], r["location"] or "", r["quantity"]) for r in rows)

    async def tell(self, *facts: Event) -> list[Envelope]:
        """Apply facts of other services as one wave; fail if one was not applied."""
        wave = [self.envelope(fact) for fact in facts]
        await self.apply(wave)
        return wave

    async def apply(self, wave: Sequence[Envelope]) -> None:
        """Apply envelopes as they are."""
        await self._applier.apply(list(wave))
        async with self.database.transaction() as tx:
            parked = await tx.fetch(
                "select reason from parked where event_id = any($1::uuid[])", [envelope.id for envelope in wave]
            )
        assert not parked, [row["reason"] for row in parked]

    def envelope(self, fact: Event) -> Envelope:
        """Wrap a fact as its service would, its stream numbered without gaps."""
        stream = (fact.source, fact.key)
        self._sequences[stream] += 1
        payload = fact.model_dump_json().encode()
        record = Record(topic_of(fact.source), 0, 0, fact.key.encode(), payload, ())
        return Envelope(
            id=new_id(),
            type=fact.event_type,
            source=fact.source,
            key=fact.key,
            epoch=1,
            sequence=self._sequences[stream],
            occurred_at=clock.now(),
            correlation_id=fact.key,
            traceparent=None,
            payload=payload,
            record=record,
        )

    async def run_jobs(self) -> None:
        """Run jobs until none is due."""
        for _ in range(_MOST_ROUNDS):
            due = []
            async with self.database.transaction() as tx:
                for job in self._service.jobs.jobs:
                    moment = await tx.value(f"select ({job.next_due})")
                    if moment is not None and moment <= clock.now():
                        due.append(job)
            if not due:
                return
            for job in due:
                while await job.run(self.database):
                    pass
        raise AssertionError(f"jobs never rest: {[job.name for job in due]}")

    async def facts(self, kind: type[E], key: object) -> list[E]:
        """List the published facts of a kind and key, in order."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select payload from outbox where type = $1 and key = $2 order by id", kind.event_type, str(key)
            )
        return [kind.model_validate(row["payload"]) for row in rows]

    async def kinds(self, key: object) -> list[str]:
        """List the names of what was published about a key, in order."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch("select type from outbox where key = $1 order by id", str(key))
        assert all(row["type"] in REGISTRY for row in rows)
        return [row["type"].split(".")[2] for row in rows]

    async def check_books(self, skus: Sequence[str]) -> None:
        """Assert that buckets are the ledger's sums and that reserved is the sum of live reservations."""
        async with self.database.transaction() as tx:
            wrong = await tx.fetch(_BOOKS, list(skus))
        assert not wrong, [dict(row) for row in wrong]


_BOOKS = """
select s.sku, s.location, s.on_hand, s.reserved, l.on_hand as ledger_on_hand, l.reserved as ledger_reserved, r.held
from stock s
left join lateral (
  select coalesce(sum(on_hand), 0) as on_hand, coalesce(sum(reserved), 0) as reserved,
    coalesce(sum(damaged), 0) as damaged, coalesce(sum(quarantined), 0) as quarantined
  from ledger l where l.sku = s.sku and l.location = s.location) l on true
left join lateral (
  select coalesce(sum(quantity), 0) as held from reservation r
  where r.sku = s.sku and r.location = s.location and r.state in ('soft_reserved', 'allocated')) r on true
where s.sku = any($1::text[]) and not (s.on_hand = l.on_hand and s.reserved = l.reserved and s.damaged = l.damaged
  and s.quarantined = l.quarantined and s.reserved = r.held)
"""


async def prepare(stack: LocalStack) -> None:
    """Make the lab's database by the migrations."""
    owner, service = Login("lab_owner", "lab-owner"), Login("lab_service", "lab-service")
    await databases.prepare(stack.site.admin_dsn, [Plan(DATABASE, service, owner)], stack.site.readonly())
    address = stack.site.admin_dsn.rpartition("@")[2].partition("/")[0]
    from services.inventory.app import service as inventory

    await asyncio.to_thread(migrate.upgrade, inventory.migrations, databases.dsn(owner, address, DATABASE))


@asynccontextmanager
async def open_lab(stack: LocalStack) -> AsyncIterator[Lab]:
    """Open the prepared lab in the running event loop."""
    from services.inventory.app import service

    address = stack.site.admin_dsn.rpartition("@")[2].partition("/")[0]
    url = databases.dsn(Login("lab_service", "lab-service"), address, DATABASE)
    with environment(stack, url):
        database = Database(url, pool_size=10, application="inventory lab")
        transport = httpx.ASGITransport(build_app(service, database))
        auth = RoleAuth(stack.staff_key, "operator", "lab")
        async with httpx.AsyncClient(transport=transport, base_url="http://inventory", auth=auth) as client:
            yield Lab(database, client)
        await database.close()


def environment(stack: LocalStack, url: str) -> "_Environment":
    """Have settings read as the service's processes read them, for a while."""
    return _Environment({**stack.environment("inventory"), "INVENTORY_DATABASE_URL": url})


class _Environment:
    def __init__(self, variables: dict[str, str]) -> None:
        self._patch = mock.patch.dict(os.environ, variables)

    def __enter__(self) -> None:
        self._patch.start()
        _forget()

    def __exit__(self, *_: object) -> None:
        self._patch.stop()
        _forget()


def _forget() -> None:
    settings.cache_clear()
    platform.cache_clear()
