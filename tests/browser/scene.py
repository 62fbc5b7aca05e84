"""A working morning after the demonstration: orders at every stage, so that each page has something on it."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from PIL import Image, ImageDraw, ImageFilter

from cli.bots.door import Door, Refused, StaffToken, key_of
from cli.bots.storefront import OrderView, StorefrontBot, open_storefront
from cli.bots.warehouse import Fulfilment, FulfilmentLine, Parcel, Task, WarehouseBot
from cli.demo import catalogue
from cli.demo.plan import Choice, plan_orders
from deploy.local import control, names
from deploy.local.credentials import load_or_create
from deploy.local.driver import Driver
from deploy.local.site import Site
from deploy.local.state import Record
from shared import clock
from shared.auth import Role, mint_link, mint_token
from shared.ids import new_id
from tests.console.operations import give_up

Json = dict[str, Any]

PLACE = "HAM"
_ORDERS = 60
_BATCH = 5
_LEFT = 3
_SATURDAY = 5
_PACKAGING_GRAMS = 120
_DELIVERIES: tuple[tuple[str, tuple[tuple[str, int], ...], timedelta], ...] = (
    ("PO-20417", (("LANTER-4", 24), ("HAMMOC-1", 12), ("MUG-3", 60)), timedelta(0)),
    ("PO-20423", (("TENT-4", 30),), timedelta(days=1)),
)
_NO_LABELS = (
    ("failed", "The carrier does not find the house number: mend the address"),
    ("unknown", "The carrier's answer was lost: it is asked again"),
)
_UNLABELLED = "update parcel set state = 'closed', label_state = $2, label_problem = $3 where id = $1"
_SILENCE = """
with carrier as (select carrier from watch_parcel where carrier <> '' group by carrier order by count(*) desc limit 1),
  theirs as (
    update care_case set kind = 'stalled', family = 'delivery', state = 'open', next_action_by = 'agent',
      next_action = 'ask the carrier where the parcel is'
    where id in (select id from care_case where kind = 'fulfilment_overdue' and resolved_at is null order by id limit 2)
    returning order_id),
  gone as (
    update watch_parcel p set carrier = carrier.carrier, handed_over_at = $2::timestamptz - interval '6 days'
    from theirs, carrier where p.order_id = theirs.order_id)
insert into incident (id, kind, scope, state, opened_at, evidence)
select $1::uuid, 'feed_silent', carrier, 'open', $2::timestamptz, '{}'::jsonb from carrier
"""
_SAID = (
    ("missing_item", "The wool socks were not in the parcel."),
    ("not_received", "The neighbours have nothing either."),
    ("wrong_item", "Ordered the winter bag, got the summer one."),
    ("missing_item", "One of two lamps is missing."),
)


class _Calm:
    """Nothing goes wrong this morning."""

    def at_shelf(self, _task: Task) -> tuple[int, str]:
        return 0, ""

    def at_bench(self, _fulfilment: Fulfilment, _line: FulfilmentLine) -> int:
        return 0


def _weigh(fulfilment: Fulfilment) -> int:
    grams = sum(catalogue.BY_CODE[line.sku].weight_grams * (line.picked - line.packed) for line in fulfilment.lines)
    return grams + _PACKAGING_GRAMS


@dataclass
class Scene:
    """The stack that runs, and what of it the pictures show."""

    record: Record
    driver: Driver
    doors: list[Door] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)

    def door(self, service: str, role: Role, subject: str = "") -> Door:
        """Give somebody's way to a service."""
        key = Path(self.record.staff_key).read_text(encoding="utf-8").strip()
        made = Door(service, self.record.urls[names.api_of(service)], StaffToken(key, role, subject or str(role)))
        self.doors.append(made)
        return made

    async def close(self) -> None:
        """Close the connections."""
        await self.driver.close()
        for door in self.doors:
            await door.close()

    def customer(self, order_id: str) -> str:
        """Give the token by which a customer acts on their order."""
        key = Path(self.record.staff_key).read_text(encoding="utf-8").strip()
        return mint_token(key, subject=order_id, role=Role.CUSTOMER)

    def link_to(self, order_id: str) -> str:
        """Give the address that a message carries to the customer of an order."""
        key = load_or_create(control.default_home()).service_keys["care"].private_setting
        return f"/track/orders/{mint_link(key, UUID(order_id), timedelta(days=1))}"


