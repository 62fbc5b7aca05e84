"""Support at the phone: who the caller is, what they may hear, what is changed on their word."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared import clock
from shared.auth import Role
from shared.ids import new_id
from tests.orders.neighbours import booked
from tests.orders.rig import MoveTo, Placed, Shop

Json = dict[str, Any]


async def ask(order: Placed, method: str, path: str, body: Json | None = None, agent: str = "ann") -> httpx.Response:
    headers = order.rig.headers(Role.SUPPORT, agent)
    return await order.rig.http.request(method, f"/staff/orders/{order.id}{path}", json=body, headers=headers)


async def person(order: Placed, agent: str = "ann") -> Json:
    answer = await ask(order, "GET", "/person", agent=agent)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def verify(order: Placed, **said: str) -> Json:
    answer = await ask(order, "POST", "/verifications", said)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


@pytest.mark.security(11)
async def test_personal_data_is_masked_until_the_caller_is_verified(shop: Shop) -> None:
    order = await shop.place()
    email = shop.order()["customer"]["email"]
    masked = await person(order)
    assert masked["masked"]
    assert masked["name"] == "Ä. E."
    told = str(masked)
    for secret in ("Hafenstraße", "20457", "Example", "1234567", "@", "Hamburg", email):
        assert secret not in told, secret

    proof = await verify(order, number=str(order.first["number"]), postal_code="20 457")

    assert proof["verified"]
    assert proof["matched"] == ["number", "postal_code"]
    clear = await person(order)
    assert not clear["masked"]
    assert clear["line1"] == "Hafenstraße 1"
    assert (await person(order, agent="bob"))["masked"], "another agent has not heard this caller"


@pytest.mark.parametrize(
    ("said", "verified"),
    [
        ({"number": "{number}", "postal_code": "99999"}, False),
        ({"postal_code": "20457", "article": "{sku}"}, True),
        ({"postal_code": "20457", "article": "umbrella"}, False),
        ({"email": "{email}", "article": "a mug"}, True),
        ({"number": "{reference}", "email": "{email}"}, True),
        ({"number": "wrong", "email": "wrong@example.com", "postal_code": "20457"}, False),
    ],
)
async def test_two_right_answers_verify_a_caller(shop: Shop, said: dict[str, str], *, verified: bool) -> None:
    order = await shop.place(customer={"email": "Ada@Example.com"})
    words = {
        "number": order.first["number"], "reference": order.first["reference"], "sku": shop.skus[0],
        "email": "ada@example.com",
    }  # fmt: skip
    proof = await verify(order, **{kind: text.format(**words) for kind, text in said.items()})
    assert proof["verified"] == verified
    assert (await person(order))["masked"] != verified


async def test_one_answer_is_no_proof(shop: Shop) -> None:
    order = await shop.place()
    assert (await ask(order, "POST", "/verifications", {"postal_code": "20457"})).status_code == 422


async def test_nobody_guesses_for_long(shop: Shop) -> None:
    order = await shop.place()
    for guess in range(5):
        await verify(order, number="wrong", postal_code=str(guess))
    right = {"number": str(order.first["number"]), "postal_code": "20457"}
    refused = await ask(order, "POST", "/verifications", right)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "3600"


@pytest.mark.security(11)
async def test_every_look_at_a_person_is_kept(shop: Shop) -> None:
    order = await shop.place()
    await person(order)
    await verify(order, postal_code="20457", article=shop.skus[1])
    await person(order, agent="ann")
    async with shop.rig.database.transaction() as tx:
        rows = await tx.fetch("select actor, masked from person_view where order_id = $1 order by id", order.id)
        kept = await tx.fetch("select matched from caller_verification where order_id = $1", order.id)
    assert [(row["actor"], row["masked"]) for row in rows] == [("support:ann", True), ("support:ann", False)]
    assert [row["matched"] for row in kept] == [["article", "postal_code"]], "kinds, never the answers"


async def test_an_address_is_changed_on_a_verified_callers_word_only(shop: Shop) -> None:
    order = await shop.place()
    address = {**shop.order()["shipping_address"], "line1": "Elbchaussee 9"}
    refused = await ask(order, "PATCH", "", {"shipping_address": address})
    assert refused.status_code == 403
    assert refused.json()["code"] == "caller_not_verified"

    await verify(order, number=str(order.first["number"]), postal_code="20457")
    changed = await ask(order, "PATCH", "", {"shipping_address": address})

    assert changed.status_code == 200, changed.text
    assert (await person(order))["line1"] == "Elbchaussee 9"


async def test_all_promises_are_told_the_original_first(shop: Shop) -> None:
    order = await shop.place()
    later = (clock.now() + timedelta(days=30)).isoformat()
    body = {"deliver_by_latest": later, "reason": "the truck broke down", "attributed_to": "carrier"}
    assert (await ask(order, "POST", "/promises", body)).status_code == 201

    promises = (await ask(order, "GET", "/promises")).json()["data"]

    assert [(one["revision"], one["outcome"]) for one in promises] == [(1, "withdrawn"), (2, None)]
    assert promises[1]["reason"] == "the truck broke down"
    assert promises[1]["slip_minutes"] > 0


async def test_other_orders_of_a_person_are_found_but_relays_link_nobody(shop: Shop) -> None:
    ada = {"email": f"ada-{shop.code}@example.com"}
    first, second = await shop.place(customer=ada), await shop.place(customer=ada)
    relay = {"email": f"relay-{shop.code}@example.com", "email_kind": "relay"}
    third, _ = await shop.place(customer=relay), await shop.place(customer=relay)

    related = (await ask(first, "GET", "/related")).json()["data"]
    assert [(one["order_id"], one["matched"]) for one in related] == [(str(second.id), ["email"])]
    assert (await ask(third, "GET", "/related")).json()["data"] == []


async def test_a_recycled_tracking_number_leads_to_the_young_order(shop: Shop, move_to: MoveTo) -> None:
    tracking = f"T{shop.code.replace('-', '').upper()}"
    old = await shop.place()
    await old.rig.hear(booked(old, new_id(), new_id(), tracking))
    found = await shop.rig.staff("GET", f"/staff/look-up?q={tracking}", role=Role.SUPPORT)
    assert [one["order_id"] for one in found.json()["data"]] == [str(old.id)]

    move_to(clock.now() + timedelta(days=121))
    young = await shop.place()
    await young.rig.hear(booked(young, new_id(), new_id(), tracking))

    found = await shop.rig.staff("GET", f"/staff/look-up?q={tracking}", role=Role.SUPPORT)
    assert [one["order_id"] for one in found.json()["data"]] == [str(young.id)]


async def test_what_a_storefront_sent_along_goes_back_to_the_storefront_only(shop: Shop) -> None:
    order = await shop.place(metadata={"nickname": "Zimtstern"})
    assert (await order.now())["metadata"] == {"nickname": "Zimtstern"}
    for path, role, subject in (
        (f"/staff/orders/{order.id}", Role.SUPPORT, "ann"),
        (f"/internal/orders/{order.id}", Role.SERVICE, "care"),
        ("/customer/order", Role.CUSTOMER, str(order.id)),
    ):
        answer = await shop.rig.http.get(path, headers=shop.rig.headers(role, subject))
        assert answer.status_code == 200, answer.text
        assert answer.json()["metadata"] == {}, path
