"""A full topic: orders' first facts as the orders service publishes them, sent ahead of the consumer."""

import random
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from bench.rig import Rig
from bench.shop import HOT, SKUS, Shop, sku_code
from deploy.local import topics
from shared import clock
from shared.events.base import Destination, Event, Money, Progress, topic_of
from shared.events.orders import OrderLine, OrderPlaced, Promise, PromiseMade
from shared.ids import new_id
from shared.kafka import Message, Producer
from shared.relay import message_of

_BATCH = 500


async def feed(rig: Rig, shop: Shop, count: int, *, hot: bool = False) -> None:
    """Send `count` orders of three lines: for each order_placed and promise_made, in the key's order."""
    settings = topics.settings_for(rig.stack.bootstrap)
    settings = settings.model_copy(update={"kafka_idempotent": rig.broker == "kafka"})
    producer = Producer(settings, "bench")
    await producer.start()
    try:
        batch: list[Message] = []
        for _ in range(count):
            batch += _facts_of_an_order(shop, hot=hot)
            if len(batch) >= _BATCH:
                await producer.send(batch)
                batch = []
        if batch:
            await producer.send(batch)
    finally:
        await producer.close()


def _facts_of_an_order(shop: Shop, *, hot: bool) -> Iterator[Message]:
    order_id, now = new_id(), clock.real()
    # Orders of a day share a truck, as those of the suite do.
    truck_at = now.replace(hour=16, minute=0, second=0, microsecond=0) + timedelta(days=1)
    promise = Promise(revision=1, ship_by=truck_at, deliver_by_latest=truck_at + timedelta(days=3))
    placed = OrderPlaced(
        order_id=order_id,
        number=f"F-{order_id.hex[-10:]}",
        reference=order_id.hex,
        storefront_id=UUID(shop.storefront_id),
        lines=tuple(
            OrderLine(line_id=new_id(), reference=str(place), sku=sku, quantity=1)
            for place, sku in enumerate(_three(hot=hot), start=1)
        ),
        destination=Destination(country_code="DE", postal_zone="20"),
        service_level="standard",
        promise=promise,
        value=Money(amount=4360, currency="EUR"),
        progress=Progress(step="placed", holder="inventory", since=now, due_at=now + timedelta(hours=1)),
    )
    made = PromiseMade(order_id=order_id, promise=promise)
    for sequence, fact in enumerate((placed, made), start=1):
        yield _message(fact, sequence)


def _three(*, hot: bool) -> list[str]:
    chosen = [sku_code(number) for number in random.sample(range(2, SKUS + 1), 3)]
    return [HOT, *chosen[1:]] if hot else chosen


def _message(fact: Event, sequence: int) -> Message:
    headers = {
        "ce_causationid": "bench",
        "ce_correlationid": fact.key,
        "ce_traceparent": "",
        "ce_aggregatetype": fact.aggregate_type,
        "ce_aggregateid": fact.key,
    }
    return message_of(
        {
            "event_id": new_id(),
            "topic": topic_of(fact.source),
            "type": fact.event_type,
            "key": fact.key,
            "epoch": 1,
            "sequence": sequence,
            "occurred_at": clock.real(),
            "headers": headers,
            "payload": fact.model_dump_json(),
        }
    )
