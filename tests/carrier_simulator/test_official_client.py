"""The official EasyPost client does with the simulator what it does with EasyPost."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from easypost.easypost_client import EasyPostClient
from easypost.errors.api.invalid_request_error import InvalidRequestError
from easypost.errors.api.not_found_error import NotFoundError
from easypost.errors.api.unauthorized_error import UnauthorizedError

from tests.carrier_simulator.conftest import ADDRESS, Buy, Place, request_for
from tests.carrier_simulator.process import CarrierProcess


def test_a_label_is_bought_in_two_calls_and_its_file_fetched(client: EasyPostClient, order: str) -> None:
    shipment = client.shipment.create(**request_for(order))
    assert {rate.service for rate in shipment.rates} == {"Express", "Ground", "Economy"}
    assert all(isinstance(rate.rate, str) and rate.delivery_days >= 1 for rate in shipment.rates)
    assert shipment.lowest_rate().service == "Economy"

    bought = client.shipment.buy(shipment.id, rate=shipment.lowest_rate())

    assert bought.tracking_code == bought.tracker.tracking_code
    assert (bought.tracker.status, bought.tracker.tracking_details) == ("unknown", [])
    assert bought.selected_rate.service == "Economy"
    label = httpx.get(bought.postage_label.label_url)
    assert (label.headers["content-type"], label.content[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(("wanted", "media_type", "begins"), [
    ("PDF", "application/pdf", b"%PDF-"),
    ("ZPL", "application/zpl", b"^XA"),
])  # fmt: skip
def test_labels_come_in_the_format_asked_for(buy: Buy, wanted: str, media_type: str, begins: bytes) -> None:
    label = buy(label_format=wanted)["postage_label"]
    assert label is not None
    assert label["label_file_type"] == media_type
    assert httpx.get(label["label_url"]).content.startswith(begins)


def test_a_label_is_converted_to_another_format(client: EasyPostClient, buy: Buy) -> None:
    converted = client.shipment.label(buy()["id"], file_format="ZPL")
    assert httpx.get(converted.postage_label.label_zpl_url).content.startswith(b"^XA")

    other = buy(label_format="PDF")
    with pytest.raises(InvalidRequestError):
        client.shipment.label(other["id"], file_format="ZPL")


def test_a_label_is_sold_once(client: EasyPostClient, buy: Buy) -> None:
    shipment = buy()
    with pytest.raises(InvalidRequestError) as refused:
        client.shipment.buy(shipment["id"], rate={"id": shipment["rates"][0]["id"]})
    assert refused.value.code == "SHIPMENT.POSTAGE.EXISTS"
    assert client.shipment.retrieve(shipment["id"]).tracking_code == shipment["tracking_code"]


def test_a_rate_of_another_shipment_is_refused(client: EasyPostClient, buy: Buy, order: str) -> None:
    mine = client.shipment.create(**request_for(order))
    with pytest.raises(InvalidRequestError) as refused:
        client.shipment.buy(mine.id, rate={"id": buy()["rates"][0]["id"]})
    assert fields_of(refused.value) == ["rate.id"]


def test_rates_are_regenerated_with_new_ids(client: EasyPostClient, order: str) -> None:
    shipment = client.shipment.create(**request_for(order))
    again = client.shipment.regenerate_rates(shipment.id)
    assert {rate.id for rate in again["rates"]}.isdisjoint(rate.id for rate in shipment.rates)
    assert client.rate.retrieve(again["rates"][0].id).rate == again["rates"][0].rate
    assert client.shipment.buy(shipment.id, rate=again["rates"][0]).tracking_code


def test_what_the_carrier_does_not_take_has_no_rates_and_says_why(client: EasyPostClient, order: str) -> None:
    heavy = {**request_for(order), "parcel": {"weight": 2000}}
    shipment = client.shipment.create(**heavy)
    assert (shipment.rates, shipment.messages[0].type) == ([], "rate_error")
    with pytest.raises(InvalidRequestError) as refused:
        client.shipment.create(**heavy, service="Ground")
    assert refused.value.code == "SHIPMENT.POSTAGE.FAILURE"
    assert client.shipment.all(purchased=False)["shipments"][0].id == shipment.id


def test_shipments_are_listed_newest_first_page_by_page(client: EasyPostClient, buy: Buy, order: str) -> None:
    bought = [buy()["id"] for _ in range(3)]
    rated = client.shipment.create(**request_for(order)).id
    first = client.shipment.all(page_size=2)
    second = client.shipment.get_next_page(first, page_size=2)
    listed = [shipment.id for shipment in (*first["shipments"], *second["shipments"])]
    assert listed[:3] == list(reversed(bought))
    assert client.shipment.all(purchased=False, page_size=1)["shipments"][0].id == rated
    after = client.shipment.all(after_id=bought[1])
    assert ([shipment.id for shipment in after["shipments"]], after["has_more"]) == ([bought[2]], False)


def test_a_shipment_is_found_by_its_reference(client: EasyPostClient, buy: Buy, order: str) -> None:
    bought = buy()
    assert client.shipment.retrieve(f"shipment of {order}").id == bought["id"]


def test_trackers_are_created_retrieved_and_listed_by_code(client: EasyPostClient, buy: Buy) -> None:
    code = buy()["tracking_code"]
    tracker = client.tracker.create(tracking_code=code, carrier="SimPost")
    assert client.tracker.retrieve(tracker.id).tracking_code == code
    listed = client.tracker.all(tracking_code=code)
    assert ([each.id for each in listed["trackers"]], listed["has_more"]) == ([tracker.id], False)
    assert client.tracker.create(tracking_code="EZ4000000004").status == "delivered"


def test_addresses_are_created_verified_and_retrieved(client: EasyPostClient) -> None:
    nowhere: Place = {**ADDRESS, "street1": "1 Undeliverable Rd"}
    address = client.address.create(**ADDRESS)
    assert client.address.retrieve(address.id).street1 == ADDRESS["street1"]
    assert client.address.create_and_verify(**ADDRESS).verifications.delivery.success
    with pytest.raises(InvalidRequestError) as refused:
        client.address.create_and_verify(**nowhere)
    assert refused.value.code == "ADDRESS.VERIFY.FAILURE"
    doubtful = client.address.create(**nowhere, verify=True)
    assert not doubtful.verifications.delivery.success


def test_objects_are_passed_by_their_ids(client: EasyPostClient, order: str) -> None:
    ends = {"from_address": client.address.create(**ADDRESS), "to_address": client.address.create(**ADDRESS)}
    parcel = client.parcel.create(weight=20, length=9, width=6, height=2)
    shipment = client.shipment.create(**{**request_for(order), **ends, "parcel": parcel})
    assert (shipment.parcel.id, shipment.to_address.id) == (parcel.id, ends["to_address"].id)
    assert client.parcel.retrieve(parcel.id).weight == 20


def test_receivers_are_registered_changed_and_forgotten(client: EasyPostClient, order: str) -> None:
    url = f"http://127.0.0.1:9/{order}"
    hook = client.webhook.create(url=url, webhook_secret="one")
    assert client.webhook.create(url=url).id == hook.id, "the same receiver must not be told twice"
    assert client.webhook.update(hook.id, webhook_secret="two").url == url
    assert url in [each.url for each in client.webhook.all()["webhooks"]]
    client.webhook.delete(hook.id)
    with pytest.raises(NotFoundError):
        client.webhook.retrieve(hook.id)


def test_events_are_listed_and_retrieved(client: EasyPostClient, buy: Buy) -> None:
    code = buy()["tracking_code"]
    latest = client.event.all(page_size=1)["events"][0]
    event = client.event.retrieve(latest.id)
    assert (event.description, event.result.tracking_code) == ("tracker.created", code)


def test_bad_requests_name_what_is_wrong(client: EasyPostClient, carrier: CarrierProcess, order: str) -> None:
    with refused_for("parcel.weight"):
        client.shipment.create(**{**request_for(order), "parcel": {"length": 1}})
    with refused_for("to_address"):
        client.shipment.create(from_address=ADDRESS, parcel={"weight": 1})
    with refused_for("shipment.parcel.weight"):
        client.shipment.create(**{**request_for(order), "parcel": {"weight": -1}})
    with pytest.raises(NotFoundError) as unknown:
        client.shipment.retrieve("shp_none")
    assert unknown.value.code == "NOT_FOUND"
    assert carrier.http.get("/v2/nothing").json()["error"]["code"] == "NOT_FOUND"


@contextmanager
def refused_for(field: str) -> Iterator[None]:
    with pytest.raises(InvalidRequestError) as refused:
        yield
    assert field in fields_of(refused.value)


def fields_of(error: InvalidRequestError) -> list[str]:
    return [each["field"] for each in error.json_body["error"]["errors"]]


def test_a_wrong_key_is_refused(carrier: CarrierProcess) -> None:
    client = EasyPostClient("another key", api_base=f"{carrier.url}/v2")
    with pytest.raises(UnauthorizedError):
        client.shipment.all()
    client._requests_session.close()  # noqa: SLF001 - it offers no other way
    for auth in (("another key", ""), ("", ""), None):
        assert httpx.get(f"{carrier.url}/v2/shipments", auth=auth).status_code == 401
