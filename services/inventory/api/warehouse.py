"""Doors to the warehouse's work."""

from shared.doors import public_router

router = public_router(tags=["warehouse"])
