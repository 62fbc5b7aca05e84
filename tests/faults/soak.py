"""`make faults-soak`: live load through the whole suite while faults strike at random, then everything is checked."""

import argparse
import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from cli.bots.agent import AgentBot
from cli.bots.door import Door, Refused, StaffToken
from cli.bots.returns import ReturnsBot
from cli.bots.warehouse import Parcel, WarehouseBot
from deploy.local import names, ports, stepped_clock
from deploy.local.commands import Options
from deploy.local.driver import Driver
from deploy.local.rest_point import RestPoints
from deploy.local.stack import LocalStack
from deploy.local.supervisor import watched
from shared import clock
from shared.auth import Role
from tests.broker import BROKER
from tests.faults.crowd import Crowd
from tests.faults.ledger import Outcome, table
from tests.faults.proxy import Proxy
from tests.faults.schedule import PROMISED, PROMISED_MINUTES, Strike, plan
from tests.faults.strikes import Striker
from tests.faults.test_bad_wires import through
from tests.journeys.shop import PRICE, Shop, open_shop
from tests.stepped import MONDAY, driven

CUSTOMERS = 3
SHIFT_SECONDS = 12.0  # of live load, after which business time moves on
MOVES_ON = timedelta(hours=3)
AT_MOST = timedelta(hours=6)
UNTIL_MOST_ARRIVED = timedelta(days=6)
_PATIENCE_SECONDS = 240.0
_UNPAID_SHARE, _CANCELLED_SHARE, _CHANGED_SHARE = 0.15, 0.12, 0.1


@dataclass
class Suite:
    """A shop's customers, floor and care at work."""

    crowd: Crowd
    agent: AgentBot
    returns: ReturnsBot
    dice: random.Random
    did: Counter[str] = field(default_factory=Counter)
    docks: dict[str, dict[UUID, Parcel]] = field(default_factory=dict)

    @property
    def shop(self) -> Shop:
        return self.crowd.shop

    async def shift(self, seconds: float, customers: int = CUSTOMERS) -> None:
        """Let everybody work for so long, and end what they began."""
        async with self.at_work(customers):
            await asyncio.sleep(seconds)  # the length of a shift

    @asynccontextmanager
    async def at_work(self, customers: int = CUSTOMERS) -> AsyncIterator[None]:
        """Let everybody work for as long as the block lasts, and end what they began."""
        closing = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for work in (*(self._customer for _ in range(customers)), self._floor, self._care):
                group.create_task(_until(closing, work))
            yield
            closing.set()

    async def _customer(self) -> None:
        dice, draft = self.dice, self.shop.draft(*(self.dice.randint(0, 2) for _ in self.shop.skus[1:]), 1)
        pays_later = dice.random() < _UNPAID_SHARE
        if pays_later:
            draft["payment"] = {"status": "pending"}
        order_id = await self.crowd.place(draft)
        self.did["orders"] += 1
        if dice.random() < _CHANGED_SHARE:
            self.did["changes"] += await self.crowd.change(order_id, {"contact": {"phone": "+4915100000000"}})
        if pays_later:
            total = sum(line["quantity"] for line in draft["lines"]) * PRICE
            await self.crowd.pay(order_id, "authorized", total)
            self.did["payments"] += 1
        if dice.random() < _CANCELLED_SHARE:
            self.did["cancellations"] += await self.crowd.cancel(order_id)
        await asyncio.sleep(dice.uniform(0.1, 0.6))

    async def _floor(self) -> None:
        for location, warehouse in self.shop.warehouses.items():
            dock = self.docks.setdefault(location, {})
            with contextlib.suppress(Refused):
                await warehouse.put_back_all()
            self.did["pick lists"] += await warehouse.pick_all()
            dock.update({parcel.id: parcel for parcel in await warehouse.pack_all()})
            for parcel in list(dock.values()):
                with contextlib.suppress(Refused):
                    dock[parcel.id] = await warehouse.label(parcel)
            await self._dispatch(warehouse, dock)
        await self.returns.receive()

    async def _dispatch(self, warehouse: WarehouseBot, dock: dict[UUID, Parcel]) -> None:
        left = await warehouse.hand_over(sorted(dock.values(), key=lambda parcel: parcel.id), clock.now())
        await self.shop.carrier.collect([parcel.tracking_number for parcel in left], clock.now())
        self.did["parcels handed over"] += len(left)
        for parcel in left:
            dock.pop(parcel.parcel_id, None)

    async def _care(self) -> None:
        await self.agent.work()
        self.did["refunds paid"] += await self.crowd.confirm_refunds()
        await asyncio.sleep(1)  # agents read what they decide

    def tally(self) -> dict[str, int]:
        """Count what was acknowledged."""
        scans = Counter({"scans": 0, "parcels packed": 0, "put-backs": 0})
        for warehouse in self.shop.warehouses.values():
            tally = warehouse.tally
            scans.update({"scans": tally.scans, "parcels packed": tally.parcels, "put-backs": tally.put_backs})
        cases = {"remedies granted": self.agent.granted, "cases resolved": self.agent.resolved}
        return {**self.did, **scans, **cases}


