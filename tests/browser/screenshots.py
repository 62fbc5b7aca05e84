"""Pictures of the console for the documents: `make screenshots` takes them of the stack that runs in the home."""

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from playwright.async_api import Browser

from cli.bots.door import Door, StaffToken
from deploy.local import control, names, state
from deploy.local.credentials import load_or_create
from deploy.local.site import REPOSITORY
from deploy.local.state import Record
from shared.auth import Role, mint_link
from tests.browser.chromium import Colours, Desk, Kind, running

FOLDER = REPOSITORY / "docs" / "screenshots"
SCREENS: tuple[tuple[Kind, Colours], ...] = (
    ("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark"),
)  # fmt: skip
_MOST_BYTES = 150_000


@dataclass(frozen=True)
class Picture:
    """A page, and who looks at it."""

    name: str
    role: str
    path: str


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


async def pictures(record: Record) -> list[Picture]:
    """List the pages to take, with an order that has something to tell."""
    case = await _case_with_a_story(record)
    order = str(case["order_number"])
    return [
        Picture("sign-in", "", "/sign-in"),
        Picture("look-up", "support", "/look-up"),
        Picture("order", "support", f"/orders/{order}"),
        Picture("care-queue", "care", "/care"),
        Picture("care-case", "care", f"/care/cases/{case['id']}"),
        Picture("care-approvals", "care_lead", "/care/approvals"),
        Picture("overview", "warehouse_lead", "/overview"),
        Picture("operations", "operator", "/operations"),
        Picture("status-find", "", "/track"),
        Picture("status", "", await _status_of(record, order)),
    ]


def _door(record: Record, service: str) -> Door:
    token = StaffToken(_text(record.staff_key).strip(), Role.SUPPORT, "screenshots")
    return Door(service, record.urls[names.api_of(service)], token)


async def _case_with_a_story(record: Record) -> dict[str, Any]:
    care = _door(record, "care")
    try:
        answer: Any = await care.act_get("/staff/cases?limit=100")
    finally:
        await care.close()
    cases = sorted(answer["data"], key=lambda case: (case["state"] in {"closed", "self_healed"}, case["priority"]))
    if not cases:
        sys.exit("nothing has happened in this stack yet: run make demo first")
    found: dict[str, Any] = cases[0]
    return found


async def _status_of(record: Record, number: str) -> str:
    """Give the address that a message carries to the customer of an order."""
    orders = _door(record, "orders")
    try:
        order: Any = await orders.act_get(f"/staff/orders/{number}")
    finally:
        await orders.close()
    key = load_or_create(control.default_home()).service_keys["care"].private_setting
    return f"/track/orders/{mint_link(key, UUID(order['id']), timedelta(days=1))}"


async def take(browser: Browser, record: Record, picture: Picture) -> None:
    """Take one page on every screen."""
    people = {one["login"]: one["password"] for one in json.loads(_text(record.sign_ins))}
    for kind, colours in SCREENS:
        desk = await Desk.open(browser, record.urls[names.CONSOLE], kind, colours)
        if picture.role:
            await desk.sign_in(picture.role, people[picture.role])
        await desk.goto(picture.path)
        file = FOLDER / f"{picture.name}-{kind}-{colours}.png"
        await desk.page.screenshot(path=file)
        await desk.close()
        size = file.stat().st_size
        if size > _MOST_BYTES:
            sys.exit(f"{file.name} has {size} bytes, at most {_MOST_BYTES} are kept in the repository")
        sys.stdout.write(f"{file.relative_to(REPOSITORY)}  {size // 1000} KB\n")


async def main() -> None:
    """Take all pictures."""
    record = state.read(control.default_home())
    if record is None or not record.sign_ins or not record.ready:
        sys.exit("no console runs here: start one with make demo")
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with running() as browser:
        for picture in await pictures(record):
            await take(browser, record, picture)


if __name__ == "__main__":
    asyncio.run(main())
