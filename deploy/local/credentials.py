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
# Who signs in to the local stack's console: one of each role.
PEOPLE: dict[str, str] = {
    "picker": "Pia Picker",
    "warehouse_lead": "Walter Lead",
    "support": "Sofia Support",
    "care": "Carla Care",
    "care_lead": "Leo Lead",
    "operator": "Olga Operator",
    "admin": "Ada Admin",
}
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
    # By login, which is the role's name.
    console_passwords: dict[str, str]

    @property
    def token_public_keys(self) -> str:
        """Give all public keys as the services read them."""
        return ",".join(key.public_setting for key in (self.staff_key, *self.service_keys.values()))


def load_or_create(home: Path) -> Credentials:
    """Read the home's credentials; make them when it has none."""
    path = home / "secrets.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    document = _completed(kept, asdict(_create()))
    if document != kept:
        write_private(path, json.dumps(document, indent=2))
    credentials = _parse(document)
    write_private(staff_key_path(home), credentials.staff_key.private_setting + "\n")
    write_private(sign_ins_path(home), json.dumps(_sign_ins(credentials), indent=2) + "\n")
    return credentials


def sign_ins_path(home: Path) -> Path:
    """Say where the sign-ins of the local stack's console are, as the console reads them."""
    return home / "keys" / "console.json"


def _sign_ins(credentials: Credentials) -> list[dict[str, str]]:
    return [
        {"login": login, "password": password, "name": PEOPLE[login], "role": login}
        for login, password in credentials.console_passwords.items()
    ]


def _completed(kept: dict[str, object], fresh: dict[str, object]) -> dict[str, object]:
    """Add to a home's secrets what it was made without: it is older than what needs them."""
    document: dict[str, object] = {}
    for name, made in fresh.items():
        known = kept.get(name, made)
        document[name] = {**made, **known} if isinstance(made, dict) and isinstance(known, dict) else known
    return document


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
        service_passwords={service: _secret() for service in names.DATABASES},
        owner_passwords={service: _secret() for service in names.DATABASES},
        service_secrets={service: _secret() for service in names.DATABASES},
        carrier_api_key=_secret(),
        carrier_webhook_secret=_secret(),
        staff_key=new_key(STAFF_KEY),
        service_keys={service: new_key(f"service-{service}") for service in names.SERVICES},
        console_passwords={login: secrets.token_urlsafe(9) for login in PEOPLE},
    )


def _parse(document: dict[str, object]) -> Credentials:
    rest = dict(document)
    keys: dict[str, dict[str, str]] = rest.pop("service_keys")  # type: ignore[assignment]
    staff: dict[str, str] = rest.pop("staff_key")  # type: ignore[assignment]
    return Credentials(
        **rest,  # type: ignore[arg-type]
        staff_key=Key(**staff),
        service_keys={service: Key(**key) for service, key in keys.items()},
    )


def _secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
