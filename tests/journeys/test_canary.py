"""A customer's every word is marked, taken the whole way, and erased: then no database, topic or log has a mark left.

Before the erasure the marks are found in the databases, so the search can fail, and what is exported has them too; in
topics and logs they never are.
"""

import asyncio
import io
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from PIL import Image

from deploy.local import names
from deploy.local.site import REPOSITORY
from deploy.local.stack import LocalStack
from shared.auth import Role, mint_token
from shared.ids import new_id
from shared.kafka import PARTITIONS
from tests.console.visitor import Visitor
from tests.journeys.shop import DAY, PlacedOrder, Shop
from tests.journeys.test_care import DELIVERED, SCANNED, case_of

pytestmark = pytest.mark.security(11)

Json = dict[str, Any]
MARK = "zqkanari"
PHONE = "+49 151 73310 9942"
POSTCODE = "87493"
# The phone also without its spaces; the postcode not as part of another number.
MARKS = re.compile(rf"{MARK}|73310\s?9942|(?<![0-9a-f.:-]){POSTCODE}(?![0-9a-f])", re.IGNORECASE)


@dataclass(frozen=True)
class Marked:
    """One customer of whom every field that a person fills is marked, and the order of theirs."""

    order: PlacedOrder
    email: str

    @property
    def id(self) -> UUID:
        return self.order.id


async def place(shop: Shop) -> Marked:
    """Place an order that has its customer's marks wherever there is room for them."""
    email = f"{MARK}.mail.{shop.tag.lower()}@example.com"
    draft = shop.draft(1)
    draft["lines"][0]["properties"] = {"engraving": f"{MARK} engraving"}
    draft["lines"][0]["customs"] = {"remark": f"{MARK} customs"}
    order = await shop.place(
        1,
        lines=draft["lines"],
        customer={"reference": f"{MARK}-reference", "email": email, "phone": PHONE, "locale": "de"},
        shipping_address={
            "name": f"Zoe {MARK}name", "company": f"{MARK} company", "line1": f"{MARK} street 7",
            "line2": f"{MARK} floor", "city": "Durach", "region": "Bayern", "postal_code": POSTCODE,
            "country_code": "DE", "delivery_instructions": f"ring at {MARK} door",
        },
        gift={"message": f"{MARK} greeting"},
        metadata={"nickname": f"{MARK} metadata"},
    )  # fmt: skip
    return Marked(order, email)


