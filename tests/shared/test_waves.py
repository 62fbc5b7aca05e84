"""Waves: what is applied in one transaction, and what becomes of events that come again among new ones."""

from shared.consumer import Applier, split_waves
from shared.events.base import Event
from shared.events.orders import OrderCancelled, OrderCompleted
from shared.ids import new_id
from shared.inbox import Envelope, read_envelope
from shared.kafka import Record
from tests.shared.conftest import Plumbing, completed, message
from tests.shared.traffic import Seen

HANDLED = {OrderCompleted.event_type}


def _envelope(fact: Event, sequence: int, *, epoch: int = 1) -> Envelope:
    sent = message(fact, sequence, epoch=epoch)
    return read_envelope(Record(sent.topic, 0, sequence, sent.key, sent.value, sent.headers))


def _order(*outcomes: str) -> list[Envelope]:
    """Make the first events of an order: completed with that outcome, or "" for a fact that nobody here handles."""
    order_id = new_id()
    facts = [completed(order_id, one) if one else OrderCancelled(order_id=order_id, reason="") for one in outcomes]
    return [_envelope(fact, sequence) for sequence, fact in enumerate(facts, start=1)]


def test_what_nobody_here_handles_goes_with_what_somebody_does() -> None:
    one, other = _order("delivered", "", "", "lost", ""), _order("", "")

    waves = split_waves([one[0], other[0], *one[1:4], other[1], one[4]], HANDLED)

    assert waves == [[*other, *one[:3]], one[3:]]


def test_what_somebody_handles_goes_by_its_type() -> None:
    delivered, cancelled, idle = _order("delivered"), _order(""), _order("")
    handled = {OrderCompleted.event_type, OrderCancelled.event_type}

    assert split_waves([*delivered, *cancelled, *idle], handled) == [delivered, [*cancelled, *idle]]


def test_a_stream_is_not_advanced_over_a_gap() -> None:
    events = _order("", "", "", "")
    gap, again = [events[0], events[1], events[3]], [*events[:2], *events[1:3]]

    assert split_waves(gap, HANDLED) == [events[:2], events[3:]]
    assert split_waves(again, HANDLED) == [events[:2], events[1:3]]


def test_a_new_life_of_a_stream_begins_a_wave_of_its_own() -> None:
    order_id = new_id()
    first = _envelope(OrderCancelled(order_id=order_id, reason=""), 1)
    restored = _envelope(OrderCancelled(order_id=order_id, reason=""), 2, epoch=2)

    assert split_waves([first, restored], HANDLED) == [[first], [restored]]


async def test_events_that_come_again_are_dropped_and_those_behind_them_applied(plumbing: Plumbing) -> None:
    seen = Seen()
    applier = Applier("torn", seen.router, plumbing.consuming)
    events, other = _order("", "delivered", "", "", "lost", ""), _order("delivered")
    await applier.apply(events[:3])

    for wave in split_waves([*events, *other], HANDLED):
        await applier.apply(wave)

    assert list(seen.by_order.values()) == [["delivered", "lost"], ["delivered"]]
    async with plumbing.consuming.transaction() as tx:
        position = await tx.value(
            "select sequence from stream_position where consumer = 'torn' and key = $1", events[0].key
        )
        remembered = await tx.value("select count(*) from inbox where consumer = 'torn'")
        parked = await tx.value("select count(*) from parked where consumer = 'torn'")
    assert (position, remembered, parked) == (6, 7, 0)


async def test_a_run_behind_a_gap_waits_as_a_whole(plumbing: Plumbing) -> None:
    seen = Seen()
    applier = Applier("behind", seen.router, plumbing.consuming)
    events = _order("delivered", "", "lost", "")

    await applier.apply(events[1:])

    async with plumbing.consuming.transaction() as tx:
        rows = await tx.fetch("select sequence, reason from parked where consumer = 'behind' order by sequence")
    assert [row["sequence"] for row in rows] == [2, 3, 4]
    assert {row["reason"].partition(":")[0] for row in rows} == {"gap"}
    assert not seen.by_order
