"""What people read in their own language: English in the code, the others as JSON beside it; times as each has them."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

from babel import Locale
from babel.dates import format_datetime

ENGLISH = "en"
_MOST_TAGS = 20


class Catalogues:
    """The languages of one service: `<language>.json` in a directory maps each English sentence to that language's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages there are, by their tags: de, pt-BR; English needs no file."""
        return (ENGLISH, *sorted(path.stem for path in self._directory.glob("*.json")))

    @cached_property
    def _read(self) -> dict[str, Mapping[str, str]]:
        return {ENGLISH: {}}

    def of(self, language: str) -> Mapping[str, str]:
        """Give the sentences of a language: none for English, and for one that has no file."""
        if language not in self._read:
            known = language in self.languages
            text = (self._directory / f"{language}.json").read_text(encoding="utf-8") if known else "{}"
            self._read[language] = dict(json.loads(text))
        return self._read[language]

    def say(self, language: str, text: str, /, **values: object) -> str:
        """Say `text` in a language, its {placeholders} filled; what the language lacks stays English."""
        said = self.of(language).get(text, text)
        return said.format(**values) if values else said

    def choose(self, wanted: Iterable[str]) -> str:
        """Give the first of the wanted languages that there is: de-AT is served by de, pt by pt-BR; else English."""
        there = {tag.lower(): tag for tag in self.languages}
        for tag in wanted:
            sought = tag.replace("_", "-").lower()
            language = sought.partition("-")[0]
            same = next((one for one in there if one.partition("-")[0] == language), None)
            found = there.get(sought) or there.get(language) or there.get(same or "")
            if found is not None:
                return found
        return ENGLISH


def accepted(header: str) -> list[str]:
    """Give the languages of an Accept-Language header, the dearest first (RFC 9110, 12.5.4)."""
    weighed = []
    for part in header.split(",")[:_MOST_TAGS]:
        tag, _, weight = part.strip().partition(";")
        try:
            dear = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            dear = 0.0
        if tag and tag != "*" and dear > 0:
            weighed.append((dear, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda pair: pair[0], reverse=True)]


def locale_of(language: str) -> Locale:
    """Give how a language writes times and money."""
    return Locale.parse(language, sep="-")


def write_moment(language: str, at: datetime, pattern: str) -> str:
    """Write a moment by a pattern of Unicode's (UTS 35): EEEE, d MMMM yyyy."""
    return format_datetime(at, pattern, locale=locale_of(language))


def name_of(language: str) -> str:
    """Name a language in English: German."""
    return str(locale_of(language).get_display_name(ENGLISH))
