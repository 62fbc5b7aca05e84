"""The console's settings, read from CONSOLE_* variables."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.languages import locale_of
from shared.settings import DoorSettings, PublicUrl
from shared.tables import LEAST_LOG_DAYS


class ConsoleSettings(DoorSettings):
    """How people sign in, how long they stay, and the key that signs their tokens."""

    # A compose file passes on what is not set as an empty text.
    model_config = SettingsConfigDict(env_prefix="CONSOLE_", env_ignore_empty=True)

    port: int = 8105
    staff_private_key: SecretStr = Field(description="kid:base64url-raw-ed25519, signs the tokens of staff")
    local_staff: Path | None = Field(default=None, description="sign-ins made at the start, in the local stack only")
    behind_proxy: bool = Field(default=False, description="the last X-Forwarded-For entry is the caller's address")
    session_hours: float = Field(default=12, gt=0, le=24, description="a shift; then sign in again")
    session_idle_minutes: float = Field(default=90, gt=0, le=24 * 60)
    attempts_per_login: int = Field(default=5, ge=1, description="wrong passwords in the window before a lock-out")
    attempts_per_address: int = Field(default=50, ge=1)
    attempts_minutes: float = Field(default=15, gt=0)
    public_url: PublicUrl = Field(description="where browsers reach the console; the links it gives begin so")
    status_url: PublicUrl | Literal[""] = Field(
        default="", description="where customers reach it, for the links in replies; none: at public_url"
    )
    oidc_issuer: str = Field(default="", description="OpenID Connect provider, e.g. https://id.example.com; none: off")
    oidc_name: str = Field(default="your organisation", description="how the sign-in page names the provider")
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="none for a public client")
    oidc_scopes: str = "openid profile email"
    oidc_login_claim: str = Field(default="preferred_username", description="becomes the sign-in name")
    oidc_role_claim: str = Field(default="groups", description="or within another: realm_access.roles")
    oidc_roles: dict[str, str] = Field(default_factory=dict, description='theirs to ours: {"wms-pickers": "picker"}')
    passwords: bool = Field(default=True, description="off: people sign in through the provider only")
    track_burst: int = Field(default=60, ge=1, description="looks at the status page from one address at once")
    track_guesses: int = Field(default=8, ge=1, description="postcodes tried for one order number at once")
    track_minutes: float = Field(default=10, gt=0, description="until that many may be tried again")
    sign_in_days: int = Field(default=180, ge=LEAST_LOG_DAYS, description="of sign-ins: who, when, from where")

    def address_of(self, path: str) -> str:
        """Give the address of a page for whoever works here."""
        return f"{str(self.public_url).rstrip('/')}{path}"

    def customers_address_of(self, path: str) -> str:
        """Give the address of a page for customers."""
        return f"{str(self.status_url or self.public_url).rstrip('/')}{path}"


def _is_known(language: str) -> str:
    locale_of(language)
    return language


class PageSettings(BaseSettings):
    """How pages and paper speak and look."""

    model_config = SettingsConfigDict(env_prefix="CONSOLE_")

    language: Annotated[str, AfterValidator(_is_known)] = Field(
        default="en", description="of staff; what its file in services/console/locales lacks stays English"
    )
    time_zone: str = Field(default="Europe/Berlin", description="in which pages show times")

    fonts: list[Path] = Field(
        default=[
            Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
            Path("/usr/share/fonts/truetype/unfonts-core/UnDotum.ttf"),
        ],
        description="TrueType files for letters on paper that the console's own fonts lack; absent ones do no harm",
    )


@lru_cache(maxsize=1)
def pages() -> PageSettings:
    """Read how pages speak once per process."""
    return PageSettings()


@lru_cache(maxsize=1)
def settings() -> ConsoleSettings:
    """Read the settings once per process."""
    return ConsoleSettings()
