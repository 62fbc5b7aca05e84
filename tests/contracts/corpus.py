"""The events of a version, as a small run of it published them: written by a command, read by today's tests.

`make corpus` records those of what is not released yet, as often as one likes; `make corpus RELEASE=0.2.0` those of a
release, once: what a version has published stays as it was.
"""

import asyncio
import contextlib
import gzip
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import httpx
import orjson

from cli.bots.door import Door, Refused, StaffToken
from deploy.local import names
from deploy.local.stack import LocalStack
from shared import clock, db
from shared.auth import Role
from shared.events.base import REGISTRY
from shared.ids import new_id
from tests.journeys.shop import DAY, HOUR, PlacedOrder, Shop, open_shop
from tests.stepped import driven, stepped_suite

DIRECTORY = Path(__file__).with_name("recorded")
UNRELEASED = "unreleased"
_SCANNED = {"after_hours": 3, "status": "in_transit", "status_detail": "picked_up"}
_DELIVERED = {"after_hours": 30, "status": "delivered", "status_detail": "arrived_at_destination"}
_DAMAGED = {"after_hours": 30, "status": "return_to_sender", "status_detail": "damaged"}
_LOST = {"after_hours": 24, "status": "failure", "status_detail": "lost"}
_NOWHERE = "00000"  # the carrier has no rates to there
_PATIENCE_SECONDS = 240.0
_EVENTS = """
select event_id, topic, key, epoch, sequence, type, headers, payload::text as payload, occurred_at, published_at
from event_log order by published_at, epoch, sequence
"""

Row = Mapping[str, object]


def files() -> list[Path]:
    """Give the recorded versions' files."""
    return sorted(DIRECTORY.glob("*.ndjson.gz"))


