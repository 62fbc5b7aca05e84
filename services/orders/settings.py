"""The orders service's settings, read from ORDERS_* variables."""

from functools import lru_cache

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings
from shared.tables import LEAST_LOG_DAYS

# How long the storefronts' feed goes back; a promise of the API, not a matter of taste.
KEPT_DAYS = 30


class OrdersSettings(ServiceSettings):
    """How long we wait for money, how long a quote holds, how patient we are with a storefront's webhook."""

    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    port: int = 8101
    ops_port: int = 8111

    payment_wait_hours: int = Field(default=24, ge=1, description="how long stock waits for an unpaid order")
    unpaid_orders: int = Field(default=1_000, ge=1, description="how many of a storefront's may wait for money at once")
    unpaid_grace_minutes: int = Field(default=60, ge=1, description="after that, even if nothing was reserved")
    authorization_warning_hours: int = Field(default=48, ge=1, description="an authorization ending sooner is a hold")
    quote_minutes: int = Field(default=30, ge=1)
    verification_minutes: float = Field(default=60, gt=0, le=24 * 60, description="how long a verified caller is")
    access_log_days: int = Field(default=730, ge=LEAST_LOG_DAYS, description="of looks at people, and verifications")
    customer_days: int = Field(default=3650, ge=365, description="how long an ended order's customer is known")
    key_cache_seconds: float = Field(default=10.0, ge=0, le=30)
    webhook_attempts: int = Field(default=10, ge=1, le=20)
    webhook_timeout_seconds: float = Field(default=10.0, gt=0, le=30)
    webhook_base_seconds: float = Field(default=5.0, gt=0, description="pause after the first failure; doubles")


@lru_cache(maxsize=1)
def settings() -> OrdersSettings:
    """Read the settings once per process."""
    return OrdersSettings()
