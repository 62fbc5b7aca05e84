"""Looking up an order: phone numbers in all their ways, and names before or after postcodes."""

import secrets
from pathlib import Path
from runpy import run_path
from urllib.parse import quote

import pytest

from services import orders as orders_service
from shared.auth import Role
from shared.events.orders import OrderPlaced
from shared.ids import new_id
from tests.orders.rig import Placed, Shop

NUMBERS = [
    pytest.param("+49 30 {}", ["030 {}", "0049 (0)30 {}", "4930{}", "+49 30 {}"], id="a German landline"),
    pytest.param("030 {}", ["+49 30 {}", "0049 30 {}", "030/{}"], id="a German landline without its country"),
    pytest.param("+49 (0) 151 12{}", ["0151 12{}", "+4915112{}"], id="a German mobile with a bracketed zero"),
    pytest.param("+45 12{}", ["12{}", "0045 12 {}", "45 12 {}"], id="a Danish number"),
    pytest.param("12{}", ["+45 12{}", "12 {}"], id="a Danish number without its country"),
    pytest.param("+32 2 1{}", ["02 1{}", "00322/1{}"], id="a Belgian landline"),
    pytest.param("+1 202 5{}", ["(202) 5{}", "1-202-5{}"], id="an American number"),
    pytest.param("+358 9 1{}", ["09 1{}", "+358 91{}"], id="a Finnish landline"),
]


async def found(shop: Shop, query: str) -> set[str]:
    """Look up as support; give the ids of this shop's orders."""
    answer = await shop.rig.staff("GET", f"/staff/look-up?q={quote(query)}", role=Role.SUPPORT)
    assert answer.status_code == 200, answer.text
    return {one["order_id"] for one in answer.json()["data"] if one["storefront_id"] == str(shop.id)}


async def called(shop: Shop, phone: str) -> Placed:
    """Place an order of somebody with a phone number and an e-mail of their own."""
    return await shop.place(customer={"email": f"{secrets.token_hex(6)}@example.com", "phone": phone})


def tail() -> str:
    """Give six digits nobody else has, of which the first is no zero."""
    return str(100_000 + secrets.randbelow(900_000))


@pytest.mark.parametrize(("kept", "asked"), NUMBERS)
async def test_a_phone_number_is_found_with_its_country_or_without(shop: Shop, kept: str, asked: list[str]) -> None:
    digits = tail()
    order = await called(shop, kept.format(digits))
    for query in asked:
        assert await found(shop, query.format(digits)) == {str(order.id)}, query


async def test_orders_known_by_their_ids_are_told_by_their_numbers_and_what_is_no_order_is_left_out(shop: Shop) -> None:
    placed = [await shop.place(), await (await shop.rig.open_shop()).place()]
    asked = "&".join(f"order_id={one}" for one in (placed[0].id, new_id(), placed[1].id))
    answer = await shop.rig.staff("GET", f"/internal/order-numbers?{asked}", role=Role.OPERATOR)
    assert answer.status_code == 200, answer.text
    assert {one["order_id"]: one["number"] for one in answer.json()["data"]} == {
        str(one.id): one.first["number"] for one in placed
    }
    picker = await shop.rig.staff("GET", f"/internal/order-numbers?{asked}", role=Role.PICKER)
    assert picker.status_code == 403
    too_many = "&".join(f"order_id={new_id()}" for _ in range(101))
    refused = await shop.rig.staff("GET", f"/internal/order-numbers?{too_many}", role=Role.SUPPORT)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/order_id")


async def test_orders_of_one_customer_at_one_storefront_bear_the_same_digest(shop: Shop) -> None:
    other_shop = await shop.rig.open_shop()
    name = f"{secrets.token_hex(6)}@example.com"

    async def digest(of: Shop, **customer: str) -> str:
        order = await of.place(customer=customer)
        (placed,) = await of.rig.told(OrderPlaced, order.id)
        return str(placed["customer"])

    one = await digest(shop, email=name)
    assert len(one) == 32
    assert await digest(shop, email=f" {name.upper()} ", phone="+49 30 1234567") == one
    others = [
        await digest(shop, email=f"x{name}"),
        await digest(other_shop, email=name),
        await digest(shop, phone="+49 30 7654321"),
    ]
    assert len({one, *others}) == 4
    assert await digest(shop, email=name, email_kind="relay") == "", "a relay's address is many people's"
    assert await digest(shop) == ""


async def test_the_same_digits_of_another_country_are_another_number(shop: Shop) -> None:
    digits = tail()
    german, danish = await called(shop, f"+49 30 {digits}"), await called(shop, f"+45 30{digits}")
    assert await found(shop, f"+49 30 {digits}") == {str(german.id)}
    assert await found(shop, f"+45 30{digits}") == {str(danish.id)}
    assert await found(shop, f"30 {digits}") == {str(german.id), str(danish.id)}, "who says no country may mean either"
    headers = shop.rig.headers(Role.SUPPORT)
    related = await shop.rig.http.get(f"/staff/orders/{german.id}/related", headers=headers)
    assert related.json()["data"] == [], "they are two people"


async def test_a_name_is_found_before_or_after_its_postcode_and_by_its_last_word(shop: Shop) -> None:
    name = f"F{secrets.token_hex(4)}é"
    address = {"line1": "Graben 1", "city": "Leipzig", "postal_code": "04109", "country_code": "DE"}
    order = await shop.place(shipping_address={"name": f"Farah {name}", **address})
    last = name.replace("é", "e")
    for query in (f"Farah {name} 04109", f"{last} 04109", f"04109 farah {last}", f"04109, {name}", f"{name} 041 09"):
        assert await found(shop, query) == {str(order.id)}, query
    assert await found(shop, f"{name} 04110") == set()
    assert await found(shop, "Farah 04109") == set(), "a first name is too little"


async def test_the_migration_lets_older_orders_be_found_as_new_ones_are(shop: Shop) -> None:
    digits = tail()
    orders = [await called(shop, kept.format(digits)) for kept in ("+49 (0)30 {}", "030 {}", "+45 12{}", "12{}")]
    ids = [order.id for order in orders]
    entries = "select order_id, kind, value from look_up where order_id = any($1) order by 1, 2, 3"
    folder = Path(str(orders_service.__path__[0])) / "migrations" / "versions"
    migration = run_path(str(folder / "0009_found_by_more.py"))
    async with shop.rig.database.transaction() as tx:
        new = [tuple(row) for row in await tx.fetch(entries, ids)]
        await tx.execute(
            "delete from look_up where order_id = any($1) and (kind = 'phone' and value ~ '^[(+?]' "
            "or kind = 'name_postcode' and value not like 'ann%')",
            ids,
        )
        old = [tuple(row) for row in await tx.fetch(entries, ids)]
        await tx.execute(migration["_PHONES"])
        await tx.execute(migration["_LAST_NAMES"])
        assert len(old) < len(new)
        assert [tuple(row) for row in await tx.fetch(entries, ids)] == new
