"""The recorded files are read as they are, traps included, and a wrong directory is named."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cli.olist import rows
from shared.errors import ConfigurationError
from tests.olist.dataset import ITEM, PRODUCT, DataSet


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_local_times_become_utc_and_the_promise_stays_a_day(tmp_path: Path) -> None:
    recorded = DataSet()
    recorded.add("o-1")
    purchase = rows.read(recorded.write(tmp_path)).purchases[0]
    assert purchase.purchased_at == at("2031-05-05 13:00:00")
    assert purchase.delivered_at == at("2031-05-12 21:30:00")
    assert purchase.promised_on == date(2031, 5, 20)


def test_the_first_orders_are_those_bought_first(tmp_path: Path) -> None:
    recorded = DataSet()
    recorded.add("late", order_purchase_timestamp="2031-05-09 08:00:00")
    recorded.add("early", order_purchase_timestamp="2031-05-01 08:00:00")
    recorded.add("middle", order_purchase_timestamp="2031-05-05 08:00:00")
    read = rows.read(recorded.write(tmp_path), limit=2)
    assert [purchase.reference for purchase in read.purchases] == ["early", "middle"]


def test_an_hour_that_summer_time_skips_or_repeats_still_is_a_moment() -> None:
    assert rows.utc_of("2017-10-15 00:30:00") == at("2017-10-15 03:30:00")
    assert rows.utc_of("2017-02-18 23:30:00") == at("2017-02-19 01:30:00")
    assert rows.utc_of("") is None


def test_money_is_read_without_a_rounding_error() -> None:
    assert [rows.cents_of(text) for text in ("19.9", "18.14", "4.35", "1180")] == [1990, 1814, 435, 118000]


def test_a_postcode_gets_back_the_zeros_it_lost(tmp_path: Path) -> None:
    recorded = DataSet()
    recorded.add("o-1")
    assert rows.read(recorded.write(tmp_path)).purchases[0].customer.postcode == "04571-000"


@pytest.mark.parametrize("weight", ["", "0", "0.0"])
def test_a_missing_weight_and_a_weight_of_zero_are_the_same(weight: str) -> None:
    product = rows.product_of({**PRODUCT, "product_weight_g": weight})
    assert product.weight_grams is None
    assert product.size_mm == (270, 200, 50)


def test_a_product_without_a_row_has_neither_weight_nor_size(tmp_path: Path) -> None:
    recorded = DataSet()
    recorded.add("o-1", [{**ITEM, "product_id": "p-unknown"}])
    assert rows.read(recorded.write(tmp_path)).products["p-unknown"] == rows.Product("p-unknown", None, None)


def test_a_directory_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"orders\.csv is missing"):
        rows.read(tmp_path)


def test_a_file_without_its_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order_id,customer_id\n")
    with pytest.raises(ConfigurationError, match="lacks the columns order_status"):
        rows.read(tmp_path)
