"""What the demonstration's customers do: every choice a hash of (seed, order reference, line)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cli.bots.door import chance
from cli.demo.catalogue import ARTICLES, SCARCE, Article

_FIRST_NAMES = ("Ada", "Bruno", "Clara", "Dmitri", "Elif", "Farah", "Goran", "Hanna", "Ines", "Jonas", "Kaya", "Lena")
_LAST_NAMES = ("Albers", "Bianchi", "Czerny", "Dubois", "Evers", "Fischer", "Garcia", "Holm", "Ivanova", "Jansen")
# country, postcode, city, street
_PLACES = (
    ("DE", "10115", "Berlin", "Invalidenstrasse"),
    ("DE", "80331", "Munich", "Sendlinger Strasse"),
    ("DE", "50667", "Cologne", "Hohe Strasse"),
    ("DE", "04109", "Leipzig", "Nikolaistrasse"),
    ("FR", "75011", "Paris", "Rue Oberkampf"),
    ("FR", "13001", "Marseille", "La Canebiere"),
    ("FR", "31000", "Toulouse", "Rue d'Alsace"),
    ("NL", "1012AB", "Amsterdam", "Damrak"),
    ("AT", "1010", "Vienna", "Graben"),
    ("BE", "1000", "Brussels", "Rue Neuve"),
)
_LEVELS = (("standard", 0.72), ("economy", 0.88), ("express", 1.01))
_SHIPPING = {"economy": 390, "standard": 590, "express": 1290}
_DAY_MINUTES = 8 * 60  # orders come in from 07:00 to 15:00 UTC, before the last tick of the day
_SCARCE_SHARE = 0.09


class Mishap(StrEnum):
    """What every demonstration shows once by plan, however few its orders and whatever else its seed brings."""

    LATE = "late"
    DAMAGED = "damaged"
    LOST = "lost"
    SHORT_PICK = "short_pick"


_PICKED_UP, _AT_FACILITY = (2, "in_transit", "picked_up"), (20, "in_transit", "arrived_at_facility")
_OUT, _DELIVERED = "out_for_delivery", ("delivered", "arrived_at_destination")
# What the carrier says of a parcel with a mishap, besides a scan a day: hours after the hand-over, status, detail.
_JOURNEYS: dict[Mishap, tuple[tuple[int, str, str], ...]] = {
    Mishap.LATE: (_PICKED_UP, _AT_FACILITY, (286, _OUT, _OUT), (290, *_DELIVERED)),
    Mishap.DAMAGED: (_PICKED_UP, _AT_FACILITY, (40, "in_transit", "damaged"), (66, _OUT, _OUT), (70, *_DELIVERED)),
    Mishap.LOST: (_PICKED_UP, _AT_FACILITY, (216, "failure", "lost")),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One order, and what its customer and storefront will do with it."""

    reference: str
    placed_at: datetime
    body: dict[str, object]
    total: int
    pays_at: datetime | None  # when a pending payment is authorised; None: at once, or never
    never_pays: bool
    cancels_at: datetime | None
    scarce: bool


def plan_orders(seed: str, count: int, begin: datetime) -> list[Choice]:
    """Plan `count` orders over two working days from `begin`, in the order they are placed."""
    return sorted((_plan_one(seed, number, count, begin) for number in range(1, count + 1)), key=_when)


def plan_mishaps(choices: Sequence[Choice]) -> dict[str, Mishap]:
    """Give the first orders that nothing else befalls one mishap each, by order reference."""
    plain = [one for one in choices if not (one.scarce or one.never_pays or one.pays_at or one.cancels_at)]
    return {choice.reference: mishap for choice, mishap in zip(plain, Mishap, strict=False)}


def journey_of(mishap: Mishap) -> list[dict[str, object]]:
    """Give what the carrier will say of a parcel, as its simulator takes a script; empty where it has no part in it."""
    return [
        {"after_hours": hours, "status": status, "status_detail": detail}
        for hours, status, detail in _JOURNEYS.get(mishap, ())
    ]


def _when(choice: Choice) -> tuple[datetime, str]:
    return choice.placed_at, choice.reference


