"""Every operation of every document, called as everybody: who lacks its scope is told so, whatever they name."""

import httpx
import pytest

from shared.auth import SCOPES, Role, Scope
from tests.clients import Clients
from tests.doors.caller import address_of, fresh
from tests.doors.openapi import Operation, operations

OPERATIONS = operations()
CLOSED = [one for one in OPERATIONS if Scope.PUBLIC not in one.scopes]


async def _call(client: httpx.AsyncClient, operation: Operation, **headers: str) -> httpx.Response:
    sent = {**fresh(), **{name.title(): value for name, value in headers.items()}}
    return await client.request(operation.method, address_of(operation), json=operation.body, headers=sent)


@pytest.mark.security(1, 2)
@pytest.mark.parametrize("operation", CLOSED, ids=str)
async def test_a_role_without_the_scope_is_refused_everywhere(
    operation: Operation, clients: Clients, storefront_key: str
) -> None:
    outside = [role for role in Role if not SCOPES[role] & operation.scopes]

    answers = {str(role): await _call(clients.of(operation.service, role=role), operation) for role in outside}
    if Scope.STOREFRONT not in operation.scopes:
        bearer = f"Bearer {storefront_key}"
        answers["storefront"] = await _call(clients.anonymous(operation.service), operation, authorization=bearer)

    told = {who: (answer.status_code, answer.json().get("code")) for who, answer in answers.items()}
    # Keys are known to orders only: elsewhere a storefront is a stranger.
    expected = dict.fromkeys(told, (403, "forbidden"))
    if "storefront" in told and operation.service != "orders":
        expected["storefront"] = (401, "unauthenticated")
    assert told == expected


@pytest.mark.security(2, 3)
@pytest.mark.parametrize("operation", CLOSED, ids=str)
async def test_nobody_is_let_in_without_credentials(operation: Operation, clients: Clients) -> None:
    anonymous = clients.anonymous(operation.service)

    for credentials in ("", "Bearer", "Bearer dsk_live_x", "Basic YTpi"):
        sent = {"authorization": credentials} if credentials else {}
        answer = await _call(anonymous, operation, **sent)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), sent


@pytest.mark.security(2)
def test_only_what_is_signed_otherwise_is_open_to_all() -> None:
    open_to_all = [str(one) for one in OPERATIONS if Scope.PUBLIC in one.scopes]

    assert open_to_all == ["shipping POST /carriers/easypost/webhooks"]


@pytest.mark.security(2)
def test_the_document_names_a_scope_of_each_operation() -> None:
    assert [str(one) for one in OPERATIONS if not one.scopes] == []
    assert len(CLOSED) > 120
