"""What staff can do to stock over HTTP, and how bad requests are answered."""

import base64
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from services.inventory.models import stock as models
from services.inventory.models.stock import StockTable
from shared import clock
from shared.events import inventory
from shared.ids import new_id
from tests.inventory.lab import Json, Lab, Line, order_placed

DAY = timedelta(days=1)
SIZE = {"weight_grams": 300, "length_mm": 100, "width_mm": 80, "height_mm": 60}


def _problems(answer: Json) -> set[tuple[str, str]]:
    return {(error["pointer"], error["code"]) for error in answer["errors"]}


async def test_a_sku_is_saved_and_told(lab: Lab) -> None:
    place = await lab.location()
    code = f"S-{new_id()}"
    barcodes = [{"code": f"b-{code}", "units": 6}]
    bins = [{"location": place, "bin": "A-1-2", "walk_order": 7}]
    sku = {
        "code": code,
        "name": "Mug",
        **SIZE,
        "flags": ["fragile", "perishable", "safety"],
        "barcodes": barcodes,
        "bins": bins,
    }

    await lab.do("/staff/skus", {"skus": [sku]})

    saved = await lab.get(f"/staff/skus/{code}")
    assert (saved["fragile"], saved["barcodes"], saved["bins"]) == (True, barcodes, bins)
    assert (saved["perishable"], saved["safety"]) == (True, True)
    (fact,) = await lab.facts(inventory.SkuSaved, code)
    assert (fact.name, fact.weight_grams, fact.fragile) == ("Mug", 300, True)
    assert (fact.perishable, fact.safety) == (True, True)


async def test_a_bin_named_twice_is_one_bin(lab: Lab) -> None:
    named = {"location": await lab.location(), "bin": "A-1-2", "walk_order": 7}

    code = await lab.sku(bins=[named, named])

    assert (await lab.get(f"/staff/skus/{code}"))["bins"] == [named]


async def test_saving_a_sku_again_keeps_its_barcodes_unless_new_ones_are_given(lab: Lab) -> None:
    code = await lab.sku(barcodes=[])
    await lab.do("/staff/skus", {"skus": [{"code": code, "name": "A", **SIZE, "barcodes": [{"code": f"x-{code}"}]}]})

    await lab.do("/staff/skus", {"skus": [{"code": code, "name": "B", **SIZE}]})

    saved = await lab.get(f"/staff/skus/{code}")
    assert (saved["name"], saved["barcodes"]) == ("B", [{"code": f"x-{code}", "units": 1}])


@pytest.mark.parametrize("flag", ["lot", "serial", "expiry", "hazmat"])
async def test_flags_that_are_not_supported_yet_are_refused_clearly(lab: Lab, flag: str) -> None:
    answer = await lab.post("/staff/skus", {"skus": [{"code": "S-X", "name": "X", **SIZE, "flags": [flag]}]})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/skus/0/flags"
    assert "not supported yet" in error["detail"]


async def test_a_barcode_of_another_sku_and_an_unknown_bin_location_are_refused(lab: Lab) -> None:
    taken = await lab.sku()
    barcode = {"code": f"bar-{taken}"}
    await lab.do("/staff/skus", {"skus": [{"code": taken, "name": "A", **SIZE, "barcodes": [barcode]}]})

    stolen = await lab.post("/staff/skus", {"skus": [{"code": "S-Y", "name": "Y", **SIZE, "barcodes": [barcode]}]})
    lost = await lab.post(
        "/staff/skus", {"skus": [{"code": "S-Y", "name": "Y", **SIZE, "bins": [{"location": "nowhere", "bin": "1"}]}]}
    )

    assert _problems(stolen.json()) == {("/skus/0/barcodes/0/code", "barcode_taken")}
    assert _problems(lost.json()) == {("/skus/0/bins/0/location", "unknown_location")}


