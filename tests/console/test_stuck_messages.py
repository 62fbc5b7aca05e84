"""What is stuck, as operators see it: replayed after a fix or given up for a reason, and the trail keeps both."""

import html
import re

import pytest

from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.clients import Clients
from tests.console.conftest import Visit
from tests.console.operations import bury, changed, crowd, give_up, pressed
from tests.console.shop import Shop
from tests.console.visitor import text_of
from tests.waiting import NotThis, wait_until


async def test_a_dead_event_is_replayed_and_takes_effect(visit: Visit, stack: LocalStack, clients: Clients) -> None:
    event_id, order_id = await give_up(stack.dsn("care"))
    operator = await visit("operator")
    assert str(order_id) in await operator.read("/operations/messages")
    shown = await operator.read(f"/operations/messages/care/{event_id}")
    assert "KeyError: a fault that was mended" in shown
    sent = await operator.post(
        f"/operations/messages/care/{event_id}/replay", {"reason": "mended in 1.4", "key": str(new_id())}
    )
    assert sent.status_code == 303, text_of(sent)

    async def it_is_gone() -> str:
        page = await operator.read("/operations/messages")
        return NotThis(page) if str(order_id) in page else "gone"

    await wait_until(it_is_gone, what="the event was applied")
    contact = {"order_id": str(order_id), "reason": "other"}
    known = await clients.of("care", role="support").post(
        "/staff/contacts", json=contact, headers={"Idempotency-Key": str(new_id())}
    )
    assert known.status_code == 201, "care knows the order now"
    assert "mended in 1.4" in await operator.read("/operations/audit")


async def test_a_dead_event_does_not_fall_off_a_list_of_older_ones_that_wait(visit: Visit, stack: LocalStack) -> None:
    operator = await visit("operator")
    event_id, order_id = await give_up(stack.dsn("care"))
    async with crowd(stack.dsn("care"), "parked", "its order is not here", 150):
        shown = await operator.read("/operations/messages", service="care")
        assert str(order_id) in shown
        assert re.search(r"100 of 1[5-9]\d", shown), "how many there are is told too"
        assert str(order_id) in (await operator.get("/operations/messages", state="dead")).text
        assert "its order is not here" not in await operator.read("/operations/messages", state="dead")
        assert str(order_id) not in await operator.read("/operations/messages", service="orders")
    given_up = {"reason": "a test order", "key": str(new_id())}
    assert await pressed(operator, f"/operations/messages/care/{event_id}/discard", given_up) == 303


async def test_what_died_of_one_fault_is_replayed_at_once(visit: Visit, stack: LocalStack) -> None:
    operator = await visit("operator")
    cause = f"KeyError: {new_id()}"
    async with crowd(stack.dsn("care"), "dead", cause, 120):
        shown = await operator.read("/operations/messages")
        assert f"Replay 120 dead at care: {cause}" in shown
        said = {"cause": cause, "reason": "mended in 1.5", "key": str(new_id())}
        answer = await operator.post("/operations/messages/care/replay", said)
        assert answer.status_code == 303, text_of(answer)
        assert "120 are tried again." in await operator.read("/operations/messages", state="dead")
        assert cause not in await operator.read("/operations/messages", state="dead")
    assert "mended in 1.5" in await operator.read("/operations/audit")


async def test_a_stuck_message_tells_first_how_it_stands_and_last_what_it_carries(
    visit: Visit, stack: LocalStack
) -> None:
    operator = await visit("operator")
    event_id, order_id = await give_up(stack.dsn("care"))
    path = f"/operations/messages/care/{event_id}"
    shown = await operator.get(path)
    words = text_of(shown)
    assert words.index("KeyError: a fault that was mended") < words.index("partition")
    assert f'  "order_id": "{order_id}"' in html.unescape(shown.text), "what it carries is indented"
    assert re.search(r"parked at today \d\d:\d\d", words), "a time as people write it"
    listed = (await operator.get("/operations/messages", state="dead")).text
    assert f'href="/orders/{order_id}"' in listed
    assert await pressed(operator, f"{path}/discard", {"reason": "a test order", "key": str(new_id())}) == 303


