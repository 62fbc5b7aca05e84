"""The leads' figures, in numbers: what was due, how much of it was on time, in full, right and sound."""

from datetime import datetime
from typing import Any

from services.care.states import ExceptionKind
from shared.auth import Role
from tests.care.conftest import DAY, Order, now
from tests.care.rig import CareRig, Json


async def overview(care: CareRig, **between: datetime) -> Json:
    asked = {name: moment.isoformat() for name, moment in between.items()}
    return await care.get("/overview", Role.CARE_LEAD, **asked)


async def arrived(care: CareRig, **made: Any) -> Order:  # noqa: ANN401
    """Let an order arrive a day before its promise ends."""
    order = Order(care, promised_in=2 * DAY, **made)
    await (await order.placed()).handed_over()
    await order.scanned()
    return await order.delivered()


async def reported(care: CareRig, order: Order, kind: ExceptionKind) -> None:
    """Let the customer of an order that arrived say what was wrong with it."""
    await care.act("/reports", {"order_id": str(order.order_id), "kind": kind.value})


async def test_an_order_is_perfect_when_it_is_on_time_in_full_right_and_undamaged(care: CareRig) -> None:
    orders = [await arrived(care) for _ in range(5)]
    wrongs = (ExceptionKind.WRONG_ITEM, ExceptionKind.MISSING_ITEM, ExceptionKind.DAMAGE)
    for order, kind in zip(orders, wrongs, strict=False):
        await reported(care, order, kind)
    late = Order(care, promised_in=2 * DAY)
    await (await late.placed()).handed_over()
    await care.later(3 * DAY)
    shown = (await overview(care, since=now() - 30 * DAY, until=now()))["total"]
    assert (shown["due"], shown["delivered"], shown["on_time"], shown["otif"], shown["perfect"]) == (6, 5, 5, 5, 2)
    assert (shown["perfect_rate"], shown["otif_rate"], shown["on_time_rate"]) == (0.4, 0.8333, 1.0)
    assert {row["name"]: row["perfect"] for row in (await overview(care))["warehouses"]} == {"berlin": 2}


async def test_test_orders_count_in_no_measure(care: CareRig) -> None:
    for test in (False, True):
        for _ in range(2):
            await reported(care, await arrived(care, test=test), ExceptionKind.DAMAGE)
    await care.later(3 * DAY)
    shown = await overview(care)
    assert (shown["total"]["due"], shown["total"]["perfect"]) == (2, 0)
    assert "damage" in {row["kind"] for row in shown["exceptions"]}
    assert {row["raised"] for row in shown["exceptions"]} == {2}
    (ran,) = await care.rows(
        "select count(*) as count from case_clock k join care_case c on c.id = k.case_id join watch w using (order_id) "
        "where not w.test and (k.fulfilled_at is not null or k.breached_at is not null)"
    )
    assert shown["sla_in_time"] + shown["sla_breached"] == ran["count"] > 0
    told = await care.get("/report", Role.CARE_LEAD)
    assert told["exceptions"]["damage"]["raised"] == 2
    opened = await care.rows("select c.id from care_case c join watch w using (order_id) where not w.test")
    assert (told["cases"]["opened"], told["promises"]["delivered"]) == (len(opened), 2)
    assert sum(told["dispositions"].values()) == sum(row["raised"] for row in shown["exceptions"])
    assert {flag["delivered"] for flag in told["flags"].values()} == {2}


async def test_the_clocks_of_cases_are_cut_by_warehouse_and_carrier(care: CareRig) -> None:
    here, there = [await arrived(care, location=place, carrier=f"of {place}") for place in ("berlin", "hamburg")]
    for order in (here, there):
        await reported(care, order, ExceptionKind.DAMAGE)
    await care.act(f"/cases/{(await care.case(here.order_id, kind='damage'))['id']}/take")
    await care.later(5 * DAY)

    async def clocks(**cut: str) -> tuple[int, int]:
        shown = await care.get("/overview", Role.CARE_LEAD, **cut)
        return shown["sla_in_time"], shown["sla_breached"]

    of_each = [await clocks(location=place) for place in ("berlin", "hamburg")]
    assert [sum(pair) for pair in zip(*of_each, strict=True)] == list(await clocks())
    assert of_each[0][0] > of_each[1][0], "first responses in time"
    assert await clocks(carrier=there.carrier) == of_each[1]
    assert await clocks(location="berlin", carrier=there.carrier) == (0, 0)