async def set_scene(record: Record) -> Scene:
    """Let a day and a night pass, and bring a morning's orders to all stages; a scene once set is taken up as it is."""
    working = {name: url for name, url in record.urls.items() if name != names.CONSOLE}
    scene = Scene(record, Driver(Path(record.clock_file), working, grid=timedelta(hours=1)))
    kept = control.default_home() / "scene.json"
    if kept.exists():
        scene.shown = json.loads(kept.read_text(encoding="utf-8"))
        return scene
    await scene.driver.rest()
    sound = await _sound_orders(scene)
    await _customers_say(scene, sound[1:3], _SAID[:2])
    storefront, plans = await _open_shop(scene)
    warehouse = WarehouseBot(scene.door("inventory", Role.WAREHOUSE_LEAD, "otto"), PLACE, _Calm(), _weigh)
    left = await _leave_on_the_dock(scene, storefront, warehouse, plans[-_LEFT:])
    await scene.driver.run_until(_morning_after(clock.now()), timedelta(hours=6))
    await _morning(scene, storefront, warehouse, plans, sound)
    # The last of all: with it the suite never rests again.
    site = Site(control.default_home(), record.ports, load_or_create(control.default_home()))
    scene.shown["dead"], _ = await give_up(site.dsn("care"))
    await _break_some(site, left)
    kept.write_text(json.dumps(scene.shown), encoding="utf-8")
    return scene


async def _morning(
    scene: Scene, storefront: StorefrontBot, warehouse: WarehouseBot, plans: list[Choice], sound: list[Json]
) -> None:
    await _customers_say(scene, sound[3:], _SAID[2:])
    await _report(scene, sound[0])
    await _an_agent_asks_for_more_than_they_may(scene)
    await _announce(scene)
    await _place(scene, storefront, plans[:_BATCH])
    await _ship_and_stage(scene, warehouse)
    await _place(scene, storefront, plans[_BATCH : 2 * _BATCH])
    await warehouse.pick_all(max_orders=_BATCH)
    await scene.driver.rest()
    await _begin_a_parcel(scene)
    later = plans[2 * _BATCH : 4 * _BATCH]
    waiting = await _place(scene, storefront, [*later, _of_the_same(later)])
    person: Any = later[0].body["shipping_address"]
    scene.shown["person"] = f"{person['name']} {person['postal_code']}"
    await _begin_a_walk(scene)
    await _promise_later(scene, waiting[-1])
    await scene.driver.rest()


def _morning_after(evening: datetime) -> datetime:
    """Give half past seven of the working day after the next."""
    morning = datetime.combine(evening.date(), time(7, 30), UTC) + timedelta(days=2)
    while morning.weekday() >= _SATURDAY:
        morning += timedelta(days=1)
    return morning


def _of_the_same(plans: list[Choice]) -> Choice:
    """Let the customer of the first of some orders order what the last wanted, too."""
    last = plans[-1]
    same = {name: plans[0].body[name] for name in ("customer", "shipping_address")}
    return replace(last, reference="FH-90001", body={**last.body, **same})


async def _leave_on_the_dock(
    scene: Scene, storefront: StorefrontBot, warehouse: WarehouseBot, plans: list[Choice]
) -> list[Parcel]:
    """Let parcels miss their truck: one has its label, the others, which are given, not even that."""
    await _place(scene, storefront, plans)
    await warehouse.pick_all(max_orders=_BATCH)
    await scene.driver.rest()
    parcels = await warehouse.pack_all()
    await scene.driver.rest()
    await warehouse.label(parcels[0])
    return parcels[1:]


async def _break_some(site: Site, parcels: list[Parcel]) -> None:
    """Bring what no demonstration brings by itself: labels that did not come, and a carrier that says nothing."""
    floor, care = await asyncpg.connect(site.dsn("inventory")), await asyncpg.connect(site.dsn("care"))
    try:
        unlabelled = zip(parcels, _NO_LABELS, strict=False)
        await floor.executemany(_UNLABELLED, [(parcel.id, *why) for parcel, why in unlabelled])
        await care.execute(_SILENCE, new_id(), clock.now() - timedelta(hours=5))
    finally:
        await floor.close()
        await care.close()


async def _announce(scene: Scene) -> None:
    """Expect two deliveries, of which one stands at the dock."""
    stock = scene.door("inventory", Role.WAREHOUSE_LEAD)
    ids = []
    for reference, lines, after in _DELIVERIES:
        expected_at = (clock.now() + after).isoformat()
        wanted = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        body = {
            "kind": "purchase", "location": PLACE, "reference": reference, "expected_at": expected_at, "lines": wanted,
        }  # fmt: skip
        made: Any = await stock.act("/staff/inbounds", body, key=key_of("announce", reference))
        ids.append(made["id"])
    await stock.act(f"/staff/inbounds/{ids[0]}/arrive", None, key=key_of("arrive", ids[0]))
    (sku, quantity), *_ = _DELIVERIES[0][1]
    received = {"lines": [{"sku": sku, "location": PLACE, "quantity": quantity - 4}], "inbound_id": ids[0]}
    await stock.act("/staff/stock/receive", received, key=key_of("receive", ids[0]))
    scene.shown["inbound"] = f"/stock/inbounds/{ids[0]}"


