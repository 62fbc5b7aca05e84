"""The order of events in the topics is really looked at: a pair that is swapped there is found."""

import pytest

from deploy.local.stack import LocalStack
from tests.faults import sending
from tests.faults.crowd import Crowd
from tests.faults.ledger import Outcome
from tests.faults.topics import Place, swapped


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ([], []),
        ([(1, 1), (1, 2), (1, 3)], []),
        ([(1, 9), (2, 10)], []),
        ([(1, 1), (1, 3), (1, 2)], [((1, 3), (1, 2))]),
        ([(2, 2), (1, 3)], [((2, 2), (1, 3))]),
    ],
)
def test_an_earlier_event_behind_a_later_one_of_its_stream_is_found(
    places: list[Place], found: list[tuple[Place, Place]]
) -> None:
    assert swapped(places) == found


async def test_a_swapped_pair_in_a_topic_is_counted_as_out_of_order(stepped_stack: LocalStack, crowd: Crowd) -> None:
    await stepped_stack.stop_processes(["orders-worker"])
    order_id, other_id = await crowd.place(), await crowd.place()
    for each in (order_id, other_id):
        assert await crowd.cancel(each)
    waiting = await sending.events(stepped_stack, "orders", "outbox")
    mine = [event for event in waiting if event["key"] == str(order_id)]
    assert len(mine) >= 2
    await sending.send(stepped_stack, [mine[1], mine[0], *mine[2:]])
    await stepped_stack.restart("orders-worker")

    crowd.outcome = Outcome("-", "a swapped pair")
    assert await crowd.judge() == [f"doorstep.orders tells of {order_id} #2 before #1"]
    assert (crowd.outcome.out_of_order, crowd.outcome.lost, crowd.outcome.doubled) == (1, 0, 0)

    crowd.shuffled.add(("doorstep.orders", str(order_id)))
    assert await crowd.judge() == []
