"""Storefronts and their keys."""

from datetime import timedelta

import httpx
import pytest

from services.orders.app import service
from services.orders.settings import OrdersSettings, settings
from shared import clock
from shared.auth import Role, hash_api_key
from shared.process import build_app
from tests.orders.rig import Rig, Shop
from tests.waiting import wait_until

pytestmark = pytest.mark.security(4)


async def test_a_key_is_shown_once_even_to_the_same_request(rig: Rig, shop: Shop) -> None:
    headers = rig.headers(Role.OPERATOR)
    path = f"/staff/storefronts/{shop.id}/keys"

    first = await rig.http.post(path, json={"label": "web"}, headers=headers)
    again = await rig.http.post(path, json={"label": "web"}, headers=headers)

    assert first.json()["key"].startswith("dsk_live_")
    assert again.json() == {**first.json(), "key": None}


async def test_a_revoked_key_opens_nothing(shop: Shop) -> None:
    answer = await shop.rig.staff("POST", f"/staff/keys/{shop.key_id}/revoke", {"reason": "it leaked"})

    assert answer.json()["revoked_at"] is not None
    assert (await shop.call("GET", "/v1/orders")).status_code == httpx.codes.UNAUTHORIZED


async def test_a_rotated_key_works_through_the_overlap_and_not_after(shop: Shop) -> None:
    kept = await shop.rig.staff("POST", f"/staff/keys/{shop.key_id}/rotate", {"overlap_hours": 1})
    assert (await shop.call("GET", "/v1/orders")).status_code == httpx.codes.OK

    await shop.rig.staff("POST", f"/staff/keys/{shop.key_id}/rotate", {"overlap_hours": 0})
    assert (await shop.call("GET", "/v1/orders")).status_code == httpx.codes.UNAUTHORIZED

    shop.key = kept.json()["key"]
    assert (await shop.call("GET", "/v1/orders")).status_code == httpx.codes.OK


@pytest.mark.security(2)
async def test_only_who_runs_the_suite_makes_keys(rig: Rig, shop: Shop) -> None:
    for role in (Role.PICKER, Role.SUPPORT, Role.CARE, Role.CARE_LEAD, Role.SERVICE):
        answer = await rig.staff("POST", f"/staff/storefronts/{shop.id}/keys", {}, role=role)
        assert answer.status_code == httpx.codes.FORBIDDEN, role


async def test_two_storefronts_cannot_have_one_code(rig: Rig, shop: Shop) -> None:
    answer = await rig.staff("POST", "/staff/storefronts", {"code": shop.code, "name": "Other"})

    assert (answer.status_code, answer.json()["code"]) == (httpx.codes.CONFLICT, "code_exists")


@pytest.mark.security(2)
async def test_a_storefronts_key_opens_no_staff_route(shop: Shop) -> None:
    for path in ("/staff/storefronts", "/staff/look-up?q=abc", "/staff/pauses"):
        assert (await shop.call("GET", path)).status_code == httpx.codes.FORBIDDEN


async def test_of_a_key_only_its_beginning_and_its_hash_are_kept(rig: Rig, shop: Shop) -> None:
    async with rig.database.transaction() as tx:
        row = await tx.row("select * from api_key where id = $1", shop.key_id)
        kept = await tx.value(
            "select count(*) from idempotency i where i::text like '%' || $1 || '%'", shop.key.rpartition("_")[2]
        )

    assert row is not None
    assert (row["hash"], row["prefix"]) == (hash_api_key(shop.key), shop.key[:13])
    assert [name for name, value in dict(row).items() if shop.key in str(value)] == []
    assert kept == 0


async def test_a_key_ends_when_it_expires(shop: Shop) -> None:
    path = f"/staff/storefronts/{shop.id}/keys"
    ends = clock.real() + timedelta(seconds=1.5)
    made = await shop.rig.staff("POST", path, {"expires_at": ends.isoformat()})
    shop.key = made.json()["key"]
    assert (await shop.call("GET", "/v1/orders")).status_code == httpx.codes.OK

    await wait_until(lambda: _is_refused(shop), what="the key has expired")

    assert clock.real() >= ends


async def _is_refused(shop: Shop) -> bool:
    return (await shop.call("GET", "/v1/orders")).status_code == httpx.codes.UNAUTHORIZED


async def test_a_revoked_key_ends_within_a_minute_in_a_process_that_remembers_it(
    rig: Rig, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "key_cache_seconds", 2.0)
    other_process = httpx.AsyncClient(
        transport=httpx.ASGITransport(build_app(service, rig.database)), base_url="http://orders"
    )

    async def read() -> int:
        answer = await other_process.get("/v1/orders", headers={"authorization": f"Bearer {shop.key}"})
        return answer.status_code

    assert await read() == httpx.codes.OK
    await rig.staff("POST", f"/staff/keys/{shop.key_id}/revoke", {"reason": "it leaked"})
    revoked = clock.monotonic()
    assert await read() == httpx.codes.OK, "the other process has not heard of it"

    async def is_refused() -> bool:
        return await read() == httpx.codes.UNAUTHORIZED

    await wait_until(is_refused, what="the other process asks again")
    assert clock.monotonic() - revoked < 2.0 + 5.0
    # However it is set, no process remembers a key for longer than half a minute.
    remembered = OrdersSettings.model_fields["key_cache_seconds"]
    assert [bound.le for bound in remembered.metadata if hasattr(bound, "le")] == [30]


async def test_unknown_revoked_and_expired_keys_get_one_and_the_same_answer(rig: Rig, shop: Shop) -> None:
    other = await rig.open_shop()
    await rig.staff("POST", f"/staff/keys/{shop.key_id}/revoke", {"reason": "it leaked"})
    gone = {"expires_at": (clock.real() - timedelta(minutes=1)).isoformat()}
    late = await rig.staff("POST", f"/staff/storefronts/{other.id}/keys", gone)

    answers = []
    for key in (shop.key, late.json()["key"], shop.key + "x", "dsk_live_", "dsk_live_" + "a" * 500):
        answer = await rig.http.get("/v1/orders", headers={"authorization": f"Bearer {key}"})
        answers.append((answer.status_code, {**answer.json(), "request_id": ""}))

    assert answers == [answers[0]] * 5
    assert answers[0][0] == httpx.codes.UNAUTHORIZED