async def test_what_is_stuck_is_named_by_its_orders_number_and_by_its_id_while_orders_are_away(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order, operator, cause = await shop.place(), await visit("operator"), f"KeyError: {new_id()}"
    late = (
        "insert into overdue (kind, subject, order_id, state, due_at, told_at) "
        "values ('shipment', 'a-parcel', $1, 'booked', now() - interval '9 days', now())"
    )
    listed, gone = "/operations/messages", "delete from overdue where order_id = $1"
    async with (
        crowd(stack.dsn("care"), "dead", cause, 1, order.id),
        changed(stack.dsn("shipping"), late, gone, str(order.id)),
    ):
        shown = (await operator.get(listed)).text
        assert shown.count(f'href="/orders/{order.number}"') == 2, "the event and the parcel"
        (event,) = re.findall(rf'href="({listed}/care/[^"]+)".*{order.number}.*\n.*\n?.*{cause}', shown)
        assert f"order {order.number}" in await operator.read(event)
        await stack.stop_processes(["orders-api"])
        try:
            for path, times in ((listed, 2), (event, 1)):
                assert (await operator.get(path)).text.count(f'href="/orders/{order.id}"') == times
        finally:
            await stack.start_processes(["orders-api"])

        async def is_back() -> bool:
            return f"order {order.number}" in await operator.read(event)

        await wait_until(is_back, what="the console asks orders again")


async def test_a_dead_event_is_discarded_for_a_reason(visit: Visit, stack: LocalStack) -> None:
    event_id, order_id = await give_up(stack.dsn("care"))
    operator = await visit("operator")
    await operator.get(f"/operations/messages/care/{event_id}")
    path = f"/operations/messages/care/{event_id}/discard"
    assert (await operator.post(path, {"reason": "", "key": str(new_id())})).status_code == 422
    assert (await operator.post(path, {"reason": "a test order", "key": str(new_id())})).status_code == 303
    assert str(order_id) not in await operator.read("/operations/messages")


async def test_a_record_that_nobody_could_read_is_read_again_after_a_fix(
    visit: Visit, stack: LocalStack, clients: Clients
) -> None:
    letter, order_id = await bury(stack.dsn("care"))
    operator = await visit("operator")
    path = f"/operations/messages/care/{letter}"
    assert f'href="{path}"' in (await operator.get("/operations/messages")).text
    assert "What still cannot be read stays here." in await operator.read(path)
    assert await pressed(operator, f"{path}/replay", {"reason": "mended in 1.6", "key": str(new_id())}) == 303
    assert f'href="{path}"' not in (await operator.get("/operations/messages")).text

    async def care_knows_it() -> bool:
        contact = {"order_id": str(order_id), "reason": "other"}
        known = await clients.of("care", role="support").post(
            "/staff/contacts", json=contact, headers={"Idempotency-Key": str(new_id())}
        )
        return known.status_code == 201

    await wait_until(care_knows_it, what="the order of the record is known")
    assert re.search(
        rf"replay dead letter care[^“]* {letter} [^“]*mended in 1.6", await operator.read("/operations/audit")
    )


@pytest.mark.parametrize(
    ("reason", "why"), [("unknown_type", "when nobody knew its type"), ("forked_stream", "another event in its place")]
)
async def test_a_record_that_its_stream_left_behind_is_discarded_for_a_reason_that_the_trail_keeps(
    visit: Visit, stack: LocalStack, reason: str, why: str
) -> None:
    letter, _ = await bury(stack.dsn("care"), reason=reason)
    operator = await visit("operator")
    path = f"/operations/messages/care/{letter}"
    shown = await operator.get(path)
    assert f"{path}/replay" not in shown.text
    assert "It cannot be replayed" in text_of(shown)
    assert why in text_of(shown)
    again = {"reason": "try it all the same", "key": str(new_id())}
    assert await pressed(operator, f"{path}/replay", again) == 409
    assert await pressed(operator, f"{path}/discard", {"reason": "", "key": str(new_id())}) == 422
    because = {"reason": f"a partner's test, {letter}", "key": str(new_id())}
    assert await pressed(operator, f"{path}/discard", because) == 303
    assert f'href="{path}"' not in (await operator.get("/operations/messages")).text
    trail = await operator.read("/operations/audit")
    assert re.search(rf"discard dead letter care[^“]* {letter} [^“]*a partner's test, {letter}", trail)