async def test_a_location_is_saved_and_told_with_its_calendar(lab: Lab) -> None:
    cut_off = {"service_level": "express", "weekday": 4, "order_by": "14:00", "truck_at": "17:00"}

    code = await lab.location(cut_offs=[cut_off], holidays=["2026-12-25"])

    place = await lab.get(f"/internal/locations/{code}")
    assert (place["city"], place["cut_offs"], place["holidays"]) == ("Berlin", [cut_off], ["2026-12-25"])
    (fact,) = await lab.facts(inventory.LocationSaved, code)
    assert cut_off in [entry.model_dump() for entry in fact.cut_offs]
    assert {entry.service_level for entry in fact.cut_offs} == {"economy", "standard", "express"}


async def test_two_trucks_of_a_level_on_one_day_are_refused(lab: Lab) -> None:
    cut_off = {"service_level": "*", "weekday": 4, "order_by": "14:00", "truck_at": "17:00"}
    place = {
        "code": "L", "name": "L", "line1": "1", "city": "B", "postal_code": "1", "country_code": "DE", "zone": "DE",
        "time_zone": "UTC", "cut_offs": [cut_off, {**cut_off, "order_by": "18:00"}],
    }  # fmt: skip

    answer = await lab.post("/staff/locations", {"locations": [place]})

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/locations/0/cut_offs"]


async def test_a_transfer_of_skus_that_do_not_exist_names_each(lab: Lab) -> None:
    sku, source = await lab.stocked(5)
    target = await lab.location()
    lines = [{"sku": sku, "quantity": 1}, {"sku": "S-none", "quantity": 1}]
    body = {"source": source, "target": target, "expected_at": clock.now().isoformat(), "lines": lines}

    answer = await lab.post("/staff/stock/transfer", body)

    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/lines/1/sku", "unknown_sku")]
    assert (await lab.stock(sku, source))["on_hand"] == 5


