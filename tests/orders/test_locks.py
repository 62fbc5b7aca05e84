"""Who waits for whom in orders, and who passes over whom."""

import asyncio
from collections.abc import Coroutine
from uuid import UUID

import httpx

from services.orders.actions import webhooks
from services.orders.queries import feed
from tests.orders.rig import Rig, Shop
from tests.orders.test_remedies import granted, sent
from tests.twins import copy_row, refuse_twin
from tests.waiting import until_waiting, wait_until_held_up

_SECONDS = 10.0


async def in_turn(
    rig: Rig, table: str, row_id: UUID, *acts: Coroutine[None, None, httpx.Response]
) -> list[httpx.Response]:
    """Let people act, each once the one before waits for a row, and let all go on then."""
    async with rig.database.transaction() as tx:
        await tx.execute(f"select from {table} where id = $1 for no key update", row_id)
        tasks = []
        for act in acts:
            tasks.append(asyncio.create_task(act))
            await until_waiting(rig.database, len(tasks))
    return [await task for task in tasks]


async def test_a_key_that_is_revoked_while_somebody_rotates_it_stays_revoked(rig: Rig, shop: Shop) -> None:
    path = f"/staff/keys/{shop.key_id}"
    revoked, rotated = await in_turn(
        rig, "api_key", shop.key_id,
        rig.staff("POST", f"{path}/revoke", {"reason": "it leaked"}),
        rig.staff("POST", f"{path}/rotate", {"overlap_hours": 24}),
    )  # fmt: skip

    assert (revoked.status_code, rotated.status_code) == (httpx.codes.OK, httpx.codes.NOT_FOUND)
    assert (await shop.call("GET", "/v1/orders")).status_code == httpx.codes.UNAUTHORIZED


async def test_an_endpoint_that_is_disabled_while_its_secret_is_rotated_stays_disabled(rig: Rig, shop: Shop) -> None:
    made = (await shop.call("POST", "/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/hook"})).json()
    path = f"/v1/webhook-endpoints/{made['id']}"
    answers = await in_turn(
        rig, "webhook_endpoint", UUID(made["id"]), shop.call("DELETE", path), shop.call("POST", f"{path}/rotate")
    )

    assert all(answer.is_success for answer in answers)
    (shown,) = (await shop.call("GET", "/v1/webhook-endpoints")).json()["data"]
    assert shown["state"] == "disabled"


async def number(rig: Rig) -> None:
    async with rig.database.transaction() as tx:
        await webhooks.number_events(tx)


async def test_of_two_who_number_a_feed_the_second_goes_on_where_the_first_ended(rig: Rig, shop: Shop) -> None:
    await shop.place()
    await number(rig)
    await shop.place()
    async with rig.database.transaction() as tx:
        await tx.execute(feed._LOCK_FEEDS)  # noqa: SLF001
        second = asyncio.create_task(number(rig))
        await wait_until_held_up(rig.database, second)
        assert not second.done()  # it would count what the first is about to number
        await webhooks.number_events(tx)
    await second

    events = (await shop.call("GET", "/v1/events")).json()["data"]
    assert [event["sequence"] for event in events] == [1, 2]


async def test_of_two_who_send_webhooks_the_second_passes_over_what_the_first_has(rig: Rig, shop: Shop) -> None:
    await shop.call("POST", "/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/hook"})
    await shop.place()
    async with rig.database.transaction() as tx:
        await webhooks.number_events(tx)

    async with rig.database.transaction() as tx:
        first = await webhooks.claim_deliveries(tx)
        async with asyncio.timeout(_SECONDS), rig.database.transaction() as other:
            second = await webhooks.claim_deliveries(other)

    assert first
    assert not {one.id for one in first} & {one.id for one in second}


async def test_a_hold_is_open_once(rig: Rig, shop: Shop) -> None:
    order = await shop.place(payment={"status": "pending"})
    again = await rig.staff("POST", f"/staff/orders/{order.id}/holds", {"reason": "payment"})
    assert (again.status_code, again.json()["code"]) == (httpx.codes.CONFLICT, "hold_exists")
    await refuse_twin(rig.database, "hold_order_id_reason_idx", "hold", {"order_id": order.id})


async def test_a_remedy_is_one_refund_or_one_order(rig: Rig, shop: Shop) -> None:
    order, _ = await sent(shop)
    remedy = granted(order, "refund")
    await rig.hear(remedy)
    await refuse_twin(rig.database, "refund_remedy_id_key", "refund", {"remedy_id": remedy.remedy_id})

    reship: dict[str, object] = {"remedy_id": str(remedy.remedy_id)}
    await copy_row(rig.database, "orders", {"id": order.id}, number="one", reference="one", **reship)
    await refuse_twin(
        rig.database, "orders_remedy_id_key", "orders", {"id": order.id}, number="two", reference="two", **reship
    )


async def test_a_line_has_its_own_place_and_reference_in_its_order(rig: Rig, shop: Shop) -> None:
    order = await shop.place()
    line = {"id": order.lines[0][0]}
    await refuse_twin(rig.database, "order_line_order_id_position_key", "order_line", line, reference="another")
    await refuse_twin(rig.database, "order_line_order_id_reference_key", "order_line", line, position=99)


async def test_a_number_in_a_storefronts_feed_is_one_events(rig: Rig, shop: Shop) -> None:
    order = await shop.place()
    await number(rig)
    unique = "public_event_storefront_id_test_sequence_key"
    await refuse_twin(rig.database, unique, "public_event", {"order_id": order.id}, ordinal=10**9)


async def test_a_storefronts_name_is_its_own(rig: Rig, shop: Shop) -> None:
    await refuse_twin(rig.database, "storefront_code_key", "storefront", {"code": shop.code})
