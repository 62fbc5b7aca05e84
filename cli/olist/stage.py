"""Sets a replay up on a suite, runs it to its end, and gathers what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import RootModel

from cli import check
from cli.bots.carrier import CarrierBot
from cli.bots.door import Door, StaffToken
from cli.bots.storefront import StorefrontBot, open_storefront
from cli.olist import dock, wire
from cli.olist.evidence import Evidence, read_cases, read_evidence, read_orders
from cli.olist.judge import Run, Verdict, is_over, judge, open_cases
from cli.olist.plan import Plan
from cli.olist.replay import Replay, Stock, hold_care, prepare
from cli.olist.report import Report, now_text
from cli.olist.rows import Product
from cli.olist.slots import Slots
from cli.olist.suite import Suite
from shared import clock
from shared.auth import Role

PATIENCE = timedelta(days=60)
_LOOK_EVERY = timedelta(days=7)


class Answer(RootModel[dict[str, object]]):
    """Any object."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be replayed, and how."""

    plans: dict[str, Plan]
    products: dict[str, Product]
    slots: Slots
    stock: Stock


@dataclass(slots=True)
class Stage:
    """One replay on one suite."""

    suite: Suite
    wanted: Wanted
    show: Callable[[Replay], None]
    _doors: list[Door] = field(default_factory=list)

    async def play(self) -> Report:
        """Replay everything and judge it; raises RestlessError and Stuck."""
        started, begin = clock.monotonic(), now_text()
        replay, care = await self._set_up()
        storefront, inventory = replay.storefront.door, replay.inventory
        await replay.run()
        await self._go_on(replay, care)
        evidence = await read_evidence(storefront, inventory, care)
        found = await check.run(dict(self.suite.dsns)) if self.suite.dsns else None
        report = Report(
            replay=replay,
            verdict=self._judge(replay, evidence),
            checked=None if found is None else [str(finding) for finding in found.findings],
            seconds=clock.monotonic() - started,
            business=(begin, now_text()),
            care=(await care.get("/staff/report", Answer)).root,
        )
        await self._close(replay)
        return report

    async def _set_up(self) -> tuple[Replay, Door]:
        key = await open_storefront(
            self._door("orders", Role.ADMIN), "olist", "Olist (recorded orders)", notifications="storefront"
        )
        storefront = self._keep(Door("orders", self.suite.api("orders"), lambda: key))
        simulator = self._keep(Door("simulator", self.suite.urls["simulator"]))
        care = self._door("care", Role.OPERATOR)
        replay = Replay(
            plans=self.wanted.plans,
            slots=self.wanted.slots,
            stock_mode=self.wanted.stock,
            driver=self.suite.driver(),
            storefront=StorefrontBot(storefront, currency=wire.CURRENCY),
            inventory=self._door("inventory", Role.OPERATOR),
            dock=dock.Dock(self._door("inventory", Role.WAREHOUSE_LEAD), CarrierBot(simulator), self.wanted.products),
            show=self.show,
        )
        if not self.suite.observes:
            await hold_care(care)
        await prepare(replay, simulator)
        return replay, care

    async def _go_on(self, replay: Replay, care: Door) -> None:
        """Let time pass until all have ended or have an open case, at most PATIENCE after the last fact."""
        last = replay.last_fact_at
        while clock.now() < last:
            await replay.step(last)
            self.show(replay)
        ends = last + PATIENCE
        while True:
            await replay.rest()
            opened = open_cases(await read_cases(care))
            if is_over(await read_orders(replay.storefront.door), opened) or clock.now() >= ends:
                return
            until = min(clock.now() + _LOOK_EVERY, ends)
            while clock.now() < until:
                await replay.step(until)

    def _judge(self, replay: Replay, evidence: Evidence) -> Verdict:
        refused = {
            reference: sorted({str(error.get("pointer")) for error in errors_of(refusal.problem.get("errors"))})
            for reference, refusal in replay.refused.items()
        }
        accepted = {reference: order.id for reference, order in replay.orders.items()}
        return judge(Run(replay.plans, accepted, refused, replay.received), evidence)

    def _door(self, service: str, role: Role) -> Door:
        return self._keep(Door(service, self.suite.api(service), StaffToken(self.suite.staff_key, role, dock.WORKER)))

    def _keep(self, door: Door) -> Door:
        self._doors.append(door)
        return door

    async def _close(self, replay: Replay) -> None:
        await replay.driver.close()
        for door in self._doors:
            await door.close()


def errors_of(value: object) -> list[dict[str, object]]:
    """Give the errors of a problem."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
