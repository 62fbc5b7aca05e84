"""How an order's units at one seller are packed: whole units, in the fewest parcels a carrier takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.olist.rows import Product

MOST_GRAMS = 30_000
"""The heaviest product of the data, and just below what the simulated carrier takes (70 lb)."""

UNKNOWN_GRAMS = 700
UNKNOWN_SIZE = (300, 200, 100)
_LONGEST_MM = 5_000


@dataclass(slots=True)
class Box:
    """Units by product, and what they weigh."""

    units: dict[str, int]
    grams: int


def grams_of(product: Product) -> int:
    """Give a unit's weight; a usual one where the data have none."""
    return product.weight_grams or UNKNOWN_GRAMS


def size_of(product: Product) -> tuple[int, int, int]:
    """Give a unit's length, width and height in mm; usual ones where the data have none."""
    return product.size_mm or UNKNOWN_SIZE


def pack(units: Mapping[str, int], products: Mapping[str, Product]) -> list[Box]:
    """Put units into boxes, the heavy ones first, each into the first box with room for its weight."""
    boxes: list[Box] = []
    for code in sorted(units, key=lambda code: (-grams_of(products[code]), code)):
        for _ in range(units[code]):
            grams = grams_of(products[code])
            box = next((box for box in boxes if box.grams + grams <= MOST_GRAMS), None)
            if box is None:
                box = Box({}, 0)
                boxes.append(box)
            box.units[code] = box.units.get(code, 0) + 1
            box.grams += grams
    return boxes


def outer_size(box: Box, products: Mapping[str, Product]) -> tuple[int, int, int]:
    """Stack a box's units: the longest length and width, and all heights."""
    sizes: Sequence[tuple[int, int, int]] = [size_of(products[code]) for code in box.units]
    height = sum(size_of(products[code])[2] * count for code, count in box.units.items())
    return max(size[0] for size in sizes), max(size[1] for size in sizes), min(height, _LONGEST_MM)
