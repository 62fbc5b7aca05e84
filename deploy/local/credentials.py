"""Passwords, secrets and signing keys of one home: random, made once, readable by their owner only."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local import names

STAFF_KEY = "staff-1"
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Key:
    """An Ed25519 key pair as settings carry it: base64url of the raw 32 bytes."""

    kid: str
    private: str
    public: str

    @property
    def private_setting(self) -> str:
        return f"{self.kid}:{self.private}"

    @property
    def public_setting(self) -> str:
        return f"{self.kid}:{self.public}"


@dataclass(frozen=True)
class Credentials:
    """Everything secret of one home."""

    admin_password: str
    readonly_password: str
    service_passwords: dict[str, str]
    owner_passwords: dict[str, str]
    service_secrets: dict[str, str]
    carrier_api_key: str
    carrier_webhook_secret: str
    staff_key: Key
    service_keys: dict[str, Key]

    @property
    def token_public_keys(self) -> str:
        """Give all public keys as the services read them."""
        return ",".join(key.public_setting for key in (self.staff_key, *self.service_keys.values()))


def load_or_create(home: Path) -> Credentials:
    """Read the home's credentials; make them when it has none."""
    path = home / "secrets.json"
    if not path.exists():
        write_private(path, json.dumps(asdict(_create()), indent=2))
    credentials = _parse(json.loads(path.read_text()))
    write_private(staff_key_path(home), credentials.staff_key.private_setting + "\n")
    return credentials


def staff_key_path(home: Path) -> Path:
    """Say where the private key is that signs the tokens of staff, bots and tests."""
    return home / "keys" / "staff.key"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


def new_key(kid: str) -> Key:
    """Make a key pair."""
    private = Ed25519PrivateKey.generate()
    return Key(
        kid=kid,
        private=_encode(private.private_bytes_raw()),
        public=_encode(private.public_key().public_bytes_raw()),
    )


def _create() -> Credentials:
    return Credentials(
        admin_password=_secret(),
        readonly_password=_secret(),
        service_passwords={service: _secret() for service in names.SERVICES},
        owner_passwords={service: _secret() for service in names.SERVICES},
        service_secrets={service: _secret() for service in names.SERVICES},
        carrier_api_key=_secret(),
        carrier_webhook_secret=_secret(),
        staff_key=new_key(STAFF_KEY),
        service_keys={service: new_key(f"service-{service}") for service in names.SERVICES},
    )


def _parse(document: dict[str, str]) -> Credentials:
    keys: dict[str, dict[str, str]] = document.pop("service_keys")  # type: ignore[assignment]
    staff: dict[str, str] = document.pop("staff_key")  # type: ignore[assignment]
    return Credentials(
        **document,  # type: ignore[arg-type]
        staff_key=Key(**staff),
        service_keys={service: Key(**key) for service, key in keys.items()},
    )


def _secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
