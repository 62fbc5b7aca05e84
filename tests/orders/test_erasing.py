"""A customer is forgotten on request, once nothing of theirs is open: amounts, SKUs, country and postcode zone stay."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.orders.jobs import KEPT
from services.orders.settings import settings
from shared import clock, retention
from shared.auth import Role
from shared.events.base import LineCount
from shared.events.care import CaseOpened, CaseResolved, RemedyGranted
from shared.events.orders import CustomerErased, RemedyRefused
from shared.ids import new_id
from tests.orders.neighbours import Parcel, answer_last, reserved
from tests.orders.rig import MoveTo, Placed, Rig, Shop
from tests.orders.test_ended_orders import ends_cancelled, ends_completed

Json = dict[str, Any]


async def person(shop: Shop, mark: str = "Zimt", **changes: object) -> Placed:
    """Place an order of somebody whose every word has a mark."""
    body = {
        "customer": {
            "email": f"{mark}.{new_id().hex}@example.com", "phone": f"+49 170 {new_id().int % 10**8:08d}",
            "locale": "de",
        },
        "shipping_address": {
            "name": f"Zoë {mark}", "line1": f"{mark}gasse 7", "city": f"Bad {mark}", "postal_code": "20459",
            "country_code": "DE", "delivery_instructions": f"ring at {mark}",
        },
        "gift": {"message": f"For {mark}"},
        "metadata": {"nickname": f"{mark}stern"},
        **changes,
    }  # fmt: skip
    body["lines"] = [shop.line("1", 0, 1, 1290, properties={"engraving": mark}), shop.line("2", 1, 1, 900)]
    return await shop.place(**body)


async def ask(rig: Rig, role: Role = Role.ADMIN, **wish: object) -> httpx.Response:
    return await rig.staff("POST", "/staff/erasures", {"reason": "asked by letter", **wish}, role)


async def erase(order: Placed) -> Json:
    """Ask for an erasure and let the job run; give how it stands."""
    answer = await ask(order.rig, order=str(order.id))
    assert answer.status_code == 202, answer.text
    await order.rig.run_jobs()
    return await standing(order)


async def standing(order: Placed) -> Json:
    answer = await order.rig.staff("GET", "/staff/erasures?limit=200")
    return next(row for row in answer.json()["data"] if row["order_id"] == str(order.id))


async def everything(rig: Rig) -> str:
    """Give all rows of all tables of orders as one text."""
    async with rig.database.transaction() as tx:
        tables = await tx.fetch("select tablename from pg_tables where schemaname = 'public'")
        rows = [await tx.value(f"select string_agg(t::text, ' ') from {row['tablename']} t") for row in tables]
    return " ".join(filter(None, rows))


async def test_a_customer_of_an_ended_order_is_forgotten_and_the_trade_remembered(shop: Shop) -> None:
    mark = f"zimt{new_id().hex[-12:]}"
    order = await person(shop, mark)
    await shop.rig.staff("POST", f"/staff/orders/{order.id}/holds", {"reason": "manual", "note": f"{mark} called"})
    await ends_cancelled(order)
    before = await order.now()
    assert (await everything(shop.rig)).count(mark) > len(before["lines"])

    assert (await erase(order))["state"] == "erased"

    assert mark not in await everything(shop.rig)
    after = await order.now()
    for name in ("number", "reference", "status", "total", "payment", "promise", "shipping_price"):
        assert after[name] == before[name], name
    assert [(line["sku"], line["total"]) for line in after["lines"]] == [
        (line["sku"], line["total"]) for line in before["lines"]
    ]
    async with shop.rig.database.transaction() as tx:
        head = await tx.row("select country_code, postal_zone, address, customer from orders where id = $1", order.id)
    assert head is not None
    assert (head["country_code"], head["postal_zone"], head["customer"]) == ("DE", "20", {"locale": "de"})
    assert {name for name, value in head["address"].items() if value} == {"country_code"}
    assert await order.told(CustomerErased) == [{"order_id": str(order.id)}]


async def test_what_led_to_the_person_leads_nowhere_any_more(shop: Shop) -> None:
    order = await person(shop)
    await ends_completed(order)
    await erase(order)
    staff = shop.rig.staff
    found = await staff("GET", "/staff/look-up?q=Zoë Zimt 20459", role=Role.SUPPORT)
    assert str(order.id) not in found.text
    shown = (await staff("GET", f"/staff/orders/{order.id}/person", role=Role.SUPPORT)).json()
    assert (shown["name"], shown["line1"], shown["email"], shown["phone"]) == ("", "", None, None)
    number = str(order.first["number"])
    assert (await staff("GET", f"/staff/look-up?q={number}", role=Role.SUPPORT)).json()["data"], "the number still does"


async def test_a_remedy_that_took_effect_is_nothing_to_wait_for(shop: Shop) -> None:
    order = await person(shop)
    later = clock.now() + timedelta(days=9)
    promised = RemedyGranted(
        order_id=order.id, remedy_id=new_id(), case_id=new_id(), kind="new_promise", reason="late", granted_by="rule@1",
        deliver_by_latest=later,
    )  # fmt: skip
    await shop.rig.hear(promised)
    await ends_completed(order)

    assert (await erase(order))["state"] == "erased"


async def test_an_erasure_waits_while_the_order_is_open_and_says_so(shop: Shop, move_to: MoveTo) -> None:
    order = await person(shop)
    await shop.rig.hear(reserved(order))

    waiting = await erase(order)

    assert (waiting["state"], waiting["waits_for"]) == ("waiting", "the order is open")
    assert await order.told(CustomerErased) == []
    await order.do("/cancellations", {})
    await answer_last(order, "cancelled", "cancelled")
    await shop.rig.run_jobs()
    assert (await standing(order))["state"] == "waiting", "it looks again within the hour"
    move_to(clock.now() + timedelta(hours=1))
    await shop.rig.run_jobs()
    assert (await standing(order))["state"] == "erased"


async def test_an_erasure_waits_while_a_case_is_open(shop: Shop, move_to: MoveTo) -> None:
    order = await person(shop)
    await ends_completed(order)
    case = new_id()
    opened = CaseOpened(order_id=order.id, case_id=case, number="C-1", family="condition", kind="damage", priority="P2")
    await shop.rig.hear(opened)

    assert (await erase(order))["waits_for"] == "case C-1 is open"

    await shop.rig.hear(CaseResolved(order_id=order.id, case_id=case, number="C-1", resolution="reason"))
    move_to(clock.now() + timedelta(hours=1))
    await shop.rig.run_jobs()
    assert (await standing(order))["state"] == "erased"


async def test_by_an_email_all_orders_of_a_person_are_reached_and_nobody_elses(shop: Shop) -> None:
    email = f"zoe-{new_id().hex}@example.com"
    mine = [await person(shop, customer={"email": email.upper()}) for _ in range(2)]
    other = await person(shop)
    relayed = await person(shop, customer={"email": email, "email_kind": "proxy"})

    answer = await ask(shop.rig, email=email)

    reached = {row["order_id"] for row in answer.json()["data"]}
    assert reached == {str(order.id) for order in mine}
    assert not reached & {str(other.id), str(relayed.id)}
    assert email not in await everything_but_orders(shop.rig)
    assert (await ask(shop.rig, email="nobody@example.org")).status_code == 404


async def everything_but_orders(rig: Rig) -> str:
    async with rig.database.transaction() as tx:
        rows = [await tx.value(f"select string_agg(t::text, ' ') from {name} t") for name in ("erasure", "audit")]
    return " ".join(filter(None, rows))


async def test_a_reshipment_is_reached_with_its_original(shop: Shop) -> None:
    order = await person(shop)
    parcel = Parcel(order)
    await parcel.send()
    await parcel.deliver()
    line_id, sku, _ = order.lines[0]
    granted = RemedyGranted(
        order_id=order.id, remedy_id=new_id(), case_id=new_id(), kind="reship", reason="damaged", granted_by="care:ann",
        lines=(LineCount(line_id=line_id, sku=sku, quantity=1),),
    )  # fmt: skip
    await shop.rig.hear(granted)

    answer = await ask(shop.rig, order=str(order.id))

    assert len(answer.json()["data"]) == 2
    await shop.rig.run_jobs()
    assert "reship is waiting" in (await standing(order))["waits_for"]


async def test_nothing_is_reshipped_to_somebody_forgotten(shop: Shop) -> None:
    order = await person(shop)
    await ends_completed(order)
    await erase(order)
    line_id, sku, _ = order.lines[0]
    await shop.rig.hear(
        RemedyGranted(
            order_id=order.id, remedy_id=new_id(), case_id=new_id(), kind="reship", reason="late", granted_by="me",
            lines=(LineCount(line_id=line_id, sku=sku, quantity=1),),
        )
    )  # fmt: skip
    (refused,) = await order.told(RemedyRefused)
    assert refused["code"] == "customer_erased"


async def test_who_asked_and_who_looked_stays_on_record(shop: Shop) -> None:
    order = await person(shop)
    await ends_completed(order)
    await shop.rig.staff("GET", f"/staff/orders/{order.id}/person", role=Role.SUPPORT)
    exported = await shop.rig.staff("GET", f"/staff/personal-data/{order.id}")
    await erase(order)
    assert (await ask(shop.rig, order=str(order.id))).status_code == 202

    async with shop.rig.database.transaction() as tx:
        rows = await tx.fetch("select actor, act, reason from audit where subject = $1 order by id", str(order.id))
        looks = await tx.fetch("select actor from person_view where order_id = $1", order.id)
    assert [(row["actor"], row["act"]) for row in rows] == [
        ("admin:ann", "export_customer"), ("admin:ann", "ask_erasure"), ("admin:ann", "erase_customer"),
    ]  # fmt: skip
    assert [row["actor"] for row in looks] == ["support:ann"]
    assert exported.status_code == 200


async def test_an_export_holds_all_that_is_kept_of_a_customer_and_nobody_of_the_staff(shop: Shop) -> None:
    order, other = await person(shop), await person(shop)
    await shop.rig.staff("POST", f"/staff/orders/{order.id}/holds", {"reason": "manual", "note": "wants a call"})

    answer = await shop.rig.staff("GET", f"/staff/personal-data/{order.id}")

    data = answer.json()["data"]
    assert data["orders"][0]["address"]["line1"] == "Zimtgasse 7"
    assert data["orders"][0]["gift"]["message"] == "For Zimt"
    assert data["order_line"][0]["properties"] == {"engraving": "Zimt"}
    assert {row["kind"] for row in data["look_up"]} == {"email", "phone", "name_postcode"}
    assert [row["note"] for row in data["hold"]] == ["wants a call"]
    assert "admin:ann" not in answer.text
    assert str(other.id) not in answer.text


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_only_who_may_reads_or_erases_personal_data(shop: Shop, role: Role) -> None:
    order = await shop.place()
    assert (await ask(shop.rig, role, order=str(order.id))).status_code == 403
    assert (await shop.rig.staff("GET", "/staff/erasures", role=role)).status_code == 403
    assert (await shop.rig.staff("GET", f"/staff/personal-data/{order.id}", role=role)).status_code == 403


async def test_a_storefront_has_its_own_customers_forgotten_and_no_others(shop: Shop, rig: Rig) -> None:
    order, foreign = await person(shop), await (await rig.open_shop()).place()
    answer = await order.do("/erasure", {"reason": "asked in the shop"})
    assert answer.status_code == 202, answer.text
    assert [row["order_id"] for row in answer.json()["data"]] == [str(order.id)]
    refused = await shop.call("POST", f"/v1/orders/{foreign.id}/erasure", {"reason": "asked in the shop"})
    assert refused.status_code == 404


@pytest.mark.parametrize("wish", [{}, {"order": "1", "email": "a@example.com"}])
async def test_a_wish_names_an_order_or_an_email(rig: Rig, wish: Json) -> None:
    assert (await ask(rig, **wish)).status_code == 422


async def test_the_same_request_after_an_erasure_has_no_second_effect_and_tells_nothing(shop: Shop) -> None:
    body = shop.order(metadata={"nickname": "Zimtstern"})
    first = await shop.call("POST", "/v1/orders", body, key="the same")
    order = Placed(shop, first.json())
    await ends_cancelled(order)
    await erase(order)

    again = await shop.call("POST", "/v1/orders", body, key="the same")

    assert again.status_code == 201
    assert again.json() == {"id": str(order.id), "erased": True}


async def test_customers_of_orders_that_ended_long_ago_are_forgotten_unasked(shop: Shop, move_to: MoveTo) -> None:
    old, young = await person(shop), await person(shop)
    await ends_cancelled(old)
    move_to(clock.now() + timedelta(days=settings().customer_days - 1))
    await ends_cancelled(young)
    move_to(clock.now() + timedelta(days=2))

    await retention.drop_old(shop.rig.database, settings(), KEPT)
    await shop.rig.run_jobs()

    assert (await standing(old))["state"] == "erased"
    assert str(young.id) not in str((await shop.rig.staff("GET", "/staff/erasures?limit=200")).json())
