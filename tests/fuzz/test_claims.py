"""What an identity provider says of somebody: who they are in words that can be kept, or nobody is signed in."""

import asyncio
import secrets
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm
from pydantic import SecretStr

from services.console import identity
from services.console.errors import ProviderRefusedError
from services.console.identity import Provider
from services.console.settings import ConsoleSettings
from shared import clock
from shared.auth import make_key_pair
from shared.fields import is_storable
from tests.fuzz.budget import examples
from tests.fuzz.writing import JSON, Json, changed

# ruff: noqa: SLF001 - its steps are tried without the provider's HTTP between them
pytestmark = pytest.mark.security(3, 6)

ISSUER, CLIENT, NONCE = "https://id.example.com", "doorstep", "the nonce"
KEY = Ed25519PrivateKey.generate()
PUBLIC = {**OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "1", "alg": "EdDSA", "use": "sig"}
CLAIMS: Json = {
    "iss": ISSUER, "sub": "7", "aud": CLIENT, "azp": CLIENT, "nonce": NONCE, "exp": 4_000_000_000, "iat": 1_700_000_000,
    "preferred_username": "Ann", "name": "Ann Example", "realm_access": {"roles": ["leads", "others"]},
}  # fmt: skip


def provider() -> Provider:
    """Open a provider whose keys are read already."""
    settings = ConsoleSettings(
        database_url=SecretStr("postgresql://x/y"), secret=SecretStr(secrets.token_hex(32)),
        staff_private_key=SecretStr(make_key_pair("staff-1")[0]), public_url="https://console.example.com",
        oidc_issuer=ISSUER, oidc_client_id=CLIENT, oidc_role_claim="realm_access.roles",
        oidc_roles={"leads": "care_lead"},
    )  # fmt: skip
    opened = Provider(settings, local=False)
    opened._keys, opened._keys_at = {"1": jwt.PyJWK(PUBLIC)}, clock.real() + timedelta(days=1)
    return opened


PROVIDER = provider()
ENDPOINTS = identity._Endpoints(
    issuer=ISSUER, authorization_endpoint=ISSUER, token_endpoint=ISSUER, jwks_uri=f"{ISSUER}/keys"
)


def signed_in(token: str) -> identity.Identity:
    """Give who a token is about."""
    return PROVIDER._identity(asyncio.run(PROVIDER._claims(ENDPOINTS, token, NONCE)))


@given(claims=st.just(CLAIMS) | changed(CLAIMS).filter(lambda one: isinstance(one, dict)))
@example(claims={**CLAIMS, "nonce": "\ud800"})
@example(claims={**CLAIMS, "name": "A\x00"})
@example(claims={**CLAIMS, "sub": "\ud800"})
@example(claims={**CLAIMS, "preferred_username": "\ud800"})
@examples(300)
def test_signed_claims_are_somebody_who_can_be_kept_or_refused(claims: dict[str, Json]) -> None:
    token = jwt.encode(claims, KEY, algorithm="EdDSA", headers={"kid": "1"}) if _is_written(claims) else ""

    try:
        who = signed_in(token)
    except ProviderRefusedError:
        return
    assert all(map(is_storable, (who.key, who.login, who.name)))
    assert who.login
    assert len(who.login) <= 100
    assert len(who.name) <= 200
    assert who.key.startswith(f"{ISSUER}#")


def _is_written(claims: dict[str, Json]) -> bool:
    try:
        jwt.encode(claims, KEY, algorithm="EdDSA")
    except (TypeError, ValueError):
        return False
    return True


@given(token=st.text() | st.lists(st.text(), min_size=3, max_size=3).map(".".join))
@examples(200)
def test_what_is_no_signed_token_signs_nobody_in(token: str) -> None:
    with pytest.raises(ProviderRefusedError):
        signed_in(token)


@given(keys=st.lists(changed(PUBLIC).filter(lambda one: isinstance(one, dict)) | st.dictionaries(st.text(), JSON)))
@examples(200)
def test_keys_of_any_kind_are_used_or_left_out(keys: list[dict[str, object]]) -> None:
    assert len(identity._usable(identity._KeySet(keys=keys))) <= len(keys)
