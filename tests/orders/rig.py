"""Orders with its three doors open: a database of its own, its HTTP application, its event door and its jobs."""

import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import httpx
import orjson
from fastapi import FastAPI

from deploy.local.stack import LocalStack
from services.orders import settings as orders_settings
from services.orders.app import service
from services.orders.queries import feed
from shared import clock, inbox, settings
from shared.auth import Role, make_key_pair, mint_token
from shared.consumer import Applier
from shared.db import Database
from shared.events.base import Event, Progress, topic_of
from shared.events.inventory import CutOff, LocationSaved, SkuSaved, StockChanged
from shared.ids import new_id
from shared.kafka import Record
from shared.process import build_app
from tests.own_database import own_database

Json = dict[str, Any]
MoveTo = Callable[[datetime], None]

WORKING = Progress(step="working", holder="warehouse", since=datetime(2026, 3, 2, tzinfo=UTC))
# One house's week: orders until two in the afternoon leave at five, Monday to Friday.
WEEK = tuple(CutOff(service_level="*", weekday=day, order_by="14:00", truck_at="17:00") for day in range(5))


@dataclass(slots=True)
class Rig:
    """The running service, and the neighbours' words."""

    database: Database
    app: FastAPI
    http: httpx.AsyncClient
    applier: Applier
    staff_key: str
    service_key: str
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    async def hear(self, *events: Event, occurred_at: datetime | None = None) -> None:
        """Hand events to the event door, one wave each, numbered as their producers would."""
        for event in events:
            await self.applier.apply([self.envelope(event, occurred_at)])

    async def hear_together(self, *events: Event) -> None:
        """Hand events of different orders to the event door in one wave."""
        await self.applier.apply([self.envelope(event, None) for event in events])

    def envelope(self, event: Event, occurred_at: datetime | None) -> inbox.Envelope:
        stream = (event.source, event.key)
        self.sequences[stream] = self.sequences.get(stream, 0) + 1
        return inbox.read_envelope(_record(event, self.sequences[stream], occurred_at or clock.now()))

    async def run_jobs(self) -> None:
        """Run every job that is due at this business time until none is."""
        busy = True
        while busy:
            busy = False
            for job in service.jobs.jobs:
                async with self.database.transaction() as tx:
                    due = await tx.value(f"select ({job.next_due})")
                if due is not None and due <= clock.now():
                    busy = bool(await job.run(self.database)) or busy

    async def next_due(self) -> dict[str, datetime]:
        """Give when each job is due."""
        async with self.database.transaction() as tx:
            found = {job.name: await tx.value(f"select ({job.next_due})") for job in service.jobs.jobs}
        return {name: due for name, due in found.items() if due is not None}

    async def told(self, kind: type[Event], key: object) -> list[Json]:
        """Give what was published of one kind about a key, in order."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select payload from outbox where key = $1 and type = $2 order by id", str(key), kind.event_type
            )
        return [cast("Json", row["payload"]) for row in rows]

    async def facts(self, key: object) -> list[str]:
        """Give the names of all facts published about a key, in order."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch("select type from outbox where key = $1 order by id", str(key))
        return [row["type"].split(".")[2] for row in rows]

    def headers(self, role: Role, subject: str = "ann") -> dict[str, str]:
        """Give the headers of a signed-in caller; each a new idempotency key."""
        key = self.service_key if role is Role.SERVICE else self.staff_key
        token = mint_token(key, subject=subject, role=role)
        return {"authorization": f"Bearer {token}", "idempotency-key": str(new_id())}

    async def staff(self, method: str, path: str, body: Json | None = None, role: Role = Role.ADMIN) -> httpx.Response:
        """Call as a member of staff, or as a service."""
        return await self.http.request(method, path, json=body, headers=self.headers(role))

    async def open_shop(self, *, test: bool = False, notifications: str = "doorstep") -> "Shop":
        """Make a storefront with a key, one location and a few articles in stock."""
        code = f"shop-{secrets.token_hex(4)}"
        made = await self.staff(
            "POST", "/staff/storefronts", {"code": code, "name": code, "notifications": notifications}
        )
        assert made.status_code == httpx.codes.CREATED, made.text
        key = await self.staff("POST", f"/staff/storefronts/{made.json()['id']}/keys", {"test": test})
        assert key.status_code == httpx.codes.CREATED, key.text
        shop = Shop(self, UUID(made.json()["id"]), key.json()["key"], UUID(key.json()["id"]), code)
        await shop.stock()
        return shop


