"""Webhooks leave for where they were sent to and nowhere else, a bounded number of times."""

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import httpcore
import httpx
import pytest

from services.orders.actions import webhooks
from services.orders.actions.webhooks import MOST_ENDPOINTS, Delivery, PrivateAddressError, deliver
from services.orders.settings import settings
from shared.http import HttpStatusError, HttpUnavailableError
from shared.ids import new_id
from shared.settings import platform
from tests.orders.receiver import listening
from tests.orders.rig import Json, Rig, Shop
from tests.waiting import wait_until, wait_until_held_up

pytestmark = pytest.mark.security(9)

PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.7"


def delivery(url: str) -> Delivery:
    return Delivery(new_id(), new_id(), None, url, 1, {}, b"{}")


async def log_of(shop: Shop, endpoint: Json) -> list[Json]:
    await shop.rig.run_jobs()
    answer = await shop.call("GET", f"/v1/webhook-endpoints/{endpoint['id']}/deliveries")
    return list(answer.json()["data"])


async def test_an_endpoint_that_never_answers_well_is_tried_ten_times_and_given_up(shop: Shop) -> None:
    async with listening() as receiver:
        receiver.status = 500
        body = {"url": receiver.url, "events": ["order.placed"]}
        endpoint = (await shop.call("POST", "/v1/webhook-endpoints", body)).json()
        await shop.place()

        async def given_up() -> bool:
            return [entry["state"] for entry in await log_of(shop, endpoint)] == ["failed"]

        await wait_until(given_up, what="the delivery is given up")

        assert settings().webhook_attempts == len(receiver.received) == 10
        shown = (await shop.call("GET", "/v1/webhook-endpoints")).json()["data"][0]
        assert shown["state"] == "active"


async def test_a_redirect_is_not_followed(shop: Shop) -> None:
    async with listening() as elsewhere, listening() as receiver:
        receiver.status, receiver.more = 307, f"location: {elsewhere.url}\r\n"

        with pytest.raises(HttpStatusError) as refused:
            await deliver(delivery(receiver.url))

        assert refused.value.status == 307
        assert len(receiver.received) == 1
        assert elsewhere.received == []


@pytest.fixture
def production(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOORSTEP_ENVIRONMENT", "production")
    platform.cache_clear()
    yield
    monkeypatch.undo()
    platform.cache_clear()


class Names:
    """The resolver of names: each question gets the next answer, the last one again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


class Wire:
    """Where connections go; none is made."""

    def __init__(self) -> None:
        self.called: list[str] = []

    async def connect_tcp(self, host: str, *_: object, **__: object) -> None:
        self.called.append(host)
        raise httpcore.ConnectError("no wire")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr("httpcore._backends.auto.AutoBackend.connect_tcp", made.connect_tcp)
    return made


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> Names:
    names = Names(*answers)
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(type(loop), "getaddrinfo", lambda _loop, *a, **k: names.getaddrinfo(*a, **k), raising=False)
    return names


@pytest.mark.usefixtures("production")
async def test_the_address_that_was_judged_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch, wire: Wire
) -> None:
    # A name that leads to a public address when it is judged, and into our own network a moment later.
    names = resolve(monkeypatch, [PUBLIC], [PRIVATE])

    with pytest.raises(HttpUnavailableError):
        await deliver(delivery(f"https://rebinding-{new_id().hex}.example/hook"))

    assert wire.called == [PUBLIC]
    assert len(names.asked) == 1


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("addresses", [[PRIVATE], [PUBLIC, PRIVATE], ["::1"], ["2002:a00:7::1"], []])
async def test_a_name_of_which_any_address_is_private_is_not_called(
    monkeypatch: pytest.MonkeyPatch, wire: Wire, addresses: list[str]
) -> None:
    resolve(monkeypatch, addresses)

    with pytest.raises(PrivateAddressError):
        await deliver(delivery("https://inside.example/hook"))

    assert wire.called == []


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "[::]", "[::1]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]", "[2002:a00:1::1]", "[2001::1]", "localhost", "LOCALHOST.", "db.internal", "printer.local",
    ],
)  # fmt: skip
async def test_no_endpoint_is_registered_in_a_private_network(shop: Shop, host: str) -> None:
    answer = await shop.call("POST", "/v1/webhook-endpoints", {"url": f"https://{host}/hook"})

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, answer.text
    assert [error["code"] for error in answer.json()["errors"]] == ["private_address"]


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111"])
def test_a_host_on_the_public_internet_may_be_called(address: str) -> None:
    assert webhooks.is_public(ip_address(address))


async def test_a_storefront_has_twenty_endpoints_at_most(shop: Shop) -> None:
    async def register() -> httpx.Response:
        return await shop.call("POST", "/v1/webhook-endpoints", {"url": "https://shop.example/hook"})

    made = [await register() for _ in range(MOST_ENDPOINTS - 1)]
    # For the last place several come at once; none is there until all have counted, if they can.
    async with shop.rig.database.transaction() as tx:
        await tx.execute("lock table webhook_endpoint in share mode")
        coming = [asyncio.create_task(register()) for _ in range(3)]
        await wait_until_held_up(shop.rig.database, *coming)
    last = await asyncio.gather(*coming)

    assert [answer.status_code for answer in made] == [httpx.codes.CREATED] * len(made)
    assert sorted(answer.status_code for answer in last) == [httpx.codes.CREATED, *[httpx.codes.CONFLICT] * 2]
    one = made[0].json()
    await shop.call("DELETE", f"/v1/webhook-endpoints/{one['id']}")
    assert (await register()).status_code == httpx.codes.CREATED
