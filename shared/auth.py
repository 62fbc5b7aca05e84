"""Who is calling and what they may do: EdDSA tokens for staff and services, API keys for storefronts.

`signing` and its libraries are loaded by who signs or verifies first.
"""

import base64
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Depends, Request

from shared import clock
from shared.errors import ConfigurationError, ForbiddenError, UnauthenticatedError
from shared.rates import RateLimit

ISSUER = AUDIENCE = "doorstep"
LINK_AUDIENCE = "doorstep-status"
TOKEN_MINUTES = 5
_RAW_KEY_BYTES = 32


class Role(StrEnum):
    """What a member of staff, or a service, is; a customer's token is for the one order that its subject names."""

    PICKER = "picker"
    WAREHOUSE_LEAD = "warehouse_lead"
    SUPPORT = "support"
    CARE = "care"
    CARE_LEAD = "care_lead"
    OPERATOR = "operator"
    ADMIN = "admin"
    CUSTOMER = "customer"
    SERVICE = "service"


class Scope(StrEnum):
    """What a route needs. `public` is said on purpose; a route without a scope fails a test."""

    PUBLIC = "public"
    STOREFRONT = "storefront"
    PICK = "pick"
    WAREHOUSE = "warehouse"
    LOOK_UP = "look_up"
    ORDER_EDIT = "order_edit"
    CASE = "case"
    CASE_LEAD = "case_lead"
    OPERATE = "operate"
    ADMINISTER = "administer"
    PRIVACY = "privacy"
    CUSTOMER = "customer"
    INTERNAL = "internal"


_STAFF = frozenset({Scope.LOOK_UP})
SCOPES: dict[Role, frozenset[Scope]] = {
    Role.PICKER: frozenset({Scope.PICK}),
    Role.WAREHOUSE_LEAD: frozenset({Scope.PICK, Scope.WAREHOUSE, Scope.LOOK_UP}),
    Role.SUPPORT: _STAFF | {Scope.ORDER_EDIT},
    Role.CARE: _STAFF | {Scope.ORDER_EDIT, Scope.CASE},
    Role.CARE_LEAD: _STAFF | {Scope.ORDER_EDIT, Scope.CASE, Scope.CASE_LEAD},
    Role.OPERATOR: _STAFF | {Scope.OPERATE, Scope.WAREHOUSE, Scope.PICK},
    Role.ADMIN: frozenset(Scope) - {Scope.INTERNAL, Scope.STOREFRONT, Scope.CUSTOMER},
    Role.CUSTOMER: frozenset({Scope.CUSTOMER}),
    Role.SERVICE: frozenset({Scope.INTERNAL}),
}


STAFF_ROLES = tuple(role for role in Role if role not in {Role.CUSTOMER, Role.SERVICE})
"""The roles a person who signs in may have, in the order they are offered."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: a storefront (by API key) or staff or a service (by token)."""

    subject: str
    scopes: frozenset[Scope]
    role: Role | None = None
    storefront_id: UUID | None = None
    test: bool = False

    @property
    def actor(self) -> str:
        """How the audit trail and the timeline name the caller, e.g. `picker:ann`."""
        return f"{self.role or 'storefront'}:{self.subject}"


class KeyResolver(Protocol):
    """Finds the storefront an API key belongs to; None for an unknown, expired or revoked key."""

    def __call__(self, key_hash: str) -> Awaitable[Principal | None]: ...


class TokenVerifier:
    """Verifies staff and service tokens with the public keys of the settings."""

    def __init__(self, public_keys: str) -> None:
        self._keys: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in public_keys.split(","))):
            key_id, _, encoded = entry.partition(":")
            raw = _decode(encoded)
            if not key_id or len(raw) != _RAW_KEY_BYTES:
                raise ConfigurationError("DOORSTEP_TOKEN_PUBLIC_KEYS must be kid:base64url-ed25519[,kid:…]")
            self._keys[key_id] = raw

    def verify(self, token: str) -> Principal:
        """Give the caller of a token; raises UnauthenticatedError."""
        from shared import signing

        try:
            key_id, claims = signing.read(
                token, self._keys, audience=AUDIENCE, issuer=ISSUER, require=("exp", "iat", "sub", "iss", "aud")
            )
            role = Role(claims["role"])
        except (KeyError, ValueError) as error:
            raise UnauthenticatedError("the token is not valid or has expired") from error
        # A service's key must not make staff, and the console's must not make services.
        if (role is Role.SERVICE) != key_id.startswith("service"):
            raise UnauthenticatedError("this key may not issue that role")
        return Principal(subject=str(claims["sub"]), scopes=SCOPES[role], role=role)

    def verify_link(self, token: str) -> "Link":
        """Give what a customer's link leads to; raises UnauthenticatedError when it is no link of ours or too old."""
        from shared import signing

        try:
            key_id, claims = signing.read(
                token, self._keys, audience=LINK_AUDIENCE, issuer=None, require=("exp", "sub", "aud")
            )
            return Link(UUID(claims["sub"]), may_act=key_id.startswith("service"))
        except ValueError as error:
            raise UnauthenticatedError("this link is not valid or has expired") from error


