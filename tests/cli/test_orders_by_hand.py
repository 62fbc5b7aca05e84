"""An order from placed to handed over, every step by command."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

from cli import show
from deploy.local.stack import LocalStack
from shared import clock
from shared.ids import new_id
from tests.cli.conftest import Ran, Run

DEADLINE_SECONDS = 60.0
PAUSE_SECONDS = 0.2
BOX = ("--weight", "330", "--size", "200", "100", "50", "--tare", "30")


class Shop:
    """A storefront, a location and a SKU of one test's own."""

    def __init__(self, doorstep: Run, folder: Path) -> None:
        self.doorstep = doorstep
        self.folder = folder
        mark = new_id().hex[-10:]
        self.storefront, self.location, self.sku = f"shop-{mark}", f"L{mark}", f"S{mark}"
        self.barcode, self.reference, self.email = f"9{mark}", f"R{mark}", f"{mark}@example.com"

    def open(self) -> None:
        """Save the location and the SKU, receive ten units, make the storefront."""
        place = {"code": self.location, "name": "Test", "line1": "1 Quay", "city": "Hamburg", "postal_code": "20457"}
        calendar = {"country_code": "DE", "zone": "de", "time_zone": "Europe/Berlin"}
        size = {"weight_grams": 150, "length_mm": 100, "width_mm": 80, "height_mm": 40}
        goods = {"code": self.sku, "name": "Mug", "barcodes": [{"code": self.barcode}], **size}
        self.must("stock", "save-locations", self.file({"locations": [{**place, **calendar}]}))
        self.must("stock", "save-skus", self.file({"skus": [goods]}))
        self.must("stock", "receive", self.sku, self.location, "10")
        self.must("keys", "add-storefront", self.storefront, "Test shop")

    def place(self, quantity: int = 2) -> Ran:
        """Place an order, as soon as orders knows the SKU."""
        line = {
            "reference": "1",
            "sku": self.sku,
            "quantity": quantity,
            "unit_price": {"amount": 1290, "currency": "EUR"},
        }
        address = {"name": "Ann Example", "line1": "1 Harbour Road", "city": "Hamburg", "postal_code": "20457"}
        order = {
            "reference": self.reference,
            "customer": {"email": self.email},
            "shipping_address": {**address, "country_code": "DE"},
            "lines": [line],
            "payment": {"status": "authorized"},
        }
        file = self.file(order)
        return eventually(lambda: self.run("orders", "place", file, "--storefront", self.storefront, "--json"), is_fine)

    def run(self, *arguments: str) -> Ran:
        return self.doorstep(*arguments)

    def must(self, *arguments: str) -> Ran:
        ran = self.doorstep(*arguments)
        assert ran.status == 0, (arguments, ran.out, ran.err)
        return ran

    def first(self, *arguments: str) -> dict[str, JsonValue]:
        """The first row that a listing gives, once it gives one."""
        ran = eventually(lambda: self.must(*arguments, "--json"), lambda ran: bool(show.list_of(ran.json)))
        return show.list_of(ran.json)[0]

    def file(self, content: object) -> str:
        path = self.folder / f"{new_id().hex}.json"
        path.write_text(json.dumps(content))
        return str(path)


def eventually(act: Callable[[], Ran], enough: Callable[[Ran], bool]) -> Ran:
    """Repeat until it is enough; an AssertionError shows the last answer."""
    ends = clock.monotonic() + DEADLINE_SECONDS
    while not enough(ran := act()):
        assert clock.monotonic() < ends, (ran.out, ran.err)
        time.sleep(PAUSE_SECONDS)
    return ran


def is_fine(ran: Ran) -> bool:
    return ran.status == 0


@pytest.fixture
def shop(doorstep: Run, tmp_path: Path, stack: LocalStack) -> Shop:
    """An open shop on the running stack."""
    assert stack.urls
    opened = Shop(doorstep, tmp_path)
    opened.open()
    return opened


def test_an_order_goes_from_placed_to_handed_over_by_command(shop: Shop) -> None:
    shop.place()
    fulfilment = str(shop.first("parcels", "work", "--location", shop.location)["id"])
    eventually(
        lambda: shop.must("orders", "explain", f"ref:{shop.reference}"), lambda ran: "takes its pick list" in ran.out
    )
    picking = str(shop.must("picks", "next", shop.location, "--json").fields["id"])
    shop.must("picks", "scan", picking, shop.barcode, "--tote", "T1", "--quantity", "2")
    parcel = str(shop.must("parcels", "pack", fulfilment, *BOX, "--json").fields["id"])
    eventually(lambda: shop.run("parcels", "label", parcel), is_fine)
    order = str(shop.must("orders", "get", f"ref:{shop.reference}", "--json").fields["id"])
    shipment = shop.first("shipments", "find", "--order", order, "--status", "label_purchased")
    tracking, carrier = str(shipment["tracking_number"]), str(shipment["carrier"])
    shop.must("parcels", "stage", shop.location, tracking)
    left = shop.must("parcels", "hand-over", shop.location, carrier, tracking, "--json").fields

    assert len(show.list_of(left["accepted"])) == 1
    eventually(lambda: shop.must("orders", "get", f"ref:{shop.reference}"), lambda ran: "2 in_transit" in ran.out)
    assert "on_hand" in shop.must("stock", "show", "--sku", shop.sku, "--json").out
    assert shop.first("stock", "show", "--sku", shop.sku)["on_hand"] == 8


