"""Shipping with its three doors open: a database of its own, its HTTP server, its jobs, and a carrier's process."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx
import orjson
from fastapi import FastAPI

from deploy.local import ports
from deploy.local.stack import LocalStack
from services.shipping import settings as shipping_settings
from services.shipping.actions import addresses
from services.shipping.app import service
from services.shipping.carriers import registry
from shared import clock, inbox, settings
from shared.auth import Role, make_key_pair, mint_token
from shared.consumer import Applier
from shared.db import Database
from shared.events.base import REGISTRY, Destination, Event, LineCount, Money, Progress, topic_of
from shared.events.inventory import ParcelClosed, ParcelHandedOver
from shared.events.orders import OrderCancelled, OrderLine, OrderPlaced, Promise
from shared.ids import new_id
from shared.jobs import Scheduler
from shared.kafka import Record
from shared.process import Server, build_app, make_server
from tests.own_database import own_database
from tests.shipping.neighbours import Neighbours, neighbours_app
from tests.waiting import wait_until

HOST, PATIENCE_SECONDS = "127.0.0.1", 3
API_KEY = "EZTK-test-key"
WEBHOOK_SECRET = "the carrier's word"
WORKING = Progress(step="closed", holder="warehouse", since=clock.real())


@asynccontextmanager
async def serving(app: FastAPI, port: int) -> AsyncIterator[None]:
    """Serve an app for as long as the block lasts."""
    server = make_server(app, HOST, port)
    task = asyncio.create_task(server.serve())
    await wait_until(lambda: _started(server), what="the server listens")
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def _started(server: Server) -> bool:
    return server.started


@asynccontextmanager
async def carrier_process(home: Path, port: int) -> AsyncIterator[httpx.AsyncClient]:
    """Run the carrier simulator; gives a client of its controls and of its API."""
    environment = {
        **os.environ,
        "SIMULATOR_HOST": HOST,
        "SIMULATOR_PORT": str(port),
        "SIMULATOR_API_KEY": API_KEY,
        "SIMULATOR_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "SIMULATOR_STATE": str(home / "carrier.sqlite"),
        "SIMULATOR_REFUND_HOURS": "0",
    }
    environment.pop("DOORSTEP_CLOCK_FILE", None)
    log = (home / "carrier.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.carrier_simulator", env=environment, stdout=log, stderr=log
    )
    auth = httpx.BasicAuth(API_KEY, "")
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", auth=auth, trust_env=False, timeout=20) as client:
        try:
            await wait_until(lambda: _lives(client), what="the carrier lives")
            yield client
        finally:
            process.terminate()
            await process.wait()
            log.close()


async def _lives(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.HTTPError):
        return (await client.get("/health/live")).is_success
    return False


async def forget_settings() -> None:
    """Have every setting read anew."""
    await registry.close()
    await addresses.close()
    settings.platform.cache_clear()
    shipping_settings.settings.cache_clear()


@dataclass(slots=True)
class Parcel:
    """One order with one closed parcel, in the words of the tests."""

    order_id: UUID = field(default_factory=new_id)
    parcel_id: UUID = field(default_factory=new_id)
    line_id: UUID = field(default_factory=new_id)
    reference: str = field(default_factory=lambda: f"SHOP-{secrets.token_hex(5)}")
    location: str = "WEST"
    level: str = "standard"
    promised_in: timedelta = timedelta(days=20)
    test: bool = False


@dataclass(slots=True)
class ShippingRig:
    """The running service and everybody around it."""

    database: Database
    url: str
    carrier: httpx.AsyncClient
    neighbours: Neighbours
    applier: Applier
    scheduler: Scheduler
    staff_key: str
    service_key: str
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)
    http: dict[Role | None, httpx.AsyncClient] = field(default_factory=dict)

    @property
    def anonymous(self) -> httpx.AsyncClient:
        """Give a client that does not sign in, as carriers do not."""
        return self._client(None, {})

    def _client(self, role: Role | None, headers: dict[str, str]) -> httpx.AsyncClient:
        if role not in self.http:
            self.http[role] = httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)
        return self.http[role]

    def as_role(self, role: Role) -> httpx.AsyncClient:
        """Give a client with a token of that role."""
        key = self.service_key if role is Role.SERVICE else self.staff_key
        token = mint_token(key, subject="ann", role=role, minutes=60)
        return self._client(role, {"authorization": f"Bearer {token}"})

    async def post(self, role: Role, path: str, body: Mapping[str, object]) -> httpx.Response:
        """Send a mutation under a key of its own."""
        return await self.as_role(role).post(path, json=body, headers={"idempotency-key": str(new_id())})

    async def hear(self, *events: Event, occurred_at: datetime | None = None) -> None:
        """Hand events to the event door, one wave each, as their producers number them."""
        for event in events:
            stream = (event.source, event.key)
            self.sequences[stream] = self.sequences.get(stream, 0) + 1
            record = _record(event, self.sequences[stream], occurred_at or clock.now())
            await self.applier.apply([inbox.read_envelope(record)])

    async def close(self, parcel: Parcel) -> None:
        """Place an order and close its one parcel."""
        await self.hear(order_placed(parcel), parcel_closed(parcel))

    async def hand_over(self, parcel: Parcel, tracking_number: str, *, at: datetime | None = None) -> None:
        """Scan a parcel out of the house, and give it to the carrier."""
        moment = at or clock.now()
        await self.hear(parcel_handed_over(parcel, tracking_number), occurred_at=moment)
        given = {"tracking_codes": [tracking_number], "at": moment.isoformat()}
        answer = await self.carrier.post("/simulator/hand-overs", json=given)
        assert answer.is_success, answer.text

    async def shipment(self, parcel: Parcel) -> dict[str, object]:
        """Show the parcel's shipment as staff see it; empty while none is planned."""
        answer = await self.as_role(Role.SUPPORT).get("/staff/shipments", params={"order_id": str(parcel.order_id)})
        found = [one for one in answer.json()["data"] if one["parcel_id"] == str(parcel.parcel_id)]
        if not found:
            return {}
        detail = await self.as_role(Role.SUPPORT).get(f"/staff/shipments/{found[0]['id']}")
        return cast("dict[str, object]", detail.json())

    async def until(self, parcel: Parcel, *statuses: str) -> dict[str, object]:
        """Wait until the parcel's shipment is in one of these states."""

        async def arrived() -> dict[str, object] | None:
            shown = await self.shipment(parcel)
            return shown if shown.get("status") in statuses else None

        found = await wait_until(arrived, what=f"shipment is {' or '.join(statuses)}")
        assert found is not None
        return found

    async def told(self, parcel: Parcel, kind: type[Event]) -> list[dict[str, object]]:
        """Give what shipping published of one kind about an order, in order."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select payload from outbox where key = $1 and type = $2 order by id",
                str(parcel.order_id),
                kind.event_type,
            )
        return [cast("dict[str, object]", row["payload"]) for row in rows]

    async def sold(self, parcel: Parcel) -> list[dict[str, object]]:
        """Give the labels the carrier sold for an order."""
        answer = await self.carrier.get("/simulator/parcels", params={"print_custom_1": parcel.reference})
        return cast("list[dict[str, object]]", answer.json()["parcels"])

    async def fault(self, parcel: Parcel, kind: str, **how: object) -> None:
        """Make something go wrong at the carrier for one order's parcels."""
        fault = {"kind": kind, "only_reference": parcel.reference, **how}
        answer = await self.carrier.post("/simulator/faults", json=fault)
        assert answer.is_success, answer.text

    async def journey(self, parcel: Parcel, *steps: dict[str, object], signed_by: str | None = None) -> None:
        """Script what the carrier will say of an order's parcels."""
        script = {"match": {"print_custom_1": parcel.reference}, "steps": list(steps), "signed_by": signed_by}
        answer = await self.carrier.post("/simulator/journeys", json=script)
        assert answer.is_success, answer.text


