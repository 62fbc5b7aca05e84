"""What the command line prints, for people and for programs."""

import json

import pytest
from pydantic import JsonValue

from cli import show

COLUMNS = (("order", "number"), ("by", "promise.deliver_by"), ("total", "total"), ("holds", "holds"))


def test_money_is_written_as_people_write_it() -> None:
    assert show.cell({"amount": 1290, "currency": "EUR"}) == "12.90 EUR"
    assert show.cell({"amount": 1290, "currency": "JPY"}) == "1290 JPY"
    assert show.cell({"amount": -5, "currency": "EUR"}) == "-0.05 EUR"


def test_what_is_not_known_is_a_dash() -> None:
    assert {show.cell(None), show.cell(""), show.cell([])} == {"-"}
    assert (show.cell(False), show.cell(0)) == ("no", "0")  # noqa: FBT003 - the value is the point


def test_times_are_shown_to_the_second_in_utc() -> None:
    assert show.cell("2026-11-22T09:44:57.415262Z") == "2026-11-22 09:44:57"
    assert show.cell("2026-11-22T09:44:57+00:00") == "2026-11-22 09:44:57"
    assert show.cell("2026-11-22T09:44:57+01:00") == "2026-11-22T09:44:57+01:00"


def test_a_path_that_ends_early_finds_nothing() -> None:
    assert show.at({"promise": None}, "promise.deliver_by") is None


def test_a_page_becomes_a_table_that_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    order: JsonValue = {
        "number": "A-1",
        "promise": {"deliver_by": "2026-03-01"},
        "total": {"amount": 5, "currency": "EUR"},
    }

    show.rows({"data": [order], "next_cursor": "abc"}, COLUMNS, json=False)

    shown = capsys.readouterr().out
    assert shown.split()[:4] == ["order", "by", "total", "holds"]
    assert "A-1" in shown
    assert "2026-03-01" in shown
    assert "0.05 EUR" in shown
    assert "--cursor abc" in shown


def test_markup_in_foreign_text_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows([{"name": "[red]x[/red]"}], (("name", "name"),), json=False)

    assert "[red]x[/red]" in capsys.readouterr().out


def test_json_is_the_whole_answer(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    page: JsonValue = {"data": [{"a": 1}], "next_cursor": None}

    show.rows(page, COLUMNS, json=True)

    assert json.loads(capsysbinary.readouterr().out) == page
