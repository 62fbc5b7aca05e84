"""Orders as care hears of them: facts of the other services, told on the real broker in their own envelopes."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import httpx
import hypothesis
import pytest
import pytest_asyncio

from deploy.local.stack import LocalStack
from shared import clock
from shared.events import inventory, orders, shipping
from shared.events.base import Destination, Event, LineCount, Money, Progress, topic_of
from shared.ids import new_id
from shared.kafka import Message, Producer
from shared.settings import PlatformSettings
from tests.care.rig import CareRig, running_care
from tests.clients import Clients
from tests.waiting import wait_until

# A property may be slow on a busy machine; it must not fail for that.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Json = dict[str, Any]


def now() -> datetime:
    return clock.now()


def progress(step: str, *, holder: str = "inventory", due: datetime | None = None) -> Progress:
    return Progress(step=step, holder=holder, since=now(), due_at=due or now() + DAY, unblock=f"finish {step}")


class Telling(Protocol):
    """Whoever tells care facts: over the broker, or straight to its event door."""

    async def tell(self, fact: Event, at: datetime | None = None) -> None:
        """Tell one fact."""


class Facts:
    """Sends facts as their services would, each stream numbered without gaps."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._sequences: dict[tuple[str, str], int] = defaultdict(int)
        self.last: Message | None = None

    async def tell(self, fact: Event, at: datetime | None = None) -> None:
        stream = (fact.source, fact.key)
        self._sequences[stream] += 1
        headers = {
            "ce_id": str(new_id()),
            "ce_type": fact.event_type,
            "ce_source": fact.source,
            "ce_subject": fact.key,
            "ce_time": (at or now()).isoformat(),
            "ce_sequence": str(self._sequences[stream]),
            "ce_epoch": "1",
        }
        encoded = tuple((name, value.encode()) for name, value in headers.items())
        self.last = Message(topic_of(fact.source), fact.key.encode(), fact.model_dump_json().encode(), encoded)
        await self._producer.send([self.last])

    async def repeat_last(self) -> None:
        assert self.last is not None
        await self._producer.send([self.last])