@dataclass(frozen=True, slots=True)
class Link:
    """A customer's link to an order; one of a service's key (in a message of ours) may act, any other only shows."""

    order_id: UUID
    may_act: bool


def mint_link(private_key: str, order_id: UUID, lasts: timedelta) -> str:
    """Sign a customer's link to an order; it is no token of the services, nor is a token of theirs a link."""
    from shared import signing

    key_id, _, encoded = private_key.partition(":")
    claims = {"aud": LINK_AUDIENCE, "sub": str(order_id), "exp": clock.real() + lasts}
    return signing.sign(claims, _decode(encoded), key_id)


def mint_token(private_key: str, *, subject: str, role: Role, minutes: int = TOKEN_MINUTES) -> str:
    """Sign a token with `kid:base64url-raw-ed25519-private`; valid `minutes` of real time."""
    from shared import signing

    key_id, _, encoded = private_key.partition(":")
    now = clock.real()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "role": str(role),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=minutes),
    }
    return signing.sign(claims, _decode(encoded), key_id)


def make_key_pair(key_id: str) -> tuple[str, str]:
    """Make (private, public), each as `kid:base64url`."""
    from shared import signing

    private, public = signing.make_pair()
    return f"{key_id}:{_encode(private)}", f"{key_id}:{_encode(public)}"


def make_api_key(*, test: bool) -> str:
    """Make a storefront's key with 256 random bits; it is shown once and stored as its hash."""
    return f"dsk_{'test' if test else 'live'}_{secrets.token_urlsafe(32)}"


def hash_api_key(key: str) -> str:
    """Give the SHA-256 under which a key is stored."""
    return sha256(key.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare secrets in constant time."""
    # JSON may hold half of a surrogate pair.
    return hmac.compare_digest(left.encode(errors="surrogatepass"), right.encode(errors="surrogatepass"))


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def _authenticate(request: Request) -> tuple[Principal, str]:
    """Give the caller, and by what name requests are counted: each key on its own, people by theirs."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise UnauthenticatedError(
            "send an Authorization header: Bearer and a key or token", headers={"WWW-Authenticate": "Bearer"}
        )
    if credential.startswith("dsk_"):
        resolver: KeyResolver | None = request.app.state.resolve_key
        key_hash = hash_api_key(credential)
        principal = await resolver(key_hash) if resolver is not None else None
        if principal is None:
            raise UnauthenticatedError("this API key is unknown, expired or revoked")
        return principal, key_hash
    verifier: TokenVerifier = request.app.state.verifier
    principal = verifier.verify(credential)
    return principal, principal.actor


def require(*scopes: Scope) -> Callable[[Request], Awaitable[Principal]]:
    """Make the dependency of a route that any of `scopes` opens; its caller is the value.

    Our own services are not counted: their work is bounded where it begins.
    """

    async def allowed(request: Request) -> Principal:
        principal, caller = await _authenticate(request)
        if not principal.scopes.intersection(scopes):
            raise ForbiddenError(f"this needs the scope {' or '.join(scopes)}")
        if principal.role is not Role.SERVICE:
            limit: RateLimit = request.app.state.rate_limit
            limit.spend(caller, f"{request.method} {request.scope['route'].path}")
        request.state.principal = principal
        return principal

    allowed.scopes = scopes  # type: ignore[attr-defined]  # a test walks all routes and reads it
    return allowed


async def _anyone() -> None:
    """Open to all, on purpose."""


_anyone.scopes = (Scope.PUBLIC,)  # type: ignore[attr-defined]
Public = Depends(_anyone)

Storefront = Annotated[Principal, Depends(require(Scope.STOREFRONT))]
Picker = Annotated[Principal, Depends(require(Scope.PICK))]
Warehouse = Annotated[Principal, Depends(require(Scope.WAREHOUSE))]
LookUp = Annotated[Principal, Depends(require(Scope.LOOK_UP))]
OrderEditor = Annotated[Principal, Depends(require(Scope.ORDER_EDIT))]
Care = Annotated[Principal, Depends(require(Scope.CASE))]
CareLead = Annotated[Principal, Depends(require(Scope.CASE_LEAD))]
Operator = Annotated[Principal, Depends(require(Scope.OPERATE))]
Privacy = Annotated[Principal, Depends(require(Scope.PRIVACY))]
Customer = Annotated[Principal, Depends(require(Scope.CUSTOMER))]
Internal = Annotated[Principal, Depends(require(Scope.INTERNAL))]
