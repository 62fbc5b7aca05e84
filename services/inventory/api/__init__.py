"""The HTTP door: stock on one side, the warehouse's work on the other."""

from fastapi import APIRouter

from services.inventory.api import oversight, stock, warehouse

router = APIRouter()
router.include_router(stock.router)
router.include_router(warehouse.router)
router.include_router(oversight.router)
