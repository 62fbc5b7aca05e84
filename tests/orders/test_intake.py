"""Taking orders in: validation that names everything, promises, and each order exactly once."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest

from services.orders.api.intake import BULK_BYTES
from services.orders.app import service
from shared import clock
from shared.db import Database
from shared.events.inventory import SkuSaved
from shared.events.orders import OrderPlaced
from shared.process import build_app
from tests.orders.rig import Rig, Shop, euros
from tests.waiting import wait_until_held_up


def pointers(answer: httpx.Response) -> set[str]:
    return {error["pointer"] for error in answer.json()["errors"]}


async def test_every_bad_field_is_named_at_once_those_of_the_catalogue_too(shop: Shop) -> None:
    body = shop.order(
        reference="",
        lines=[
            {**shop.line("1", 0, 1, 100), "sku": "NO-SUCH"},
            {**shop.line("2", 0, 0, 100), "colour": "red"},
        ],
    )
    del body["shipping_address"]["city"]

    answer = await shop.call("POST", "/v1/orders", body)

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointers(answer) == {
        "/reference", "/shipping_address/city", "/lines/0/sku", "/lines/1/quantity", "/lines/1/colour",
    }  # fmt: skip


async def test_contradictions_are_named_with_their_reason(shop: Shop) -> None:
    body = shop.order(
        lines=[
            shop.line("1", 0, 2, 1000, total=euros(1), location="NOWHERE"),
            shop.line("1", 1, 1, 500, discount=euros(900)),
            {**shop.line("3", 1, 1, 500), "tax": {"amount": 5, "currency": "USD"}},
        ],
        total=euros(7),
        deliver_by=str(date(2020, 1, 1)),
        quote_id="00000000-0000-0000-0000-000000000001",
    )

    answer = await shop.call("POST", "/v1/orders", body)

    found = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert found == {
        "/lines/0/total": "total_mismatch",
        "/lines/0/location": "unknown_location",
        "/lines/1/reference": "duplicate",
        "/lines/1/discount": "over_price",
        "/lines/2/tax/currency": "currency_mismatch",
        "/total": "total_mismatch",
        "/deliver_by": "in_the_past",
        "/quote_id": "unknown_quote",
    }


async def test_a_field_of_bad_shape_hides_no_other_fault(shop: Shop) -> None:
    body = shop.order(
        reference="",
        deliver_by="2020-01-01",
        quote_id="00000000-0000-0000-0000-000000000001",
        lines=[
            shop.line("1", 0, 2, 1000, total=euros(1), location="NOWHERE"),
            {**shop.line("1", 1, 1, 500), "tax": {"amount": 5, "currency": "USD"}},
            {**shop.line("3", 1, 1, 500), "sku": "NO-SUCH", "quantity": 0},
            "no line at all",
        ],
        total=euros(7),
        payment={"status": "nonsense", "expires_at": "2020-01-01T00:00:00Z"},
    )
    body["shipping_address"]["country_code"] = "XX"
    single = await shop.call("POST", "/v1/orders", body)
    headers = {"authorization": f"Bearer {shop.key}", "idempotency-key": "one"}
    bulk = await shop.rig.http.post("/v1/orders/bulk", content=orjson.dumps(body), headers=headers)

    expected = {
        "/reference": "string_too_short",
        "/deliver_by": "in_the_past",
        "/quote_id": "unknown_quote",
        "/lines/0/total": "total_mismatch",
        "/lines/0/location": "unknown_location",
        "/lines/1/reference": "duplicate",
        "/lines/1/tax/currency": "currency_mismatch",
        "/lines/2/sku": "unknown_sku",
        "/lines/2/quantity": "greater_than_equal",
        "/lines/3": "model_attributes_type",
        "/payment/status": "literal_error",
        "/payment/expires_at": "in_the_past",
        "/shipping_address/country_code": "unknown_country",
    }
    assert {error["pointer"]: error["code"] for error in single.json()["errors"]} == expected
    problem = orjson.loads(bulk.content)["problem"]
    assert {error["pointer"] for error in problem["errors"]} == set(expected)


@pytest.mark.security(6)
async def test_metadata_has_at_most_4_kb(shop: Shop) -> None:
    fits = await shop.call("POST", "/v1/orders", shop.order(metadata={"a": "x" * 4000}))
    answer = await shop.call("POST", "/v1/orders", shop.order(metadata={"a": "x" * 4096}))

    assert fits.status_code == httpx.codes.CREATED
    assert pointers(answer) == {"/metadata"}


@pytest.mark.security(6)
async def test_a_body_has_at_most_256_kb(shop: Shop) -> None:
    answer = await shop.call("POST", "/v1/orders", shop.order(gift={"message": "x" * 256 * 1024}))

    assert (answer.status_code, answer.json()["code"]) == (httpx.codes.REQUEST_ENTITY_TOO_LARGE, "too_large")


@pytest.mark.security(6)
async def test_bulk_takes_more_than_one_orders_bytes_but_no_larger_order(shop: Shop) -> None:
    small = [shop.order(metadata={"note": "x" * 4000}) for _ in range(70)]
    large = shop.order(gift={"message": "x" * 256 * 1024})
    headers = {"authorization": f"Bearer {shop.key}", "idempotency-key": "large"}
    lines = b"\n".join(map(orjson.dumps, [*small, large]))

    answer = await shop.rig.http.post("/v1/orders/bulk", content=lines, headers=headers)
    beyond = await shop.rig.http.post("/v1/orders/bulk", content=b" " * (BULK_BYTES + 1), headers=headers)

    outcomes = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [outcome["status"] for outcome in outcomes] == [201] * 70 + [413]
    assert beyond.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.security(6)
async def test_more_than_two_hundred_lines_are_refused(shop: Shop) -> None:
    lines = [shop.line(str(number), 0, 1, 100) for number in range(201)]

    answer = await shop.call("POST", "/v1/orders", shop.order(lines=lines))

    assert pointers(answer) == {"/lines"}


async def test_a_sku_that_is_no_longer_sold_is_refused(shop: Shop) -> None:
    await shop.rig.hear(SkuSaved(sku=shop.skus[0], name="Gone", weight_grams=1, active=False))

    answer = await shop.call("POST", "/v1/orders", shop.order())

    assert [error["code"] for error in answer.json()["errors"]] == ["inactive_sku"]


async def test_the_same_key_gives_the_same_answer_and_one_order(shop: Shop) -> None:
    body = shop.order()

    answers = await asyncio.gather(*(shop.call("POST", "/v1/orders", body, key="once") for _ in range(5)))

    assert {answer.status_code for answer in answers} == {httpx.codes.CREATED}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await shop.rig.told(OrderPlaced, answers[0].json()["id"])) == 1


async def test_a_key_used_twice_at_the_same_moment_names_the_fields_that_differ(shop: Shop) -> None:
    body = shop.order()
    bodies = [body, body | {"priority": 1}]

    answers = await asyncio.gather(*(shop.call("POST", "/v1/orders", one, key="twice") for one in bodies))

    assert sorted(answer.status_code for answer in answers) == [httpx.codes.CREATED, httpx.codes.UNPROCESSABLE_ENTITY]
    (refused,) = [answer for answer in answers if answer.is_client_error]
    assert pointers(refused) == {"/priority"}


async def test_a_refused_order_and_its_correction_under_one_key_at_the_same_moment(shop: Shop) -> None:
    body = shop.order()
    wrong = body | {"lines": [line | {"sku": "NO-SUCH"} for line in body["lines"]]}

    refused, corrected = await asyncio.gather(
        shop.call("POST", "/v1/orders", wrong, key="mended"), shop.call("POST", "/v1/orders", body, key="mended")
    )

    assert [refused.status_code, corrected.status_code] == [httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.CREATED]


async def test_the_same_key_with_another_body_is_refused_and_names_the_fields(shop: Shop) -> None:
    body = shop.order()
    await shop.call("POST", "/v1/orders", body, key="mine")

    answer = await shop.call("POST", "/v1/orders", {**body, "metadata": {"a": 1}}, key="mine")

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert pointers(answer) == {"/metadata"}


async def test_a_refused_request_leaves_its_key_free_for_the_corrected_one(shop: Shop) -> None:
    body = shop.order()
    wrong = {**body, "lines": [{**shop.line("1", 0, 1, 100), "sku": "NO-SUCH"}]}
    await shop.call("POST", "/v1/orders", wrong, key="again")

    answer = await shop.call("POST", "/v1/orders", body, key="again")

    assert answer.status_code == httpx.codes.CREATED


async def test_a_missing_key_is_named(shop: Shop) -> None:
    answer = await shop.rig.http.post("/v1/orders", json=shop.order(), headers={"authorization": f"Bearer {shop.key}"})

    assert pointers(answer) == {"/headers/Idempotency-Key"}


async def test_the_same_reference_and_content_is_the_same_order(shop: Shop) -> None:
    body = shop.order()
    first = await shop.call("POST", "/v1/orders", body)

    again = await shop.call("POST", "/v1/orders", body)

    assert again.status_code == httpx.codes.OK
    assert again.json()["id"] == first.json()["id"]


async def test_the_same_reference_with_other_content_is_refused(shop: Shop) -> None:
    body = shop.order()
    first = await shop.call("POST", "/v1/orders", body)

    answer = await shop.call("POST", "/v1/orders", {**body, "lines": [shop.line("1", 0, 9, 100)]})

    assert answer.status_code == httpx.codes.CONFLICT
    assert answer.json()["code"] == "reference_exists"
    assert answer.json()["order_id"] == first.json()["id"]


async def test_competing_posts_of_one_reference_make_one_order(shop: Shop) -> None:
    body = shop.order()

    answers = await asyncio.gather(*(shop.call("POST", "/v1/orders", body) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def at_two_processes(shop: Shop, *bodies: dict[str, Any], key: str | None = None) -> list[httpx.Response]:
    """Send one order to each of two processes, neither of which sees the other's before it writes its own."""
    database = Database(shop.rig.database.url, pool_size=2)
    transport = httpx.ASGITransport(app=build_app(service, database), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://orders") as http:
        elsewhere = replace(shop, rig=replace(shop.rig, http=http))
        async with shop.rig.database.transaction() as tx:  # until both have seen that there is no such order
            await tx.execute("lock table orders in share mode")
            sent = zip((shop, elsewhere), bodies, strict=True)
            posts = [asyncio.create_task(at.call("POST", "/v1/orders", body, key=key)) for at, body in sent]
            await wait_until_held_up(shop.rig.database, *posts)
        answers = await asyncio.gather(*posts)
    await database.close()
    return answers


async def test_two_processes_that_take_one_reference_in_at_once_make_one_order(shop: Shop) -> None:
    body = shop.order()
    answers = await at_two_processes(shop, body, body)

    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_two_processes_that_are_sent_one_request_at_once_give_it_one_answer(shop: Shop) -> None:
    body = shop.order()
    first, second = await at_two_processes(shop, body, body, key="sent twice")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()


async def test_of_two_orders_under_one_key_at_two_processes_at_once_one_is_refused(shop: Shop) -> None:
    answers = await at_two_processes(shop, shop.order(), shop.order(), key="one key for two")

    taken, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert (taken.status_code, refused.status_code) == (201, 422)
    assert "/reference" in {error["pointer"] for error in refused.json()["errors"]}


async def test_while_intake_is_paused_new_orders_are_told_to_come_again_and_known_ones_are_answered(shop: Shop) -> None:
    known, fresh, key = shop.order(), shop.order(), "a key of its own"
    await shop.call("POST", "/v1/orders", known)
    switch = {"kind": "intake", "scope": str(shop.id), "reason": "the databases are being restored"}
    await shop.rig.staff("POST", "/staff/pauses", switch)

    refused = await shop.call("POST", "/v1/orders", fresh, key=key)
    assert (refused.status_code, refused.json()["code"]) == (503, "paused")
    assert (await shop.call("POST", "/v1/orders", known)).status_code == 200

    await shop.rig.staff("POST", "/staff/pauses/resume", switch)
    assert (await shop.call("POST", "/v1/orders", fresh, key=key)).status_code == 201


async def test_many_orders_at_once_all_get_their_own_number(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.call("POST", "/v1/orders", shop.order()) for _ in range(60)))

    assert {answer.status_code for answer in answers} == {httpx.codes.CREATED}
    assert len({answer.json()["number"] for answer in answers}) == 60