class People:
    """Who speaks about the order: staff by role, the customer by the status page's token."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._http = httpx.AsyncClient(timeout=30, trust_env=False)

    async def act(self, role: Role, service: str, path: str, body: Json | bytes | None = None, who: str = "x") -> Json:
        token = mint_token(self._stack.staff_key, subject=who, role=role)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())}
        sent: Json = {"content": body} if isinstance(body, bytes) else {"json": body}
        answer = await self._http.post(f"{self._stack.urls[service]}{path}", headers=headers, **sent)
        assert answer.is_success, (path, answer.text)
        done: Json = answer.json() if answer.content else {}
        return done

    async def read(self, role: Role, service: str, path: str, **params: str) -> Json:
        token = mint_token(self._stack.staff_key, subject="x", role=role)
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._http.get(f"{self._stack.urls[service]}{path}", headers=headers, params=params)
        assert answer.is_success, (path, answer.text)
        shown: Json = answer.json()
        return shown

    async def close(self) -> None:
        await self._http.aclose()


def photo() -> bytes:
    """A photo that has the customer in its description, as cameras write it."""
    exif = Image.Exif()
    exif[0x010E] = f"{MARK} photo"
    drawn = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(drawn, "JPEG", exif=exif)
    return drawn.getvalue()


async def travel(shop: Shop, marked: Marked, people: People) -> None:
    """Hold, let go, ship and deliver the order, all with words about its customer."""
    path = f"/staff/orders/{marked.id}"
    held = await people.act(Role.SUPPORT, "orders", f"{path}/holds", {"reason": "manual", "note": f"{MARK} hold"})
    body = {"note": "looked at"}
    await people.act(Role.SUPPORT, "orders", f"{path}/holds/{held['holds'][0]['id']}/release", body)
    await shop.driver.rest()
    await shop.script(marked.order, SCANNED, {**DELIVERED, "message": f"left with {MARK} neighbour", "zip": POSTCODE})
    await shop.ship()
    await shop.step(4 * DAY)
    assert await marked.order.status() == ("completed", "delivered")


async def complain(shop: Shop, marked: Marked, people: People) -> Json:
    """Have the customer report damage with a photo, and care work the case to its end; give the case."""
    kept = await people.act(Role.CUSTOMER, "care", "/customer/evidence", photo(), who=str(marked.id))
    body = {"kind": "damage", "comment": f"{MARK} comment", "evidence_ids": [kept["id"]]}
    await people.act(Role.CUSTOMER, "care", "/customer/reports", body, who=str(marked.id))
    await shop.step(timedelta(hours=2))
    case = await case_of(shop, marked.order, "condition")
    await people.act(Role.CARE, "care", f"/staff/cases/{case['id']}/take")
    await people.act(Role.CARE, "care", f"/staff/cases/{case['id']}/notes", {"text": f"{MARK} note"})
    await shop.step(timedelta(hours=6))
    return case


async def call(shop: Shop, marked: Marked, people: People, visitor: Visitor) -> None:
    """Look the caller up in the console, verify them, and note the contact."""
    found = await visitor.get("/look-up", q=marked.email)
    assert found.status_code in {200, 303}, found.text
    await visitor.get(f"/orders/{marked.id}")
    said = {"email": marked.email, "postal_code": POSTCODE}
    proof = await people.act(Role.SUPPORT, "orders", f"/staff/orders/{marked.id}/verifications", said)
    assert proof["verified"]
    shown = await people.read(Role.SUPPORT, "orders", f"/staff/orders/{marked.id}/person")
    assert MARK in shown["name"]
    contact = {
        "order_id": str(marked.id), "reason": "damaged", "note": f"{MARK} contact", "ticket": f"{MARK}-ticket",
    }  # fmt: skip
    await people.act(Role.SUPPORT, "care", "/staff/contacts", contact)
    await shop.driver.rest()


async def bury(stack: LocalStack, marked: Marked) -> None:
    """Leave what a foreign producer once wrote about the order: its topic has forgotten it, the dead letter has not."""
    connection = await asyncpg.connect(stack.dsn("care"))
    await connection.execute(
        'insert into dead_letter (consumer, topic, partition, "offset", reason, error, headers, key, payload, '
        "recorded_at, fingerprint, state) "
        "values ('care', 'doorstep.orders', 0, 1, 'unreadable', $1, $2, $3, $4, now(), $3, 'discarded')",
        f"cannot read {MARK} error",
        f'{{"about": "{MARK} header"}}',
        str(marked.id),
        f'{{"customer": "{MARK} letter"',
    )
    await connection.close()


async def databases(stack: LocalStack) -> dict[str, str]:
    """Give every row of every table as text, by `service.table`; bytes as far as they are text."""
    found: dict[str, str] = {}
    for service in names.DATABASES:
        connection = await asyncpg.connect(stack.dsn(service, "readonly"))
        tables = await connection.fetch(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition"
        )
        for table in tables:
            name = table["relname"]
            rows = await connection.fetch(f'select t.* from "{name}" t')
            found[f"{service}.{name}"] = "\n".join(" ".join(_text(value) for value in row.values()) for row in rows)
        await connection.close()
    return found


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


async def topics(stack: LocalStack) -> dict[str, str]:
    """Read every topic from its beginning; gives key, headers and value of all records by topic."""
    reader = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap, enable_auto_commit=False)
    await reader.start()
    try:
        partitions = [TopicPartition(topic, number) for topic in names.TOPICS for number in range(PARTITIONS)]
        ends = await reader.end_offsets(partitions)
        reader.assign(partitions)
        await reader.seek_to_beginning(*partitions)
        found = dict.fromkeys(names.TOPICS, "")
        while any([await reader.position(partition) < ends[partition] for partition in partitions]):
            for partition, records in (await reader.getmany(timeout_ms=500)).items():
                found[partition.topic] += " ".join(f"{one.key} {one.headers} {one.value}" for one in records)
        return found
    finally:
        await reader.stop()


def logs(stack: LocalStack) -> dict[str, str]:
    """Read what every process of the suite, and its database server, has logged."""
    ours = (*stack.apis, *stack.workers, names.CONSOLE, names.POSTGRES)
    paths: dict[str, Path] = {name: stack.site.log(name) for name in ours}
    return {name: path.read_text(errors="replace") for name, path in paths.items() if path.exists()}


def marked_in(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Give what is marked, by where, with a few letters around it."""
    found = {
        where: [text[max(0, hit.start() - 40) : hit.end() + 40] for hit in MARKS.finditer(text)][:3]
        for where, text in texts.items()
    }
    return {where: hits for where, hits in found.items() if hits}