def read(path: Path) -> list[Row]:
    """Read the events of a version in the order they were published, as shared.relay.message_of takes them."""
    rows: list[Row] = [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return [{**row, "occurred_at": datetime.fromisoformat(str(row["occurred_at"]))} for row in rows]


def place_of(version: str) -> Path:
    """Give the file that a version's events are written to; raises FileExistsError when it was released with others."""
    path = DIRECTORY / f"{version}.ndjson.gz"
    if version != UNRELEASED and path.exists():
        raise FileExistsError(f"{version} was released, and its events were recorded then; they stay: {path}")
    return path


def write(version: str, rows: Sequence[Row]) -> Path:
    """Write a version's events."""
    path = place_of(version)
    path.write_bytes(gzip.compress(b"\n".join(orjson.dumps(row, default=str) for row in rows), mtime=0))
    return path


async def record(version: str) -> None:
    """Run a small shop, and keep all that was published."""
    place_of(version)
    async with stepped_suite("corpus", throwaway=True) as stack, driven(stack, _PATIENCE_SECONDS) as driver:
        shop = await open_shop(stack, driver)
        await _trade(shop)
        await _trade_more(shop, stack)
        rows = sorted(await _published(stack), key=lambda row: str(row["published_at"]))
        await shop.close()
    kinds = {str(row["type"]) for row in rows}
    path = write(version, rows)
    print(f"{path.name}: {len(rows)} events of {len(kinds)} of {len(REGISTRY)} types, {path.stat().st_size} bytes")  # noqa: T201
    print("not in it:", ", ".join(sorted(REGISTRY.keys() - kinds)))  # noqa: T201


async def _trade(shop: Shop) -> None:
    """Let orders arrive, be lost, damaged, cancelled, changed, held, unpaid, short and without stock."""
    await shop.until_morning()
    arrived, lost, damaged = await shop.place(2), await shop.place(0, 3), await shop.place(1, 1)
    put_back, voided = await shop.place(0, 0, 2), await shop.place(0, 0, 1)
    await shop.place(0, 40)
    for order, end in ((arrived, _DELIVERED), (lost, _LOST), (damaged, _DAMAGED)):
        await shop.script(order, _SCANNED, end)
    await shop.place(1, payment={"status": "pending", "expires_at": (clock.now() + 2 * HOUR).isoformat()})
    await (await shop.place(1)).cancel()
    await _hold_and_reject(shop)
    shop.luck.shelf[shop.skus[0]] = (1, "not_found")
    shop.luck.bench[shop.skus[1]] = 1
    unlikely = {**shop.draft(1)["shipping_address"], "postal_code": "1"}
    await shop.place(1, shipping_address=unlikely)
    inbound = await shop.announce(shop.north, 50, clock.now() + DAY, sku=1)
    await shop.pick()
    await put_back.cancel()
    parcels = await shop.pack()
    await voided.cancel()
    await shop.warehouses[shop.north].put_back_all()
    await shop.driver.rest()
    await shop.hand_over(parcels)
    await shop.warehouses[shop.north].put_back_all()
    for order in (lost, damaged):
        await order.pay("captured")
    await shop.receive(shop.north, 50, sku=1, inbound_id=inbound)
    await shop.ship()
    await shop.step(3 * DAY)
    for order in (lost, damaged):
        for case in await shop.cases(order):
            await shop.grant(case, "refund")
            await shop.grant(case, "shipping_refund")  # nobody paid for shipping: refused
            break
    await shop.storefront.confirm_refunds()
    await shop.step(DAY)
    await shop.driver.rest()


async def _trade_more(shop: Shop, stack: LocalStack) -> None:
    """Let what is rare happen: a lost answer of the carrier's, a refusal, a change, a word, a write-off, an erasure."""

    def door(service: str, role: Role, subject: str) -> Door:
        made = Door(service, stack.urls[service], StaffToken(stack.staff_key, role, subject))
        shop.doors.append(made)
        return made

    await shop.until_morning()
    await shop.receive(shop.north, 20)
    await shop.driver.rest()
    arrived, stranded = await shop.place(1), await shop.place(2)
    unpaid = await shop.place(1, payment={"status": "pending"})
    await shop.place(1, shipping_address={**shop.draft(1)["shipping_address"], "postal_code": _NOWHERE})
    await shop.script(arrived, _SCANNED, _DELIVERED)
    await shop.script(stranded, _SCANNED)
    await _change(shop, arrived)
    await shop.support.act(f"/staff/orders/{unpaid.id}/reject", {"reason": "payment", "note": "asked"}, key="unpaid")
    lost = {"kind": "answer_lost", "route": "POST /v2/shipments/.*/buy", "times": 1}
    await shop.carrier.door.act("/simulator/faults", lost, key=str(new_id()))
    await shop.ship()
    await shop.step(3 * DAY)
    left = {"line_id": (await stranded.read())["lines"][0]["id"], "quantity": 2, "reason": "the van burnt down"}
    operator = door("orders", Role.OPERATOR, "corpus")
    await operator.act(f"/staff/orders/{stranded.id}/write-offs", left, key=str(new_id()))
    word = {"kind": "rating", "value": "5"}
    await door("care", Role.CUSTOMER, str(arrived.id)).act("/customer/words", word, key=str(new_id()))
    await shop.storefront.door.act(
        f"/v1/orders/{unpaid.id}/erasure", {"reason": "the customer asks"}, key=str(new_id())
    )
    await shop.step(DAY)
    await shop.driver.rest()


async def _change(shop: Shop, order: PlacedOrder) -> None:
    headers = {"Authorization": f"Bearer {shop.storefront.door.credential()}", "Idempotency-Key": str(new_id())}
    async with httpx.AsyncClient(base_url=shop.storefront.door.url, headers=headers, trust_env=False) as client:
        changed = await client.patch(f"/v1/orders/{order.id}", json={"contact": {"phone": "+49 40 7654321"}})
        assert changed.is_success, changed.text
    await shop.driver.rest()


async def _hold_and_reject(shop: Shop) -> None:
    """Let staff stop two orders, one of them for good."""
    rejected, held = await shop.place(1), await shop.place(1)
    await shop.support.act(f"/staff/orders/{held.id}/holds", {"reason": "manual", "note": "asked by phone"}, key="hold")
    await shop.support.act(f"/staff/orders/{rejected.id}/holds", {"reason": "fraud"}, key="fraud")
    with contextlib.suppress(Refused):
        await shop.support.act(
            f"/staff/orders/{rejected.id}/reject", {"reason": "fraud", "note": "stolen"}, key="reject"
        )


async def _published(stack: LocalStack) -> list[Row]:
    rows: list[Row] = []
    for service in names.SERVICES:
        connection = await db.connect(stack.dsn(service, "readonly"), application="corpus")
        try:
            rows += [dict(row) for row in await connection.fetch(_EVENTS)]
        finally:
            await connection.close()
    return rows


if __name__ == "__main__":
    asyncio.run(record(*sys.argv[1:] or [UNRELEASED]))