async def test_bulk_answers_each_line_in_order(shop: Shop) -> None:
    good, bad = shop.order(), shop.order(lines=[{**shop.line("1", 0, 1, 100), "sku": "NO-SUCH"}])
    lines = b"\n".join([orjson.dumps(good), b"{not json", orjson.dumps(bad), orjson.dumps(shop.order())])
    headers = {"authorization": f"Bearer {shop.key}", "idempotency-key": "bulk"}

    answer = await shop.rig.http.post("/v1/orders/bulk", content=lines, headers=headers)
    again = await shop.rig.http.post("/v1/orders/bulk", content=lines, headers=headers)

    outcomes = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [outcome["status"] for outcome in outcomes] == [201, 422, 422, 201]
    assert outcomes[0]["order"]["reference"] == good["reference"]
    assert outcomes[2]["problem"]["errors"][0]["pointer"] == "/lines/0/sku"
    assert orjson.loads(again.content.splitlines()[0]) == outcomes[0]


async def test_a_promise_the_storefront_gave_is_kept_as_revision_one(shop: Shop) -> None:
    day = clock.now().date() + timedelta(days=30)

    order = await shop.place(deliver_by=str(day))

    promise = (await order.now())["promise"]
    assert promise["source"] == "storefront"
    assert promise["deliver_by_latest"][:10] == str(day)


