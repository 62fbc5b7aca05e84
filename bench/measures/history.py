"""Whether intake, reservation and look-up stay as fast when many orders lie in the databases already."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import asyncpg
from pydantic import JsonValue

from bench.denominators import CLIENTS
from bench.figures import median, percentile, ratios
from bench.measures.journey import all_planned
from bench.measures.reservation import empty_topic
from bench.session import Session
from bench.shop import quieten, staff_token
from bench.table import Result
from services.orders.actions.looking_up import keys_of
from services.orders.queries.lookup import FIND
from shared import clock, db
from shared.auth import Role

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
# What is inserted is copied: the rows that the server makes of one real order go through the client, as a dump's do.
_COPIED = re.compile(r"insert into (?P<table>\w+)(?: \((?P<columns>[^)]*)\))?\s+(?P<question>select.*)", re.DOTALL)
_SCRIPTS = Path(__file__).parents[1] / "history"
_ANY = "select count(*) from (select from orders limit 1) as any_order"
_ANY_DEMAND = "select count(*) from (select from order_demand limit 1) as any_demand"
_LOOK_UPS = 200
_LIMIT = 20
_WARM_SECONDS = 2.0
_REGULAR = "regular@example.com"  # every thousandth order is this customer's, in orders.sql
_ORDERS_A_REGULAR = 1000
_KEYS = (
    "OLD{n}",
    "history-{n}",
    "history.{n}@example.com",
    "+49161{n:08d}",
    "History {n} 20457",
    "track{n}",
    _REGULAR,
)


async def load(session: Session) -> None:
    """Load the history of orders and inventory by COPY, all indexes in place.

    Each order of it is like the newest one there; when a single line is measured there may be none yet.
    """
    if not await session.rig.value("orders", _ANY) + await session.rig.value("inventory", _ANY_DEMAND):
        await session.rig.run_only(*session.rig.stack.apis, *session.rig.stack.workers)
        await session.load([session.rig.stack.urls["orders"]], 1)
        await all_planned(session.rig)
    await session.rig.run_only()
    started = clock.monotonic()
    await asyncio.gather(*(_load(session, service) for service in ("orders", "inventory")))
    await quieten(session.rig)
    session.history = session.plan.history
    session.say(f"  {session.plan.history:,} orders of history in {clock.monotonic() - started:.0f} s")


async def _load(session: Session, service: str) -> None:
    dsn = session.rig.stack.dsn(service, "admin")
    script = (_SCRIPTS / f"{service}.sql").read_text(encoding="utf-8").replace("$1", str(session.plan.history))
    asking, writing = [await db.connect(dsn, application="bench", patience_seconds=None) for _ in range(2)]
    try:
        for statement in filter(str.strip, re.split(r";\n\n?", script)):
            copied = _COPIED.match(statement)
            if copied is None:
                await writing.execute(statement)
            else:
                await _copy(asking, copied["question"], writing, copied["table"], copied["columns"])
    finally:
        await asking.close()
        await writing.close()


async def _copy(asking: Connection, question: str, writing: Connection, table: str, columns: str | None) -> None:
    """COPY what a question gives into a table, as it comes."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue(maxsize=64)

    async def ask() -> None:
        await asking.copy_from_query(question, output=chunks.put)
        await chunks.put(b"")

    async def come() -> AsyncIterator[bytes]:
        while chunk := await chunks.get():
            yield chunk

    named = columns.split(", ") if columns else None
    async with asyncio.TaskGroup() as both:
        both.create_task(ask())
        both.create_task(writing.copy_to_table(table, source=come(), columns=named))


async def measure_intake(session: Session) -> Mapping[str, Result]:
    """Measure one API process as before, against (a) of the same moment."""
    before = _before(session, "intake")
    await session.rig.run_only("orders-api")
    address = [session.rig.stack.urls["orders"]]
    await session.load(address, _WARM_SECONDS)
    limits: list[float] = []
    rates: list[float] = []
    for _ in range(session.plan.cells):
        limits.append(await session.limit("a"))
        rates.append((await session.load(address)).rate)
        session.say(f"  with history: {rates[-1]:,.0f} orders/s")
    now = ratios(rates, limits)
    return {"history_intake": _against(session, now, before, "(a)")}


