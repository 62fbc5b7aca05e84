"""The queue over time: what got worse or waited too long is served again, the nearest due clock first."""

from dataclasses import replace

from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, Order
from tests.care.rig import CareRig

_DELIVERY = {"family": "delivery"}


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
