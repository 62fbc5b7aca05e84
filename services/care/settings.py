"""The care service's settings, read from CARE_* variables; every number of detection and policy may be replaced."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import PublicUrl, ServiceSettings
from shared.tables import LEAST_LOG_DAYS


class MessageWebhook(BaseModel):
    """Where a storefront takes the news it tells its customers itself; signed as Standard Webhooks say."""

    url: HttpUrl
    secret: SecretStr


class ConsentRule(BaseModel):
    """When a country's customers must agree to a later date: beyond `slip`, or from a revision on; and until when."""

    slip: timedelta
    from_revision: int = Field(default=1000, ge=2)
    answer_within: timedelta


class CareSettings(ServiceSettings):
    """Calendars, thresholds, limits, and how messages leave."""

    model_config = SettingsConfigDict(env_prefix="CARE_", env_nested_delimiter="__")

    port: int = 8104
    ops_port: int = 8114

    automatic_remedies: Literal["act", "observe"] = "act"
    messages: Literal["act", "observe"] = "act"

    calendar_zone: str = "Europe/Berlin"
    calendar_hours: str = "09:00-17:00"
    calendar_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    calendar_holidays: tuple[date, ...] = ()
    carrier_zone: str = "Europe/Berlin"
    carrier_days: tuple[int, ...] = (0, 1, 2, 3, 4)

    thresholds: dict[str, float | int | timedelta] = Field(
        default_factory=dict, description="replaces thresholds of detection by name, e.g. at_risk_chance"
    )
    history_days: int = Field(default=90, ge=1)
    history_enough: int = Field(default=50, ge=1, description="finished parcels a quantile needs")

    consent: dict[str, ConsentRule] = Field(
        default_factory=dict, description="by country, in place of the known ones: whose silence cancels a later date"
    )
    limits_per_action: dict[str, int] = Field(
        default={}, description="minor units by rank: automatic, agent, senior, lead; what is not given stays usual"
    )
    limits_per_day: dict[str, int] = Field(
        default={}, description="minor units by rank, per person and business day; what is not given stays usual"
    )
    seniors: tuple[str, ...] = Field(default=(), description="people of the role care who decide as seniors, by name")
    shipping_refund_estimate: int = Field(default=5_00, ge=0, description="minor units, until orders tells the price")

    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = False
    smtp_timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    sender: str = "Customer care <care@doorstep.example>"
    message_attempts: int = Field(
        default=10, ge=1, le=50, description="refusals for now until a message is given up; ten take half a day"
    )
    message_patience: timedelta = Field(
        default=timedelta(days=3), description="how long a message waits for a mail server or orders that is away"
    )
    status_url: PublicUrl | Literal[""] = Field(
        default="", description="where customers reach the console, e.g. https://status.example.com; none: no links"
    )
    status_link_days: int = Field(default=60, ge=1, le=365, description="how long a message's link opens the page")
    message_webhooks: dict[str, MessageWebhook] = Field(
        default_factory=dict, description="by storefront id, or * for all: where news goes that has no e-mail"
    )
    message_days: int = Field(default=730, ge=30, description="how long the words of messages are kept")
    contact_days: int = Field(default=730, ge=30, description="of contacts, notes and reports: their words")
    photo_days: int = Field(default=180, ge=30, description="of photos, once no case of the order is open")
    access_log_days: int = Field(default=730, ge=LEAST_LOG_DAYS, description="of looks at photos")
    stepped_grid_minutes: int = Field(
        default=60, ge=1, le=24 * 60, description="in stepped time what is due is gathered on this grid: a stop costs"
    )
    evaluate_batch: int = Field(default=200, ge=1, le=2000)


@lru_cache(maxsize=1)
def settings() -> CareSettings:
    """Read the settings once per process."""
    return CareSettings()
