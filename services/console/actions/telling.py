"""The timeline as people read it: newest first, each fact with its words, its tone and who said it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.console.actions.orders import Known
from services.console.schemas import Contact, Fact

_TONES: Mapping[str, str] = {
    "shipment_delivered": "ok", "order_completed": "ok", "shortfall_healed": "ok", "remedy_executed": "ok",
    "promise_revised": "warn", "hold_applied": "warn", "stock_backordered": "warn", "cancellation_requested": "warn",
    "exception_raised": "bad", "pick_shorted": "bad", "parcel_damaged": "bad", "booking_failed": "bad",
    "shortfall_opened": "bad", "remedy_refused": "bad", "order_rejected": "bad", "customer_notified": "info",
    "case_opened": "info",
}  # fmt: skip
_SOURCES: Mapping[str, str] = {"orders": "order", "inventory": "warehouse", "shipping": "carrier", "care": "care"}
# In which order a fact's own words are read.
_WORTH_TELLING = ("position", "kind", "topic", "level", "reason", "outcome", "status", "resolution", "code")
# Whose numbers and tracking numbers the page shows already, once.
_SAID_BY_THE_PAGE = frozenset({"order_placed", "order_released", "shipment_progressed", "shipment_delivered"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline; `kinds` are the filters that show it."""

    at: datetime
    what: str
    detail: str
    who: str
    source: str
    tone: str
    kinds: tuple[str, ...]
    repeats: tuple[str, str] | None = None
    """Whose scan it is and what it says, of which only the newest is a key fact."""


def tell(known: Known) -> list[Entry]:
    """Give facts and contacts in one timeline, newest first; of what one moment brought, what was learnt last."""
    entries = [*map(_of_fact, known.facts), *map(_of_contact, reversed(known.contacts))]
    entries.reverse()
    return list(_folded(sorted(entries, key=lambda entry: entry.at, reverse=True)))


def _folded(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Leave of scans in a row that say the same only the newest among the key facts."""
    said: dict[str, str] = {}
    for entry in entries:
        subject, words = entry.repeats or ("", "")
        is_repeated = bool(words) and said.get(subject) == words
        said[subject] = words
        yield replace(entry, kinds=tuple(kind for kind in entry.kinds if kind != "key")) if is_repeated else entry


def _of_fact(fact: Fact) -> Entry:
    source = _SOURCES.get(fact.source, fact.source)
    key = ("key",) if fact.audience == "public" or fact.fact in {"exception_raised", "case_opened"} else ()
    return Entry(
        at=fact.at,
        what=fact.what,
        detail=" · ".join(_words(fact)),
        who=fact.actor if ":" in fact.actor else "",
        source=source,
        tone="ok" if fact.details.get("position") == "delivered" else _TONES.get(fact.fact, ""),
        kinds=(source, *key),
        repeats=_scan_of(fact),
    )


def _scan_of(fact: Fact) -> tuple[str, str] | None:
    if fact.fact != "shipment_progressed":
        return None
    subject = fact.details.get("parcel_id") or fact.details.get("tracking_number")
    return str(subject), str(fact.details.get("position"))


def _words(fact: Fact) -> Iterator[str]:
    for name in _WORTH_TELLING:
        value = fact.details.get(name)
        if isinstance(value, str) and value:
            yield value.replace("_", " ")
    place = fact.details.get("place")
    if isinstance(place, dict) and place.get("city"):
        city = str(place["city"])
        yield city.title() if city.isupper() else city
    for name in ("location", "tracking_number", "number"):
        value = fact.details.get(name)
        if isinstance(value, str) and value and fact.fact not in _SAID_BY_THE_PAGE:
            yield value


def _of_contact(contact: Contact) -> Entry:
    detail = " · ".join(filter(None, (contact.reason.replace("_", " "), contact.note)))
    what = "Customer contacted us" if contact.direction == "inbound" else "We contacted the customer"
    return Entry(contact.at, what, detail, contact.agent, contact.channel, "info", ("contact", "key"))
