"""Sets the stage of a demonstration: storefront, catalogue, stock and bots; plays it; and sums it up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from cli import check
from cli.bots.agent import AgentBot
from cli.bots.carrier import CarrierBot
from cli.bots.door import Door, StaffToken, key_of
from cli.bots.returns import ReturnsBot
from cli.bots.storefront import Read, StorefrontBot, open_storefront
from cli.bots.warehouse import Fulfilment, WarehouseBot
from cli.demo import catalogue
from cli.demo.plan import Mishap, journey_of, plan_mishaps, plan_orders
from cli.demo.report import Measures, Summary, digest_of, is_ended, outcomes, perfect_orders, read_measures
from cli.demo.run import GRID, Demo, Inbound, Luck, OncePerLine
from deploy.local import names
from deploy.local.driver import Driver
from deploy.local.state import Record
from shared import clock
from shared.auth import Role

_PACKAGING_GRAMS = 120
_CREW = 4  # pickers, and benches, at each warehouse


class CareException(Read):
    """An exception of an order."""

    order_id: UUID | None = None
    kind: str
    promised_by: datetime | None = None
    delivered_at: datetime | None = None


class ExceptionPage(Read):
    """A page of exceptions."""

    data: list[CareException]
    next_cursor: UUID | None = None


class Stage:
    """One demonstration against a running stack."""

    def __init__(self, record: Record, seed: str, count: int, begin: datetime, show: Callable[[Demo], None]) -> None:
        self._record = record
        self._seed = seed
        self._begin = begin
        self._choices = plan_orders(seed, count, begin + timedelta(hours=1))
        self._show = show
        self._staff_key = Path(record.staff_key).read_text(encoding="utf-8").strip()
        self._doors: list[Door] = []

    async def play(self) -> Summary:
        """Run from the empty stack to the summary; raises RestlessError when the suite does not come to rest."""
        started = clock.monotonic()
        # Who looks at the demonstration in the console does not disturb it.
        working = {name: url for name, url in self._record.urls.items() if name != names.CONSOLE}
        driver = Driver(
            Path(self._record.clock_file), working, grid=GRID, acts=lambda: sum(door.acts for door in self._doors)
        )
        demo = await self._set_up(driver)
        await demo.run()
        summary = await self._sum_up(demo, clock.monotonic() - started)
        await driver.close()
        for door in self._doors:
            await door.close()
        return summary

    def _door(self, service: str, role: Role, subject: str) -> Door:
        token = StaffToken(self._staff_key, role, subject)
        door = Door(service, self._record.urls.get(f"{service}-api") or self._record.urls[service], token)
        self._doors.append(door)
        return door

    async def _set_up(self, driver: Driver) -> Demo:
        await driver.rest()
        admin = self._door("orders", Role.ADMIN, "demo")
        stock = self._door("inventory", Role.OPERATOR, "demo")
        api_key = await open_storefront(admin, "fernweh", "Fernweh & Heim")
        await stock.act("/staff/locations", {"locations": catalogue.locations()}, key="demo locations")
        await stock.act("/staff/skus", {"skus": catalogue.skus()}, key="demo skus")
        opening = {"lines": catalogue.opening_stock(), "reference": "opening stock"}
        await stock.act("/staff/stock/receive", opening, key="demo opening stock")
        inbounds = [await self._announce(stock, body) for body in catalogue.inbounds(self._begin)]
        await driver.rest()
        storefront = Door("orders", self._record.urls["orders-api"], lambda: api_key)
        self._doors.append(storefront)
        demo = Demo(
            driver=driver,
            choices=self._choices,
            storefront=StorefrontBot(storefront),
            warehouses=[],
            carrier=CarrierBot(self._door("simulator", Role.OPERATOR, "demo")),
            returns=ReturnsBot(self._door("shipping", Role.OPERATOR, "returns")),
            agent=AgentBot(self._door("care", Role.CARE, "agent"), self._door("care", Role.CARE_LEAD, "lead")),
            stock=stock,
            begin=self._begin,
            show=self._show,
            mishaps=plan_mishaps(self._choices),
            inbounds=inbounds,
        )
        for reference, mishap in demo.mishaps.items():
            if steps := journey_of(mishap):
                await demo.carrier.script(reference, steps, scan_hours=24)
        luck = Luck(
            seed=self._seed,
            reference_of=lambda order_id: demo.references.get(order_id, "a reshipment"),
            short=frozenset(reference for reference, mishap in demo.mishaps.items() if mishap is Mishap.SHORT_PICK),
        )
        mishaps = OncePerLine(luck)
        demo.warehouses.extend(self._warehouse(str(place["code"]), mishaps) for place in catalogue.WAREHOUSES)
        return demo

    def _warehouse(self, location: str, mishaps: OncePerLine) -> WarehouseBot:
        door, *pickers = [
            self._door("inventory", Role.WAREHOUSE_LEAD, f"bot-{location}-{number}") for number in range(1, _CREW + 1)
        ]
        return WarehouseBot(door, location, mishaps, _weigh, pickers, benches=_CREW)

    async def _announce(self, stock: Door, body: dict[str, object]) -> tuple[datetime, UUID, dict[str, object]]:
        inbound = await stock.post("/staff/inbounds", body, key=key_of("inbound", body["reference"]), shape=Inbound)
        lines = body["lines"]
        received = [{**line, "location": body["location"]} for line in lines] if isinstance(lines, list) else []
        moment = datetime.fromisoformat(str(body["expected_at"]))
        return moment, inbound.id, {"lines": received, "inbound_id": str(inbound.id)}

    async def _sum_up(self, demo: Demo, seconds: float) -> Summary:
        orders = await demo.storefront.orders()
        placed = [order for order in orders if order.reference in demo.orders]
        cases = await demo.agent.orders_with_open_case()
        measures = await read_measures(demo.agent.lead)
        troubled, late = await self._trouble(demo.agent.lead)
        on_time = {str(order.id) for order in placed} - late
        report = await check.run(self._record.dsns)
        return Summary(
            orders=len(demo.choices),
            outcomes=outcomes(placed),
            outcome_digest=digest_of(placed),
            unfinished_without_case=[o.number for o in orders if not is_ended(o) and o.id not in cases],
            short_units=sum(warehouse.tally.shorts for warehouse in demo.warehouses),
            exceptions={kind: figures.model_dump() for kind, figures in measures.exceptions.items()},
            cases=_by_resolution(measures),
            remedies=measures.remedies,
            refunds_confirmed=demo.storefront.refunds,
            messages_sent=sum(count for name, count in measures.messages.items() if name.endswith(":sent")),
            perfect_order_rate=perfect_orders(placed, troubled, on_time),
            kept_promise_rate=_kept(measures),
            seconds=round(seconds, 1),
            orders_per_second=round(len(demo.choices) / seconds, 2),
            steps=demo.driver.steps,
            check_clean=report.is_clean,
            check_findings=[str(finding) for finding in report.findings],
        )

    async def _trouble(self, care: Door) -> tuple[set[str], set[str]]:
        """Give the orders with damage, loss or a short, and those delivered after their promise."""
        troubled: set[str] = set()
        late: set[str] = set()
        cursor: UUID | None = None
        while True:
            page = await care.get("/staff/exceptions", ExceptionPage, limit=500, cursor=str(cursor) if cursor else None)
            for entry in page.data:
                if entry.kind in {"damage", "lost", "short_pick"}:
                    troubled.add(str(entry.order_id))
                if entry.kind == "promise_breached":
                    late.add(str(entry.order_id))
            cursor = page.next_cursor
            if cursor is None:
                return troubled, late


def _weigh(fulfilment: Fulfilment) -> int:
    grams = sum(catalogue.BY_CODE[line.sku].weight_grams * (line.picked - line.packed) for line in fulfilment.lines)
    return grams + _PACKAGING_GRAMS


def _kept(measures: Measures) -> float | None:
    kept, broken = measures.promises.get("kept"), measures.promises.get("broken")
    if not isinstance(kept, int) or not isinstance(broken, int) or not kept + broken:
        return None
    return round(kept / (kept + broken), 4)


def _by_resolution(measures: Measures) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in measures.cases.by_resolution:
        name = row.state if row.resolution == "open" else row.resolution.replace("_", " ")
        counts[name] = counts.get(name, 0) + row.count
    return dict(sorted(counts.items()))