@dataclass(slots=True)
class Shop:
    """One storefront and what it sells."""

    rig: Rig
    id: UUID
    key: str
    key_id: UUID
    code: str
    location: str = ""
    skus: tuple[str, str] = ("", "")

    async def stock(self) -> None:
        """Have inventory say what there is."""
        self.location = f"HOUSE-{self.code}"
        self.skus = (f"MUG-{self.code}", f"BOOK-{self.code}")
        await self.rig.hear(
            LocationSaved(
                location=self.location, name="House", country_code="DE", postal_code="20457", zone="north",
                time_zone="Europe/Berlin", cut_offs=WEEK,
            )
        )  # fmt: skip
        for sku in self.skus:
            await self.rig.hear(SkuSaved(sku=sku, name=f"A {sku}", weight_grams=300))
            await self.rig.hear(
                StockChanged(
                    sku=sku, location=self.location, on_hand=50, reserved=0, damaged=0, quarantined=0, available=50
                )
            )

    async def silence(self) -> None:
        """Disable all its webhook endpoints."""
        async with self.rig.database.transaction() as tx:
            rows = await tx.fetch("select id from webhook_endpoint where storefront_id = $1", self.id)
            for row in rows:
                await feed.disable_endpoint(tx, row["id"], "the test is over")

    async def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Call as this storefront; each call has an idempotency key of its own unless one is given."""
        sent = {"authorization": f"Bearer {self.key}", "idempotency-key": key or str(new_id())}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.rig.http.request(method, path, json=body, headers=sent)

    def order(self, **changes: object) -> Json:
        """Write an order of two mugs and a book, paid."""
        return {
            "reference": f"R-{secrets.token_hex(5)}",
            "customer": {"email": f"{secrets.token_hex(4)}@example.com", "phone": "+49 40 1234567", "locale": "de"},
            "shipping_address": {
                "name": "Änn Example", "line1": "Hafenstraße 1", "city": "Hamburg", "postal_code": "20457",
                "country_code": "DE",
            },
            "lines": [self.line("1", 0, 2, 1290), self.line("2", 1, 1, 900)],
            "shipping_price": euros(490),
            "payment": {"status": "authorized"},
            **changes,
        }  # fmt: skip

    def line(self, reference: str, sku: int, quantity: int, price: int, **changes: object) -> Json:
        """Write one line."""
        return {
            "reference": reference, "sku": self.skus[sku], "quantity": quantity, "unit_price": euros(price), **changes,
        }  # fmt: skip

    async def place(self, **changes: object) -> "Placed":
        """Place an order that must be accepted."""
        answer = await self.call("POST", "/v1/orders", self.order(**changes))
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return Placed(self, answer.json())


def euros(amount: int) -> Json:
    """Write an amount of euro cents."""
    return {"amount": amount, "currency": "EUR"}


@dataclass(slots=True)
class Placed:
    """One accepted order, and what the warehouse and the carrier may say of it."""

    shop: Shop
    first: Mapping[str, object]

    @property
    def id(self) -> UUID:
        return UUID(str(self.first["id"]))

    @property
    def rig(self) -> Rig:
        return self.shop.rig

    @property
    def lines(self) -> list[tuple[UUID, str, int]]:
        found = cast("list[Json]", self.first["lines"])
        return [(UUID(str(line["id"])), str(line["sku"]), cast("int", line["quantity"])) for line in found]

    async def now(self) -> Json:
        """Read it as its storefront does."""
        answer = await self.shop.call("GET", f"/v1/orders/{self.id}")
        assert answer.status_code == httpx.codes.OK, answer.text
        return cast("Json", answer.json())

    async def do(self, path: str, body: object, *, method: str = "POST", **headers: str) -> httpx.Response:
        """Call one of its routes as its storefront."""
        return await self.shop.call(method, f"/v1/orders/{self.id}{path}", body, **headers)

    async def told(self, kind: type[Event]) -> list[Json]:
        return await self.rig.told(kind, self.id)

    async def shop_refunds(self) -> list[Json]:
        """Give its refund instructions that wait for their confirmation."""
        answer = await self.shop.call("GET", "/v1/refunds?state=requested")
        return [refund for refund in answer.json()["data"] if refund["order_id"] == str(self.id)]

    async def feed(self) -> list[str]:
        """Give the types of its public events."""
        await self.rig.run_jobs()
        answer = await self.shop.call("GET", "/v1/events?limit=100")
        return [event["type"] for event in answer.json()["data"] if event["order_id"] == str(self.id)]


def _record(event: Event, sequence: int, occurred_at: datetime) -> Record:
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": str(new_id()),
        "ce_source": event.source,
        "ce_type": event.event_type,
        "ce_subject": event.key,
        "ce_time": occurred_at.isoformat(),
        "ce_sequence": str(sequence),
        "ce_epoch": "1",
        "ce_correlationid": event.key,
    }
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    body = orjson.dumps(event.model_dump(mode="json"))
    return Record(topic_of(event.source), 0, sequence, event.key.encode(), body, encoded)


@asynccontextmanager
async def running_orders(stack: LocalStack) -> AsyncIterator[Rig]:
    """Open the three doors of orders for as long as the block lasts."""
    staff_private, staff_public = make_key_pair("staff-test")
    service_private, service_public = make_key_pair("service-test")
    async with own_database(stack, "orders") as url:
        environment = {
            "DOORSTEP_ENVIRONMENT": "local",
            "DOORSTEP_KAFKA_BOOTSTRAP": stack.bootstrap,
            "DOORSTEP_TOKEN_PUBLIC_KEYS": f"{staff_public},{service_public}",
            "DOORSTEP_SERVICE_PRIVATE_KEY": service_private,
            "ORDERS_DATABASE_URL": url,
            "ORDERS_SECRET": secrets.token_hex(16),
            "ORDERS_KEY_CACHE_SECONDS": "0",
            "ORDERS_WEBHOOK_BASE_SECONDS": "0.01",
        }
        os.environ.update(environment)
        settings.platform.cache_clear()
        orders_settings.settings.cache_clear()
        database = Database(url, pool_size=10)
        app = build_app(service, database)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://orders") as http:
            applier = Applier("orders", service.events, database)
            yield Rig(database, app, http, applier, staff_private, service_private)
        await database.close()
        for name in environment:
            os.environ.pop(name, None)
        settings.platform.cache_clear()
        orders_settings.settings.cache_clear()
