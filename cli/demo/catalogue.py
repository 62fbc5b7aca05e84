"""A sample catalogue and stock of our own: a household and outdoor shop with two warehouses."""

from dataclasses import dataclass
from datetime import datetime, timedelta

WAREHOUSES: tuple[dict[str, object], ...] = (
    {
        "code": "HAM",
        "name": "Hamburg",
        "company": "Fernweh & Heim GmbH",
        "line1": "Am Sandtorkai 77",
        "city": "Hamburg",
        "postal_code": "20457",
        "country_code": "DE",
        "zone": "eu-north",
        "time_zone": "Europe/Berlin",
    },
    {
        "code": "LYS",
        "name": "Lyon",
        "company": "Fernweh & Heim SAS",
        "line1": "12 rue de Gerland",
        "city": "Lyon",
        "postal_code": "69007",
        "country_code": "FR",
        "zone": "eu-south",
        "time_zone": "Europe/Paris",
    },
)
_CUT_OFFS = (("economy", "12:00", "17:00"), ("standard", "14:00", "17:00"), ("express", "15:30", "17:30"))
_WORKING_DAYS = range(5)

# family, unit weight in grams, (length, width, height) in mm, price in minor units, variants
_FAMILIES: tuple[tuple[str, int, tuple[int, int, int], int, tuple[str, ...]], ...] = (
    ("Tent", 2900, (520, 180, 180), 18900, ("one person", "two persons", "three persons", "tunnel")),
    ("Sleeping bag", 1200, (380, 220, 220), 8900, ("summer", "three seasons", "winter", "junior")),
    ("Camping mat", 650, (300, 140, 140), 4500, ("slim", "comfort", "double", "foam")),
    ("Backpack", 1400, (650, 350, 150), 11900, ("20 litres", "35 litres", "50 litres", "65 litres")),
    ("Head torch", 95, (90, 70, 60), 3900, ("200 lumen", "400 lumen", "rechargeable", "red light")),
    ("Bottle", 320, (270, 80, 80), 2400, ("steel", "glass", "insulated", "foldable")),
    ("Cooking set", 780, (220, 220, 130), 5900, ("solo", "duo", "family", "titanium")),
    ("Stove", 420, (140, 120, 90), 6900, ("gas", "spirit", "wood", "multi-fuel")),
    ("Rain jacket", 480, (300, 250, 60), 12900, ("S", "M", "L", "XL")),
    ("Merino shirt", 210, (280, 240, 30), 6900, ("S", "M", "L", "XL")),
    ("Wool socks", 90, (180, 110, 40), 1900, ("36-38", "39-41", "42-44", "45-47")),
    ("Blanket", 900, (350, 300, 100), 5400, ("grey", "ochre", "forest", "plum")),
    ("Candle", 380, (110, 90, 90), 1700, ("cedar", "fig", "linen", "smoke")),
    ("Mug", 340, (120, 100, 90), 1500, ("white", "blue", "speckled", "enamel")),
    ("Pan", 1650, (460, 280, 70), 5900, ("20 cm", "24 cm", "28 cm", "wok")),
    ("Knife", 160, (240, 60, 30), 7900, ("paring", "chef", "bread", "folding")),
    ("Board", 1100, (400, 280, 25), 3900, ("oak", "walnut", "beech", "bamboo")),
    ("Lantern", 540, (230, 130, 130), 4900, ("candle", "solar", "gas", "LED")),
    ("Hammock", 690, (260, 160, 120), 5900, ("single", "double", "with net", "seat")),
    ("Tool roll", 520, (320, 160, 70), 4400, ("canvas", "leather", "garden", "bike")),
)
# Ordered more often than there is stock: two are restocked in time to be delivered late, one never.
SCARCE: dict[str, int] = {"TENT-4": 4, "STOVE-3": 5, "KNIFE-2": 3}
RESTOCKED_AFTER: dict[str, timedelta] = {"TENT-4": timedelta(days=3), "STOVE-3": timedelta(days=6)}
_AMPLE = 160


@dataclass(frozen=True, slots=True)
class Article:
    """One SKU of the sample shop; price in minor units of EUR."""

    code: str
    name: str
    weight_grams: int
    size_mm: tuple[int, int, int]
    price: int
    barcode: str


def _articles() -> tuple[Article, ...]:
    made: list[Article] = []
    for family, weight, size, price, variants in _FAMILIES:
        stem = family.split()[0].upper()[:6]
        for number, variant in enumerate(variants, start=1):
            place = len(made) + 1
            made.append(
                Article(
                    code=f"{stem}-{number}",
                    name=f"{family}, {variant}",
                    weight_grams=weight + 10 * number,
                    size_mm=size,
                    price=price + 100 * number,
                    barcode=f"40{place:010d}",
                )
            )
    return tuple(made)


ARTICLES = _articles()
BY_CODE = {article.code: article for article in ARTICLES}


def locations() -> list[dict[str, object]]:
    """Give the two warehouses as `POST /staff/locations` takes them."""
    cut_offs = [
        {"service_level": level, "weekday": weekday, "order_by": order_by, "truck_at": truck_at}
        for level, order_by, truck_at in _CUT_OFFS
        for weekday in _WORKING_DAYS
    ]
    return [{**warehouse, "cut_offs": cut_offs} for warehouse in WAREHOUSES]


def skus() -> list[dict[str, object]]:
    """Give the catalogue as `POST /staff/skus` takes it, every article with a bin in both warehouses."""
    return [
        {
            "code": article.code,
            "name": article.name,
            "weight_grams": article.weight_grams,
            "length_mm": article.size_mm[0],
            "width_mm": article.size_mm[1],
            "height_mm": article.size_mm[2],
            "barcodes": [{"code": article.barcode, "units": 1}],
            "bins": [
                {
                    "location": warehouse["code"],
                    "bin": f"{'ABCDEFGH'[place % 8]}-{place // 8 + 1:02d}",
                    "walk_order": place,
                }
                for warehouse in WAREHOUSES
            ],
        }
        for place, article in enumerate(ARTICLES)
    ]


def opening_stock() -> list[dict[str, object]]:
    """Give what lies on the shelves at first; scarce articles lie in Hamburg only."""
    lines: list[dict[str, object]] = []
    for article in ARTICLES:
        if article.code in SCARCE:
            lines.append({"sku": article.code, "location": "HAM", "quantity": SCARCE[article.code]})
        else:
            lines.extend(
                {"sku": article.code, "location": warehouse["code"], "quantity": _AMPLE} for warehouse in WAREHOUSES
            )
    return lines


def inbounds(begin: datetime) -> list[dict[str, object]]:
    """Give the purchases that will bring scarce articles, with the days they are expected."""
    return [
        {
            "kind": "purchase",
            "location": "HAM",
            "reference": f"PO-{code}",
            "expected_at": (begin + after).isoformat(),
            "lines": [{"sku": code, "quantity": 30}],
        }
        for code, after in sorted(RESTOCKED_AFTER.items())
    ]
