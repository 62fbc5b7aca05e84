"""What a caller may have in hand, normalised the same way when an order is indexed and when it is sought."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from services.orders.models import LookUpEntry, Order

_PHONE_DIGITS = 9
_LEAST_PHONE_DIGITS = 6


def plain(text: str) -> str:
    """Give letters and digits only, without accents, in one case."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def phone_key(text: str) -> str:
    """Give the last nine digits, so that country prefixes and leading zeroes do not matter."""
    digits = re.sub(r"\D", "", text)
    return digits[-_PHONE_DIGITS:] if len(digits) >= _LEAST_PHONE_DIGITS else ""


def entries_of(head: Order) -> Iterator[LookUpEntry]:
    """Give the entries of an order; tracking numbers come with its parcels."""
    email, phone = head.customer.get("email"), head.customer.get("phone")
    values = {
        "number": head.number.casefold(),
        "reference": head.reference.strip().casefold(),
        "email": str(email).strip().casefold() if email else "",
        "phone": phone_key(str(phone)) if phone else "",
        "name_postcode": plain(f"{head.address['name']}{head.address['postal_code']}"),
    }
    for kind, value in values.items():
        if value:
            yield entry(kind, value, head.id, head.placed_at)


def entry(kind: str, value: str, order_id: UUID, at: datetime) -> LookUpEntry:
    """Make one entry."""
    return LookUpEntry(kind=kind, value=value, order_id=order_id, at=at)


def tracking_key(text: str) -> str:
    """Give a tracking number without its spaces."""
    return plain(text)


def keys_of(query: str) -> list[tuple[str, str]]:
    """Give every (kind, value) that what somebody typed may be."""
    text = query.strip()
    keys = [
        ("number", plain(text)),
        ("reference", text.casefold()),
        ("reference", text.removeprefix("#").casefold()),
        ("tracking", tracking_key(text)),
        ("name_postcode", plain(text)),
    ]
    if "@" in text:
        keys.append(("email", text.casefold()))
    if phone := phone_key(text):
        keys.append(("phone", phone))
    return [(kind, value) for kind, value in dict.fromkeys(keys) if value]