async def _open_shop(scene: Scene) -> tuple[StorefrontBot, list[Choice]]:
    """Open a storefront for the morning, and plan orders that Hamburg serves at once."""
    key = await open_storefront(scene.door("orders", Role.ADMIN, "demo"), "fernweh-morning", "Fernweh & Heim")
    door = Door("orders", scene.record.urls["orders-api"], lambda: key)
    scene.doors.append(door)
    plans = [
        choice
        for choice in plan_orders("morning", _ORDERS, clock.now())
        if not choice.scarce and choice.pays_at is None and not choice.never_pays and _is_near(choice.body)
    ]
    return StorefrontBot(door), plans


async def _place(scene: Scene, storefront: StorefrontBot, plans: list[Choice]) -> list[OrderView]:
    placed = [await storefront.place({**choice.body, "reference": f"FM-{choice.reference[-5:]}"}) for choice in plans]
    await scene.driver.rest()
    return placed


def _is_near(body: Mapping[str, object]) -> bool:
    address = body["shipping_address"]
    return isinstance(address, Mapping) and address["country_code"] == "DE"


async def _ship_and_stage(scene: Scene, warehouse: WarehouseBot) -> None:
    """Bring a wave to the dock: two parcels leave, one lies in its lane, one waits for its label's scan."""
    await warehouse.pick_all(max_orders=_BATCH)
    await scene.driver.rest()
    parcels = await warehouse.pack_all()
    await scene.driver.rest()
    *gone, staged, labelled = [await warehouse.label(parcel) for parcel in parcels[: _BATCH - 1]]
    await warehouse.hand_over(gone, clock.now())
    await _stage(warehouse, staged)
    for name, parcel in (("staged_bench", staged), ("label_bench", labelled)):
        scene.shown[name] = f"/pack/{parcel.order_id}/{parcel.fulfilment_id}?parcel={parcel.id}"
    await scene.driver.rest()


async def _stage(warehouse: WarehouseBot, parcel: Parcel) -> None:
    body = {"location": PLACE, "tracking_number": parcel.label.tracking_number}
    await warehouse.door.act("/staff/stagings", body, key=key_of("stage", parcel.id))


async def _begin_a_parcel(scene: Scene) -> None:
    """Let one order wait for its packer, and lay all of another into a parcel that is not weighed yet."""
    bench = scene.door("inventory", Role.PICKER, "picker")
    page: Any = await bench.act_get(f"/staff/fulfilments?location={PLACE}&state=in_progress&limit=100")
    waiting, begun = page["data"][:2]
    scene.shown["open_bench"] = f"/pack/{waiting['order_id']}/{waiting['id']}"
    contents = [
        {"barcode": catalogue.BY_CODE[line["sku"]].barcode, "quantity": line["picked"]} for line in begun["lines"]
    ]
    made: Any = await bench.act(
        f"/staff/fulfilments/{begun['id']}/parcels", {"contents": contents}, key=key_of("begin", begun["id"])
    )
    scene.shown["full_bench"] = f"/pack/{begun['order_id']}/{begun['id']}?parcel={made['id']}"


async def _begin_a_walk(scene: Scene) -> None:
    """Let the picker of the sign-ins take a cart and find the first article."""
    picker = scene.door("inventory", Role.PICKER, "picker")
    body = {"location": PLACE, "mode": "multi_order_cart", "max_orders": 4}
    taken: Any = await picker.act("/staff/pick-lists/next", body, key=key_of("walk", clock.now()))
    if taken is None:
        return
    task = taken["tasks"][0]
    scan = {"barcode": task["barcodes"][0]["code"], "tote": task["tote"], "quantity": 1}
    await picker.act(f"/staff/pick-lists/{taken['id']}/scans", scan, key=key_of("first", taken["id"]))


async def _promise_later(scene: Scene, order: OrderView) -> None:
    """Give one order a later date, so that its customer has a choice."""
    first = order.promise.deliver_by_latest if order.promise is not None else None
    body = {
        "deliver_by_latest": ((first or clock.now()) + timedelta(days=9)).isoformat(),
        "reason": "the tents are late", "attributed_to": "stock",
    }  # fmt: skip
    support = scene.door("orders", Role.SUPPORT)
    await support.act(f"/staff/orders/{order.number}/promises", body, key=key_of("later", order.id))
    scene.shown["late"], scene.shown["late_id"] = order.number, str(order.id)


