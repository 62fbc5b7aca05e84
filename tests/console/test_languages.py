"""Customers read their own language: every sentence has its other, with the same gaps, and days and money follow."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.care.channels import wording as care
from services.care.policy.messages import Topic
from services.console import wording
from services.console.actions.answers import INSIDE, REASONS, TOLD_HOLDS, answer
from services.console.actions.orders import Known
from services.console.actions.progress import track
from services.console.actions.status import Status
from services.console.rendering import minor_units, moment, money, plain, render
from services.console.schemas import Hold, Place, Shipment, Trouble
from services.console.schemas.customer import CareSees, Reported
from services.console.wording import speaking
from services.orders.states import FulfilmentStatus, HoldReason
from shared.ids import new_id
from shared.languages import Catalogues, accepted
from tests.console.spoken import sentences_of_care, sentences_of_the_console
from tests.console.test_answers import DAY, HOUR, NOW, known, reply, wish

_GAP = re.compile(r"\{\w+\}")
_SERVICES = {
    "console": (wording.CATALOGUES, sentences_of_the_console),
    "care": (care.CATALOGUES, sentences_of_care),
}
_OTHERS = [
    (service, language)
    for service, (catalogues, _) in _SERVICES.items()
    for language in catalogues.languages
    if language != "en"
]
# What an English sentence cannot do without, and no German one has.
_ENGLISH = re.compile(r"\b(the|your|you|is|it|its|of|by|and|with|what|late|for|to|from|has|parcel|order|delivered)\b")


def test_both_services_write_to_customers_in_the_same_languages() -> None:
    assert wording.CATALOGUES.languages == care.CATALOGUES.languages == ("en", "de")


@pytest.mark.parametrize(("service", "language"), _OTHERS)
def test_every_sentence_to_a_customer_is_translated_with_its_gaps(service: str, language: str) -> None:
    catalogues, said = _SERVICES[service]
    translated, sentences = catalogues.of(language), said()
    assert sentences - translated.keys() == set(), "say it in this language too"
    assert translated.keys() - sentences == set(), "nobody says this any more"
    for english, other in translated.items():
        assert sorted(set(_GAP.findall(english))) == sorted(set(_GAP.findall(other))), english


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["de"], "de"), (["de-AT"], "de"), (["de_CH"], "de"), (["DE"], "de"), (["pt"], "pt-BR"), (["pt-PT"], "pt-BR"),
        (["fr", "de"], "de"), (["en-GB", "de"], "en"), (["", "klingon", "../../de"], "en"), ([], "en"),
    ],
)  # fmt: skip
def test_a_language_serves_those_who_read_one_like_it(tmp_path: Path, wanted: list[str], chosen: str) -> None:
    for language in ("de", "pt-BR"):
        (tmp_path / f"{language}.json").write_text("{}")
    assert Catalogues(tmp_path).choose(wanted) == chosen


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", ["de-AT", "de", "en"]), ("en;q=0.1, fr ; q=0.7", ["fr", "en"]), ("*", []),
        ("de;q=0, en", ["en"]), ("", []), (",;q=,de;q=x,\x00", ["\x00"]), ("de;q=nan,en;q=inf", ["en"]),
    ],
)  # fmt: skip
def test_what_a_browser_asks_for_is_weighed(header: str, tags: list[str]) -> None:
    assert accepted(header) == tags


def test_a_reply_is_written_in_the_customers_language() -> None:
    with speaking("de"):
        told = reply(known(NOW + 3 * DAY))
    assert told.startswith("Guten Tag,\n\nvielen Dank für Ihre Frage zu Ihrer Bestellung R-1.")
    assert "Ihre Bestellung ist im Lager und wird als Nächstes zusammengestellt." in told
    assert "Die Lieferung sollte bis Sonntag, 29. November bei Ihnen sein." in told
    assert "Wie es weitergeht: das Lager stellt die Artikel zusammen, damit die Lieferung bis Samstag, 28." in told
    assert told.endswith("Freundliche Grüße\nSofia")


def test_days_times_and_money_are_written_as_the_language_has_it() -> None:
    at = datetime.fromisoformat("2031-03-04T14:05:00+01:00")
    assert (money(123_456, "EUR"), money(123_456, "JPY")) == ("€\xa01,234.56", "¥\xa0123,456")
    assert (moment(at), minor_units(Decimal("1.234"), "KWD")) == ("Tue 4 Mar 2031 14:05", 1234)
    with speaking("de"):
        assert (money(123_456, "EUR"), money(5, "BRL")) == ("1.234,56\xa0€", "0,05\xa0R$")
        assert moment(at) == "Di., 4. März 2031, 14:05 Uhr"


def test_a_code_is_written_in_the_language_that_is_spoken() -> None:
    assert (plain("put_back_pending"), plain("cancelled")) == ("put back pending", "cancelled")
    with speaking("de"):
        assert (plain("put_back_pending"), plain("cancelled")) == ("put back pending", "storniert")


def _shipment(status: str) -> Shipment:
    return Shipment(
        parcel_id=new_id(), carrier="", service="", tracking_number="1Z", tracking_url="https://t.example", flags=[],
        status=status, lines=[], packed_at=NOW, handed_over_at=NOW, last_scan_at=NOW, last_place=Place(city="ULM"),
        estimated_delivery_at=None, delivered_at=NOW if status == "delivered" else None, signed_by=False,
    )  # fmt: skip


def _states() -> list[tuple[str, Known]]:
    """Give orders in all the ways there are to be told of."""
    late, soon = known(NOW - HOUR), known(NOW + 3 * DAY)
    states = [("late", late), ("late, heard", known(NOW - HOUR, heard_by=NOW + DAY)), ("soon", soon)]
    for status in FulfilmentStatus:
        order = soon.order.model_copy(update={"fulfilment_status": status})
        states.append((status, known(NOW + 3 * DAY, order=order)))
    for kind in REASONS:
        trouble = Trouble(kind=kind, level="confirmed", detected_at=NOW, cleared_at=None)
        states.append((kind, known(NOW + 3 * DAY, troubles=[trouble], heard_by=NOW + HOUR)))
    for reason in HoldReason:
        order = soon.order.model_copy(update={"holds": [Hold(reason=reason, holder="", since=NOW, due_at=None)]})
        states.append((f"held {reason}", known(NOW + 3 * DAY, order=order)))
    for where in ("handed_over", "picked_up", "in_transit", "out_for_delivery", "available_for_pickup",
                  "delivery_attempted", "returning_to_sender", "returned_to_sender", "lost", "undeliverable",
                  "delivered"):  # fmt: skip
        order = soon.order.model_copy(update={"shipments": [_shipment(where), _shipment("packing")]})
        states.append((where, known(NOW + 3 * DAY, order=order)))
    for ended in ("cancelled", "rejected"):
        order = soon.order.model_copy(update={"status": ended})
        states.append((ended, known(NOW + DAY, order=order)))
    asked = wish("pending", *((line.id, line.quantity, "pending") for line in soon.order.lines))
    order = soon.order.model_copy(update={"cancellations": [asked]})
    states.append(("asked to cancel", known(NOW + DAY, order=order)))
    return states


_CARE = CareSees(
    troubles=[], waits_for_revision=None, consent="awaited", answer_by=NOW + DAY, notices="email", rating=None,
    heard_by=NOW + DAY, may_rate=True,
    reports=[Reported(kind=kind, reported_at=NOW) for kind in ("damage", "missing_item", "wrong_item", "not_received")],
)  # fmt: skip


@pytest.mark.parametrize(("name", "about"), _states(), ids=lambda value: value if isinstance(value, str) else "")
def test_nothing_english_is_left_in_what_a_german_customer_reads(name: str, about: Known) -> None:
    tracks = [track(one) for one in about.order.shipments]
    with speaking("de"):
        status = Status(about.order, answer(about), tracks, _CARE, can_report=True, language="de")
        values = {"known": status, "order": about.order, "link": "x", "csrf": "", "may_act": True, "live": True}
        page = render("parts/status_live.html", values)
        written = reply(about)
    texts = re.sub(r"<[^>]*>|aria-label=|Mug|Book", " ", re.sub(r'aria-label="([^"]*)"', r">\1<", page))
    for told in (texts, written.replace("https://", "")):
        assert not _ENGLISH.findall(re.sub(r"\S*(://|track\?)\S*", "", told)), told


@pytest.mark.parametrize("topic", Topic)
def test_a_message_is_written_in_the_customers_language(topic: Topic) -> None:
    reader = care.Reader("Ada Albers", "https://status.example.com/track/orders/x", "de")
    day = datetime.fromisoformat("2026-11-24T23:00:00+00:00")
    for facts in ({}, {"answer_by": "2026-11-23T09:00:00+00:00"}, {"remedy": "cancel_line", "cause": "no_consent"}):
        words = care.write(topic, {"order_number": "K7RMP2Q", **facts}, day, reader)
        assert words.body.startswith("Guten Tag Ada Albers,\n\n")
        assert words.body.endswith("Ihre Kundenbetreuung\n")
        assert not _ENGLISH.findall(f"{words.subject} {words.body}".replace("/track/orders/x", ""))
    assert ("Der Termin ist Dienstag, 24. November 2026." in words.body) is (topic in {"delay", "stock", "no_news"})


def test_what_is_held_or_on_its_way_has_its_words_for_the_customer() -> None:
    assert set(TOLD_HOLDS) == set(HoldReason)
    assert set(INSIDE) == set(FulfilmentStatus)
    assert all("fraud" not in words for words in TOLD_HOLDS.values())
