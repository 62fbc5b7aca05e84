"""The leads' overview: figures with their formulas, by day, warehouse and carrier; 'no data' where there is none."""

import re
from datetime import UTC, date, datetime, timedelta

import asyncpg

from deploy.local.stack import LocalStack
from services.console.actions.overview import draw
from services.console.schemas.overview import Measures
from shared import clock
from tests.clients import Clients
from tests.console.care import trouble
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.waiting import wait_until


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


def _measures(kept: dict[str, tuple[int, int]]) -> Measures:
    """Three days of March, and on some of them so many kept and broken promises."""
    days = [
        {
            "name": day, "due": good + bad, "delivered": good + bad, "otif": good, "perfect": good, "kept": good,
            "broken": bad, "otif_rate": None, "perfect_rate": None, "kept_rate": good / (good + bad),
        }
        for day, (good, bad) in kept.items()
    ]  # fmt: skip
    noon = datetime(2027, 3, 2, 13, tzinfo=UTC)
    return Measures.model_validate({
        "since": noon, "until": noon + timedelta(days=4), "total": None, "days": days, "warehouses": [], "carriers": [],
        "exceptions": [], "sla_in_time": 0, "sla_breached": 0, "sla_rate": None, "formulas": {},
    })  # fmt: skip


def test_a_day_on_which_nothing_was_due_is_on_the_chart_and_breaks_its_line() -> None:
    chart = draw(_measures({"2027-03-02": (1, 0), "2027-03-03": (1, 1), "2027-03-05": (4, 0)}), 680, 8)
    assert [point.day for point in chart.points] == [date(2027, 3, day) for day in (2, 3, 4, 5, 6)]
    assert [point.label for point in chart.points] == ["2 Mar", "3 Mar", "4 Mar", "5 Mar", "6 Mar"]
    assert [line.count(",") for line in chart.lines] == [2, 1], "two days, a day without a line, one day"
    assert [point.y for point in chart.points][2] is None
    steps = {round(b.x - a.x, 1) for a, b in zip(chart.points, chart.points[1:], strict=False)}
    assert len(steps) == 1, "as far from each other as days are"
    assert (chart.most, chart.grid[-1][1:]) == (4, ("100 %", "4"))


async def _is_due(stack: LocalStack, order: Order) -> None:
    """Let an order's promise have ended an hour ago, as care knows it."""
    connection = await asyncpg.connect(stack.dsn("care"))
    try:
        await connection.execute(
            "update watch set first_deliver_by = now() - interval '1 hour' where order_id = $1", order.id
        )
    finally:
        await connection.close()


