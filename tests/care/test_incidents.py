"""One common cause is one incident, not a case per parcel."""

from datetime import datetime, timedelta

import asyncpg

from deploy.local.stack import LocalStack
from services.care.rules.thresholds import Thresholds
from shared.auth import Role
from shared.events.base import Event
from tests.care.conftest import DAY, HOUR, Desk, Facts, Json, Order, now
from tests.care.rig import CareRig
from tests.waiting import wait_until

LONG_AGO = now() - 6 * DAY


async def fall_silent(stack: LocalStack, carrier: str, since: timedelta) -> None:
    """Let the feed's last word lie in the past, since no test waits for hours."""
    connection = await asyncpg.connect(stack.dsn("care"))
    await connection.execute(
        "update carrier_feed set last_event_at = $2, next_check_at = $3 where carrier = $1",
        carrier, now() - since, now(),
    )  # fmt: skip
    await connection.close()


async def incident(desk: Desk, carrier: str, state: str) -> Json:
    async def found() -> Json | None:
        rows = (await desk.get("/incidents"))["data"]
        return next((row for row in rows if row["scope"] == carrier and row["state"] == state), None)

    row = await wait_until(found, what=f"an incident of {carrier} that is {state}")
    assert row is not None
    return row


async def test_a_carriers_silent_feed_is_one_incident_that_explains_its_stalled_parcels(
    facts: Facts, desk: Desk, stack: LocalStack
) -> None:
    orders = [Order(facts) for _ in range(Thresholds().feed_silent_parcels)]
    carrier = orders[0].carrier
    for order in orders:
        order.carrier = carrier
        await (await order.placed(LONG_AGO)).handed_over(LONG_AGO)
        await order.scanned()
    await wait_until(lambda: _underway(stack, carrier, len(orders)), what="all parcels under way")
    await fall_silent(stack, carrier, 2 * DAY)
    opened = await incident(desk, carrier, "open")
    assert opened["evidence"]["parcels_underway"] == len(orders)
    exceptions = (await desk.get("/exceptions", kind="feed_silent"))["data"]
    mine = [found for found in exceptions if found["subject"] == f"carrier:{carrier}"]
    assert [(found["disposition"], found["incident_id"]) for found in mine] == [("incident", opened["id"])]

    await orders[0].scanned()
    await incident(desk, carrier, "ended")
    cleared = (await desk.get("/exceptions", kind="feed_silent", open=False))["data"]
    assert opened["id"] in {found["incident_id"] for found in cleared}


async def test_what_a_silent_feed_explains_is_kept_from_the_queue_with_that_reason(
    facts: Facts, desk: Desk, stack: LocalStack
) -> None:
    orders = [Order(facts) for _ in range(Thresholds().feed_silent_parcels)]
    carrier = orders[0].carrier
    for order in orders:
        order.carrier = carrier
        await (await order.placed(LONG_AGO)).handed_over(LONG_AGO)
        await order.scanned()
    await wait_until(lambda: _underway(stack, carrier, len(orders)), what="all parcels under way")
    await fall_silent(stack, carrier, 2 * DAY)
    await incident(desk, carrier, "open")

    unheard = Order(facts, carrier=carrier)
    await (await unheard.placed(LONG_AGO)).booked()
    await wait_until(lambda: _underway(stack, carrier, len(orders), booked=1), what="its label is known")
    await unheard.handed_over(LONG_AGO)
    explained = await desk.exception(unheard, "no_first_scan")
    assert explained["disposition"] == "suppressed"
    assert explained["disposition_reason"].startswith("feed_silent")
    assert explained["case_id"] is None
    assert (await incident(desk, carrier, "open"))["explained"] >= 1


