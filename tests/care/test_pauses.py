"""Pauses: what is due waits, for all or for one storefront, and is done when they end."""

from pathlib import Path

import pytest

from deploy.local.stack import LocalStack
from shared.auth import Role
from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, Json, Order, now
from tests.care.rig import CareRig, running_care


async def switch(care: CareRig, kind: str, scope: object, *, resume: bool = False) -> None:
    body = {"kind": kind, "scope": str(scope), "reason": "a strike"}
    await care.act("/pauses/resume" if resume else "/pauses", body, role=Role.OPERATOR)


async def damaged(care: CareRig) -> Order:
    order = Order(care, value=12_00)
    await (await order.placed()).handed_over()
    return await order.scanned(flags=("damaged",), exception="damage")


async def messages_of(care: CareRig, order: Order) -> list[Json]:
    return await care.rows("select * from message where order_id = $1 order by id", order.order_id)


async def remedies_of(care: CareRig, order: Order) -> list[Json]:
    return await care.rows("select * from remedy where order_id = $1 order by asked_at", order.order_id)


@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_message_that_is_due_while_messages_are_paused_waits_and_leaves_after(
    care: CareRig, *, everywhere: bool
) -> None:
    order = Order(care, value=120_00)
    scope = "*" if everywhere else order.storefront_id
    await switch(care, "messages", scope)
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await care.later(2 * HOUR)
    assert [message["state"] for message in await messages_of(care, order)] == ["planned"]
    assert (await care.case(order.order_id))["informed_at"] is None
    other = await damaged(care)
    await care.later(2 * HOUR)
    assert [row["state"] for row in await messages_of(care, other)] == ["planned" if everywhere else "observed"]
    await switch(care, "messages", scope, resume=True)
    assert [message["state"] for message in await messages_of(care, order)] == ["observed"]
    assert (await care.case(order.order_id))["informed_at"] == now()


async def test_an_automatic_remedy_waits_for_the_end_of_a_pause_of_its_storefront(care: CareRig) -> None:
    order = Order(care, value=12_00)
    await switch(care, "automatic_remedies", order.storefront_id)
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    other = await damaged(care)
    await care.later(HOUR)
    assert [remedy["state"] for remedy in await remedies_of(care, other)] == ["granted"]
    assert await remedies_of(care, order) == []
    await switch(care, "automatic_remedies", order.storefront_id, resume=True)
    assert [(row["kind"], row["state"]) for row in await remedies_of(care, order)] == [("reship", "granted")]


async def test_a_delay_is_not_told_with_its_old_date_while_the_new_one_is_held(care: CareRig) -> None:
    order = Order(care, promised_in=5 * DAY)
    await switch(care, "automatic_remedies", "*")
    await (await order.placed()).handed_over()
    await order.scanned(estimate={"deliver_at": now() + 7 * DAY, "source": "carrier"})
    await care.later(HOUR)
    assert await messages_of(care, order) == []
    await switch(care, "automatic_remedies", "*", resume=True)
    assert [row["kind"] for row in await remedies_of(care, order)] == ["new_promise"]


async def test_what_was_settled_by_hand_during_a_pause_is_not_done_again(care: CareRig) -> None:
    await switch(care, "automatic_remedies", "*")
    order = await damaged(care)
    case = await care.case(order.order_id)
    await care.act(f"/cases/{case['id']}/remedies", {"kind": "refund", "reason": "the customer asked for it"})
    await switch(care, "automatic_remedies", "*", resume=True)
    assert [row["kind"] for row in await remedies_of(care, order)] == ["refund"]


async def test_a_fallback_refused_during_a_pause_is_tried_after_it(care: CareRig) -> None:
    order = await damaged(care)
    (reship,) = await remedies_of(care, order)
    await switch(care, "automatic_remedies", "*")
    await order.remedy_refused({"id": str(reship["id"]), "kind": "reship"}, "no_stock")
    assert len(await remedies_of(care, order)) == 1
    await switch(care, "automatic_remedies", "*", resume=True)
    assert [row["kind"] for row in await remedies_of(care, order)] == ["reship", "refund"]


@pytest.mark.parametrize("kind", ["messages", "automatic_remedies"])
async def test_a_scope_that_care_would_ignore_is_refused(care: CareRig, kind: str) -> None:
    body = {"kind": kind, "scope": "berlin", "reason": "a strike"}
    refused = await care.post("/pauses", body, role=Role.OPERATOR)
    assert refused.status_code == 422
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [("/scope", "unknown_scope")]
    assert (await care.post("/pauses", {**body, "scope": str(new_id())}, role=Role.OPERATOR)).is_success


async def test_what_a_person_granted_during_a_pause_is_not_granted_again_and_holds_up_no_other_case(
    care: CareRig,
) -> None:
    order = await damaged(care)
    (reship,) = await remedies_of(care, order)
    await switch(care, "automatic_remedies", "*")
    await order.remedy_refused(reship, "no_stock")
    case = await care.case(order.order_id)
    await care.act(f"/cases/{case['id']}/remedies", {"kind": "refund", "reason": "the customer asked"})
    other = await damaged(care)
    await switch(care, "automatic_remedies", "*", resume=True)
    assert [(row["kind"], row["state"]) for row in await remedies_of(care, order)] == [
        ("reship", "refused"),
        ("refund", "granted"),
    ]
    assert [row["state"] for row in await remedies_of(care, other)] == ["granted"]


async def test_with_the_setting_to_observe_care_only_notes_what_it_would_have_done(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observing = {"CARE_MESSAGES": "observe", "CARE_AUTOMATIC_REMEDIES": "observe"}
    async with running_care(stack, tmp_path, monkeypatch, **observing) as care:
        order = await damaged(care)
        await care.later(HOUR)
        assert [remedy["state"] for remedy in await remedies_of(care, order)] == ["observed"]
        assert [message["state"] for message in await messages_of(care, order)] == ["observed"]
