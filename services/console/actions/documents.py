"""Paper of the warehouse as PDF: packing slips with a barcode, and labels that came as pictures."""

import io
from dataclasses import dataclass
from typing import Protocol

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A5
from reportlab.lib.units import inch, mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from services.console.actions.letters import LOST, fit, known, loses, width_of, write
from services.console.schemas.warehouse import Enclosure, Parcel, ParcelLine

_LABEL_SIZE = (4 * inch, 6 * inch)
_MARGIN = 12 * mm
_ROW = 6.5 * mm
_MESSAGE_SIZE = 10.5
_FOOT = 18 * mm
_SKU_AT, _NAME_AT = 16 * mm, 52 * mm


class Say(Protocol):
    """Says a sentence in somebody's language."""

    def __call__(self, text: str, /, **values: object) -> str: ...


@dataclass
class _Sheet:
    """A slip as it is written; `has_lost` says that a letter on this page is in no font."""

    canvas: Canvas
    say: Say
    has_lost: bool = False

    def write(self, across: float, up: float, text: str, size: float, *, bold: bool = False) -> None:
        self.has_lost = self.has_lost or loses(text)
        write(self.canvas, (across, up), text, size, bold=bold)

    def write_within(self, across: float, up: float, text: str, width: float, size: float = 9.5) -> None:
        self.has_lost = self.has_lost or loses(text)
        write(self.canvas, (across, up), fit(text, width, size), size)

    def end_page(self) -> None:
        if self.has_lost:
            told = self.say("“{sign}” stands for a letter that cannot be printed here.", sign=LOST)
            write(self.canvas, (_MARGIN, 8 * mm), told, 7.5)
        number = str(self.canvas.getPageNumber())
        write(self.canvas, (A5[0] - _MARGIN - width_of(number, 7.5), 8 * mm), number, 7.5)
        self.canvas.showPage()
        self.has_lost = False


def packing_slip(parcel: Parcel, enclosure: Enclosure, say: Say) -> bytes:
    """Write what lies in a parcel, for whoever opens it: never a price, so that a gift may hold it.

    A5, further pages when the lines need them; a gift's message stands below the lines.
    """
    buffer = io.BytesIO()
    sheet = _Sheet(Canvas(buffer, pagesize=A5, invariant=True), say)
    sheet.canvas.setTitle(known(say("Packing slip {number}", number=parcel.number)))
    at = _head(sheet, parcel)
    for line in parcel.contents:
        at = _room(sheet, parcel, at)
        at = _row(sheet, line, enclosure.told.get(line.line_id, ""), at)
    total = say("{count} units in parcel {number} of order {order}", count=parcel.units, number=parcel.parcel_no,
                 order=parcel.number)  # fmt: skip
    sheet.write(_MARGIN, at - 2 * mm, total, 9, bold=True)
    at -= 2 * _ROW
    for text in _folded(enclosure.gift_message):
        at = _room(sheet, parcel, at)
        sheet.write(_MARGIN, at, text, _MESSAGE_SIZE)
        at -= _ROW
    sheet.end_page()
    sheet.canvas.save()
    return buffer.getvalue()


def _head(sheet: _Sheet, parcel: Parcel) -> float:
    """Write the head of a page; gives where its first row stands."""
    width, height = A5
    top, say = height - _MARGIN, sheet.say
    sheet.write(_MARGIN, top - 6 * mm, say("Packing slip"), 17, bold=True)
    told = (
        say("Order {number}", number=parcel.number),
        say("Your reference {reference}", reference=parcel.reference),
        say("Parcel {number}", number=parcel.parcel_no),
    )
    for index, text in enumerate(told):
        sheet.write_within(_MARGIN, top - (14 + 5 * index) * mm, text, 68 * mm)
    barcode = Code128(parcel.number, barHeight=13 * mm, barWidth=0.33 * mm, humanReadable=False)
    barcode.drawOn(sheet.canvas, width - _MARGIN - barcode.width + 6 * mm, top - 14 * mm)
    sheet.write(width - _MARGIN - width_of(parcel.number, 8), top - 18 * mm, parcel.number, 8)
    head = top - 36 * mm
    for at, text in ((0.0, say("Units")), (_SKU_AT, say("Article")), (_NAME_AT, say("Name"))):
        sheet.write(_MARGIN + at, head, text, 8.5, bold=True)
    sheet.canvas.line(_MARGIN, head - 2 * mm, width - _MARGIN, head - 2 * mm)
    return head - 7.5 * mm


def _folded(message: str) -> list[str]:
    """Fold a gift's message to the page, its own lines kept."""
    lines: list[str] = []
    for own in message.splitlines():
        rest = own.strip()
        while rest:
            end = len(rest)
            while width_of(known(rest[:end]), _MESSAGE_SIZE) > A5[0] - 2 * _MARGIN:
                end -= 1
            space = rest.rfind(" ", 0, end + 1) if end < len(rest) else -1
            end = space if space > 0 else end
            lines.append(rest[:end])
            rest = rest[end:].strip()
    return lines


def _room(sheet: _Sheet, parcel: Parcel, at: float) -> float:
    """Give where the next row stands: here, or on a new page."""
    if at >= _FOOT:
        return at
    sheet.end_page()
    return _head(sheet, parcel)


def _row(sheet: _Sheet, line: ParcelLine, told: str, at: float) -> float:
    sheet.write(_MARGIN, at, str(line.quantity), 9.5, bold=True)
    sheet.write_within(_MARGIN + _SKU_AT, at, line.sku, _NAME_AT - _SKU_AT - 3 * mm)
    sheet.write_within(_MARGIN + _NAME_AT, at, line.name, A5[0] - 2 * _MARGIN - _NAME_AT)
    if not told:
        return at - _ROW
    sheet.write_within(_MARGIN + _SKU_AT, at - 4 * mm, told, A5[0] - 2 * _MARGIN - _SKU_AT, 8)
    return at - _ROW - 4 * mm


def label_page(picture: bytes) -> bytes:
    """Put a label that came as a picture onto a page of 4 x 6 inches, upright and as large as it goes."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=_LABEL_SIZE, invariant=True)
    canvas.drawImage(ImageReader(io.BytesIO(picture)), 0, 0, *_LABEL_SIZE, preserveAspectRatio=True, anchor="c")
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()