EXPECTED = {
    "orders.orders", "orders.order_line", "orders.look_up", "orders.hold", "orders.idempotency",
    "shipping.tracking_event", "care.contact", "care.watch_report", "care.case_entry",
    "care.idempotency", "care.dead_letter",
}  # fmt: skip
"""Where a customer's words lie while they are wanted; found there, the search is known to find."""

NOBODYS = {"orders.idempotency", "care.idempotency", "care.dead_letter"}
"""Of these no row is an order's: they are searched when a customer is forgotten, and not handed out."""
UNMARKED = {"care.evidence", "care.message", "care.watch", "shipping.label", "shipping.label_file"}
"""Theirs as well, and without a mark: a picture, a label, a digest, and words that are kept without their reader."""


async def exported(stack: LocalStack, marked: Marked) -> dict[str, str]:
    """Export the customer by the command line as an administrator does; gives the rows by `service.table`."""
    command = (sys.executable, "-m", "cli.main", "privacy", "export", "--email", marked.email)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, env={**os.environ, names.HOME: str(stack.site.home)}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    (order,) = orjson.loads(said)["orders"]
    assert order.pop("order_id") == str(marked.id)
    return {f"{service}.{table}": str(rows) for service, part in order.items() for table, rows in part.items()}


async def ask(marked: Marked, people: People) -> Json:
    """Ask for the erasure, again and again if need be; gives how it stands."""
    wish = {"order": str(marked.id), "reason": "letter of the customer"}
    (standing,) = (await people.act(Role.ADMIN, "orders", "/staff/erasures", wish))["data"]
    return dict(standing)


async def lived(shop: Shop, stack: LocalStack, marked: Marked, people: People) -> Json:
    """Take the order the whole way, its customer's call and complaint included; gives the case, which is open."""
    visitor = Visitor(stack)
    signed_in = await visitor.sign_in("support", stack.site.credentials.console_passwords["support"])
    assert signed_in.status_code == 303
    await travel(shop, marked, people)
    case = await complain(shop, marked, people)
    await call(shop, marked, people, visitor)
    await bury(stack, marked)
    await visitor.close()
    return case


async def nothing_is_left(stack: LocalStack, marked: Marked) -> None:
    """Look everywhere, and see that what cannot be read as text is gone as well."""
    assert marked_in(await databases(stack)) == {}
    read = await topics(stack)
    assert "customer_erased" in read["doorstep.orders"], "the topics were read"
    assert marked_in(read) == {}
    assert marked_in(logs(stack)) == {}
    assert not await _count(stack, "care", "evidence", "order_id = $1", marked.id)
    assert not await _count(stack, "shipping", "label_file", _OF_ORDER, marked.id)
    for service in names.SERVICES:
        assert await _count(stack, service, "audit", "act = 'erase_customer' and subject = $1", str(marked.id)), service


_OF_ORDER = "label_id in (select l.id from label l join shipment s on s.id = l.shipment_id where s.order_id = $1)"


@pytest.mark.timeout(480)
async def test_after_an_erasure_nothing_tells_of_the_customer_anywhere(shop: Shop, stepped_stack: LocalStack) -> None:
    stack, people = stepped_stack, People(stepped_stack)
    marked = await place(shop)
    case = await lived(shop, stack, marked, people)
    assert await _count(stack, "shipping", "label_file", _OF_ORDER, marked.id)
    assert (await ask(marked, people))["state"] == "waiting"
    await shop.driver.rest()
    assert (await ask(marked, people))["waits_for"] == f"case {case['number']} is open"
    before = marked_in(await databases(stack))
    assert set(before) == EXPECTED, before
    handed_out = await exported(stack, marked)
    assert set(marked_in(handed_out)) == EXPECTED - NOBODYS
    assert handed_out.keys() >= UNMARKED
    assert marked_in(await topics(stack)) == {}
    written = logs(stack)
    assert len(written) > len(names.SERVICES)
    assert marked_in(written) == {}

    how = {"reason": "made good", "customer_informed": f"told {MARK} by phone"}
    await people.act(Role.CARE, "care", f"/staff/cases/{case['id']}/resolve", how)
    await shop.step(timedelta(hours=6))

    assert (await ask(marked, people))["state"] == "erased"
    await nothing_is_left(stack, marked)
    await people.close()


async def _count(stack: LocalStack, service: str, table: str, condition: str, *values: object) -> int:
    connection = await asyncpg.connect(stack.dsn(service, "readonly"))
    try:
        return int(await connection.fetchval(f"select count(*) from {table} where {condition}", *values))
    finally:
        await connection.close()
