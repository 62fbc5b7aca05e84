"""The queue over time: what got worse or waited too long is served again, the nearest due clock first."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from shared.auth import Role
from shared.events import shipping
from shared.events.base import Event
from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, Order, now, progress
from tests.care.rig import CareRig

_DELIVERY = {"family": "delivery"}


class Unhurried:
    """Tells care facts in a row, and lets it look at them only afterwards."""

    def __init__(self, care: CareRig) -> None:
        self._care = care

    async def tell(self, fact: Event, at: datetime | None = None) -> None:
        await self._care.hear(fact, at)


async def stalled(care: CareRig) -> Order:
    """Let a parcel too dear to be sent again by itself fall silent until its case waits for the carrier."""
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned()
    await care.later(5 * DAY)
    assert (await care.case(order.order_id, family="delivery"))["state"] == "waiting_carrier"
    return order


async def test_a_case_that_got_worse_while_it_waited_is_served(care: CareRig) -> None:
    order = await stalled(care)
    await order.scanned("lost")
    served = await care.act("/cases/next", _DELIVERY)
    assert (served["kind"], served["order_id"]) == ("lost", str(order.order_id))


async def test_a_case_waits_for_the_carrier_once_what_the_warehouse_owed_has_left(care: CareRig) -> None:
    order = Order(Unhurried(care), value=120_00, promised_in=60 * DAY)
    await order.placed(now() - 7 * DAY)
    await order.planned(now() - 6 * DAY)
    await care.rest()
    overdue = await care.case(order.order_id, family="delivery")
    assert (overdue["kind"], overdue["state"]) == ("fulfilment_overdue", "waiting_warehouse")
    await order.handed_over(now() - 6 * DAY)
    await order.scanned(scanned_at=now() - 6 * DAY)
    await care.rest()
    stalled = await care.case(order.order_id, family="delivery")
    assert (stalled["kind"], stalled["state"]) == ("stalled", "waiting_carrier")


async def test_a_lesser_trouble_that_joins_does_not_take_a_case_from_the_queue(care: CareRig) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned("lost")
    other = replace(order, parcel_id=new_id(), fulfilment_id=new_id())
    await other.handed_over()
    await other.scanned()
    await care.later(5 * DAY)
    assert {row["kind"] for row in await care.rows("select kind from exception")} >= {"lost", "stalled"}
    assert (await care.case(order.order_id, family="delivery"))["state"] == "open"


async def test_a_case_that_got_worse_goes_back_to_who_is_on_it(care: CareRig) -> None:
    order = await stalled(care)
    case = await care.case(order.order_id, family="delivery")
    await care.act(f"/cases/{case['id']}/take", person="ann")
    await care.act(f"/cases/{case['id']}/wait", {"state": "waiting_carrier", "reason": "asked for a trace"})
    await order.scanned("lost")
    worse = await care.case(order.order_id, family="delivery")
    assert (worse["kind"], worse["state"], worse["assignee"]) == ("lost", "in_progress", "care:ann")


async def test_a_case_that_waited_too_long_is_served_to_somebody(care: CareRig) -> None:
    order = await stalled(care)
    assert (await care.post("/cases/next", _DELIVERY)).status_code == 404
    for _ in range(10):
        await care.later(DAY + HOUR)
    escalated = await care.case(order.order_id, family="delivery")
    assert (escalated["state"], escalated["next_action_by"]) == ("open", "care_lead")
    served = await care.act("/cases/next", _DELIVERY)
    assert served["order_id"] == str(order.order_id)
    assert "escalated" in {entry["act"] for entry in served["entries"]}


async def test_a_case_whose_customer_hears_from_the_storefront_needs_no_message_in_time(care: CareRig) -> None:
    order = Order(care, value=120_00, notifications="storefront")
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await care.later(3 * DAY)
    case = await care.case(order.order_id, kind="damage")
    (clock,) = await care.rows("select * from case_clock where case_id = $1 and kind = 'notify'", case["id"])
    assert clock["fulfilled_at"] == case["informed_at"]
    assert clock["breached_at"] is None


async def test_the_queue_shows_and_serves_the_nearest_due_clock_first_whatever_the_priority(care: CareRig) -> None:
    early = Order(care, value=120_00, promised_in=60 * DAY)
    await (await early.placed()).handed_over()
    await early.scanned("lost")
    await care.later(23.5 * HOUR)
    urgent = Order(care, value=120_00, promised_in=HOUR)
    await (await urgent.placed()).handed_over()
    await urgent.scanned("lost")
    cases = [await care.case(order.order_id, kind="lost") for order in (early, urgent)]
    assert [case["priority"] for case in cases] == ["P3", "P2"]
    shown = await care.get("/cases", kind="lost", limit=1)
    rest = await care.get("/cases", kind="lost", limit=1, cursor=shown["next_cursor"])
    assert [row["id"] for row in (*shown["data"], *rest["data"])] == [str(case["id"]) for case in cases]
    assert (await care.act("/cases/next", {"kind": "lost"}))["id"] == str(cases[0]["id"])


async def test_a_cursor_that_is_none_of_the_queues_is_refused(care: CareRig) -> None:
    for cursor in ("yesterday", f"1e17_{new_id()}", f"nan_{new_id()}", f"-1e12_{new_id()}"):
        answer = await care.ask("/cases", cursor=cursor)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/cursor"), cursor


async def test_a_corrected_delivery_is_owed_again(care: CareRig) -> None:
    order = Order(care, promised_in=2 * DAY)
    await (await order.placed()).handed_over()
    await order.delivery_scanned()
    await order.scanned("delivery_corrected")
    await care.later(2 * DAY + HOUR)
    (broken,) = await care.rows(
        "select * from exception where order_id = $1 and kind = 'promise_breached'", order.order_id
    )
    assert broken["evidence"]["undelivered_units"] == order.quantity


async def test_a_void_that_hangs_at_the_carrier_is_a_case(care: CareRig) -> None:
    order = Order(care, promised_in=90 * DAY)
    await order.placed()
    await care.tell(
        shipping.LabelVoidRequested(
            order_id=order.order_id,
            shipment_id=order.parcel_id,
            parcel_id=order.parcel_id,
            tracking_number="1Z",
            reason="box was crushed",
            progress=progress("void_requested", holder="carrier"),
        )
    )
    await care.later(2 * DAY)
    stuck = await care.rows("select subject from exception where order_id = $1 and kind = 'stuck_flow'", order.order_id)
    assert f"step:parcel:{order.parcel_id}/void_requested" in {row["subject"] for row in stuck}


async def test_the_queue_is_narrowed_to_what_is_free_due_soon_or_named(care: CareRig) -> None:
    mine, free = Order(care, value=120_00, promised_in=60 * DAY), Order(care, value=120_00, promised_in=60 * DAY)
    for order in (mine, free):
        await (await order.placed()).handed_over()
        await order.scanned("lost")
    taken, waiting = await care.case(mine.order_id), await care.case(free.order_id)
    await care.act(f"/cases/{taken['id']}/take")

    async def listed(**wanted: Any) -> list[str]:  # noqa: ANN401
        return [row["number"] for row in (await care.get("/cases", **wanted))["data"]]

    assert await listed(unassigned=True) == [waiting["number"]]
    assert await listed(assignee="care:ann") == [taken["number"]]
    assert await listed(number=taken["number"].lower()) == [taken["number"]]
    assert await listed(number=f"t-{str(free.order_id)[-8:]}") == [waiting["number"]]
    assert await listed(due_before=(now() + HOUR / 60).isoformat()) == []
    assert set(await listed(due_before=(now() + 30 * DAY).isoformat())) == {taken["number"], waiting["number"]}


async def test_who_takes_a_case_that_waits_works_on_it_again(care: CareRig) -> None:
    order = await stalled(care)
    case = await care.case(order.order_id, family="delivery")
    assert [row["number"] for row in (await care.get("/cases", unassigned=True, state="waiting_carrier"))["data"]] == [
        case["number"]
    ]
    await care.act(f"/cases/{case['id']}/take", person="ann")
    await care.act(f"/cases/{case['id']}/wait", {"state": "waiting_warehouse", "reason": "a recount"}, person="ann")
    await care.act(f"/cases/{case['id']}/assign", {"assignee": "care:bob"}, role=Role.CARE_LEAD, person="lea")
    assert (await care.case(order.order_id, **_DELIVERY))["state"] == "waiting_warehouse", (
        "who is put on it may let it wait"
    )
    await care.act(f"/cases/{case['id']}/take", person="bob")
    again = await care.case(order.order_id, **_DELIVERY)
    assert (again["state"], again["assignee"], again["next_action_by"]) == ("in_progress", "care:bob", "care:bob")


async def test_a_case_snoozed_until_a_moment_is_worked_again_then_and_escalated_by_nobody(care: CareRig) -> None:
    order = await stalled(care)
    case = await care.case(order.order_id, family="delivery")
    await care.act(f"/cases/{case['id']}/take")
    until = {"state": "waiting_carrier", "reason": "they search the van", "until": (now() + 5 * HOUR).isoformat()}
    await care.act(f"/cases/{case['id']}/wait", until)
    await care.later(4 * HOUR)
    assert (await care.case(order.order_id, **_DELIVERY))["state"] == "waiting_carrier"
    await care.later(HOUR)
    woken = await care.case(order.order_id, **_DELIVERY)
    assert (woken["state"], woken["next_action_by"], woken["snoozed_until"]) == ("in_progress", "care:ann", None)
    acts = await care.rows("select act from case_entry where case_id = $1", case["id"])
    assert "escalated" not in {row["act"] for row in acts}
    for moment in (now(), now() + 31 * DAY):
        refused = await care.post(f"/cases/{case['id']}/wait", {**until, "until": moment.isoformat()})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/until")


async def test_a_case_that_waits_for_its_customer_is_worked_when_they_get_in_touch(care: CareRig) -> None:
    order = await stalled(care)
    case = await care.case(order.order_id, family="delivery")

    async def spoke(direction: str) -> str:
        said = {"order_id": str(order.order_id), "reason": "late", "direction": direction}
        await care.act("/contacts", said, role=Role.SUPPORT, person="sam")
        return str((await care.case(order.order_id, **_DELIVERY))["state"])

    assert await spoke("inbound") == "waiting_carrier", "the carrier has not answered"
    await care.act(f"/cases/{case['id']}/wait", {"state": "waiting_customer", "reason": "which neighbour?"})
    assert await spoke("outbound") == "waiting_customer"
    assert await spoke("inbound") == "open"
    served = await care.act("/cases/next", _DELIVERY)
    assert served["id"] == str(case["id"])


@pytest.mark.parametrize(
    ("path", "body"), [("reports", {"kind": "missing_item", "comment": "no mug"}), ("words", {"kind": "wait"})]
)
async def test_a_case_that_waits_for_its_customer_is_worked_when_they_answer_on_the_page(
    care: CareRig, path: str, body: dict[str, str]
) -> None:
    order = await stalled(care)
    case = await care.case(order.order_id, family="delivery")
    await care.act(f"/cases/{case['id']}/wait", {"state": "waiting_customer", "reason": "which neighbour?"})
    await care.customer_says(order.order_id, path, **body)
    assert (await care.case(order.order_id, **_DELIVERY))["state"] == "open"
    entries = await care.rows("select actor, detail from case_entry where case_id = $1 order by at", case["id"])
    assert ("customer", "the customer got in touch") in {(row["actor"], row["detail"]) for row in entries}
