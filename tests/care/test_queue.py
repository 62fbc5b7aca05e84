"""The queue over time: what got worse or waited too long is served again, the nearest due clock first."""

from dataclasses import replace
from datetime import datetime
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

import pytest

from shared.auth import Role
from shared.events import shipping
from shared.events.base import Event
from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, Order, now, progress
from tests.care.rig import CareRig, Json

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
    assert (await care.act("/cases/next", {"kind": "lost", "priority": "P2"}))["id"] == str(cases[1]["id"])
    assert (await care.act("/cases/next", {"kind": "lost"}))["id"] == str(cases[0]["id"])


async def test_of_a_view_of_what_is_due_soon_no_later_case_is_served(care: CareRig) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned("lost")
    due = (await care.case(order.order_id, kind="lost"))["next_action_due"]
    wanted = {"kind": "lost", "due_before": due.isoformat()}
    assert (await care.post("/cases/next", wanted)).status_code == 404
    wanted["due_before"] = (due + HOUR).isoformat()
    assert (await care.act("/cases/next", wanted))["order_id"] == str(order.order_id)


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


async def _queue_of_all_sorts(care: CareRig) -> Json:
    """Have cases that are free, taken, waiting and resolved, of two warehouses; give one of them."""
    lost = [
        Order(care, value=120_00, promised_in=60 * DAY, location=place) for place in ("berlin", "hamburg", "berlin")
    ]
    for order in lost:
        await (await order.placed()).handed_over()
        await order.scanned("lost")
    free, taken, ended = [await care.case(order.order_id) for order in lost]
    await care.act(f"/cases/{taken['id']}/take")
    told = {"reason": "it was found", "customer_informed": "on the phone"}
    await care.act(f"/cases/{ended['id']}/resolve", told)
    aside = Order(care, value=120_00, promised_in=60 * DAY, location="hamburg")
    await (await aside.placed()).handed_over()
    await aside.scanned(flags=("damaged",), exception="damage")
    waits = await care.case(aside.order_id, kind="damage")
    await care.act(f"/cases/{waits['id']}/wait", {"state": "waiting_customer", "reason": "a photo is on its way"})
    return free


async def test_a_view_counts_what_it_lists(care: CareRig) -> None:
    free = await _queue_of_all_sorts(care)
    active = "state=open&state=in_progress&state=waiting_customer&state=waiting_carrier&state=waiting_warehouse"
    soon, later = ((now() + span).isoformat().replace("+", "%2B") for span in (HOUR / 60, 30 * DAY))
    views = {
        active: 3, f"{active}&assignee=care%3Aann": 1, f"{active}&unassigned=true": 2, "state=waiting_customer": 1,
        "state=resolved": 1, f"{active}&due_before={later}": 3, f"{active}&due_before={soon}": 0,
        f"{active}&location=berlin": 1, f"{active}&location=hamburg": 2, f"{active}&location=nowhere": 0,
        "location=berlin": 2, f"{active}&kind=lost": 2, f"{active}&kind=lost&priority={free['priority']}": 2,
        f"{active}&family=condition": 1, f"number={free['number'].lower()}": 1, f"order_id={free['order_id']}": 1,
        f"incident_id={new_id()}": 0, "": 4,
    }  # fmt: skip
    asked: list[dict[str, Any]] = [{**parse_qs(view)} for view in views]
    listed = [len((await care.get("/cases", **view))["data"]) for view in asked]
    counted = (await care.get("/cases/counts", view=list(views)))["data"]
    assert counted == listed == list(views.values())


async def test_a_view_that_cannot_be_read_is_refused(care: CareRig) -> None:
    for view in ("due_before=soon", "order_id=7", "unassigned=perhaps", "kind=a%00"):
        answer = await care.ask("/cases/counts", view=["", view])
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/view"), view
    assert (await care.ask("/cases/counts")).status_code == 422, "of no view"


async def test_of_a_warehouse_only_its_own_cases_are_served(care: CareRig) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY, location="hamburg")
    await (await order.placed()).handed_over()
    await order.scanned("lost")
    assert (await care.post("/cases/next", {"location": "berlin"})).status_code == 404
    assert (await care.act("/cases/next", {"location": "hamburg"}))["order_id"] == str(order.order_id)


async def test_a_case_remembers_the_event_or_the_clock_that_changed_it(care: CareRig) -> None:
    order = Order(care, value=12_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    (remedy,) = await care.rows("select * from remedy where order_id = $1", order.order_id)
    await order.remedy_executed(remedy)
    events = {f"event:{row['event_id']}" for row in await care.rows("select event_id from inbox")}
    entries = await care.rows("select act, cause from case_entry where case_id = $1", remedy["case_id"])
    causes = {row["act"]: row["cause"] for row in entries}
    assert causes["opened"].startswith("job:")
    assert causes["executed"] in events


_AS_BEFORE = """
insert into care_case select (jsonb_populate_record(c, jsonb_build_object('id', $2::uuid, 'number', $3::text,
  'state', 'closed'))).* from care_case c where c.id = $1
"""


async def test_a_case_opened_before_its_reason_was_kept_says_what_made_its_priority(care: CareRig) -> None:
    """A case is copied without its history; what the migration then says is what was said of the case itself."""
    orders = (
        Order(care, value=120_00, promised_in=60 * DAY),
        Order(care, value=120_00, promised_in=2 * DAY, safety=True),
        Order(care, value=120_00, promised_in=HOUR, perishable=True, gift_due_at=now() + DAY),
    )
    cases = []
    for order in orders:
        await (await order.placed()).handed_over()
        await order.scanned("lost")
        cases.append(await care.case(order.order_id, kind="lost"))
    migration = import_module("services.care.migrations.versions.0015_queue_counts")
    for case in cases:
        silent = new_id()
        async with care.database.transaction() as tx:
            await tx.execute(_AS_BEFORE, case["id"], silent, f"OLD-{case['number']}")
        assert (await care.get(f"/cases/{silent}"))["priority_because"] == ""
        for _ in range(2):
            async with care.database.transaction() as tx:
                await tx.execute(migration.WITHOUT_REASON)
        said = await care.get(f"/cases/{silent}")
        assert said["priority_because"] == (await care.get(f"/cases/{case['id']}"))["priority_because"] != ""
        assert len(said["entries"]) == 1, "said once"


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