def _plan_one(seed: str, number: int, count: int, begin: datetime) -> Choice:
    reference = f"FH-{number:05d}"
    minutes = number * 2 * _DAY_MINUTES // (count + 1)
    placed_at = begin + timedelta(days=minutes // _DAY_MINUTES, minutes=minutes % _DAY_MINUTES)
    lines = _lines(seed, reference)
    level = next(level for level, share in _LEVELS if chance(seed, reference, "level") < share)
    total = sum(int(str(line["total"])) for line in lines) + _SHIPPING[level]
    fate = chance(seed, reference, "payment")
    pending = fate < 0.10  # noqa: PLR2004 - a share
    never_pays = fate < 0.03  # noqa: PLR2004
    later = placed_at + timedelta(minutes=20 + int(chance(seed, reference, "pays") * 240))
    cancels = chance(seed, reference, "cancels")
    body = {
        **_customer(seed, reference),
        "reference": reference,
        "service_level": level,
        "lines": [_wire(line) for line in lines],
        "shipping_price": _euro(_SHIPPING[level]),
        "total": _euro(total),
        "payment": _payment(placed_at, total, pending=pending),
        "policy": {
            "partial_shipments": "allowed" if chance(seed, reference, "partial") < 0.25 else "none",  # noqa: PLR2004
            "backorder": "cancel" if chance(seed, reference, "backorder") < 0.2 else "wait",  # noqa: PLR2004
            "max_backorder_days": 10,
        },
    }
    return Choice(
        reference=reference,
        placed_at=placed_at,
        body=body,
        total=total,
        pays_at=later if pending and not never_pays else None,
        never_pays=never_pays,
        cancels_at=placed_at + timedelta(minutes=int(cancels * 10_000 * 6)) if cancels < 0.05 else None,  # noqa: PLR2004
        scarce=any(line["sku"] in SCARCE for line in lines),
    )


def _lines(seed: str, reference: str) -> list[dict[str, object]]:
    wanted = 1 + int(chance(seed, reference, "lines") ** 2 * 4)
    chosen: dict[str, Article] = {}
    if chance(seed, reference, "scarce") < _SCARCE_SHARE:
        code = sorted(SCARCE)[int(chance(seed, reference, "which") * len(SCARCE))]
        chosen[code] = next(article for article in ARTICLES if article.code == code)
    ample: Sequence[Article] = [article for article in ARTICLES if article.code not in SCARCE]
    for number in range(wanted):
        article = ample[int(chance(seed, reference, number, "article") * len(ample))]
        chosen.setdefault(article.code, article)
    lines: list[dict[str, object]] = []
    for number, article in enumerate(chosen.values(), start=1):
        quantity = 1 + int(chance(seed, reference, number, "quantity") ** 3 * 3)
        lines.append(
            {
                "reference": str(number),
                "sku": article.code,
                "name": article.name,
                "quantity": quantity,
                "price": article.price,
                "total": article.price * quantity,
            }
        )
    return lines


def _wire(line: dict[str, object]) -> dict[str, object]:
    return {
        "reference": line["reference"],
        "sku": line["sku"],
        "name": line["name"],
        "quantity": line["quantity"],
        "unit_price": _euro(int(str(line["price"]))),
        "total": _euro(int(str(line["total"]))),
    }


def _customer(seed: str, reference: str) -> dict[str, object]:
    first = _FIRST_NAMES[int(chance(seed, reference, "first") * len(_FIRST_NAMES))]
    last = _LAST_NAMES[int(chance(seed, reference, "last") * len(_LAST_NAMES))]
    country, postcode, city, street = _PLACES[int(chance(seed, reference, "place") * len(_PLACES))]
    number = 1 + int(chance(seed, reference, "house") * 120)
    return {
        "customer": {
            "email": f"{first}.{last}.{reference}@example.com".lower(),
            "phone": f"+49151{int(chance(seed, reference, 'phone') * 10**7):07d}",
            "locale": "en",
        },
        "shipping_address": {
            "name": f"{first} {last}",
            "line1": f"{street} {number}",
            "city": city,
            "postal_code": postcode,
            "country_code": country,
        },
    }


def _payment(placed_at: datetime, total: int, *, pending: bool) -> dict[str, object]:
    if pending:
        return {"status": "pending", "expires_at": (placed_at + timedelta(hours=12)).isoformat()}
    return {"status": "authorized", "amount": _euro(total)}


def _euro(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "EUR"}