def parts(shown: dict[str, object], name: str) -> list[dict[str, object]]:
    """Give a list inside an answer, such as its labels."""
    return cast("list[dict[str, object]]", shown[name])


def step(hours: float, status: str, detail: str, **place: str) -> dict[str, object]:
    """Write one step of a scripted journey."""
    return {"after_hours": hours, "status": status, "status_detail": detail, **place}


def order_placed(parcel: Parcel) -> OrderPlaced:
    now = clock.now()
    return OrderPlaced(
        order_id=parcel.order_id,
        number="D-TEST",
        reference=parcel.reference,
        storefront_id=new_id(),
        lines=(OrderLine(line_id=parcel.line_id, reference="1", sku="MUG", quantity=2),),
        destination=Destination(country_code="US", postal_zone="902"),
        service_level=parcel.level,
        promise=Promise(revision=1, ship_by=now, deliver_by_latest=now + parcel.promised_in),
        value=Money(amount=2000, currency="USD"),
        test=parcel.test,
        progress=WORKING,
    )


def parcel_closed(parcel: Parcel, weight_grams: int = 437) -> ParcelClosed:
    contents = (LineCount(line_id=parcel.line_id, sku="MUG", quantity=2),)
    return ParcelClosed(
        order_id=parcel.order_id,
        parcel_id=parcel.parcel_id,
        fulfilment_id=new_id(),
        location=parcel.location,
        contents=contents,
        packed=contents,
        weight_grams=weight_grams,
        length_mm=254,
        width_mm=203,
        height_mm=101,
        service_level=parcel.level,
        destination=Destination(country_code="US", postal_zone="902"),
        cut_off_at=clock.now(),
        progress=WORKING,
    )