async def measure_reservation(session: Session) -> Mapping[str, Result]:
    """Measure one worker as before, against (b) of the same moment."""
    before = _before(session, "reserve")
    limits: list[float] = []
    rates: list[float] = []
    for _ in range(session.plan.cells):
        limits.append(await session.limit("b"))
        rates.append((await empty_topic(session, session.plan.reservations, hot=False))[0])
        session.say(f"  with history: {rates[-1]:,.0f} orders/s")
    now = ratios(rates, limits)
    return {"history_reserve": _against(session, now, before, "(b)")}


def _before(session: Session, what: str) -> float:
    """Give the ratio without a history; raises LookupError where one of the two to compare is missing."""
    if not session.history or what not in session.empty:
        raise LookupError("the history was not loaded, or nothing was measured without it")
    return median(session.empty[what])


def _against(session: Session, now: Sequence[float], before: float, limit: str) -> Result:
    figure = f"{median(now):.2f} of {limit} with {session.plan.history:,} orders ÷ {before:.2f} of {limit} without"
    return Result([cell / before for cell in now], figure, {"orders": session.plan.history})


async def measure_look_up(session: Session) -> Mapping[str, Result]:
    """Look orders up by each kind of key at 8 clients, and show the plan of the slowest kind."""
    if not session.history:
        raise LookupError("the history was not loaded")
    await session.rig.run_only("orders-api")
    took: dict[str, list[float]] = {kind: [] for kind in _KEYS}
    turns = iter(range(_LOOK_UPS))
    await asyncio.gather(*(_look_up(session, turns, took) for _ in range(CLIENTS)))
    each: dict[str, JsonValue] = {kind: round(percentile(times, 0.95), 1) for kind, times in took.items()}
    every = [one for times in took.values() for one in times]
    slowest = max(took, key=lambda kind: percentile(took[kind], 0.95))
    plan = await _plan(session, slowest.format(n=session.plan.history // 2))
    worst = percentile(took[slowest], 0.95)
    return {
        "look_up": Result(
            [worst],
            f"p95 {worst:.1f} ms by the slowest kind of key ({slowest}), p50 of all {percentile(every, 0.5):.1f} ms",
            {"p95_ms_by_key": each, "plan": list(plan), "orders": session.plan.history},
            note=f"with {session.plan.history:,} orders, {session.plan.history // _ORDERS_A_REGULAR:,} of them a "
            "regular's; support's own target is 200 ms",
        )
    }


async def _look_up(session: Session, turns: Iterator[int], took: dict[str, list[float]]) -> None:
    """Be one client: take turns until there is none left, and look up by every kind of key in each."""
    token = staff_token(session.rig, Role.SUPPORT)
    for turn in turns:
        number = 1 + turn * 7919 % session.plan.history
        for kind in _KEYS:
            started = clock.monotonic()
            answer = await session.rig.client.get(
                f"{session.rig.stack.urls['orders']}/staff/look-up",
                params={"q": kind.format(n=number)},
                headers={"Authorization": f"Bearer {token()}"},
            )
            took[kind].append((clock.monotonic() - started) * 1000)
            if f"history-{'' if kind == _REGULAR else number}" not in answer.text:
                raise RuntimeError(f"{kind.format(n=number)!r} was not found: {answer.status_code} {answer.text[:200]}")


async def _plan(session: Session, query: str) -> list[str]:
    keys = keys_of(query)
    connection: Connection = await session.rig.connect("orders")
    try:
        rows = await connection.fetch(
            f"explain (analyze, buffers) {FIND}", [kind for kind, _ in keys], [value for _, value in keys], _LIMIT
        )
    finally:
        await connection.close()
    return [str(row[0]) for row in rows]