async def test_a_lead_picks_one_warehouse_for_the_page(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _is_due(stack, order)
    care = clients.of("care", role="care_lead")

    async def told(**cut: str) -> dict[str, object]:
        answer = (await care.get("/staff/overview", params=cut)).json()
        return {"due": (answer["total"] or {"due": 0})["due"], "damaged": _count(answer["exceptions"], "damage")}

    orders = clients.of("orders", role="care_lead")
    at_work = (await orders.get("/staff/stages", params={"location": shop.tag})).json()["data"]
    assert sum(at_work.values()) == 1, at_work
    assert (await orders.get("/staff/stages", params={"location": "NOWHERE"})).json()["data"] == {}
    here = await told(location=shop.tag)
    assert here == {"due": 1, "damaged": 1}
    assert await told(location="NOWHERE") == {"due": 0, "damaged": 0}
    assert await told(location=shop.tag, carrier="NOBODY") == {"due": 0, "damaged": 0}
    lead = await visit("care_lead")
    page = (await lead.get("/overview", location=shop.tag)).text
    assert f"Warehouse: {shop.tag}" in page
    assert f'href="/care?location={shop.tag}&amp;kind=damage"' in page
    assert 'href="/overview?days=30"' in page, "and all of them again"
    assert f'href="/overview?days=7&amp;location={shop.tag}"' in page, "for another time"
    assert f'href="/overview?days=30&amp;location={shop.tag}"' in (await lead.get("/overview")).text


def _count(kinds: list[dict[str, object]], kind: str) -> object:
    return next((one["raised"] for one in kinds if one["kind"] == kind), 0)


async def test_an_exception_of_the_overview_leads_to_its_cases_who_may_work_on_them(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    await trouble(shop, clients)
    assert 'href="/care?kind=damage"' in (await (await visit("care_lead")).get("/overview")).text
    of_the_warehouse = await (await visit("warehouse_lead")).get("/overview")
    assert "/care?kind=" not in of_the_warehouse.text
    said = await (await visit("care_lead")).read("/overview", location=shop.tag)
    assert re.search(r"damage 1 , all open", said), "what is open is no second number beside the first"


async def test_every_rate_stands_beside_its_formula(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _is_due(stack, order)
    page = (await (await visit("care_lead")).get("/overview", location=shop.tag)).text
    for card in re.findall(
        r'<section class="card" aria-labelledby="(?:days|warehouses|carriers)">.*?</section>', page, re.DOTALL
    ):
        for formula in ("promises kept / (kept + broken)", "in full / due", "damaged or lost / delivered"):
            assert formula in card
    assert page.count('class="formulas') == 3


_WAS_DUE = """
update watch set first_deliver_by = coalesce(delivered_at + interval '1 millisecond', now() - interval '1 hour'),
  promise_outcome = coalesce(promise_outcome, 'broken') where order_id = any($1::uuid[])
"""
_ARRIVED = """
select delivered_at is not null and ended_at is not null and promise_outcome = 'kept' from watch where order_id = $1
"""


async def test_a_carriers_row_says_how_its_parcels_kept_their_promise(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    good = await shop.place()
    await shop.ship(good)
    await shop.deliver(good)
    late = await shop.place()
    await shop.ship(late)
    connection = await asyncpg.connect(stack.dsn("care"))
    try:

        async def care_knows() -> bool:
            return bool(await connection.fetchval(_ARRIVED, good.id))

        await wait_until(care_knows, what="the promise is kept")
        await connection.execute(_WAS_DUE, [good.id, late.id])
        carriers = await connection.fetch(
            "select distinct carrier from watch_parcel where order_id = any($1::uuid[])", [good.id, late.id]
        )
    finally:
        await connection.close()
    page = (await (await visit("care_lead")).get("/overview", location=shop.tag)).text
    (card,) = re.findall(r'<section class="card" aria-labelledby="carriers">.*?</section>', page, re.DOTALL)
    rows = re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", card, re.DOTALL)
    assert [re.findall(r">([^<>]+)</(?:a|td)>", row) for row in rows] == [
        [carriers[0]["carrier"], "2", "50.0 %", "100.0 %", "50.0 %"]
    ], "two were due, one promise was kept and one broken; the one that arrived was on time, in full and sound"


async def test_every_number_of_the_overview_stands_beside_its_formula(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _is_due(stack, order)
    await shop.place()  # the backlog
    page = (await (await visit("care_lead")).get("/overview", location=shop.tag)).text
    figures = re.findall(r'<li class="card figure">(.*?)</li>', page, re.DOTALL)
    said = {re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", figure)).strip() for figure in figures}
    for title, formula in (
        ("Kept promise", "promises kept / (kept + broken), of the promise in force"),
        ("Perfect order", "on time, in full, and nothing wrong, missing, damaged or lost / delivered"),
        ("On time in full", "delivered by the first promise&#39;s end and in full / due"),
        ("Clocks of cases kept", "clocks of cases fulfilled in time / (those + breached)"),
    ):
        assert [words for words in said if words.startswith(title) and f"= {formula}" in words] != [], title
    assert len(figures) == 4
    cards = re.findall(r'<section class="card" aria-labelledby="(\w+)">(.*?)</section>', page, re.DOTALL)
    assert {name for name, _ in cards} == {"stages", "exceptions", "backlog", "days", "warehouses", "carriers"}
    for name, card in cards:
        assert ('class="number"' in card, re.search(r">= \w", card) is not None) == (True, True), name
