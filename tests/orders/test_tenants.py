"""What belongs to one storefront does not exist for another: every route of the document that names or lists things."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from asyncpg.connection import LoggedQuery
from sqlalchemy import event

from shared.auth import Role
from shared.ids import new_id
from tests.doors.caller import address_of
from tests.doors.openapi import Operation, operations
from tests.orders.neighbours import Parcel
from tests.orders.rig import Rig, Shop
from tests.orders.test_remedies import granted

V1 = [one for one in operations() if one.path.startswith("/v1")]
NAMING = [one for one in V1 if "{" in one.path]
_OF_THE_HOUSE = {"/v1/availability"}  # its stock is the same for all its storefronts
LISTING = [one for one in V1 if one.method == "GET" and one not in NAMING and one.path not in _OF_THE_HOUSE]
ASKED = [(one, asked) for one in LISTING for asked in ("", *(each.name for each in one.parameters))]
_ENDPOINT = {"url": "http://127.0.0.1:9/hook", "events": ["availability.changed"]}  # which nobody sends here
_BODIES = {"/v1/orders/{named}/payments": {"type": "voided"}}


@dataclass(frozen=True)
class Belongings:
    """A storefront with a thing of every kind that a path can name."""

    shop: Shop
    names: dict[str, list[str]]
    filters: dict[str, str]

    def addresses(self, operation: Operation) -> Iterator[dict[str, str]]:
        """Give the parts of a path that name what is this storefront's; a part nobody knows fails the test."""
        parts = [one.name for one in operation.parameters if one.where == "path"]
        for index in range(max(len(self.names[part]) for part in parts)):
            yield {part: self.names[part][index % len(self.names[part])] for part in parts}


@pytest_asyncio.fixture
async def theirs(rig: Rig) -> AsyncIterator[Belongings]:
    """Another storefront, which has something of everything."""
    shop = await rig.open_shop(test=True)
    order = await shop.place(payment={"status": "captured"})
    parcel = Parcel(order)
    await parcel.send()
    await rig.hear(granted(order, "refund"))
    wish = await order.do("/cancellations", {})
    endpoint = await shop.call("POST", "/v1/webhook-endpoints", _ENDPOINT)
    await rig.run_jobs()
    told = (await shop.call("GET", "/v1/events")).json()["data"][0]
    first = order.first
    yield Belongings(
        shop,
        {
            "named": [str(order.id), str(first["number"]), f"ref:{first['reference']}"],
            "cancellation_id": [str(wish.json()["id"])],
            "endpoint_id": [str(endpoint.json()["id"])],
            "event_id": [str(told["id"])],
            "shipment_id": [str(parcel.shipment_id)],
        },
        {
            "reference": str(first["reference"]), "updated_after": "2020-01-01T00:00:00Z", "state": "requested",
            "after": "0", "cursor": str(UUID(int=0)), "limit": "100",
        },
    )  # fmt: skip
    await shop.silence()


async def _ask(shop: Shop, operation: Operation, **parts: str) -> httpx.Response:
    body = _BODIES.get(operation.path, operation.body)
    return await shop.call(operation.method, address_of(operation, **parts), body)


def _told(answer: httpx.Response, parts: dict[str, str]) -> tuple[int, object, str]:
    """Give what an answer tells beyond what it was asked."""
    problem = answer.json()
    detail = str(problem.get("detail"))
    for part in parts.values():
        detail = detail.replace(part, "…")
    return answer.status_code, problem.get("code"), detail


@pytest.mark.security(1)
@pytest.mark.parametrize("operation", NAMING, ids=str)
async def test_another_storefronts_thing_is_answered_as_one_that_does_not_exist(
    rig: Rig, theirs: Belongings, operation: Operation
) -> None:
    mine = await rig.open_shop(test=True)
    made_up = {one.name: str(new_id()) for one in operation.parameters if one.where == "path"}
    nothing = _told(await _ask(mine, operation, **made_up), made_up)

    for parts in theirs.addresses(operation):
        assert _told(await _ask(mine, operation, **parts), parts) == nothing, parts
    assert nothing[0] == httpx.codes.NOT_FOUND


@pytest.mark.security(1)
@pytest.mark.parametrize(("operation", "asked"), ASKED, ids=str)
async def test_a_list_has_what_is_the_callers_only(
    rig: Rig, theirs: Belongings, operation: Operation, asked: str
) -> None:
    mine = await rig.open_shop(test=True)
    address = f"{operation.path}?{asked}={theirs.filters[asked]}" if asked else operation.path

    seen, mine_seen = await theirs.shop.call("GET", address), await mine.call("GET", address)

    assert seen.json()["data"], "a list of which the other storefront has nothing shows nothing"
    assert (mine_seen.status_code, mine_seen.json()["data"]) == (httpx.codes.OK, [])


@pytest.mark.security(1)
async def test_an_event_of_another_storefront_is_not_sent_to_ones_own_endpoint(rig: Rig, theirs: Belongings) -> None:
    mine = await rig.open_shop(test=True)
    endpoint = (await mine.call("POST", "/v1/webhook-endpoints", _ENDPOINT)).json()["id"]

    for event_id in (theirs.names["event_id"][0], str(new_id())):
        answer = await mine.call("POST", f"/v1/webhook-endpoints/{endpoint}/events/{event_id}/resend")
        assert (answer.status_code, answer.json()["code"]) == (httpx.codes.NOT_FOUND, "event_not_found")
    await mine.silence()


@contextmanager
def asked(rig: Rig) -> Iterator[list[LoggedQuery]]:
    """Write down every statement that the service sends to its database."""
    found: list[LoggedQuery] = []

    def listen(connection: object, _entry: object, _proxy: object) -> None:
        raw: asyncpg.Connection[asyncpg.Record] = connection.driver_connection  # type: ignore[attr-defined]
        raw.add_query_logger(found.append)

    def leave(connection: object, _entry: object) -> None:
        raw: asyncpg.Connection[asyncpg.Record] = connection.driver_connection  # type: ignore[attr-defined]
        raw.remove_query_logger(found.append)

    engine = rig.database.engine.sync_engine
    event.listen(engine, "checkout", listen)
    event.listen(engine, "checkin", leave)
    try:
        yield found
    finally:
        event.remove(engine, "checkout", listen)
        event.remove(engine, "checkin", leave)


@pytest.mark.security(1)
@pytest.mark.parametrize("operation", NAMING, ids=str)
async def test_the_database_is_asked_for_what_is_the_callers_only(
    rig: Rig, theirs: Belongings, operation: Operation
) -> None:
    mine = await rig.open_shop(test=True)

    for parts in theirs.addresses(operation):
        with asked(rig) as statements:
            await _ask(mine, operation, **parts)

        names = {*parts.values(), *(part.removeprefix("ref:") for part in parts.values())}
        about = [one for one in statements if names & {str(value) for value in one.args or ()}]
        assert about, parts
        assert [one.query for one in about if mine.id not in (one.args or ())] == []


@pytest.mark.security(1)
async def test_a_customers_token_opens_the_one_order_it_names(rig: Rig, shop: Shop) -> None:
    order, other = await shop.place(), await shop.place()

    for wanted in (order, other):
        answer = await rig.http.get("/customer/order", headers=rig.headers(Role.CUSTOMER, str(wanted.id)))
        assert UUID(answer.json()["id"]) == wanted.id
    nobody = await rig.http.get("/customer/order", headers=rig.headers(Role.CUSTOMER, str(new_id())))
    assert nobody.status_code == httpx.codes.NOT_FOUND