def test_an_order_is_found_by_what_the_caller_has(shop: Shop) -> None:
    number = str(shop.place().fields["number"])

    for known in (number, shop.reference, shop.email):
        found = show.list_of(shop.must("orders", "find", known, "--json").json)
        assert [row["number"] for row in found] == [number], known


def test_every_bad_field_is_named_at_once(shop: Shop) -> None:
    order = {
        "reference": "x",
        "shipping_address": {"name": "A"},
        "lines": [{"reference": "1", "sku": "no", "quantity": 0}],
    }

    ran = shop.run("orders", "place", shop.file(order), "--storefront", shop.storefront)

    assert ran.status == 1
    for pointer in ("/shipping_address/line1", "/shipping_address/city", "/lines/0/quantity", "/lines/0/sku"):
        assert pointer in ran.err


def test_a_wrong_item_is_refused_with_what_is_expected(shop: Shop) -> None:
    shop.place()
    shop.first("parcels", "work", "--location", shop.location)
    picking = str(shop.must("picks", "next", shop.location, "--json").fields["id"])

    ran = shop.run("picks", "scan", picking, "0000000000")

    assert ran.status == 1
    assert "wrong_item" in ran.err
    assert shop.sku in ran.err


def test_an_order_is_cancelled_and_its_stock_is_free_again(shop: Shop) -> None:
    shop.place()
    eventually(
        lambda: shop.must("stock", "show", "--sku", shop.sku, "--json"),
        lambda ran: show.list_of(ran.json)[0]["reserved"] == 2,
    )

    shop.must("orders", "cancel", f"ref:{shop.reference}")

    eventually(
        lambda: shop.must("orders", "get", f"ref:{shop.reference}", "--json"),
        lambda ran: ran.fields["status"] == "cancelled",
    )
    assert shop.first("stock", "show", "--sku", shop.sku)["reserved"] == 0


def test_a_held_order_says_who_holds_it_and_goes_on_when_let_go(shop: Shop) -> None:
    shop.place(quantity=1)
    named = f"ref:{shop.reference}"

    shop.must("orders", "hold", named, "--reason", "manual", "--note", "asked by phone")
    held = shop.must("orders", "get", named, "--json").fields["holds"]
    shop.must("orders", "unhold", named, str(show.list_of(held)[0]["id"]), "--note", "settled")

    assert [row["reason"] for row in show.list_of(held)] == ["manual"]
    assert shop.must("orders", "get", named, "--json").fields["holds"] == []


def test_a_customer_is_handed_their_data_and_then_forgotten(shop: Shop) -> None:
    shop.place()
    named, report = f"ref:{shop.reference}", shop.folder / "ann.json"
    shop.must("privacy", "export", "--email", shop.email, "--report", str(report))
    handed = json.loads(report.read_text())["orders"]
    assert [order["orders"]["orders"][0]["address"]["line1"] for order in handed] == ["1 Harbour Road"]
    assert report.stat().st_mode & 0o077 == 0
    shop.must("orders", "cancel", named)
    eventually(lambda: shop.must("orders", "get", named, "--json"), lambda ran: ran.fields["status"] == "cancelled")

    shop.must("privacy", "erase", "--email", shop.email, "--reason", "asked by letter")

    eventually(
        lambda: shop.must("privacy", "erase", named, "--reason", "asked by letter", "--json"),
        lambda ran: show.list_of(ran.json)[0]["state"] == "erased",
    )
    assert "Harbour" not in shop.must("privacy", "export", named).out
    assert show.list_of(shop.must("orders", "find", shop.email, "--json").json) == []
    assert shop.run("privacy", "erase", "--email", shop.email, "--reason", "asked again").status == 1


def test_a_key_is_shown_once_rotated_and_revoked(shop: Shop) -> None:
    made = shop.must("keys", "create", shop.storefront, "--label", "spare", "--json").fields
    successor = shop.must("keys", "rotate", str(made["id"]), "--json").fields
    shop.must("keys", "revoke", str(made["id"]), "--reason", "a try")
    listed = shop.must("keys", "list", shop.storefront, "--json")

    assert str(made["key"]).startswith("dsk_live_")
    assert successor["key"] != made["key"]
    assert str(made["key"]) not in listed.out
    revoked = {row["id"]: row["revoked_at"] for row in show.list_of(listed.json)}
    assert revoked[str(made["id"])] is not None
    assert revoked[str(successor["id"])] is None
