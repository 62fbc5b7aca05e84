"""The inventory service's settings, read from INVENTORY_* variables."""

from functools import lru_cache

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class InventorySettings(ServiceSettings):
    """How the inventory service runs."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_")

    port: int = 8102
    ops_port: int = 8112

    snapshot_seconds: float = Field(
        default=1.0, ge=0, le=60, description="real seconds between two snapshots of one SKU at one location"
    )
    intercept_hours: int = Field(
        default=24, ge=0, description="business hours after hand-over in which a parcel may still be intercepted"
    )


@lru_cache(maxsize=1)
def settings() -> InventorySettings:
    """Read the settings once per process."""
    return InventorySettings()
