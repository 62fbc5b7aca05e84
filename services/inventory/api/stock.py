"""Doors to SKUs, locations, stock, its ledger and inbounds."""

from shared.doors import public_router

router = public_router(tags=["stock"])
