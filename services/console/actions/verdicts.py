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


# What a person reads first; the service's own sentence follows.
_TITLES = {
    "wrong_item": "Wrong item",
    "wrong_tote": "Wrong tote",
    "over_scan": "Too many",
    "on_hold": "On hold",
    "cancelled": "Cancelled",
    "not_your_list": "Not your list",
    "list_done": "This list is done",
    "nothing_to_undo": "Nothing to undo",
    "incomplete": "Not complete",
    "void_first": "Label is still live",
    "nothing_handed_over": "Do not load",
    "nothing_to_put_back": "Not to be put back",
    "unknown_parcel": "Unknown label",
    "other_location": "Wrong building",
    "other_carrier": "Wrong truck",
    "already_handed_over": "Has left already",
    "open_cancellation": "Do not load: cancelled",
    "not_closed": "Not closed",
    "no_live_label": "No live label",
    "parcel_not_found": "Unknown label",
    "insufficient_stock": "Not that many there",
}


def title_of(code: str) -> str:
    """Give the first word about a refusal."""
    return _TITLES.get(code, "Refused")


def is_verdict(error: DomainError) -> bool:
    """Say whether a refusal is about what was scanned; others are about who, where or whether at all."""
    return isinstance(error, RefusedError) and error.status in _VERDICT_STATUSES
