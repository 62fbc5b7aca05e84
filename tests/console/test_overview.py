"""The leads' overview: figures with their formulas, by day, warehouse and carrier; 'no data' where there is none."""

from datetime import timedelta

from shared import clock
from tests.clients import Clients
from tests.console.conftest import Visit
from tests.console.shop import Shop


async def test_a_lead_sees_stages_backlog_and_formulas(visit: Visit, shop: Shop) -> None:
    await shop.place()
    shown = await (await visit("warehouse_lead")).read("/overview")
    assert shop.tag in shown, "its warehouse has a backlog"
    assert "= promises kept / (kept + broken)" in shown
    assert "to pick" in shown


async def test_where_nothing_was_due_there_is_no_rate_and_no_zero(clients: Clients) -> None:
    long_ago = (clock.now() - timedelta(days=3000)).isoformat()
    answer = await clients.of("care", role="care_lead").get(
        "/staff/overview", params={"since": long_ago, "until": long_ago}
    )
    told = answer.json()
    assert told["days"] == []
    assert told["sla_rate"] is None
    assert (told["total"] or {"kept_rate": None})["kept_rate"] is None


async def test_an_order_at_work_counts_once(shop: Shop, clients: Clients) -> None:
    orders = clients.of("orders", role="warehouse_lead")
    before = (await orders.get("/staff/stages")).json()["data"]
    await shop.place()
    after = (await orders.get("/staff/stages")).json()["data"]
    assert sum(after.values()) == sum(before.values()) + 1
    assert after["allocated"] == before.get("allocated", 0) + 1
