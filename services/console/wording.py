"""Strings ready for translation: English in the code, other languages as JSON beside it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from services.console.settings import pages

_LOCALES = Path(__file__).parent / "locales"


@lru_cache(maxsize=16)
def catalogue(language: str) -> Mapping[str, str]:
    """Read `locales/<language>.json`: English sentence → the same in that language; none is English."""
    path = _LOCALES / f"{language}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def say(text: str, **values: object) -> str:
    """Say a sentence in the console's language."""
    return translate(pages().language, text, **values)


def translate(language: str, text: str, **values: object) -> str:
    """Say `text` in a language, its {placeholders} filled."""
    said = catalogue(language).get(text, text)
    return said.format(**values) if values else said
