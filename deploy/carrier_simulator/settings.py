"""The simulator's environment: SIMULATOR_*, and the two variables by which a driver steps business time."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared import clock


class JourneyRates(BaseSettings):
    """Which fraction of the parcels goes which way; what is left over arrives on time."""

    model_config = SettingsConfigDict(env_prefix="SIMULATOR_", env_ignore_empty=True, frozen=True)

    late: float = Field(default=0.06, ge=0, le=1)
    stalled: float = Field(default=0.02, ge=0, le=1)
    damaged: float = Field(default=0.02, ge=0, le=1)
    lost: float = Field(default=0.01, ge=0, le=1)
    failed_attempt: float = Field(default=0.03, ge=0, le=1)
    returned: float = Field(default=0.005, ge=0, le=1)

    @model_validator(mode="after")
    def check_that_they_fit(self) -> Self:
        total = self.late + self.stalled + self.damaged + self.lost + self.failed_attempt + self.returned
        if total > 1:
            raise ValueError(f"the rates of journeys add up to {total}, more than every parcel")
        return self


class Settings(BaseSettings):
    """Where the simulator listens, who may call it, and where it keeps what it has accepted."""

    model_config = SettingsConfigDict(env_prefix="SIMULATOR_", env_ignore_empty=True, frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=1, le=65535)
    api_key: SecretStr = Field(min_length=1)
    webhook_secret: SecretStr | None = None
    webhook_events: frozenset[str] = frozenset({"tracker.updated"})
    state: Path
    seed: str = "doorstep"
    refund_hours: float = Field(default=72, ge=0)
    webhook_timeout_seconds: float = Field(default=10, gt=0)
    poll_seconds: float = Field(default=0.01, gt=0)


class ClockSettings(BaseSettings):
    """The stepped clock of the local stack, where there is one."""

    model_config = SettingsConfigDict(env_prefix="DOORSTEP_", env_ignore_empty=True, frozen=True)

    clock_file: Path | None = None
    environment: str = "production"

    def install(self) -> None:
        """Read business time from the stepped file from now on, if one is named."""
        if self.clock_file is not None:
            clock.use_stepped_file(self.clock_file, environment=self.environment)
