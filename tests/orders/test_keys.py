"""Storefronts and their keys."""

import httpx

from shared.auth import Role
from tests.orders.rig import Rig, Shop


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


async def test_only_who_runs_the_suite_makes_keys(rig: Rig, shop: Shop) -> None:
    for role in (Role.PICKER, Role.SUPPORT, Role.CARE, Role.CARE_LEAD, Role.SERVICE):
        answer = await rig.staff("POST", f"/staff/storefronts/{shop.id}/keys", {}, role=role)
        assert answer.status_code == httpx.codes.FORBIDDEN, role


async def test_two_storefronts_cannot_have_one_code(rig: Rig, shop: Shop) -> None:
    answer = await rig.staff("POST", "/staff/storefronts", {"code": shop.code, "name": "Other"})

    assert (answer.status_code, answer.json()["code"]) == (httpx.codes.CONFLICT, "code_exists")


async def test_a_storefronts_key_opens_no_staff_route(shop: Shop) -> None:
    for path in ("/staff/storefronts", "/staff/look-up?q=abc", "/staff/pauses"):
        assert (await shop.call("GET", path)).status_code == httpx.codes.FORBIDDEN
