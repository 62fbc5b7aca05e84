"""Tokens and keys: who gets in, and who is told to sign in first."""

from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared import clock
from shared.auth import (
    AUDIENCE,
    ISSUER,
    SCOPES,
    Role,
    Scope,
    TokenVerifier,
    hash_api_key,
    make_api_key,
    make_key_pair,
    mint_token,
)
from shared.errors import ConfigurationError, UnauthenticatedError

STAFF_PRIVATE, STAFF_PUBLIC = make_key_pair("staff-1")
SERVICE_PRIVATE, SERVICE_PUBLIC = make_key_pair("service-1")
VERIFIER = TokenVerifier(f"{STAFF_PUBLIC},{SERVICE_PUBLIC}")


def claims(**changes: object) -> dict[str, object]:
    now = clock.real()
    return {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "role": "picker", "iat": now,
        "exp": now + timedelta(minutes=5), **changes,
    }  # fmt: skip


def signed(
    payload: dict[str, object], *, key: str = STAFF_PRIVATE, algorithm: str = "EdDSA", kid: str = "staff-1"
) -> str:
    import base64

    raw = base64.urlsafe_b64decode(key.partition(":")[2] + "=")
    secret = Ed25519PrivateKey.from_private_bytes(raw)
    return jwt.encode(payload, secret, algorithm=algorithm, headers={"kid": kid})


def test_a_picker_with_a_fresh_token_is_let_in_as_a_picker() -> None:
    principal = VERIFIER.verify(mint_token(STAFF_PRIVATE, subject="ann", role=Role.PICKER))
    assert principal.actor == "picker:ann"
    assert principal.scopes == {Scope.PICK}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": clock.real() - timedelta(seconds=1)},
        {"nbf": clock.real() + timedelta(days=1)},  # made when collected, met at the end of a long run
        {"iss": "elsewhere"},
        {"aud": "elsewhere"},
        {"role": "king"},
        {"sub": None},
    ],
)
def test_a_token_that_is_expired_early_or_not_ours_is_refused(changes: dict[str, object]) -> None:
    payload = {name: value for name, value in claims(**changes).items() if value is not None}
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(signed(payload))


def test_an_unsigned_token_is_refused() -> None:
    token = jwt.encode(claims(), "", algorithm="none", headers={"kid": "staff-1"})
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(token)


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    import base64

    raw = base64.urlsafe_b64decode(STAFF_PUBLIC.partition(":")[2] + "=")
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(jwt.encode(claims(), raw, algorithm="HS256", headers={"kid": "staff-1"}))


def test_a_token_under_an_unknown_key_id_is_refused() -> None:
    stranger, _ = make_key_pair("staff-9")
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(mint_token(stranger, subject="ann", role=Role.PICKER))


def test_a_strangers_key_under_a_known_key_id_is_refused() -> None:
    stranger, _ = make_key_pair("staff-1")
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(mint_token(stranger, subject="ann", role=Role.PICKER))


def test_a_services_key_cannot_make_staff_nor_the_consoles_key_a_service() -> None:
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(mint_token(SERVICE_PRIVATE, subject="shipping", role=Role.ADMIN))
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(mint_token(STAFF_PRIVATE, subject="ann", role=Role.SERVICE))


def test_two_keys_are_accepted_while_they_rotate() -> None:
    next_private, next_public = make_key_pair("staff-2")
    verifier = TokenVerifier(f"{STAFF_PUBLIC},{next_public}")
    for key in (STAFF_PRIVATE, next_private):
        assert verifier.verify(mint_token(key, subject="ann", role=Role.CARE)).role is Role.CARE


def test_a_malformed_public_key_is_named_when_the_process_starts() -> None:
    with pytest.raises(ConfigurationError, match="DOORSTEP_TOKEN_PUBLIC_KEYS"):
        TokenVerifier("staff-1:short")


def test_every_role_has_scopes_and_none_but_services_reaches_internal_routes() -> None:
    assert set(SCOPES) == set(Role)
    assert [role for role, scopes in SCOPES.items() if Scope.INTERNAL in scopes] == [Role.SERVICE]


def test_an_api_key_carries_256_random_bits_and_is_stored_as_its_hash() -> None:
    key = make_api_key(test=True)
    assert key.startswith("dsk_test_")
    assert len(key.removeprefix("dsk_test_")) == 43
    assert key not in hash_api_key(key)
    assert make_api_key(test=False).startswith("dsk_live_")


def test_a_public_key_is_the_raw_32_bytes() -> None:
    import base64

    private, public = make_key_pair("k")
    raw = base64.urlsafe_b64decode(private.partition(":")[2] + "=")
    key = Ed25519PrivateKey.from_private_bytes(raw).public_key()
    assert base64.urlsafe_b64decode(public.partition(":")[2] + "=") == key.public_bytes(Encoding.Raw, PublicFormat.Raw)
