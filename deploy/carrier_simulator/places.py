"""Places: time zones, how far apart two postcodes are, and draws that depend on nothing but their key."""

import hashlib
from zoneinfo import ZoneInfo

_COUNTRY_ZONES = {
    "US": "America/New_York",
    "CA": "America/Toronto",
    "MX": "America/Mexico_City",
    "BR": "America/Sao_Paulo",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "PT": "Europe/Lisbon",
    "DE": "Europe/Berlin",
    "AT": "Europe/Vienna",
    "CH": "Europe/Zurich",
    "FR": "Europe/Paris",
    "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels",
    "ES": "Europe/Madrid",
    "IT": "Europe/Rome",
    "PL": "Europe/Warsaw",
    "JP": "Asia/Tokyo",
    "AU": "Australia/Sydney",
}
_PACIFIC = "America/Los_Angeles"
_MOUNTAIN = "America/Denver"
_CENTRAL = "America/Chicago"
_US_STATE_ZONES = {
    **dict.fromkeys(("CA", "OR", "WA", "NV"), _PACIFIC),
    **dict.fromkeys(("CO", "UT", "NM", "MT", "WY", "ID"), _MOUNTAIN),
    **dict.fromkeys(("TX", "IL", "MN", "WI", "IA", "MO", "AR", "LA"), _CENTRAL),
    **dict.fromkeys(("OK", "KS", "NE", "SD", "ND", "TN", "AL", "MS"), _CENTRAL),
    "AZ": "America/Phoenix",
    "AK": "America/Anchorage",
    "HI": "Pacific/Honolulu",
}
_PREFIX = 3
_NEAREST_OTHER_AREA = 2
_POSTCODES_PER_ZONE = 20
_FARTHEST = 8
ABROAD = 9


def time_zone(country: str | None, state: str | None) -> str:
    """Name the zone whose clocks an address lives by, UTC where we do not know it."""
    if country == "US" and state is not None and state.upper() in _US_STATE_ZONES:
        return _US_STATE_ZONES[state.upper()]
    return _COUNTRY_ZONES.get((country or "").upper(), "UTC")


def local_zone(country: str | None, state: str | None) -> ZoneInfo:
    """Give the clock an address lives by."""
    return ZoneInfo(time_zone(country, state))


def zone_between(origin: tuple[str, str], destination: tuple[str, str]) -> int:
    """Say how far apart two (country, postcode) are: 1 the same area, up to 8, 9 abroad."""
    if origin[0].upper() != destination[0].upper():
        return ABROAD
    start, end = _area(origin[1]), _area(destination[1])
    if start == end:
        return 1
    steps = (abs(start - end) + _POSTCODES_PER_ZONE - 1) // _POSTCODES_PER_ZONE
    return min(_FARTHEST, _NEAREST_OTHER_AREA + steps)


def _area(postcode: str) -> int:
    prefix = "".join(character for character in postcode if character.isalnum())[:_PREFIX].upper()
    return int(prefix) if prefix.isdecimal() else int(prefix or "0", 36) % 1000


def draw(*key: str) -> float:
    """Draw a number in [0, 1) that is always the same for the same key."""
    digest = hashlib.blake2b("\x1f".join(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
