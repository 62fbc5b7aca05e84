"""A process does not start with a secret that others know; only the local stack, which nobody else reaches, may."""

import secrets
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from deploy.local import names
from services.console.actions.staff import seed_local_staff
from shared.db import Database
from shared.errors import ConfigurationError
from shared.settings import DoorSettings
from tests.deploy.settings_classes import fields_of, service_settings

pytestmark = pytest.mark.security(13)

GUESSABLE = [
    "", "short", "a" * 64, "0123" * 16, "change-me-change-me-change-me-change-me", "CHANGEME" + "0123456789" * 4,
    "doorstep-production-secret-0123456789", "default" + "0123456789abcdef" * 2, "password" * 6,
]  # fmt: skip
PASSWORDS = ["orders", "postgres-postgres-postgres", "password-0123456789", "abcabcabcabcabcabc", "short"]


def settings_of(service: str, monkeypatch: pytest.MonkeyPatch, **changes: str) -> DoorSettings:
    """Read a service's settings with good secrets, but for what a test changes."""
    kind = service_settings(service)
    prefix = str(kind.model_config.get("env_prefix"))
    for variable, required in fields_of(kind).items():
        if required:
            is_address = variable.endswith("_URL")
            monkeypatch.setenv(variable, "https://shop.example" if is_address else secrets.token_hex(32))
    url = f"postgresql://{service}:{secrets.token_hex(24)}@db.example/{service}"
    for name, value in {"database_url": url, **changes}.items():
        monkeypatch.setenv(f"{prefix}{name}".upper(), value)
    return kind()


@pytest.mark.parametrize("service", names.DATABASES)
def test_a_service_starts_with_secrets_of_its_own(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of(service, monkeypatch).require_real_secrets("production")


@pytest.mark.parametrize("secret", GUESSABLE)
@pytest.mark.parametrize("service", names.DATABASES)
def test_a_secret_that_can_be_guessed_is_refused_by_name(
    service: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = service_settings(service)
    for name in own.own_secrets:
        if not secret and own.model_config.get("env_ignore_empty"):
            with pytest.raises(ValidationError, match=f"(?m)^{name}$"):
                settings_of(service, monkeypatch, **{name: secret})
            continue
        settings = settings_of(service, monkeypatch, **{name: secret})
        with pytest.raises(ConfigurationError, match=f"{service}_{name}".upper()):
            settings.require_real_secrets("production")
        settings.require_real_secrets("local")
        monkeypatch.undo()


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("variable", ["database_url", "migrations_database_url"])
def test_a_databases_password_that_can_be_guessed_is_refused(
    variable: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://orders:{password}@db.example/orders"
    settings = settings_of("orders", monkeypatch, **{variable: url})

    with pytest.raises(ConfigurationError, match=f"ORDERS_{variable.upper()}") as refused:
        settings.require_real_secrets("production")
    assert password not in str(refused.value).replace("ORDERS_", "")


@pytest.mark.parametrize("service", names.DATABASES)
def test_no_setting_that_is_a_secret_has_a_default_worth_guessing(service: str) -> None:
    kind: type[BaseSettings] = service_settings(service)

    secret = {name: field for name, field in kind.model_fields.items() if "SecretStr" in str(field.annotation)}
    defaults = [field.default for field in secret.values() if not field.is_required()]

    assert {"database_url", "secret"} <= secret.keys()
    assert [one for one in defaults if one is not None and one.get_secret_value()] == []


async def test_sign_ins_that_everybody_knows_are_made_in_the_local_stack_only(tmp_path: Path) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(ConfigurationError, match="CONSOLE_LOCAL_STAFF"):
        await seed_local_staff(database, tmp_path / "console.json", "production")
    await database.close()
