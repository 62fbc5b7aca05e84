"""Signing in through an OpenID Connect provider: code flow with PKCE; its tokens are verified before they are believed.

Sources: OpenID Connect Core 1.0 (3.1), Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer in the answer).
"""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeVar
from urllib.parse import quote, urlencode

import jwt
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from services.console.errors import ProviderRefusedError, ServiceAwayError
from services.console.settings import ConsoleSettings
from shared import clock
from shared.auth import STAFF_ROLES, Role, same
from shared.errors import ConfigurationError
from shared.fields import is_storable
from shared.http import HttpAnswerLostError, HttpClient, HttpStatusError, HttpUnavailableError
from shared.signing import TIMES_ARE_OURS, check_times

log = structlog.get_logger()

M = TypeVar("M", bound=BaseModel)

PROVIDER = "sign-in provider"
# Signatures that need the provider's private key; never `none`, never a shared secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_KNOWN_FOR = timedelta(hours=1)
_KEYS_AT_MOST_EVERY = timedelta(seconds=30)
_LEEWAY = timedelta(seconds=60)  # theirs is no machine of ours: both clocks are kept right
_TIMEOUT_SECONDS = 10.0


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Endpoints(_Read):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class _Tokens(_Read):
    id_token: str


class Journey(_Read):
    """What the browser keeps of a sign-in under way: proof that the answer belongs to what was asked."""

    state: str
    nonce: str
    verifier: str
    next: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What the provider sent the browser back with."""

    code: str
    state: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at the provider, and what they may be here; `key` never changes, the rest may."""

    key: str
    login: str
    name: str
    roles: list[Role]


