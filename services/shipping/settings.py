"""The shipping service's settings, read from SHIPPING_* variables."""

from functools import lru_cache
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class ShippingSettings(ServiceSettings):
    """Where the carrier is, how its services serve our levels, and how patient we are with it."""

    model_config = SettingsConfigDict(env_prefix="SHIPPING_")

    own_secrets: ClassVar[tuple[str, ...]] = ("secret", "carrier_webhook_secret")

    port: int = 8103
    ops_port: int = 8113

    carrier_url: str = "https://api.easypost.com"
    carrier_api_key: SecretStr
    carrier_webhook_secret: SecretStr
    carrier_timeout_seconds: float = Field(default=8.0, gt=0, le=60)
    public_url: str = Field(default="", description="where the carrier reaches /carriers/…; empty: tracking by poll")

    # Carrier services that serve a level, best first; a level nobody lists may take any service.
    level_services: dict[str, tuple[str, ...]] = Field(
        default={
            "economy": ("Economy", "GroundAdvantage", "Ground"),
            "standard": ("Ground", "GroundAdvantage", "Priority"),
            "express": ("Express", "Priority"),
        }
    )
    # Days from hand-over to delivery, half of the parcels and four of five, until own history exists.
    level_transit_days: dict[str, tuple[int, int]] = Field(
        default={"economy": (5, 8), "standard": (3, 5), "express": (1, 2)}
    )
    history_days: int = Field(default=90, ge=1)
    history_enough: int = Field(default=50, ge=1, description="finished parcels a quantile needs")

    attempts_until_failed: int = Field(default=8, ge=1, le=50, description="of answers nobody understands")
    # Longer than the usual gap between two hubs, shorter than the three days after which care calls it stalled.
    silent_hours: int = Field(default=50, ge=1, description="business hours without a word before we ask")
    pickup_days: int = Field(default=7, ge=1, description="how long a pick-up point keeps a parcel")
    label_retention_days: int = Field(default=30, ge=1, description="of label files: they have an address on them")
    scan_days: int = Field(default=365, ge=30, description="of the words and places of the carrier's scans")
    refund_check_hours: int = Field(default=24, ge=1)


@lru_cache(maxsize=1)
def settings() -> ShippingSettings:
    """Read the settings once per process."""
    return ShippingSettings()