@dataclass
class Order:
    """One order's life as care hears of it; every test makes its own."""

    facts: Telling
    value: int = 40_00
    order_id: UUID = field(default_factory=new_id)
    line_id: UUID = field(default_factory=new_id)
    parcel_id: UUID = field(default_factory=new_id)
    fulfilment_id: UUID = field(default_factory=new_id)
    storefront_id: UUID = field(default_factory=new_id)
    customer: str = ""
    quantity: int = 2
    notifications: str = "doorstep"
    promised_in: timedelta = 10 * DAY
    perishable: bool = False
    safety: bool = False
    gift_due_at: datetime | None = None
    test: bool = False
    country: str = "DE"
    location: str = "berlin"
    carrier: str = field(default_factory=lambda: f"carrier-{new_id()}")

    @property
    def units(self) -> tuple[LineCount, ...]:
        return (LineCount(line_id=self.line_id, sku="MUG-1", quantity=self.quantity),)

    async def placed(self, at: datetime | None = None) -> "Order":
        await self.facts.tell(
            orders.OrderPlaced(
                order_id=self.order_id,
                number=f"T-{str(self.order_id)[-8:]}",
                reference=str(self.order_id),
                storefront_id=self.storefront_id,
                customer=self.customer,
                lines=(
                    orders.OrderLine(
                        line_id=self.line_id,
                        reference="1",
                        sku="MUG-1",
                        quantity=self.quantity,
                        perishable=self.perishable,
                        safety=self.safety,
                    ),
                ),
                gift_due_at=self.gift_due_at,
                destination=Destination(country_code=self.country, postal_zone="10"),
                service_level="standard",
                promise=orders.Promise(revision=1, ship_by=now() + DAY, deliver_by_latest=now() + self.promised_in),
                value=Money(amount=self.value, currency="EUR"),
                notifications=self.notifications,
                test=self.test,
                progress=progress("placed"),
            ),
            at,
        )
        return self

    async def released(self, since: Progress) -> None:
        await self.facts.tell(
            orders.OrderReleased(
                order_id=self.order_id,
                release_no=1,
                number=f"T-{str(self.order_id)[-8:]}",
                reference=str(self.order_id),
                lines=(
                    orders.ReleasedLine(
                        line_id=self.line_id, sku="MUG-1", quantity=self.quantity, location=self.location
                    ),
                ),
                service_level="standard",
                destination=Destination(country_code=self.country, postal_zone="10"),
                ship_by=now() + DAY,
                progress=since,
            )
        )

    async def planned(self, at: datetime) -> None:
        await self.facts.tell(
            inventory.FulfilmentPlanned(
                order_id=self.order_id,
                fulfilment_id=self.fulfilment_id,
                release_no=1,
                location=self.location,
                cut_off_at=at + HOUR,
                lines=self.units,
                progress=progress("planned"),
            ),
            at,
        )

    async def packed(self) -> None:
        await self.facts.tell(
            inventory.ParcelClosed(
                order_id=self.order_id,
                parcel_id=self.parcel_id,
                fulfilment_id=self.fulfilment_id,
                location=self.location,
                contents=self.units,
                packed=self.units,
                weight_grams=500,
                length_mm=100,
                width_mm=100,
                height_mm=100,
                service_level="standard",
                destination=Destination(country_code=self.country, postal_zone="10"),
                cut_off_at=now() + HOUR,
                progress=progress("packed"),
            )
        )

    async def reopened(self) -> None:
        await self.facts.tell(
            inventory.ParcelReopened(
                order_id=self.order_id,
                parcel_id=self.parcel_id,
                fulfilment_id=self.fulfilment_id,
                location=self.location,
                packed=(),
                progress=progress("in_progress"),
            )
        )

    async def handed_over(self, at: datetime | None = None) -> "Order":
        at = at or now()
        await self.planned(at)
        return await self.leaves(at)

    async def leaves(self, at: datetime) -> "Order":
        await self.facts.tell(
            inventory.ParcelHandedOver(
                order_id=self.order_id,
                parcel_id=self.parcel_id,
                fulfilment_id=self.fulfilment_id,
                location=self.location,
                contents=self.units,
                handed_over=self.units,
                tracking_number=str(self.parcel_id),
                manifest=str(self.parcel_id),
                progress=progress("handed_over", holder="carrier"),
            ),
            at,
        )
        return self

    async def booked(self) -> "Order":
        await self.facts.tell(
            shipping.ShipmentBooked(
                order_id=self.order_id,
                shipment_id=self.parcel_id,
                parcel_id=self.parcel_id,
                carrier=self.carrier,
                service="Ground",
                tracking_number=str(self.parcel_id),
                progress=progress("label_purchased"),
            )
        )
        return self

    async def scanned(self, position: str = "in_transit", **more: Any) -> "Order":  # noqa: ANN401
        await self.facts.tell(
            shipping.ShipmentProgressed(
                order_id=self.order_id,
                shipment_id=self.parcel_id,
                parcel_id=self.parcel_id,
                carrier=self.carrier,
                service="Ground",
                tracking_number=str(self.parcel_id),
                position=position,
                scanned_at=more.pop("scanned_at", now()),
                raw_status=more.pop("raw_status", position),
                **more,
            )
        )
        return self

    async def delivered(self) -> "Order":
        await self.delivery_scanned()
        await self.facts.tell(orders.OrderCompleted(order_id=self.order_id, outcome="delivered"))
        return self

    async def delivery_scanned(self) -> "Order":
        await self.facts.tell(
            shipping.ShipmentDelivered(
                order_id=self.order_id,
                shipment_id=self.parcel_id,
                parcel_id=self.parcel_id,
                carrier=self.carrier,
                service="Ground",
                tracking_number=str(self.parcel_id),
                delivered_at=now(),
                contents=self.units,
            )
        )
        return self

    async def remedy_executed(self, remedy: Json) -> None:
        await self.facts.tell(
            orders.RemedyExecuted(order_id=self.order_id, remedy_id=UUID(str(remedy["id"])), kind=remedy["kind"])
        )

    async def remedy_refused(self, remedy: Json, code: str) -> None:
        await self.facts.tell(
            orders.RemedyRefused(
                order_id=self.order_id,
                remedy_id=UUID(str(remedy["id"])),
                kind=remedy["kind"],
                code=code,
                detail="refused by the test",
            )
        )

    async def promise_revised(self, days: int, *, revision: int = 2) -> None:
        promise = orders.Promise(revision=revision, ship_by=now() + DAY, deliver_by_latest=now() + days * DAY)
        await self.facts.tell(
            orders.PromiseRevised(
                order_id=self.order_id, promise=promise, slip_minutes=60, attributed_to="carrier", reason="late"
            )
        )


