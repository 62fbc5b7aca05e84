"""Orders at work by stage, as leads see them: of all warehouses, and of one."""

from shared.auth import Role
from shared.events.inventory import Allocation, StockReserved
from tests.orders.neighbours import backordered, reserved
from tests.orders.rig import Placed, Shop


async def stages(shop: Shop, location: str) -> dict[str, int]:
    answer = await shop.rig.staff("GET", f"/staff/stages?location={location}", role=Role.WAREHOUSE_LEAD)
    assert answer.status_code == 200, answer.text
    counted: dict[str, int] = answer.json()["data"]
    return counted


def reserved_at(order: Placed, location: str) -> StockReserved:
    """All units have stock somewhere else than where the order was promised from."""
    fact = reserved(order)
    lines = tuple(
        line.model_copy(update={"allocations": (Allocation(location=location, quantity=line.reserved),)})
        for line in fact.lines
    )
    return fact.model_copy(update={"lines": lines})


async def test_a_warehouse_counts_the_orders_it_has_units_for(shop: Shop) -> None:
    elsewhere = f"OTHER-{shop.code}"
    here, there, without = [await shop.place(lines=[shop.line("1", 0, 1, 1290)]) for _ in range(3)]
    assert await stages(shop, shop.location) == {"unfulfilled": 3}, "promised from it, before there is any stock"
    await shop.rig.hear(reserved(here), reserved_at(there, elsewhere), backordered(without))
    assert await stages(shop, shop.location) == {"allocated": 1, "backordered": 1}
    assert await stages(shop, elsewhere) == {"allocated": 1}
    assert await stages(shop, "NOWHERE") == {}
