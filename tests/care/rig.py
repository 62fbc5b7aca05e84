"""Care in this process, with a database and a business time of its own: for what only hours or days bring."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from deploy.local.stack import LocalStack
from services.care import settings as care_settings
from services.care.actions import basis, sending
from services.care.app import service
from shared import clock, inbox, settings
from shared.auth import Role, make_key_pair, mint_token
from shared.consumer import Applier
from shared.db import Database
from shared.events.base import Event, topic_of
from shared.ids import new_id
from shared.kafka import Record
from shared.process import build_app
from tests.own_database import own_database

Json = dict[str, Any]

MONDAY = datetime(2027, 3, 1, 10, tzinfo=UTC)
"""Eleven in Berlin, on a business day far from any change of the hour."""
_ROUNDS = 200
_CACHES = (
    settings.platform,
    care_settings.settings,
    basis.care_calendar,
    basis.carrier_calendar,
    basis.thresholds,
    basis.limits,
    basis.consent_packs,
    sending.orders_client,
)


@dataclass
class CareRig:
    """The event door, the clock door and the staff door, one after the other, at the time a test says."""

    database: Database
    applier: Applier
    http: httpx.AsyncClient
    staff_key: str
    sequences: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    async def tell(self, fact: Event, at: datetime | None = None) -> None:
        """Hand a fact to the event door, and do what is due then."""
        await self.hear(fact, at)
        await self.rest()

    async def hear(self, fact: Event, at: datetime | None = None) -> None:
        """Hand a fact to the event door as its producer numbers it, and do nothing more yet."""
        stream = (fact.source, fact.key)
        self.sequences[stream] += 1
        headers = {
            "ce_id": str(new_id()),
            "ce_source": fact.source,
            "ce_type": fact.event_type,
            "ce_subject": fact.key,
            "ce_time": (at or clock.now()).isoformat(),
            "ce_sequence": str(self.sequences[stream]),
            "ce_epoch": "1",
        }
        encoded = tuple((name, value.encode()) for name, value in headers.items())
        body = orjson.dumps(fact.model_dump(mode="json"))
        record = Record(topic_of(fact.source), 0, self.sequences[stream], fact.key.encode(), body, encoded)
        await self.applier.apply([inbox.read_envelope(record)])

    async def rest(self) -> None:
        """Do whatever is due by now, until nothing is."""
        for _ in range(_ROUNDS):
            done = [await job.run(self.database) for job in service.jobs.jobs if await self._is_due(job.next_due)]
            if not any(done):
                return
        raise AssertionError("the jobs never rest")

    async def _is_due(self, question: str) -> bool:
        async with self.database.transaction() as tx:
            due = await tx.value(question)
        return due is not None and due <= clock.now()

    async def later(self, duration: timedelta) -> None:
        """Let business time pass."""
        clock.step_to(clock.now() + duration)
        await self.rest()

    async def rows(self, question: str, *arguments: object) -> list[Json]:
        """Read rows of care's tables."""
        async with self.database.transaction() as tx:
            return [dict(row) for row in await tx.fetch(question, *arguments)]

    async def case(self, order_id: object, **like: object) -> Json:
        """Give the order's one case that looks like this."""
        rows = await self.rows("select * from care_case where order_id = $1 order by opened_at, id", order_id)
        found = [row for row in rows if all(row[name] == value for name, value in like.items())]
        assert len(found) == 1, rows
        return found[0]

    async def act(self, path: str, body: Json | None = None, *, role: Role = Role.CARE, person: str = "ann") -> Json:
        """Send a mutation to the staff door; it must succeed."""
        answer = await self.post(path, body, role=role, person=person)
        assert answer.is_success, answer.text
        await self.rest()
        done: Json = answer.json() if answer.content else {}
        return done

    async def post(
        self, path: str, body: Json | None = None, *, role: Role = Role.CARE, person: str = "ann", match: str = "*"
    ) -> httpx.Response:
        """Send a mutation to the staff door; `match` is the ETag the person saw."""
        headers = {**self._headers(role, person), "if-match": match}
        return await self.http.post(f"/staff{path}", json=body, headers=headers)

    async def get(self, path: str, role: Role = Role.CARE, *, person: str = "ann", **params: Any) -> Json:  # noqa: ANN401
        """Read from the staff door."""
        answer = await self.ask(path, role, person=person, **params)
        assert answer.is_success, answer.text
        shown: Json = answer.json()
        return shown

    async def customer_sees(self, order_id: object) -> Json:
        """Read what the status page knows of an order."""
        answer = await self.http.get("/customer/order", headers=self._headers(Role.CUSTOMER, str(order_id)))
        assert answer.is_success, answer.text
        shown: Json = answer.json()
        return shown

    async def customer_says(self, order_id: object, path: str, **body: Any) -> Json:  # noqa: ANN401
        """Send what somebody does on the status page; it must succeed."""
        headers = self._headers(Role.CUSTOMER, str(order_id))
        answer = await self.http.post(f"/customer/{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        await self.rest()
        done: Json = answer.json()
        return done

    async def ask(
        self,
        path: str,
        role: Role = Role.CARE,
        *,
        person: str = "ann",
        **params: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """Ask the staff door."""
        return await self.http.get(f"/staff{path}", params=params, headers=self._headers(role, person))

    def _headers(self, role: Role, person: str) -> dict[str, str]:
        token = mint_token(self.staff_key, subject=person, role=role)
        return {"authorization": f"Bearer {token}", "idempotency-key": str(new_id())}


def _forget_settings() -> None:
    for cached in _CACHES:
        cached.cache_clear()


@asynccontextmanager
async def running_care(
    stack: LocalStack, home: Path, monkeypatch: pytest.MonkeyPatch, **environment: str
) -> AsyncIterator[CareRig]:
    """Open care's doors on a Monday at eleven, for as long as the block lasts."""
    staff_private, staff_public = make_key_pair("staff-test")
    service_private, service_public = make_key_pair("service-test")
    async with own_database(stack, "care") as url:
        given = {
            "DOORSTEP_ENVIRONMENT": "local",
            "DOORSTEP_KAFKA_BOOTSTRAP": stack.bootstrap,
            "DOORSTEP_TOKEN_PUBLIC_KEYS": f"{staff_public},{service_public}",
            "DOORSTEP_SERVICE_PRIVATE_KEY": service_private,
            "CARE_DATABASE_URL": url,
            "CARE_SECRET": "a secret of the tests, long enough for all",
            "CARE_STEPPED_GRID_MINUTES": "1",
            **environment,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        _forget_settings()
        clock.use_stepped_file(home / "clock", environment="local")
        clock.step_to(MONDAY)
        database = Database(url, pool_size=4, application="care test")
        app = build_app(service, database)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://care", timeout=30) as http:
            try:
                yield CareRig(database, Applier("care", service.events, database), http, staff_private)
            finally:
                await database.close()
                _forget_settings()