class Desk:
    """The staff door of care, as an agent or lead uses it."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def client(self, role: str = "care", person: str = "ann") -> httpx.AsyncClient:
        return self._clients.of("care", role=role, subject=person)

    async def get(self, path: str, role: str = "care", **params: Any) -> Json:  # noqa: ANN401
        answer = await self.client(role).get(f"/staff{path}", params=params)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def post(
        self, path: str, body: Json | None = None, *, role: str = "care", person: str = "ann", match: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": str(new_id())}
        if match is not None:
            headers["If-Match"] = match
        return await self.client(role, person).post(f"/staff{path}", json=body, headers=headers)

    async def act(self, path: str, body: Json | None = None, **who: Any) -> Json:  # noqa: ANN401
        answer = await self.post(path, body, **who)
        assert answer.is_success, answer.text
        done: Json = answer.json()
        return done

    async def cases(self, order: Order) -> list[Json]:
        return list((await self.get("/cases", order_id=str(order.order_id)))["data"])

    async def exceptions(self, order: Order, **wanted: Any) -> list[Json]:  # noqa: ANN401
        return list((await self.get("/exceptions", order_id=str(order.order_id), **wanted))["data"])

    async def messages(self, order: Order) -> list[Json]:
        return list((await self.get("/messages", order_id=str(order.order_id)))["data"])

    async def case(self, order: Order, **like: object) -> Json:
        """Wait for the order's case that looks like this, and give it in full."""

        async def found() -> Json | None:
            for row in await self.cases(order):
                if all(row[name] == value for name, value in like.items()):
                    return await self.get(f"/cases/{row['id']}")
            return None

        case = await wait_until(found, what=f"a case like {like}")
        assert case is not None
        return case

    async def exception(self, order: Order, kind: str, **like: object) -> Json:
        """Wait for an exception of the order that looks like this."""

        async def found() -> Json | None:
            rows = await self.exceptions(order, kind=kind)
            return next((row for row in rows if all(row[name] == value for name, value in like.items())), None)

        exception = await wait_until(found, what=f"an exception {kind} like {like}")
        assert exception is not None
        return exception


@pytest_asyncio.fixture(scope="session")
async def facts(stack: LocalStack) -> AsyncIterator[Facts]:
    environment = stack.environment("care")
    settings = PlatformSettings(
        environment="local",
        kafka_bootstrap=stack.bootstrap,
        kafka_idempotent=environment.get("DOORSTEP_KAFKA_IDEMPOTENT", "true") == "true",
        token_public_keys="",
    )
    producer = Producer(settings, "care-tests")
    await producer.start()
    yield Facts(producer)
    await producer.close()


@pytest.fixture
def desk(clients: Clients) -> Desk:
    return Desk(clients)


@pytest.fixture
def order(facts: Facts) -> Order:
    return Order(facts)


@pytest_asyncio.fixture
async def database(stack: LocalStack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(stack.dsn("care", "readonly"))
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def care(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CareRig]:
    """Care at a business time of its own, that only notes the messages it would send."""
    async with running_care(stack, tmp_path, monkeypatch, CARE_MESSAGES="observe") as rig:
        yield rig
