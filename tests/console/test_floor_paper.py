"""What the pack bench prints: labels as its printers read them and in other formats, and packing slips."""

import re
from functools import partial

import pytest
from reportlab.pdfgen.canvas import Canvas

from services.console.actions.documents import packing_slip
from services.console.actions.letters import fit, known, loses
from services.console.schemas.warehouse import EnclosedLine, Enclosure, Parcel
from services.console.settings import pages
from services.console.wording import CATALOGUES
from shared import clock
from shared.ids import new_id
from tests.clients import Clients
from tests.console.floor import Hand, closed_parcel, labelled_parcel, order, picked, tone_of
from tests.console.shop import Shop, location_of
from tests.console.visitor import text_of


async def test_label_and_packing_slip_are_paper(picker: Hand, shelves: Shop) -> None:
    at = await picked(shelves, await order(shelves))
    parcel, number = await labelled_parcel(picker, shelves, at)
    label = await picker.visitor.get(f"/pack/parcels/{parcel}/label")
    assert label.status_code == 200
    assert number in label.headers["content-disposition"]
    as_pdf = await picker.visitor.get(f"/pack/parcels/{parcel}/label", **{"as": "pdf"})
    slip = await picker.visitor.get(f"/pack/parcels/{parcel}/slip")
    for paper in (as_pdf, slip):
        assert paper.headers["content-type"] == "application/pdf"
        assert paper.content.startswith(b"%PDF")
    as_zpl = await picker.visitor.get(f"/pack/parcels/{parcel}/label", **{"as": "zpl"})
    assert as_zpl.headers["content-disposition"] == f'attachment; filename="{number}.zpl"'
    assert as_zpl.content.startswith(b"^XA")
    assert number.encode() in as_zpl.content
    missing = await picker.visitor.get(f"/pack/parcels/{new_id()}/label")
    assert missing.status_code == 404


async def test_a_format_that_the_carrier_does_not_give_is_said_in_words(picker: Hand, shelves: Shop) -> None:
    placed = await order(shelves)
    parcel, number = await labelled_parcel(picker, shelves, await picked(shelves, placed))
    fault = {"kind": "refused", "route": "/label$", "times": 1, "only_reference": placed.reference}
    await shelves.carrier.door.act("/simulator/faults", fault, key=f"no ZPL of {number}")

    refused = await picker.visitor.get(f"/pack/parcels/{parcel}/label", **{"as": "zpl"})

    assert refused.status_code == 404
    assert "Not in this format" in text_of(refused)
    assert "The carrier does not give this label as ZPL: print it as PNG." in text_of(refused)
    unknown = await picker.visitor.get(f"/pack/parcels/{parcel}/label", **{"as": "epl"})
    assert unknown.status_code == 422


async def test_a_warehouse_with_label_printers_gets_labels_in_their_language(
    picker: Hand, shelves: Shop, clients: Clients
) -> None:
    saved = {"locations": [{**location_of(shelves.tag), "label_format": "zpl"}]}
    answer = await clients.of("inventory").post(
        "/staff/locations", json=saved, headers={"Idempotency-Key": str(new_id())}
    )
    assert answer.is_success, answer.text
    at = await picked(shelves, await order(shelves))
    parcel = await closed_parcel(picker, shelves, at)
    labelled = await picker.act(f"{at}/labels", parcel=parcel)
    shown = text_of(labelled)
    assert "Label for the printer (ZPL)" in shown
    assert [name in shown for name in ("Label as PDF", "Label as ZPL")] == [True, False]
    number = re.search(r"<code>(\w+)</code>", labelled.text)
    assert number is not None

    label = await picker.visitor.get(f"/pack/parcels/{parcel}/label")

    assert label.headers["content-type"] == "application/octet-stream", "a printer's language is kept as a file"
    assert label.headers["content-disposition"] == f'attachment; filename="{number[1]}.zpl"'
    assert label.content.startswith(b"^XA")
    assert number[1].encode() in label.content
    page = await picker.visitor.get(f"/pack/parcels/{parcel}/label", **{"as": "pdf"})
    assert (page.headers["content-type"], page.content[:4]) == ("application/pdf", b"%PDF")
    assert page.headers["content-disposition"] == f'inline; filename="{number[1]}.pdf"'
    staged = await picker.act(f"{at}/label-scans", parcel=parcel, code=number[1])
    assert tone_of(staged) == "done"


