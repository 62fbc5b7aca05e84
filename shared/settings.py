"""Settings by environment variable: `DOORSTEP_*` for the platform, `<SERVICE>_*` for one service."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import ConfigurationError
from shared.tables import RING_SLOTS

MIN_SECRET_LENGTH = 32
MIN_PASSWORD_LENGTH = 16
_LEAST_VARIETY = 8
_WELL_KNOWN = ("change", "default", "doorstep", "example", "password", "postgres", "secret")
MAX_RETENTION_DAYS = RING_SLOTS - 3  # today, tomorrow and the day that is being emptied come on top


def _is_a_base(address: HttpUrl) -> HttpUrl:
    if address.query or address.fragment or address.username or address.password:
        raise ValueError("links are made by what follows it: it has no ?query, no #fragment and no login")
    return address


PublicUrl = Annotated[HttpUrl, AfterValidator(_is_a_base)]
"""Where people outside reach pages of ours, such as https://status.example.com."""


class PlatformSettings(BaseSettings):
    """What every process of the suite shares."""

    model_config = SettingsConfigDict(env_prefix="DOORSTEP_")

    environment: Literal["local", "production"] = "production"
    kafka_bootstrap: str
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_sasl_username: str = ""
    kafka_sasl_password: SecretStr = SecretStr("")
    kafka_ca_file: Path | None = None
    kafka_idempotent: bool = Field(default=True, description="off for a broker without idempotent producers")
    kafka_session_seconds: float = Field(default=6.0, ge=2, le=60, description="a silent worker is dead after this")
    clock_file: Path | None = None
    clock_skew_seconds: float = Field(default=0, description="for fault tests: how wrong this process's clock is")
    token_public_keys: str = Field(description="kid:base64url-ed25519[,kid:…]; two at a time while rotating")
    service_private_key: SecretStr = SecretStr("")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    orders_url: str = "http://localhost:8101"
    inventory_url: str = "http://localhost:8102"
    shipping_url: str = "http://localhost:8103"
    care_url: str = "http://localhost:8104"


class DoorSettings(BaseSettings):
    """What everything with an HTTP door and a database needs; its own class sets the prefix and adds its own fields."""

    own_secrets: ClassVar[tuple[str, ...]] = ("secret",)

    database_url: SecretStr
    migrations_database_url: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int
    pool_size: int = Field(default=10, ge=2, le=100)
    secret: SecretStr = Field(description="keys the HMACs of idempotency rows and tokens; at least 32 characters")

    def require_real_secrets(self, environment: str) -> None:
        """Refuse a short, simple or well-known secret outside the local stack; raises ConfigurationError naming it."""
        if environment == "local":
            return
        prefix = str(self.model_config.get("env_prefix", ""))
        for name in self.own_secrets:
            if _is_guessable(getattr(self, name).get_secret_value(), MIN_SECRET_LENGTH):
                raise ConfigurationError(
                    f"{prefix}{name.upper()} must be a secret of your own with at least {MIN_SECRET_LENGTH} "
                    "characters; make one with: openssl rand -hex 32"
                )
        for name in ("database_url", "migrations_database_url"):
            url = getattr(self, name)
            login = urlsplit(url.get_secret_value()) if url is not None else None
            if login is not None and login.password and _is_guessable(login.password, MIN_PASSWORD_LENGTH):
                raise ConfigurationError(
                    f"the password in {prefix}{name.upper()} can be guessed; make one with: openssl rand -hex 24"
                )


def _is_guessable(secret: str, least: int) -> bool:
    """Say whether a secret is short, of a few characters only, or one that people write into examples."""
    plain = secret.casefold()
    return len(secret) < least or len(set(secret)) < _LEAST_VARIETY or any(word in plain for word in _WELL_KNOWN)


class ServiceSettings(DoorSettings):
    """What every service needs."""

    ops_port: int
    rate_per_second: int = Field(default=1_000, ge=1, description="requests per caller and route, in each process")
    rate_burst: int = Field(default=5_000, ge=1, description="how many of them at once")
    retention_days: int = Field(
        default=7, ge=1, le=MAX_RETENTION_DAYS, description="of the days that the rings can hold"
    )
    dead_letter_days: int = Field(default=30, ge=1, description="of dead letters that somebody closed")
    producer_epoch: int = Field(default=1, ge=1, description="raised by one after this database was restored")


@lru_cache(maxsize=1)
def platform() -> PlatformSettings:
    """Read the platform's settings once per process."""
    return PlatformSettings()