@dataclass
class Provider:
    """The provider that the settings name; what it publishes is read when needed and kept for an hour."""

    settings: ConsoleSettings
    local: bool
    _http: HttpClient = field(init=False)
    _endpoints: _Endpoints | None = field(default=None, init=False)
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict, init=False)
    _read_at: datetime | None = field(default=None, init=False)
    _keys_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Raise ConfigurationError for settings that cannot work."""
        own = self.settings
        if not own.oidc_client_id:
            raise ConfigurationError("CONSOLE_OIDC_ISSUER needs CONSOLE_OIDC_CLIENT_ID")
        unknown = set(own.oidc_roles.values()) - {str(role) for role in STAFF_ROLES}
        if unknown or not own.oidc_roles:
            raise ConfigurationError(f"CONSOLE_OIDC_ROLES must name roles of ours; unknown: {sorted(unknown)}")
        self._require_tls(own.oidc_issuer)
        self._http = HttpClient(PROVIDER, "", timeout_seconds=_TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def begin(self, next_path: str) -> tuple[str, Journey]:
        """Give the address where the person signs in, and what their browser must bring back."""
        endpoints = await self._discover()
        journey = Journey(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            next=next_path,
        )
        asked = {
            "response_type": "code",
            "client_id": self.settings.oidc_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self.settings.oidc_scopes,
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": _unpadded(sha256(journey.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in endpoints.authorization_endpoint else "?"
        return f"{endpoints.authorization_endpoint}{joint}{urlencode(asked)}", journey

    async def finish(self, journey: Journey, returned: Returned) -> Identity:
        """Give who came back; raises ProviderRefusedError and ServiceAwayError."""
        endpoints = await self._discover()
        if not same(returned.state, journey.state):
            raise ProviderRefusedError("this sign-in was begun elsewhere or too long ago: begin again")
        if returned.issuer and returned.issuer != endpoints.issuer:
            raise ProviderRefusedError("the answer came from another provider than the one that was asked")
        tokens = await self._redeem(endpoints, journey, returned.code)
        return self._identity(await self._claims(endpoints, tokens.id_token, journey.nonce))

    @property
    def _redirect_uri(self) -> str:
        return self.settings.address_of("/sign-in/callback")

    async def _redeem(self, endpoints: _Endpoints, journey: Journey, code: str) -> _Tokens:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": journey.verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        client, secret = self.settings.oidc_client_id, self.settings.oidc_client_secret.get_secret_value()
        if secret and "client_secret_basic" in endpoints.token_endpoint_auth_methods_supported:
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields |= {"client_id": client, **({"client_secret": secret} if secret else {})}
        try:
            answer = await self._http.request(
                "POST", endpoints.token_endpoint, content=urlencode(fields).encode(), headers=headers
            )
            return _Tokens.model_validate_json(answer.content)
        except HttpStatusError as error:
            log.warning("code refused", status=error.status, said=str(error.body)[:300])
            raise ProviderRefusedError("the provider did not confirm this sign-in: begin again") from error
        except (HttpUnavailableError, HttpAnswerLostError, ValidationError) as error:
            raise _away(error) from error

    async def _claims(self, endpoints: _Endpoints, token: str, nonce: str) -> dict[str, object]:
        try:
            key = await self._key_of(endpoints, jwt.get_unverified_header(token))
            claims: dict[str, object] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.settings.oidc_client_id,
                issuer=endpoints.issuer,
                options={**TIMES_ARE_OURS, "require": ["exp", "iat", "sub", "iss", "aud"]},
            )
            check_times(claims, _LEEWAY)
        except jwt.PyJWTError as error:
            log.warning("token refused", error=str(error)[:300])
            raise ProviderRefusedError("the provider's answer cannot be verified: nobody was signed in") from error
        if not same(str(claims.get("nonce", "")), nonce):
            raise ProviderRefusedError("the provider's answer belongs to another sign-in: begin again")
        if claims.get("azp", self.settings.oidc_client_id) != self.settings.oidc_client_id:
            raise ProviderRefusedError("the provider's answer was made for another application")
        return claims

    def _identity(self, claims: dict[str, object]) -> Identity:
        given = _texts(_at(claims, self.settings.oidc_role_claim))
        # In the order of the setting: the first is the one they act in after signing in.
        roles = list(dict.fromkeys(Role(role) for said, role in self.settings.oidc_roles.items() if said in given))
        login = str(_at(claims, self.settings.oidc_login_claim) or "").strip().lower()
        if not login:
            raise ProviderRefusedError("the provider does not say what you are called: CONSOLE_OIDC_LOGIN_CLAIM")
        name = str(claims.get("name") or login)
        found = Identity(f"{claims['iss']}#{claims['sub']}", login[:100], name[:200], roles)
        if not all(map(is_storable, (found.key, found.login, found.name))):
            raise ProviderRefusedError("the provider's words about you hold characters that cannot be kept")
        return found

    async def _discover(self) -> _Endpoints:
        is_fresh = self._read_at is not None and clock.real() - self._read_at < _KNOWN_FOR
        if self._endpoints is not None and is_fresh:
            return self._endpoints
        issuer = self.settings.oidc_issuer
        found = await self._read(f"{issuer.rstrip('/')}/.well-known/openid-configuration", _Endpoints)
        if found.issuer != issuer:
            raise ConfigurationError(f"CONSOLE_OIDC_ISSUER is {issuer}; the provider there is {found.issuer}")
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            self._require_tls(address)
        self._endpoints, self._read_at = found, clock.real()
        return found

    async def _key_of(self, endpoints: _Endpoints, header: dict[str, object]) -> jwt.PyJWK:
        """Give the key a token names; keys are read again for one not seen yet. Raises PyJWTError."""
        wanted, algorithm = str(header.get("kid", "")), str(header.get("alg", ""))
        may_read = self._keys_at is None or clock.real() - self._keys_at > _KEYS_AT_MOST_EVERY
        if wanted not in self._keys and may_read:
            published = await self._read(endpoints.jwks_uri, _KeySet)
            self._keys = {str(key.key_id or ""): key for key in _usable(published)}
            self._keys_at = clock.real()
        key = self._keys.get(wanted)
        if key is None or algorithm not in _ALGORITHMS or key.algorithm_name != algorithm:
            raise jwt.InvalidKeyError(f"no key of the provider is {wanted} for {algorithm}")
        return key

    async def _read(self, address: str, shape: type[M]) -> M:
        try:
            return shape.model_validate_json((await self._http.get(address)).content)
        except (HttpStatusError, HttpUnavailableError, HttpAnswerLostError, ValidationError) as error:
            raise _away(error) from error

    def _require_tls(self, address: str) -> None:
        if not address.startswith("https://") and not self.local:
            raise ConfigurationError(f"the identity provider must be reached over https, not at {address}")


class _KeySet(_Read):
    keys: list[dict[str, object]]


def _usable(published: _KeySet) -> list[jwt.PyJWK]:
    """Give the keys that verify signatures; those of kinds not known here are left out."""
    usable = []
    for said in published.keys:
        if said.get("use", "sig") != "sig":
            continue
        try:
            usable.append(jwt.PyJWK(said))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:  # what its parts are not, or not there
            log.info("key left out", kid=str(said.get("kid", "")), error=str(error)[:200])
    return usable


def _away(error: Exception) -> ServiceAwayError:
    log.warning("identity provider away", error=error)
    return ServiceAwayError("the identity provider cannot be reached", extra={"service": PROVIDER})


def _at(claims: dict[str, object], path: str) -> object:
    """Give a claim, or one inside of others: `realm_access.roles`."""
    if path in claims:
        return claims[path]
    found: object = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _texts(said: object) -> set[str]:
    if isinstance(said, str):
        return set(said.split())
    return {str(one) for one in said} if isinstance(said, list) else set()


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
