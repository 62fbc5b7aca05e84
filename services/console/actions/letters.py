"""Letters on paper: each is set in the first font that has it, and what none has is told, never a black box."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import structlog
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from services.console.settings import pages

log = structlog.get_logger()

_OWN = Path(__file__).parent.parent / "fonts"
_PLAIN, _BOLD = "DejaVu", "DejaVu-Bold"
LOST = "?"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


@dataclass(frozen=True, slots=True)
class Run:
    """Letters that one font has."""

    font: str
    text: str


def known(text: str, *, bold: bool = False) -> str:
    """Give a text in letters that some font has: accents fall before letters do; what is left becomes LOST."""
    return "".join(_known_letter(letter, bold=bold) for letter in unicodedata.normalize("NFC", text))


def loses(text: str) -> bool:
    """Say whether a letter of a text is in no font."""
    return any(_known_letter(letter, bold=False) == LOST != letter for letter in unicodedata.normalize("NFC", text))


def runs(text: str, *, bold: bool = False) -> list[Run]:
    """Split a known text by the fonts that have its letters."""
    return [Run(font, "".join(letters)) for font, letters in groupby(text, lambda letter: _font_of(letter, bold=bold))]


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Give the width of a known text in points."""
    return sum(pdfmetrics.stringWidth(run.text, run.font, size) for run in runs(text, bold=bold))


def fit(text: str, width: float, size: float) -> str:
    """Shorten a text to a width in points; gives it in letters that some font has."""
    text = known(text)
    if width_of(text, size) <= width:
        return text
    while text and width_of(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def write(canvas: Canvas, at: tuple[float, float], text: str, size: float, *, bold: bool = False) -> None:
    """Write a text from a point to the right, font by font."""
    across, up = at
    for run in runs(known(text, bold=bold), bold=bold):
        canvas.setFont(run.font, size)
        canvas.drawString(across, up, run.text)
        across += pdfmetrics.stringWidth(run.text, run.font, size)


def _known_letter(letter: str, *, bold: bool) -> str:
    # Written from right to left, or joined by shape, letters would stand here but say nothing.
    if unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT:
        return LOST
    if _font_of(letter, bold=bold):
        return letter
    apart = unicodedata.normalize("NFD", letter)
    bare, accents = apart[0], apart[1:]
    is_accented = bool(accents) and all(unicodedata.combining(accent) for accent in accents)
    return bare if is_accented and _font_of(bare, bold=bold) else LOST


def _font_of(letter: str, *, bold: bool) -> str:
    """Give the font that has a letter; empty for none."""
    for name in [_BOLD, _PLAIN] if bold else [_PLAIN]:
        if ord(letter) in _own(name).face.charToGlyph:
            return name
    # Read only when they are needed: they are large.
    return str(next((font.fontName for font in _further() if ord(letter) in font.face.charToGlyph), ""))


@lru_cache(maxsize=2)
def _own(name: str) -> TTFont:
    file = {_PLAIN: "DejaVuSans.ttf", _BOLD: "DejaVuSans-Bold.ttf"}[name]
    return _registered(TTFont(name, _OWN / file))


@lru_cache(maxsize=1)
def _further() -> Sequence[TTFont]:
    return [font for number, path in enumerate(pages().fonts) if (font := _read(f"further-{number}", path))]


def _read(name: str, path: Path) -> TTFont | None:
    if not path.is_file():
        return None
    try:
        return _registered(TTFont(name, path))
    except (TTFError, OSError) as error:
        log.warning("font left out", path=str(path), error=str(error)[:200])
        return None


def _registered(font: TTFont) -> TTFont:
    pdfmetrics.registerFont(font)
    return font
