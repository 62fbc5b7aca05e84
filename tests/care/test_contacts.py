"""Contacts are kept beside the order, and a message can be sent once more."""

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.care.conftest import Desk, Json, Order
from tests.care.test_messages import messages
from tests.waiting import wait_until


async def watched(order: Order, desk: Desk) -> None:
    """Wait until care has heard of an order."""

    async def known() -> bool:
        body = {"order_id": str(order.order_id), "reason": "other", "note": "is it known yet?"}
        return (await desk.post("/contacts", body, role="support")).status_code == 201

    await wait_until(known)


async def test_a_contact_is_kept_with_its_reason_and_who_noted_it(order: Order, desk: Desk) -> None:
    await watched(await order.placed(), desk)
    body = {"order_id": str(order.order_id), "reason": "where_is_it", "note": "asked for a call"}
    noted = await desk.act("/contacts", body, role="support", person="sofia")
    assert noted["agent"] == "support:sofia"
    assert noted["channel"] == "phone"

    kept = await desk.get("/contacts", role="support", order_id=str(order.order_id))

    assert [row["reason"] for row in kept["data"]] == ["where_is_it", "other"]


async def test_a_contact_about_an_order_nobody_knows_is_refused(desk: Desk) -> None:
    answer = await desk.post("/contacts", {"order_id": str(new_id()), "reason": "late"}, role="support")
    assert answer.json()["code"] == "order_not_watched"


async def test_a_picker_notes_no_contact(order: Order, desk: Desk) -> None:
    answer = await desk.post("/contacts", {"order_id": str(order.order_id), "reason": "late"}, role="picker")
    assert answer.status_code == 403


async def test_the_measures_count_contacts(order: Order, desk: Desk) -> None:
    await watched(await order.placed(), desk)
    before = await desk.get("/report")
    await desk.act("/contacts", {"order_id": str(order.order_id), "reason": "where_is_it"}, role="support")
    after = await desk.get("/report")
    assert after["contacts"]["where_is_it"] == before["contacts"].get("where_is_it", 0) + 1
    assert "wismo" in after["formulas"]


async def _damage_message(order: Order, desk: Desk, stack: LocalStack, state: str) -> Json:
    """Give a message about damage that was sent, or failed."""
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    message = (await messages(order, desk, topic="damage"))[0]
    connection = await asyncpg.connect(stack.dsn("care"))
    try:
        change = "update message set state = $2, sent_at = now() where id = $1"
        await connection.execute(change, message["id"], state)
    finally:
        await connection.close()
    return message


@pytest.mark.parametrize("state", ["sent", "failed"])
async def test_a_message_is_sent_again_as_a_copy_of_its_own(
    order: Order, desk: Desk, stack: LocalStack, state: str
) -> None:
    message = await _damage_message(order, desk, stack, state)

    again = await desk.act(f"/messages/{message['id']}/resend", role="support", person="sofia")

    assert again["resend_of"] == message["id"]
    assert again["asked_by"] == "support:sofia"
    assert again["topic"] == "damage"
    assert len(await desk.messages(order)) == 2


async def test_a_message_that_has_not_left_is_not_sent_again(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.promise_revised(11)
    planned = (await messages(order, desk, state="planned"))[0]
    answer = await desk.post(f"/messages/{planned['id']}/resend", role="support")
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_sent"
    assert (await desk.post(f"/messages/{new_id()}/resend", role="support")).status_code == 404
