"""A carrier's units: ounces and inches rounded up, decimal strings of money to minor units, short contents."""

import hashlib
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal

from services.shipping.carriers.base import Content

_GRAMS_PER_OUNCE = Decimal("28.349523125")
_MILLIMETRES_PER_INCH = Decimal("25.4")
_TENTH = Decimal("0.1")
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3, "JOD": 3}
_USUAL_MINOR_DIGITS = 2
_HASH_CHARACTERS = 8


def ounces(grams: int) -> float:
    """Convert grams to ounces, rounded up to a tenth: a parcel is never declared lighter than it is."""
    return float((Decimal(grams) / _GRAMS_PER_OUNCE).quantize(_TENTH, ROUND_CEILING))


def inches(millimetres: int) -> float:
    """Convert millimetres to inches, rounded up to a tenth."""
    return float((Decimal(millimetres) / _MILLIMETRES_PER_INCH).quantize(_TENTH, ROUND_CEILING))


def minor_units(amount: str, currency: str) -> int:
    """Convert a decimal string such as "34.15" to minor units, a fraction of one counted as one."""
    digits = _MINOR_DIGITS.get(currency, _USUAL_MINOR_DIGITS)
    return int(Decimal(amount).scaleb(digits).to_integral_value(ROUND_CEILING))


def contents_summary(contents: Iterable[Content], limit: int = 35) -> str:
    """Write contents as "SKU-1x2,SKU-2x1", sorted; what is too long is cut and ends in a stable hash."""
    whole = ",".join(f"{content.sku}x{content.quantity}" for content in sorted(contents, key=lambda one: one.sku))
    if len(whole) <= limit:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH_CHARACTERS]
    return f"{whole[: limit - _HASH_CHARACTERS - 1]}~{digest}"