def parcel_handed_over(parcel: Parcel, tracking_number: str) -> ParcelHandedOver:
    contents = (LineCount(line_id=parcel.line_id, sku="MUG", quantity=2),)
    return ParcelHandedOver(
        order_id=parcel.order_id,
        parcel_id=parcel.parcel_id,
        fulfilment_id=new_id(),
        location=parcel.location,
        contents=contents,
        handed_over=contents,
        tracking_number=tracking_number,
        progress=WORKING,
    )


def order_cancelled(parcel: Parcel) -> OrderCancelled:
    return OrderCancelled(order_id=parcel.order_id, reason="customer")


def _record(event: Event, sequence: int, occurred_at: datetime) -> Record:
    assert event.event_type in REGISTRY
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
async def running_shipping(
    stack: LocalStack, home: Path, *, webhooks: bool = True, silent_hours: int = 50
) -> AsyncIterator[ShippingRig]:
    """Open shipping's three doors, with a carrier and neighbours, for as long as the block lasts."""
    staff_private, staff_public = make_key_pair("staff-test")
    service_private, service_public = make_key_pair("service-test")
    api_port, neighbours_port, carrier_port = ports.reserve(), ports.reserve(), ports.reserve()
    async with own_database(stack, "shipping") as database_url:
        environment = {
            "DOORSTEP_ENVIRONMENT": "local",
            "DOORSTEP_KAFKA_BOOTSTRAP": stack.bootstrap,
            "DOORSTEP_TOKEN_PUBLIC_KEYS": f"{staff_public},{service_public}",
            "DOORSTEP_SERVICE_PRIVATE_KEY": service_private,
            "DOORSTEP_ORDERS_URL": f"http://{HOST}:{neighbours_port}",
            "DOORSTEP_INVENTORY_URL": f"http://{HOST}:{neighbours_port}",
            "SHIPPING_DATABASE_URL": database_url,
            "SHIPPING_SECRET": "a secret of the tests, long enough for all",
            "SHIPPING_CARRIER_URL": f"http://{HOST}:{carrier_port}",
            "SHIPPING_CARRIER_API_KEY": API_KEY,
            "SHIPPING_CARRIER_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "SHIPPING_CARRIER_TIMEOUT_SECONDS": str(PATIENCE_SECONDS),
            "SHIPPING_PUBLIC_URL": f"http://{HOST}:{api_port}" if webhooks else "",
            "SHIPPING_SILENT_HOURS": str(silent_hours),
            "SHIPPING_REFUND_CHECK_HOURS": "1",
        }
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        await forget_settings()
        try:
            async with _opened(database_url, home, (api_port, neighbours_port, carrier_port)) as rig:
                rig.staff_key, rig.service_key = staff_private, service_private
                yield rig
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            await forget_settings()


@asynccontextmanager
async def _opened(database_url: str, home: Path, ports: tuple[int, int, int]) -> AsyncIterator[ShippingRig]:
    api_port, neighbours_port, carrier_port = ports
    known = Neighbours()
    database = Database(database_url, pool_size=8, application="shipping test")
    scheduler = Scheduler("shipping", service.jobs, database)
    database.on_commit(lambda _published: scheduler.wake())
    async with (
        carrier_process(home, carrier_port) as carrier,
        serving(neighbours_app(known), neighbours_port),
        serving(build_app(service, database), api_port),
    ):
        for hook in service.on_start:
            await hook(database)
        jobs = asyncio.create_task(scheduler.run())
        rig = ShippingRig(
            database=database,
            url=f"http://{HOST}:{api_port}",
            carrier=carrier,
            neighbours=known,
            applier=Applier("shipping", service.events, database),
            scheduler=scheduler,
            staff_key="",
            service_key="",
        )
        try:
            yield rig
        finally:
            jobs.cancel()
            await asyncio.gather(jobs, return_exceptions=True)
            for client in rig.http.values():
                await client.aclose()