async def _sound_orders(scene: Scene) -> list[Json]:
    """Find delivered orders of which nobody complained."""
    orders, care = scene.door("orders", Role.SUPPORT), scene.door("care", Role.CARE)
    left: Any = await scene.door("inventory", Role.WAREHOUSE_LEAD).act_get(
        f"/staff/fulfilments?location={PLACE}&state=handed_over&limit=100"
    )
    sound: list[Json] = []
    for work in left["data"]:
        order: Any = await orders.act_get(f"/staff/orders/{work['order_id']}")
        cases: Any = await care.act_get(f"/staff/cases?order_id={order['id']}")
        if order["fulfilment_status"] == "delivered" and not cases["data"]:
            sound.append(order)
        if len(sound) > len(_SAID):
            break
    return sound


async def _customers_say(scene: Scene, orders: list[Json], said: tuple[tuple[str, str], ...]) -> None:
    """Let customers tell an agent what is wrong."""
    care = scene.door("care", Role.CARE)
    for order, (kind, comment) in zip(orders, said, strict=False):
        body = {"order_id": order["id"], "kind": kind, "comment": comment}
        await care.act("/staff/reports", body, key=key_of("said", order["id"]))
        scene.shown.setdefault(kind, order["number"])
        scene.shown.setdefault(f"{kind}_id", order["id"])
    await scene.driver.rest()


async def _report(scene: Scene, order: Json) -> None:
    async with httpx.AsyncClient(base_url=scene.record.urls["care-api"], trust_env=False, timeout=30) as care:
        care.headers["authorization"] = f"Bearer {scene.customer(order['id'])}"
        kept = []
        for number, picture in enumerate(_photos()):
            headers = {"Idempotency-Key": key_of("photo", order["id"], number)}
            answer = await care.post("/customer/evidence", content=picture, headers=headers)
            kept.append(answer.raise_for_status().json()["id"])
        said = {"kind": "damage", "comment": "One corner is crushed and the pole is bent.", "evidence_ids": kept}
        headers = {"Idempotency-Key": key_of("report", order["id"])}
        (await care.post("/customer/reports", json=said, headers=headers)).raise_for_status()
    await scene.driver.rest()
    cases: Any = await scene.door("care", Role.CARE).act_get(f"/staff/cases?order_id={order['id']}")
    scene.shown["damaged"], scene.shown["damaged_id"] = order["number"], order["id"]
    scene.shown["case"] = cases["data"][0]["id"]


async def _an_agent_asks_for_more_than_they_may(scene: Scene) -> None:
    """Let a remedy wait for a lead, on whichever case allows it."""
    agent = scene.door("care", Role.CARE, "care")
    page: Any = await agent.act_get("/staff/cases?limit=100")
    for case in page["data"]:
        if case["state"] not in {"open", "in_progress"} or case["id"] == scene.shown.get("case"):
            continue
        body = {"kind": "goodwill_credit", "amount": 90_00, "reason": "third delay in a month"}
        try:
            await agent.act(f"/staff/cases/{case['id']}/remedies", body, key=key_of("ask", case["id"]))
        except Refused:
            continue
        return


def _photos() -> list[bytes]:
    """Draw a parcel with a crushed corner, and what was in it."""
    return [_drawn("#b98d5a", "#6e4f2c"), _drawn("#7a8c7d", "#2f3b32")]


def _drawn(light: str, dark: str) -> bytes:
    picture = Image.new("RGB", (960, 720), "#d9d6cf")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 470, 960, 720), fill="#a9a39a")
    draw.polygon([(210, 210), (640, 180), (760, 260), (750, 560), (330, 600), (200, 520)], fill=light)
    draw.polygon([(640, 180), (760, 260), (750, 560), (650, 500)], fill=dark)
    draw.polygon([(200, 520), (330, 600), (300, 480), (230, 430)], fill=dark)
    draw.line([(430, 195), (460, 590)], fill="#efe6d2", width=34)
    draw.line([(230, 430), (330, 470), (380, 560)], fill=dark, width=9)
    kept = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(2)).save(kept, "JPEG", quality=80)
    return kept.getvalue()


def sign_ins(record: Record) -> dict[str, str]:
    """Give the passwords of the stack's people by login."""
    people = json.loads(Path(record.sign_ins).read_text(encoding="utf-8"))
    return {one["login"]: one["password"] for one in people}
