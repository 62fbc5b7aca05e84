"""What the carrier sells: three services, priced by weight and distance, in whole cents."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from deploy.carrier_simulator.places import ABROAD, zone_between
from deploy.carrier_simulator.wire import Address, Parcel, Rate, new_id, stamp

CARRIER = "SimPost"
_CARRIER_ACCOUNT = "ca_51a0e57ca44e4f6f9d1c0c5e1a0d0001"
_OUNCES_PER_POUND = 16
_HEAVIEST_OUNCES = 70 * _OUNCES_PER_POUND
_NOT_SERVED = "00000"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: cents to start with, per started pound and per zone; days by zone 1 to 8, and abroad."""

    name: str
    base: int
    per_pound: int
    per_zone: int
    days: tuple[int, int, int, int, int, int, int, int]
    days_abroad: int


SERVICES = (
    Service("Express", 1450, 250, 160, (1, 1, 1, 1, 1, 2, 2, 2), 4),
    Service("Ground", 620, 90, 45, (2, 2, 2, 3, 3, 3, 4, 4), 8),
    Service("Economy", 450, 60, 25, (4, 4, 5, 5, 6, 6, 7, 7), 12),
)
_ABROAD_FACTOR = 3


def zone(origin: Address, destination: Address) -> int:
    """Say how far a parcel has to go."""
    start, end = ((address["country"] or "US", address["zip"] or "") for address in (origin, destination))
    return zone_between(start, end)


def refusals(destination: Address, parcel: Parcel) -> list[dict[str, str]]:
    """Say why the carrier would not take a parcel at all, in the API's rate messages."""
    reasons = []
    if parcel["weight"] > _HEAVIEST_OUNCES:
        reasons.append(f"parcel weight {parcel['weight']} oz exceeds the limit of {_HEAVIEST_OUNCES} oz")
    if destination["zip"] == _NOT_SERVED:
        reasons.append("the destination is not served")
    return [
        {"carrier": CARRIER, "type": "rate_error", "message": reason, "carrier_account_id": _CARRIER_ACCOUNT}
        for reason in reasons
    ]


def quote(shipment_id: str, distance: int, weight: float, currency: str, moment: datetime) -> list[Rate]:
    """Price every service."""
    return [
        _rate(service, shipment_id, _cents(service, distance, weight), _days(service, distance), currency, moment)
        for service in SERVICES
    ]


def _cents(service: Service, distance: int, weight: float) -> int:
    pounds = ceil(weight / _OUNCES_PER_POUND)
    price = service.base + service.per_pound * (pounds - 1) + service.per_zone * (distance - 1)
    return price * _ABROAD_FACTOR if distance == ABROAD else price


def _days(service: Service, distance: int) -> int:
    return service.days_abroad if distance == ABROAD else service.days[distance - 1]


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _rate(service: Service, shipment_id: str, cents: int, days: int, currency: str, moment: datetime) -> Rate:
    return {
        "id": new_id("rate"),
        "object": "Rate",
        "created_at": stamp(moment),
        "updated_at": stamp(moment),
        "mode": "test",
        "service": service.name,
        "carrier": CARRIER,
        "rate": _decimal(cents),
        "currency": currency,
        "retail_rate": _decimal(cents * 135 // 100),
        "retail_currency": currency,
        "list_rate": _decimal(cents * 108 // 100),
        "list_currency": currency,
        "billing_type": "easypost",
        "delivery_days": days,
        "delivery_date": None,
        "delivery_date_guaranteed": False,
        "est_delivery_days": days,
        "shipment_id": shipment_id,
        "carrier_account_id": _CARRIER_ACCOUNT,
    }
