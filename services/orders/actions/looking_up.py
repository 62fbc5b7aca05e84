"""What a caller may have in hand, normalised the same way when an order is indexed and when it is sought."""

import hmac
import re
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from services.orders.models import LookUpEntry, Order
from shared.fields import plain

_END_DIGITS = 9
_LEAST_PHONE_DIGITS, _LEAST_INTERNATIONAL_DIGITS = 6, 10
_AT_HOME, _NO_COUNTRY = "(0)", "?"
# The calling codes of which none begins another (ITU-T E.164, list of assigned country codes).
_CALLING_CODE = re.compile(r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")
_MOST_WORDS = 8


def phone_keys(text: str, *, asked: bool) -> Iterator[str]:
    """Give the keys of a phone number as it is kept, or as it is asked for.

    One with its country is kept in full and as it is dialled at home; one without only as it is dialled at home, so
    that who asks with a country is not led to another country's number of the same digits. The last nine digits are
    kept of each, for whatever stands before them.
    """
    digits = re.sub(r"\D", "", text)
    if len(digits) < _LEAST_PHONE_DIGITS:
        return
    yield digits[-_END_DIGITS:]
    has_country = "+" in text or digits.startswith("00")
    if has_country or (len(digits) >= _LEAST_INTERNATIONAL_DIGITS and not digits.startswith("0")):
        full = digits.removeprefix("00")
        code = _CALLING_CODE.match(full)
        length = code.end() if code is not None else 0
        own = full[length:].lstrip("0")
        yield f"+{full[:length]}{own}"
        yield f"{_NO_COUNTRY if asked else _AT_HOME}{own}"
    if not has_country:
        own = digits.lstrip("0")
        yield f"{_AT_HOME}{own}"
        if not asked:
            yield f"{_NO_COUNTRY}{own}"


def entries_of(head: Order) -> Iterator[LookUpEntry]:
    """Give the entries of an order; tracking numbers come with its parcels."""
    email, phone = head.customer.get("email"), head.customer.get("phone")
    name, postal_code = str(head.address["name"]), str(head.address["postal_code"])
    values = [
        ("number", head.number.casefold()),
        ("reference", head.reference.strip().casefold()),
        ("email", str(email).strip().casefold() if email else ""),
        *(("phone", key) for key in phone_keys(str(phone or ""), asked=False)),
        ("name_postcode", plain(f"{name}{postal_code}")),
        ("name_postcode", plain(f"{''.join(name.split()[-1:])}{postal_code}")),
    ]
    for kind, value in dict.fromkeys(values):
        if value:
            yield entry(kind, value, head.id, head.placed_at)


def customer_digest(head: Order, secret: str) -> str:
    """Give what is the same for all orders of one customer at one storefront and tells nobody who that is.

    By the e-mail address, else by the phone number as it is dialled; empty where the order has neither of their own: a
    relay's or proxy's is many people's.
    """
    email, phone = (
        str(head.customer.get(way) or "") if head.customer.get(f"{way}_kind", "real") == "real" else ""
        for way in ("email", "phone")
    )
    known_by = email.strip().casefold() or next(phone_keys(phone, asked=False), "")
    if not known_by:
        return ""
    return hmac.digest(secret.encode(), f"customer {head.storefront_id} {known_by}".encode(), "sha256").hex()[:32]


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
        *(("name_postcode", key) for key in _names_asked(text)),
        *(("phone", key) for key in phone_keys(text, asked=True)),
    ]
    if "@" in text:
        keys.append(("email", text.casefold()))
    return [(kind, value) for kind, value in dict.fromkeys(keys) if value]


def _names_asked(text: str) -> Iterator[str]:
    """Give name and postcode whichever of them was said first."""
    words = text.split()[:_MOST_WORDS]
    for first in range(len(words)):
        yield plain("".join((*words[first:], *words[:first])))