async def _until(closing: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    while not closing.is_set():
        await work()


async def soak(minutes: float, seed: str) -> int:
    """Run the load and the faults; print what was done and what it cost; give the exit status."""
    strikes, dice = plan(seed, minutes), random.Random(f"load {seed}")  # noqa: S311 - repeatable on purpose
    _say(f"seed {seed}: {len(strikes)} faults in {minutes:g} minutes")
    outcome = Outcome("soak", f"{len(strikes)} faults, seed {seed}")
    began = clock.monotonic()
    async with _stack(seed) as (stack, wires), driven(stack, _PATIENCE_SECONDS) as driver:
        suite = await _open(stack, driver, dice, outcome)
        striker = Striker(stack, wires)
        async with watched(stack):
            striking = asyncio.create_task(striker.run(strikes))
            while not striking.done() or clock.monotonic() - began < minutes * 60:
                await suite.shift(SHIFT_SECONDS)
                await driver.rest()
                await driver.run_until(clock.now() + MOVES_ON, AT_MOST)
                _say(f"           {clock.now():%a %d %b %H:%M}, {len(suite.crowd.history())} orders, struck by "
                     f"{len(striker.struck)} faults")  # fmt: skip
            await striking
            await striker.heal()
            failed = await _settle(suite, striker.struck, outcome)
            if minutes >= PROMISED_MINUTES and len(striker.struck) < PROMISED:
                failed = 1
                _say(f"{len(striker.struck)} faults struck, {PROMISED} are promised")
            return failed


async def _settle(suite: Suite, struck: list[Strike], outcome: Outcome) -> int:
    """Let what is under way arrive, then hold everything to what was acknowledged."""
    ends = clock.now() + UNTIL_MOST_ARRIVED
    _say(f"healed; letting everything arrive until {ends:%a %d %b %H:%M}")
    while clock.now() < ends:
        await suite.shift(1, customers=0)
        await suite.shop.driver.rest()
        await suite.shop.driver.run_until(clock.now() + AT_MOST * 2, AT_MOST)
        _say(f"           {clock.now():%a %d %b %H:%M}")
    failed = False
    try:
        await suite.crowd.verify()
    except AssertionError as error:
        failed = True
        _say(str(error))
    kinds = Counter(strike.kind for strike in struck)
    _say(f"\nfaults: {len(struck)} ({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))})")
    tally = suite.tally()
    _say(f"operations: {sum(tally.values())} ({', '.join(f'{count} {name}' for name, count in sorted(tally.items()))})")
    for line in table([outcome]):
        _say(line)
    await suite.crowd.close()
    await suite.shop.close()
    return int(failed)


async def _open(stack: LocalStack, driver: Driver, dice: random.Random, outcome: Outcome) -> Suite:
    shop = await open_shop(stack, driver)
    crowd = Crowd(shop, stack, stack.site.home / "history.jsonl", dice, outcome)
    await crowd.fill_shelves()
    return suite_of(stack, crowd, dice)


def suite_of(stack: LocalStack, crowd: Crowd, dice: random.Random) -> Suite:
    """Have a crowd's shop worked in by all whom it takes."""
    shop = crowd.shop
    returns = Door("shipping", stack.urls["shipping"], StaffToken(stack.staff_key, Role.OPERATOR, "returns"))
    shop.doors.append(returns)
    crowd.listen_at(returns)
    return Suite(crowd, AgentBot(shop.care, shop.lead), ReturnsBot(returns), dice)


@asynccontextmanager
async def _stack(seed: str) -> AsyncIterator[tuple[LocalStack, dict[str, Proxy]]]:
    """Run all services, each reaching its database by a wire of its own."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-soak-"))
    stepped_clock.begin(home / "clock", MONDAY.isoformat())
    RestPoints(home).begin()
    stack = LocalStack(home, ports.free(), Options(broker=BROKER))
    async with AsyncExitStack() as cables:
        target = stack.site.ports[names.POSTGRES]
        wires = {service: await cables.enter_async_context(Proxy.to(target)) for service in names.SERVICES}
        urls = {name: url for service, wire in wires.items() for name, url in through(stack, service, wire).items()}
        stack.options = replace(stack.options, environment={**urls, names.SIMULATOR_SEED: seed})
        try:
            await stack.bring_up(_say)
            stack.record(ready=True)
            yield stack, wires
        finally:
            await stack.stop()
    shutil.rmtree(home)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Be `python -m tests.faults.soak`."""
    parser = argparse.ArgumentParser(prog="make faults-soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", default="", help="repeats a schedule exactly; a new one is printed")
    asked = parser.parse_args()
    seed = asked.seed or str(random.SystemRandom().randrange(10**6))
    sys.exit(asyncio.run(soak(asked.minutes, seed)))


if __name__ == "__main__":
    main()