async def test_an_incident_tells_the_cases_it_weighs_on_and_a_lead_ends_it(
    facts: Facts, desk: Desk, stack: LocalStack
) -> None:
    orders = [Order(facts, value=120_00) for _ in range(Thresholds().feed_silent_parcels)]
    carrier = orders[0].carrier
    for order in orders:
        order.carrier = carrier
        await (await order.placed(LONG_AGO)).handed_over(LONG_AGO)
    await orders[0].scanned("delivery_attempted", attempts=2)
    for order in orders[1:]:
        await order.scanned()
    case = await desk.case(orders[0], kind="failed_attempt")
    await wait_until(lambda: _underway(stack, carrier, len(orders)), what="all parcels under way")
    await fall_silent(stack, carrier, 2 * DAY)
    opened = await incident(desk, carrier, "open")

    beneath = (await desk.get("/cases", incident_id=opened["id"]))["data"]
    served = await desk.act("/cases/next", {"incident_id": opened["id"]})
    agent = await desk.post(f"/incidents/{opened['id']}/end", {"reason": "the carrier called"})
    lead = await desk.post(f"/incidents/{opened['id']}/end", {"reason": "the carrier called"}, role="care_lead")

    assert case["id"] in {row["id"] for row in beneath}
    assert served["id"] in {row["id"] for row in beneath}
    assert opened["cases"] == len([row for row in beneath if row["state"] != "self_healed"])
    assert (agent.status_code, lead.status_code) == (403, 204)
    await incident(desk, carrier, "ended")


class Whispering:
    """Hands facts to care's event door and does nothing more: what is due is done when a test says."""

    def __init__(self, care: CareRig) -> None:
        self._care = care

    async def tell(self, fact: Event, at: datetime | None = None) -> None:
        await self._care.hear(fact, at)


async def silent(care: CareRig) -> list[Order]:
    """Let a carrier with many parcels under way say nothing for two days; the last was never scanned."""
    facts = Whispering(care)
    orders = [Order(facts, promised_in=60 * DAY) for _ in range(Thresholds().feed_silent_parcels + 1)]
    for order in orders:
        order.carrier = orders[0].carrier
        await (await order.placed()).booked()
        await order.handed_over()
    for order in orders[:-1]:
        await order.scanned()
    await care.later(20 * HOUR)
    await care.later(28 * HOUR)
    return orders


async def feed(care: CareRig) -> tuple[bool, list[str]]:
    """Say whether the feed counts as silent, and what became of the parcel nobody scanned."""
    (row,) = await care.rows("select silent_since from carrier_feed")
    found = await care.rows("select disposition from exception where kind = 'no_first_scan' and cleared_at is null")
    return row["silent_since"] is not None, [one["disposition"] for one in found]


async def test_our_own_dispatch_scan_is_no_word_of_the_carrier(care: CareRig) -> None:
    orders = await silent(care)
    assert await feed(care) == (True, ["suppressed"])
    await orders[-1].scanned("handed_over", raw_status="", physical_scan=False)
    await care.later(2 * HOUR)
    assert await feed(care) == (True, ["suppressed"])
    await orders[0].scanned()
    await care.later(2 * HOUR)
    assert await feed(care) == (False, ["case"])


async def test_an_incident_ended_by_hand_explains_nothing_any_more(care: CareRig) -> None:
    await silent(care)
    assert await feed(care) == (True, ["suppressed"])
    (opened,) = (await care.get("/incidents"))["data"]
    await care.act(f"/incidents/{opened['id']}/end", {"reason": "the carrier called"}, role=Role.OPERATOR)
    assert await feed(care) == (False, ["case"])
    await care.later(2 * HOUR)
    assert [row["state"] for row in (await care.get("/incidents"))["data"]] == ["ended"]


async def _underway(stack: LocalStack, carrier: str, count: int, *, booked: int = 0) -> bool:
    connection = await asyncpg.connect(stack.dsn("care", "readonly"))
    try:
        found = await connection.fetchrow(
            "select count(handed_over_at) as underway, count(*) - count(handed_over_at) as booked "
            "from watch_parcel where carrier = $1",
            carrier,
        )
    finally:
        await connection.close()
    return found is not None and (found["underway"], found["booked"]) == (count, booked)
