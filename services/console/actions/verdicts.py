"""What a scan came to, as somebody three steps from the screen must see and hear it."""

from dataclasses import dataclass
from enum import StrEnum

from services.console.errors import RefusedError
from shared.errors import DomainError

_VERDICT_STATUSES = frozenset({409, 422})


class Tone(StrEnum):
    """Each has a colour, a shape, a word and a sound of its own."""

    RIGHT = "right"
    WRONG = "wrong"
    ASK = "ask"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word and its reason."""

    tone: Tone
    title: str
    detail: str = ""


def is_verdict(error: DomainError) -> bool:
    """Say whether a refusal is about what was scanned; others are about who, where or whether at all."""
    return isinstance(error, RefusedError) and error.status in _VERDICT_STATUSES
