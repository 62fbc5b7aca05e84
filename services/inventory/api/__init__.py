"""The HTTP door: stock on one side, the warehouse's work on the other."""

from services.inventory.api import oversight, parcels, picking, stock, warehouse
from shared.doors import one_level

router = one_level(picking.router, parcels.router, stock.router, warehouse.router, oversight.router)
