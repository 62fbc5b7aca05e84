"""Paper of the warehouse as PDF: packing slips with a barcode, and labels that came as pictures."""

import io
import unicodedata
from functools import lru_cache
from typing import Protocol

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A5
from reportlab.lib.units import inch, mm
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from services.console.schemas.warehouse import Enclosure, Parcel, ParcelLine

_LABEL_SIZE = (4 * inch, 6 * inch)
_MARGIN = 12 * mm
_ROW = 6.5 * mm
_FOOT = 18 * mm
_PLAIN, _BOLD = "Vera", "VeraBd"
_SKU_AT, _NAME_AT = 16 * mm, 52 * mm


class Say(Protocol):
    """Says a sentence in somebody's language."""

    def __call__(self, text: str, **values: object) -> str: ...


@lru_cache(maxsize=1)
def _fonts() -> TTFont:
    """Load the fonts that come with the library, once; gives the plain one."""
    plain = TTFont(_PLAIN, "Vera.ttf")
    pdfmetrics.registerFont(plain)
    pdfmetrics.registerFont(TTFont(_BOLD, "VeraBd.ttf"))
    return plain


def printable(text: str) -> str:
    """Give a text in letters the font has: accents fall before letters do, what is left becomes a question mark."""
    known = _fonts().face.charToGlyph
    kept: list[str] = []
    for letter in text:
        bare = unicodedata.normalize("NFKD", letter)[:1]
        kept.append(letter if ord(letter) in known else bare if bare and ord(bare) in known else "?")
    return "".join(kept)


def fit(text: str, width: float, size: float) -> str:
    """Shorten a text to a width in points."""
    text = printable(text)
    if pdfmetrics.stringWidth(text, _PLAIN, size) <= width:
        return text
    while text and pdfmetrics.stringWidth(f"{text}…", _PLAIN, size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def packing_slip(parcel: Parcel, enclosure: Enclosure, say: Say) -> bytes:
    """Write what lies in a parcel, for whoever opens it: never a price, so that a gift may hold it.

    A5, further pages when the lines need them; a gift's message stands below the lines.
    """
    _fonts()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A5, invariant=True)
    canvas.setTitle(printable(say("Packing slip {number}", number=parcel.number)))
    at = _head(canvas, parcel, say)
    for line in parcel.contents:
        at = _room(canvas, parcel, say, at)
        at = _row(canvas, line, enclosure.told.get(line.line_id, ""), at)
    total = say("{count} units in parcel {number} of order {order}", count=parcel.units, number=parcel.parcel_no,
                 order=parcel.number)  # fmt: skip
    canvas.setFont(_BOLD, 9)
    canvas.drawString(_MARGIN, at - 2 * mm, printable(total))
    at -= 2 * _ROW
    for text in _folded(enclosure.gift_message):
        at = _room(canvas, parcel, say, at)
        canvas.setFont(_PLAIN, 10.5)
        canvas.drawString(_MARGIN, at, text)
        at -= _ROW
    _end_page(canvas)
    canvas.save()
    return buffer.getvalue()


def _head(canvas: Canvas, parcel: Parcel, say: Say) -> float:
    """Write the head of a page; gives where its first row stands."""
    width, height = A5
    top = height - _MARGIN
    canvas.setFont(_BOLD, 17)
    canvas.drawString(_MARGIN, top - 6 * mm, printable(say("Packing slip")))
    canvas.setFont(_PLAIN, 9.5)
    told = (
        say("Order {number}", number=parcel.number),
        say("Your reference {reference}", reference=parcel.reference),
        say("Parcel {number}", number=parcel.parcel_no),
    )
    for index, text in enumerate(told):
        canvas.drawString(_MARGIN, top - (14 + 5 * index) * mm, fit(text, 68 * mm, 9.5))
    barcode = Code128(parcel.number, barHeight=13 * mm, barWidth=0.33 * mm, humanReadable=False)
    barcode.drawOn(canvas, width - _MARGIN - barcode.width + 6 * mm, top - 14 * mm)
    canvas.setFont(_PLAIN, 8)
    canvas.drawRightString(width - _MARGIN, top - 18 * mm, printable(parcel.number))
    head = top - 36 * mm
    canvas.setFont(_BOLD, 8.5)
    for at, text in ((0.0, say("Units")), (_SKU_AT, say("Article")), (_NAME_AT, say("Name"))):
        canvas.drawString(_MARGIN + at, head, printable(text))
    canvas.line(_MARGIN, head - 2 * mm, width - _MARGIN, head - 2 * mm)
    return head - 7.5 * mm


def _folded(message: str) -> list[str]:
    """Fold a gift's message to the page, its own lines kept."""
    width = A5[0] - 2 * _MARGIN
    return [line for own in message.splitlines() for line in simpleSplit(printable(own), _PLAIN, 10.5, width)]


def _room(canvas: Canvas, parcel: Parcel, say: Say, at: float) -> float:
    """Give where the next row stands: here, or on a new page."""
    if at >= _FOOT:
        return at
    _end_page(canvas)
    return _head(canvas, parcel, say)


def _row(canvas: Canvas, line: ParcelLine, told: str, at: float) -> float:
    canvas.setFont(_BOLD, 9.5)
    canvas.drawString(_MARGIN, at, str(line.quantity))
    canvas.setFont(_PLAIN, 9.5)
    canvas.drawString(_MARGIN + _SKU_AT, at, fit(line.sku, _NAME_AT - _SKU_AT - 3 * mm, 9.5))
    canvas.drawString(_MARGIN + _NAME_AT, at, fit(line.name, A5[0] - 2 * _MARGIN - _NAME_AT, 9.5))
    if not told:
        return at - _ROW
    canvas.setFont(_PLAIN, 8)
    canvas.drawString(_MARGIN + _SKU_AT, at - 4 * mm, fit(told, A5[0] - 2 * _MARGIN - _SKU_AT, 8))
    return at - _ROW - 4 * mm


def _end_page(canvas: Canvas) -> None:
    canvas.setFont(_PLAIN, 7.5)
    canvas.drawRightString(A5[0] - _MARGIN, 8 * mm, str(canvas.getPageNumber()))
    canvas.showPage()


def label_page(picture: bytes) -> bytes:
    """Put a label that came as a picture onto a page of 4 x 6 inches, upright and as large as it goes."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=_LABEL_SIZE, invariant=True)
    canvas.drawImage(ImageReader(io.BytesIO(picture)), 0, 0, *_LABEL_SIZE, preserveAspectRatio=True, anchor="c")
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()
