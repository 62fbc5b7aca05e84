"""Orders, goods and journeys as the doors take them."""

from collections import Counter
from pathlib import Path

import pytest

from cli.olist import rows, wire
from cli.olist.parcels import MOST_GRAMS, UNKNOWN_GRAMS, UNKNOWN_SIZE, Box, outer_size, pack
from cli.olist.plan import Plan, plan
from cli.olist.rows import Product
from tests.olist.dataset import ITEM, DataSet

PRODUCTS = {
    "heavy": Product("heavy", 30_000, (1000, 500, 400)),
    "middling": Product("middling", 14_000, (300, 600, 200)),
    "light": Product("light", 200, (100, 100, 100)),
    "unknown": Product("unknown", None, None),
}


@pytest.fixture
def order(tmp_path: Path) -> Plan:
    recorded = DataSet()
    recorded.add("o-1", (ITEM, ITEM, {**ITEM, "seller_id": "s-2"}))
    return plan(rows.read(recorded.write(tmp_path)).purchases[0])


def test_an_order_pins_its_lines_and_gives_a_day_and_a_pending_payment(order: Plan) -> None:
    body = wire.order_body(order)
    assert body["reference"] == "o-1"
    assert body["placed_at"] == "2031-05-05T13:00:00+00:00"
    assert body["deliver_by"] == "2031-05-20"
    assert body["payment"] == {"status": "pending", "expires_at": "2031-05-12T13:20:00+00:00"}
    lines = body["lines"]
    assert isinstance(lines, list)
    assert [(line["sku"], line["location"], line["quantity"], line["total"]["amount"]) for line in lines] == [
        ("p-1", "s-1", 2, 3980),
        ("p-1", "s-2", 1, 1990),
    ]
    assert body["total"] == {"amount": 3 * (1990 + 872), "currency": "BRL"}


def test_a_delivered_parcel_is_scanned_at_hand_over_and_delivery_and_every_two_days_between(order: Plan) -> None:
    script = wire.script_of(order)
    assert script is not None
    assert script["match"] == {"print_custom_1": "o-1"}
    assert script["synthetic_scan_hours"] == 48
    steps = script["steps"]
    assert isinstance(steps, list)
    assert [(step["at"], step["status"]) for step in steps] == [
        ("2031-05-07T18:00:00+00:00", "in_transit"),
        ("2031-05-12T21:30:00+00:00", "delivered"),
    ]


def test_a_lost_parcel_is_scanned_once_and_then_called_lost(tmp_path: Path) -> None:
    recorded = DataSet()
    recorded.add("o-1", order_status="shipped", order_delivered_customer_date="")
    script = wire.script_of(plan(rows.read(recorded.write(tmp_path)).purchases[0]))
    assert script is not None
    assert script["synthetic_scan_hours"] is None
    steps = script["steps"]
    assert isinstance(steps, list)
    assert [(step["status"], step["status_detail"]) for step in steps] == [
        ("in_transit", "picked_up"),
        ("failure", "lost"),
    ]


def test_an_order_that_never_leaves_has_no_journey(tmp_path: Path) -> None:
    recorded = DataSet()
    recorded.add("o-1", order_status="invoiced", order_delivered_carrier_date="", order_delivered_customer_date="")
    assert wire.script_of(plan(rows.read(recorded.write(tmp_path)).purchases[0])) is None


def test_receipts_name_only_what_is_wanted() -> None:
    wanted = Counter({("p-2", "s-1"): 2, ("p-1", "s-1"): 0, ("p-1", "s-0"): 1})
    assert wire.receipt_lines(wanted) == [
        {"sku": "p-1", "location": "s-0", "quantity": 1},
        {"sku": "p-2", "location": "s-1", "quantity": 2},
    ]


def test_a_product_without_weight_and_size_gets_usual_ones() -> None:
    body = wire.sku_body(PRODUCTS["unknown"])
    assert (body["weight_grams"], body["length_mm"]) == (UNKNOWN_GRAMS, UNKNOWN_SIZE[0])


def test_what_one_parcel_can_carry_is_one_parcel() -> None:
    assert pack({"light": 3, "middling": 2}, PRODUCTS) == [Box({"middling": 2, "light": 3}, 28_600)]


def test_no_parcel_is_heavier_than_the_carrier_takes_and_no_unit_is_left() -> None:
    units = {"heavy": 2, "middling": 3, "light": 4, "unknown": 1}
    boxes = pack(units, PRODUCTS)
    assert all(box.grams <= MOST_GRAMS for box in boxes)
    packed: Counter[str] = Counter()
    for box in boxes:
        packed.update(box.units)
    assert packed == Counter(units)
    assert len(boxes) == 4


def test_a_box_is_as_long_as_its_longest_unit_and_as_high_as_all() -> None:
    assert outer_size(Box({"middling": 1, "light": 2}, 14_400), PRODUCTS) == (300, 600, 400)


def test_long_lists_are_cut() -> None:
    assert [len(chunk) for chunk in wire.in_chunks([{"n": n} for n in range(5)], 2)] == [2, 2, 1]
