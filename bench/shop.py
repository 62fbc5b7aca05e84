"""The shop the load is for: one storefront with a key per client, one warehouse, 10,000 articles that never run out."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.rig import Rig
from cli.bots.door import Door, StaffToken, key_of
from cli.bots.storefront import Created
from shared.auth import Role
from shared.db import connect

SKUS = 10_000
HOT = "BENCH-00001"
LOCATION = "HAM"
_CHUNK = 500
_AMPLE = 1_000_000
_KEYS = 8
_LEVELS = ("economy", "standard", "express")


@dataclass(frozen=True, slots=True)
class Shop:
    """The storefront and its keys; each key has its own rate limit, so the limit stays as it is in production."""

    storefront_id: str
    keys: tuple[str, ...]


async def open_shop(rig: Rig) -> Shop:
    """Set the shop up through the doors, and wait until orders knows every article."""
    orders, stock = _door(rig, "orders", Role.ADMIN), _door(rig, "inventory", Role.OPERATOR)
    try:
        body = {"code": "bench", "name": "Bench", "notifications": "storefront"}
        created = await orders.post("/staff/storefronts", body, key=key_of("bench"), shape=Created)
        path = f"/staff/storefronts/{created.id}/keys"
        made = [
            await orders.post(path, {"test": False, "label": str(n)}, key=key_of("key", n), shape=Created)
            for n in range(_KEYS)
        ]
        await stock.act("/staff/locations", {"locations": [_location()]}, key=key_of("locations"))
        for number, codes in enumerate(_chunks()):
            await stock.act("/staff/skus", {"skus": [_sku(code) for code in codes]}, key=key_of("skus", number))
            lines = [{"sku": code, "location": LOCATION, "quantity": _AMPLE} for code in codes]
            await stock.act("/staff/stock/receive", {"lines": lines}, key=key_of("stock", number))
    finally:
        await orders.close()
        await stock.close()
    await rig.until("orders", "select count(*) from stock_copy where available > 0", SKUS, seconds=240)
    await rig.until("orders", "select count(*) from sku_copy", SKUS)
    return Shop(str(created.id), tuple(one.key for one in made))


async def quieten(rig: Rig) -> None:
    """Let the server write down and analyse what was loaded, so that no cell pays for another's rows."""
    for service in rig.services:
        connection = await connect(rig.stack.dsn(service, "admin"), application="bench", patience_seconds=None)
        try:
            await connection.execute("vacuum analyze")
        finally:
            await connection.close()
    connection = await connect(rig.stack.site.admin_dsn, application="bench")
    try:
        await connection.execute("checkpoint")
    finally:
        await connection.close()


def sku_code(number: int) -> str:
    """Name an article, 1 to 10,000."""
    return f"BENCH-{number:05d}"


def _chunks() -> Iterator[list[str]]:
    for first in range(1, SKUS + 1, _CHUNK):
        yield [sku_code(number) for number in range(first, first + _CHUNK)]


def _door(rig: Rig, service: str, role: Role) -> Door:
    return Door(service, rig.stack.urls[service], staff_token(rig, role))


def staff_token(rig: Rig, role: Role) -> StaffToken:
    """Give a token that renews itself."""
    return StaffToken(rig.stack.staff_key, role, "bench")


def _location() -> dict[str, object]:
    return {
        "code": LOCATION, "name": "Hamburg", "line1": "Dock 1", "city": "Hamburg", "postal_code": "20457",
        "country_code": "DE", "zone": "eu", "time_zone": "Europe/Berlin",
        "cut_offs": [
            {"service_level": level, "weekday": weekday, "order_by": "14:00", "truck_at": "17:00"}
            for level in _LEVELS
            for weekday in range(5)
        ],
    }  # fmt: skip


def _sku(code: str) -> dict[str, object]:
    return {
        "code": code, "name": f"Article {code}", "weight_grams": 400,
        "length_mm": 200, "width_mm": 150, "height_mm": 80,
        "bins": [{"location": LOCATION, "bin": f"A-{code[-5:]}", "walk_order": int(code[-5:])}],
    }  # fmt: skip
