"""Strings ready for translation: staff reads the console's language, customers read their own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from services.console.settings import pages
from shared.languages import Catalogues

CATALOGUES = Catalogues(Path(__file__).parent / "locales")
_customers: ContextVar[str] = ContextVar("language", default="")


def language() -> str:
    """Give the language that is spoken here and now."""
    return _customers.get() or pages().language


@contextmanager
def speaking(customers: str) -> Iterator[None]:
    """Speak a customer's language for as long as the block lasts."""
    before = _customers.set(customers)
    try:
        yield
    finally:
        _customers.reset(before)


def language_of(locale: str, otherwise: Iterable[str] = ()) -> str:
    """Choose a customer's language: the one their order was placed in, else the first of others that there is."""
    return CATALOGUES.choose([locale, *otherwise] if locale else otherwise)


def say(text: str, /, **values: object) -> str:
    """Say a sentence in the language that is spoken here and now."""
    return CATALOGUES.say(language(), text, **values)