_NOTHING = Enclosure(gift_message="", delivery_instructions="", lines=[])


def _parcel(lines: int, name: str) -> Parcel:
    content = {"line_id": new_id(), "sku": "SKU-1", "name": name, "quantity": 2}
    return Parcel.model_validate(
        {
            "id": new_id(), "fulfilment_id": new_id(), "order_id": new_id(), "number": "FH-00001", "reference": "R-1",
            "location": "X", "parcel_no": 1, "state": "closed", "since": clock.now(), "contents": [content] * lines,
            "weight_grams": 1, "length_mm": 1, "width_mm": 1, "height_mm": 1, "tare_grams": 0, "expected_grams": 1,
            "variance_grams": 0, "variance_exceeded": False, "service_level": "standard", "cut_off_at": clock.now(),
            "label": {"state": "none", "carrier": "", "service": "", "tracking_number": "", "problem": ""},
        }
    )  # fmt: skip


@pytest.mark.parametrize(("lines", "pages"), [(1, 1), (200, 10)])
def test_a_packing_slip_goes_on_over_pages(lines: int, pages: int) -> None:
    slip = packing_slip(_parcel(lines, "Müsli — 東京 łódź"), _NOTHING, partial(CATALOGUES.say, "en"))
    assert len(re.findall(rb"/Type /Page\b", slip)) == pages


def test_a_packing_slip_holds_the_gifts_message_and_what_a_line_was_ordered_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parcel = _parcel(1, "Mug")
    written: list[str] = []
    draw = Canvas.drawString

    def keep(canvas: Canvas, x: float, y: float, text: str) -> None:
        written.append(text)
        draw(canvas, x, y, text)

    monkeypatch.setattr(Canvas, "drawString", keep)
    engraved = EnclosedLine(line_id=parcel.contents[0].line_id, properties={"engraving": "Ann"})
    enclosure = Enclosure(gift_message="Happy birthday\nfrom Bob", delivery_instructions="Ring twice", lines=[engraved])

    packing_slip(parcel, enclosure, partial(CATALOGUES.say, "en"))

    assert {"engraving: Ann", "Happy birthday", "from Bob"} <= set(written)


@pytest.mark.parametrize("text", ["Müsli", "łódź", "Ελληνικός καφές", "Чай «Пуэр»", "Cà phê sữa đá"])
def test_names_in_other_alphabets_are_printed(text: str) -> None:
    assert known(text) == text
    assert known(text, bold=True) == text
    assert not loses(text)


def test_letters_without_a_shape_are_told_and_no_black_box() -> None:
    nowhere = "\U00012000"  # a sign of cuneiform
    assert known(f"Tablet {nowhere}") == "Tablet ?"
    assert loses(nowhere)
    assert known("שלום") == "????", "letters in the wrong order would say nothing"
    assert not loses("what?")
    assert fit("a long name that does not fit", 40, 9).endswith("…")
    told = packing_slip(_parcel(1, f"Tablet {nowhere}"), _NOTHING, partial(CATALOGUES.say, "en"))
    untold = packing_slip(_parcel(1, "Tablet ?"), _NOTHING, partial(CATALOGUES.say, "en"))
    assert len(told) > len(untold), "the foot of the page says what the sign stands for"


@pytest.mark.skipif(
    not all(path.is_file() for path in pages().fonts),
    reason="Debian's fonts-droid-fallback and fonts-unfonts-core are not installed here",
)
def test_chinese_japanese_and_korean_are_printed_where_a_font_has_them() -> None:
    for text in ("東京の抹茶", "中文茶叶", "한국 김치"):
        assert not loses(text)
        assert known(text) == text