async def test_lines_without_shipping_are_delivered_with_the_order(shop: Shop) -> None:
    order = await shop.place(lines=[shop.line("1", 0, 1, 100, requires_shipping=False)])

    shown = await order.now()
    assert (shown["status"], shown["fulfilment_status"]) == ("completed", "delivered")


@pytest.mark.security(1)
async def test_a_storefront_sees_only_its_own(rig: Rig, shop: Shop) -> None:
    other = await rig.open_shop()
    order = await shop.place()

    for method, path in (
        ("GET", ""), ("GET", "/timeline"), ("GET", "/explain"), ("POST", "/cancellations"), ("PATCH", ""),
        ("POST", "/payments"),
    ):  # fmt: skip
        body = {"type": "voided"} if path == "/payments" else {}
        answer = await other.call(method, f"/v1/orders/{order.id}{path}", body if method != "GET" else None)
        assert answer.status_code == httpx.codes.NOT_FOUND, (method, path)
    page = await other.call("GET", "/v1/orders")
    assert page.json() == {"data": [], "next_cursor": None}


async def test_pages_follow_each_other_without_gaps(shop: Shop) -> None:
    placed = [str((await shop.place()).id) for _ in range(5)]

    seen: list[str] = []
    cursor = ""
    while True:
        page = (await shop.call("GET", f"/v1/orders?limit=2{cursor}")).json()
        seen.extend(order["id"] for order in page["data"])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == placed


async def test_an_order_is_read_by_reference_and_by_number(shop: Shop) -> None:
    order = await shop.place()

    for named in (f"ref:{order.first['reference']}", str(order.first["number"])):
        answer = await shop.call("GET", f"/v1/orders/{named}")
        assert answer.json()["id"] == str(order.id)


async def test_what_makes_an_order_urgent_is_told_with_it(shop: Shop) -> None:
    await shop.rig.hear(SkuSaved(sku=shop.skus[0], name="Insulin", weight_grams=1, perishable=True, safety=True))
    order = await shop.place(gift={"needed_on": (clock.now() + timedelta(days=30)).date().isoformat()})

    (placed,) = await order.told(OrderPlaced)

    assert [(line["perishable"], line["safety"]) for line in placed["lines"]] == [(True, True), (False, False)]
    due = datetime.fromisoformat(placed["gift_due_at"]).astimezone(ZoneInfo("Europe/Berlin"))
    assert (due.date(), due.hour) == ((clock.now() + timedelta(days=30)).date(), 23)
