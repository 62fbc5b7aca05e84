"""Many at once: through the real broker, and by several consumers of one database."""

import asyncio
import contextlib
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.commands import Options
from deploy.local.stack import LocalStack
from services.inventory.actions import reservations
from services.inventory.queries.reservations import list_allocated, lock_orders
from shared.errors import ConflictError
from shared.events.orders import OrderPlaced
from shared.kafka import Message, Producer
from shared.settings import PlatformSettings
from tests.broker import BROKER
from tests.clients import Clients
from tests.inventory.lab import Lab, Line, cancel, order_placed
from tests.waiting import wait_until

ORDERS = 500
LAST_UNITS = 50


@pytest_asyncio.fixture
async def alone() -> AsyncIterator[LocalStack]:
    """Inventory without neighbours: nobody else should hear of orders that only it knows."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-inventory-"))
    options = Options(services=("inventory",), simulator=False, broker=BROKER, throwaway=True)
    stack = await LocalStack.start(home, options=options)
    yield stack
    await stack.stop()
    shutil.rmtree(home)


@pytest_asyncio.fixture
async def producer(alone: LocalStack) -> AsyncIterator[Producer]:
    idempotent = alone.environment("inventory").get("DOORSTEP_KAFKA_IDEMPOTENT", "true") == "true"
    settings = PlatformSettings(
        environment="local", kafka_bootstrap=alone.bootstrap, kafka_idempotent=idempotent, token_public_keys=""
    )
    opened = Producer(settings, "inventory-tests")
    await opened.start()
    yield opened
    await opened.close()


@pytest.mark.broker
async def test_500_orders_for_the_last_50_units_reserve_50_without_deadlock(
    lab: Lab, alone: LocalStack, producer: Producer
) -> None:
    """F13: on a running worker; each order has lines of five SKUs in random order."""
    clients = Clients(alone)
    lab.client = clients.of("inventory")  # the running service's own door and database
    skus, place = await lab.skus(5), await lab.location()
    for sku in skus:
        await lab.receive(sku, place, LAST_UNITS)
    dice = random.Random(13)  # noqa: S311 - a shuffle
    wanted = [order_placed(*(Line(sku) for sku in dice.sample(skus, k=len(skus)))) for _ in range(ORDERS)]

    await producer.send([_message(lab, order) for order in wanted])

    database = await asyncpg.connect(alone.dsn("inventory", "readonly"))
    ids = [order.order_id for order in wanted]
    try:

        async def all_answered() -> bool:
            known = await database.fetchval("select count(*) from order_demand where order_id = any($1::uuid[])", ids)
            return bool(known == ORDERS)

        await wait_until(all_answered, what="all orders reserved or backordered")
        for sku in skus:
            row = await lab.stock(sku, place)
            assert (row["on_hand"], row["reserved"], row["available"]) == (LAST_UNITS, LAST_UNITS, 0)
        deadlocks = await database.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
        assert deadlocks == 0
    finally:
        await database.close()
        await clients.close()


def _message(lab: Lab, order: OrderPlaced) -> Message:
    envelope = lab.envelope(order)
    headers = {
        "ce_id": str(envelope.id),
        "ce_type": envelope.type,
        "ce_source": envelope.source,
        "ce_subject": envelope.key,
        "ce_time": envelope.occurred_at.isoformat(),
        "ce_sequence": str(envelope.sequence),
        "ce_epoch": "1",
    }
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return Message(envelope.record.topic, envelope.key.encode(), envelope.payload, encoded)


async def test_waves_of_several_consumers_never_oversell(lab: Lab) -> None:
    skus = await lab.skus(4)
    places = [await lab.location() for _ in range(2)]
    for sku in skus:
        for place in places:
            await lab.receive(sku, place, 10)
    dice = random.Random(7)  # noqa: S311 - a shuffle
    waves = [
        [lab.envelope(order_placed(*(Line(sku) for sku in dice.sample(skus, k=4)))) for _ in range(10)]
        for _ in range(6)
    ]

    await asyncio.gather(*(lab.apply(wave) for wave in waves))

    for sku in skus:
        rows = [await lab.stock(sku, place) for place in places]
        assert sum(row["reserved"] for row in rows) == 20
    await lab.check_books(skus)


async def test_receipts_counts_cancellations_and_orders_at_once_keep_the_books(lab: Lab) -> None:
    skus = await lab.skus(3)
    places = [await lab.location() for _ in range(3)]
    for sku in skus:
        for place in places:
            await lab.receive(sku, place, 5)
    first = [order_placed(*(Line(sku, 2) for sku in reversed(skus))) for _ in range(6)]
    await lab.tell(*first)
    dice = random.Random(3)  # noqa: S311 - a shuffle

    async def adjust() -> None:
        lines = [
            {"sku": sku, "location": place, "quantity": dice.choice([-1, 1, 2])} for sku in skus for place in places
        ]
        dice.shuffle(lines)
        answer = await lab.post("/staff/stock/adjust", {"lines": lines, "reason": "race"})
        assert answer.status_code in {200, 409}, answer.text

    await asyncio.gather(
        *(lab.apply([lab.envelope(cancel(order))]) for order in first[:3]),
        *(lab.apply([lab.envelope(order_placed(*(Line(sku) for sku in skus)))]) for _ in range(5)),
        *(lab.receive(sku, places[0], 2) for sku in skus),
        *(adjust() for _ in range(4)),
    )
    await lab.run_jobs()

    await lab.check_books(skus)
    for order in first[:3]:
        assert {state for state, _, _ in await lab.reservations(order)} == {"released"}


async def test_a_hand_over_and_a_cancellation_never_both_win(lab: Lab) -> None:
    sku, place = await lab.stocked(20)
    orders = [order_placed(Line(sku)) for _ in range(20)]
    await lab.tell(*orders)

    async def hand_over(order_id: UUID) -> None:
        with contextlib.suppress(ConflictError):
            async with lab.database.transaction() as tx:
                await lock_orders(tx, [order_id])
                await reservations.consume(tx, await list_allocated(tx, [order_id]))

    await asyncio.gather(
        *(hand_over(order.order_id) for order in orders), *(lab.apply([lab.envelope(cancel(o))]) for o in orders)
    )

    ends = [await lab.reservations(order) for order in orders]
    assert all(end in ([("consumed", place, 1)], [("released", place, 1)]) for end in ends)
    shipped = sum(end[0][0] == "consumed" for end in ends)
    assert (await lab.stock(sku, place))["on_hand"] == 20 - shipped
    await lab.check_books([sku])
