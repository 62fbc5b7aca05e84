"""The console's settings, read from CONSOLE_* variables."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import DoorSettings


class ConsoleSettings(DoorSettings):
    """How people sign in, how long they stay, and the key that signs their tokens."""

    model_config = SettingsConfigDict(env_prefix="CONSOLE_")

    port: int = 8105
    staff_private_key: SecretStr = Field(description="kid:base64url-raw-ed25519, signs the tokens of staff")
    local_staff: Path | None = Field(default=None, description="sign-ins made at the start, in the local stack only")
    behind_proxy: bool = Field(default=False, description="the last X-Forwarded-For entry is the caller's address")
    session_hours: float = Field(default=12, gt=0, le=24, description="a shift; then sign in again")
    session_idle_minutes: float = Field(default=90, gt=0, le=24 * 60)
    attempts_per_login: int = Field(default=5, ge=1, description="wrong passwords in the window before a lock-out")
    attempts_per_address: int = Field(default=50, ge=1)
    attempts_minutes: float = Field(default=15, gt=0)
    track_burst: int = Field(default=60, ge=1, description="looks at the status page from one address at once")
    track_guesses: int = Field(default=8, ge=1, description="postcodes tried for one order number at once")
    track_minutes: float = Field(default=10, gt=0, description="until that many may be tried again")
    language: str = "en"
    time_zone: str = Field(default="Europe/Berlin", description="in which pages show times")


@lru_cache(maxsize=1)
def settings() -> ConsoleSettings:
    """Read the settings once per process."""
    return ConsoleSettings()