async def test_stock_beyond_what_a_row_can_count_is_refused(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    line = {"sku": sku, "location": place, "quantity": 1_000_000}

    answers = [await lab.post("/staff/stock/receive", {"lines": [line] * 500}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 422]
    assert (await lab.stock(sku, place))["on_hand"] == 2_000_000_001


@pytest.mark.parametrize(
    ("path", "counts"), [("count", ("counted", 4, 9)), ("safety", ("safety_stock", 1, 2))], ids=["count", "safety"]
)
async def test_a_line_that_sets_a_sku_twice_at_its_location_is_refused(
    lab: Lab, path: str, counts: tuple[str, int, int]
) -> None:
    sku, place = await lab.stocked(5)
    field, first, second = counts
    lines = [{"sku": sku, "location": place, field: units} for units in (first, second)]

    answer = await lab.post(f"/staff/stock/{path}", {"lines": lines, "reason": "stock-taking"})

    assert answer.status_code == 422, answer.text
    assert _problems(answer.json()) == {("/lines/1/sku", "repeated")}
    row = await lab.stock(sku, place)
    assert (row["on_hand"], row["safety_stock"]) == (5, 0)


async def test_a_location_given_twice_is_refused(lab: Lab) -> None:
    code = await lab.location(name="Old house")
    place = await lab.get(f"/internal/locations/{code}")
    kept = ("code", "line1", "city", "postal_code", "country_code", "zone", "time_zone")
    twins = [{**{name: place[name] for name in kept}, "name": name} for name in ("New house", "Newer house")]

    answer = await lab.post("/staff/locations", {"locations": twins})

    assert answer.status_code == 422, answer.text
    assert _problems(answer.json()) == {("/locations/0/code", "repeated"), ("/locations/1/code", "repeated")}
    assert (await lab.get(f"/internal/locations/{code}"))["name"] == "Old house"


@pytest.mark.parametrize("key", ['["\\u0000"]', '["\\ud800"]', "[" * 300, '[["a"]]', "[9223372036854775808]"])
@pytest.mark.parametrize("path", ["/staff/skus", "/staff/ledger", "/staff/stock", "/staff/fulfilments"])
async def test_a_cursor_that_is_none_of_ours_is_refused(lab: Lab, path: str, key: str) -> None:
    cursor = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")

    answer = await lab.client.get(path, params={"cursor": cursor})

    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/cursor"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"time_zone": "Mars/Olympus"}, "/locations/0/time_zone"),
        ({"country_code": "Germany"}, "/locations/0/country_code"),
        ({"colour": "red"}, "/locations/0/colour"),
    ],
)
async def test_a_bad_location_is_refused_by_field(lab: Lab, fields: Json, pointer: str) -> None:
    good = {
        "code": "L", "name": "L", "line1": "1", "city": "B", "postal_code": "1", "country_code": "DE", "zone": "DE",
        "time_zone": "UTC",
    }  # fmt: skip

    answer = await lab.post("/staff/locations", {"locations": [{**good, **fields}]})

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_every_unknown_sku_and_location_of_a_receipt_is_named(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()
    lines = [
        {"sku": sku, "location": place, "quantity": 1},
        {"sku": "S-none", "location": place, "quantity": 1},
        {"sku": sku, "location": "L-none", "quantity": 1},
    ]

    answer = await lab.post("/staff/stock/receive", {"lines": lines})

    assert _problems(answer.json()) == {("/lines/1/sku", "unknown_sku"), ("/lines/2/location", "unknown_location")}


async def test_the_same_receipt_sent_twice_is_booked_once(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()
    body = {"lines": [{"sku": sku, "location": place, "quantity": 4}]}

    first = await lab.post("/staff/stock/receive", body, key=f"k-{sku}")
    second = await lab.post("/staff/stock/receive", body, key=f"k-{sku}")

    assert first.json() == second.json()
    assert (await lab.stock(sku, place))["on_hand"] == 4


async def test_units_received_damaged_lie_there_but_are_not_for_sale(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()

    await lab.do("/staff/stock/receive", {"lines": [{"sku": sku, "location": place, "quantity": 5, "damaged": 2}]})

    row = await lab.stock(sku, place)
    assert (row["on_hand"], row["damaged"], row["available"]) == (5, 2, 3)
    await lab.check_books([sku])


@pytest.mark.parametrize("bucket", ["on_hand", "damaged", "quarantined"])
async def test_an_adjustment_changes_its_bucket_and_leaves_a_trace(lab: Lab, bucket: str) -> None:
    sku, place = await lab.stocked(5)

    for quantity in (2, -1):
        line = {"sku": sku, "location": place, "quantity": quantity, "bucket": bucket}
        await lab.do("/staff/stock/adjust", {"lines": [line], "reason": "found behind the shelf"})

    row = await lab.stock(sku, place)
    assert row[bucket] == (6 if bucket == "on_hand" else 1)
    assert (await lab.get("/staff/audit", subject="stock"))["data"][0]["reason"] == "found behind the shelf"
    await lab.check_books([sku])


@pytest.mark.parametrize("bucket", ["on_hand", "damaged", "quarantined"])
async def test_more_than_there_is_cannot_be_taken(lab: Lab, bucket: str) -> None:
    sku, place = await lab.stocked(2)
    line = {"sku": sku, "location": place, "quantity": -3 if bucket == "on_hand" else 3, "bucket": bucket}

    answer = await lab.post("/staff/stock/adjust", {"lines": [line], "reason": "mistake"})

    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_stock")
    assert (await lab.stock(sku, place))["on_hand"] == 2


async def test_displaced_units_move_to_another_location(lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    order = order_placed(Line(sku, 3))
    await lab.tell(order)
    other = await lab.location()
    await lab.receive(sku, other, 3)

    line = {"sku": sku, "location": place, "quantity": -2}
    answer = await lab.do("/staff/stock/adjust", {"lines": [line], "reason": "water damage"})

    assert answer["displaced"] == 2
    assert await lab.reservations(order) == sorted([("allocated", place, 1), ("allocated", other, 2)])
    latest = (await lab.facts(inventory.StockReserved, order.order_id))[-1]
    assert {(a.location, a.quantity) for a in latest.lines[0].allocations} == {(place, 1), (other, 2)}
    await lab.check_books([sku])


async def test_the_latest_promise_gives_way_first(lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    now = clock.now()
    early, late = order_placed(Line(sku, 2), ship_by=now + DAY), order_placed(Line(sku, 1), ship_by=now + 5 * DAY)
    await lab.tell(late)
    await lab.tell(early)

    counted = {"sku": sku, "location": place, "counted": 1}
    answer = await lab.do("/staff/stock/count", {"lines": [counted], "reason": "yearly count"})

    assert answer["displaced"] == 2
    assert await lab.reservations(late) == [("backordered", "", 1)]
    assert await lab.reservations(early) == [("allocated", place, 1), ("backordered", "", 1)]
    assert (await lab.kinds(late.order_id))[-1] == "stock_backordered"
    await lab.check_books([sku])


async def test_damage_on_the_shelf_displaces_too(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    order = order_placed(Line(sku))
    await lab.tell(order)

    line = {"sku": sku, "location": place, "quantity": 1, "bucket": "damaged"}
    await lab.do("/staff/stock/adjust", {"lines": [line], "reason": "fell from the shelf"})

    row = await lab.stock(sku, place)
    assert (row["on_hand"], row["reserved"], row["damaged"]) == (1, 0, 1)
    assert await lab.reservations(order) == [("backordered", "", 1)]


async def test_a_count_that_finds_more_serves_those_who_wait(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    order = order_placed(Line(sku, 2))
    await lab.tell(order)

    await lab.do("/staff/stock/count", {"lines": [{"sku": sku, "location": place, "counted": 4}]})
    await lab.run_jobs()

    assert (await lab.kinds(order.order_id))[-1] == "stock_reserved"
    assert (await lab.stock(sku, place))["available"] == 2


async def test_the_ledger_is_never_changed(lab: Lab) -> None:
    sku, _ = await lab.stocked(1)

    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        async with lab.database.transaction() as tx:
            await tx.execute("delete from ledger where sku = $1", sku)


async def test_lists_are_paged_by_a_cursor(lab: Lab) -> None:
    place = await lab.location()
    skus = sorted(await lab.skus(5))
    lines = [{"sku": sku, "location": place, "quantity": 1} for sku in skus]
    await lab.do("/staff/stock/receive", {"lines": lines})

    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await lab.get("/staff/stock", location=place, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [row["sku"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == skus
    bad = await lab.client.get("/staff/stock", params={"cursor": "!!"})
    assert _problems(bad.json()) == {("/query/cursor", "invalid_cursor")}


async def test_what_does_not_exist_is_not_found(lab: Lab) -> None:
    for path in ("/internal/locations/L-none", "/staff/skus/S-none", f"/staff/inbounds/{UUID(int=0)}"):
        assert (await lab.client.get(path)).status_code == 404


@pytest.mark.parametrize("table", models.TABLES, ids=lambda table: str(table.__tablename__))
async def test_a_tables_class_has_the_columns_of_the_migrated_table(lab: Lab, table: type[StockTable]) -> None:
    async with lab.database.transaction() as tx:
        rows = await tx.fetch(
            "select column_name, is_nullable from information_schema.columns where table_name = $1",
            str(table.__tablename__),
        )
    optional = {name for name, column in table.__table__.columns.items() if column.nullable}  # type: ignore[attr-defined]
    assert {row["column_name"] for row in rows} == set(table.model_fields)
    assert {row["column_name"] for row in rows if row["is_nullable"] == "YES"} == optional


async def test_a_sku_is_found_by_what_a_scanner_reads(lab: Lab) -> None:
    code = f"S-{str(new_id())[-8:]}"
    await lab.do("/staff/skus", {"skus": [{"code": code, "name": "A", **SIZE, "barcodes": [{"code": f"x-{code}"}]}]})
    for read in (code, f"x-{code}"):
        (found,) = (await lab.get("/staff/skus", barcode=read))["data"]
        assert found["code"] == code
    assert (await lab.get("/staff/skus", barcode="nothing"))["data"] == []
