"""Tokens and keys: who gets in, and who is told to sign in first."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
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
    mint_link,
    mint_token,
)
from shared.errors import ConfigurationError, UnauthenticatedError
from shared.ids import new_id
from shared.signing import CLOCKS_APART

pytestmark = pytest.mark.security(3)

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
        {"exp": clock.real() - timedelta(days=1)},
        {"exp": "tomorrow"},
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


SECOND = timedelta(seconds=1)


@pytest.fixture
def right_time(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """What every clock says that is right."""
    moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    monkeypatch.setattr(clock, "real", lambda: moment)
    return moment


def is_believed(**times: datetime) -> bool:
    """Say whether a token opens that has these times."""
    try:
        VERIFIER.verify(signed(claims(**times)))
    except UnauthenticatedError:
        return False
    return True


def test_a_tokens_times_are_believed_as_far_as_two_clocks_may_be_apart(right_time: datetime) -> None:
    latest, earliest = right_time + CLOCKS_APART, right_time - CLOCKS_APART
    for begins in ("iat", "nbf"):
        assert is_believed(**{begins: latest})
        assert not is_believed(**{begins: latest + SECOND})
    assert is_believed(exp=earliest + SECOND)
    assert not is_believed(exp=earliest)


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(minutes=-20)])
def test_who_is_twenty_minutes_ahead_or_behind_makes_tokens_and_links_that_open(
    monkeypatch: pytest.MonkeyPatch, right_time: datetime, ahead: timedelta
) -> None:
    monkeypatch.setattr(clock, "real", lambda: right_time + ahead)
    token = mint_token(SERVICE_PRIVATE, subject="shipping", role=Role.SERVICE)
    link = mint_link(SERVICE_PRIVATE, new_id(), timedelta(minutes=5))

    monkeypatch.setattr(clock, "real", lambda: right_time)
    assert VERIFIER.verify(token).subject == "shipping"
    assert VERIFIER.verify_link(link).may_act


def test_a_token_is_held_to_the_clock_of_the_process_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    token = mint_token(STAFF_PRIVATE, subject="ann", role=Role.PICKER)
    monkeypatch.setattr(clock, "_skew", timedelta(minutes=26))  # five of its own and 20 of the clocks are over there
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(token)


def test_an_unsigned_token_is_refused() -> None:
    token = jwt.encode(claims(), "", algorithm="none", headers={"kid": "staff-1"})
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(token)


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    raw = base64.urlsafe_b64decode(STAFF_PUBLIC.partition(":")[2] + "=")
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(jwt.encode(claims(), raw, algorithm="HS256", headers={"kid": "staff-1"}))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", ["raw", "base64", "pem", "setting"])
def test_no_form_of_the_public_key_serves_as_a_shared_secret(algorithm: str, form: str) -> None:
    encoded = STAFF_PUBLIC.partition(":")[2]
    raw = base64.urlsafe_b64decode(encoded + "=")
    pem = Ed25519PublicKey.from_public_bytes(raw).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = {"raw": raw, "base64": encoded.encode(), "pem": pem, "setting": STAFF_PUBLIC.encode()}[form]
    payload = json.dumps(claims(iat=0, exp=2**33)).encode()
    signing = b".".join(map(_segment, (json.dumps({"alg": algorithm, "kid": "staff-1"}).encode(), payload)))
    signature = hmac.digest(secret, signing, f"sha{algorithm[2:]}")

    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(b".".join((signing, _segment(signature))).decode())


def _segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_a_token_of_another_algorithm_and_key_is_refused(algorithm: str) -> None:
    if algorithm == "ES256":
        key: object = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": "staff-1"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("place", ["jwk", "jku", "x5u"])
def test_a_token_that_brings_its_own_key_is_refused(place: str) -> None:
    stranger = Ed25519PrivateKey.generate()
    public = base64.urlsafe_b64encode(stranger.public_key().public_bytes_raw()).decode().rstrip("=")
    brought = {"kty": "OKP", "crv": "Ed25519", "x": public} if place == "jwk" else "https://evil.example/keys"
    token = jwt.encode(claims(), stranger, algorithm="EdDSA", headers={"kid": "staff-1", place: brought})
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(token)


@pytest.mark.parametrize("kid", ["", "staff-1,service-1", "../staff-1", None])
def test_a_key_id_that_names_no_key_is_refused(kid: str | None) -> None:
    headers = {"kid": kid} if kid is not None else {}
    raw = base64.urlsafe_b64decode(STAFF_PRIVATE.partition(":")[2] + "=")
    token = jwt.encode(claims(), Ed25519PrivateKey.from_private_bytes(raw), algorithm="EdDSA", headers=headers)
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(token)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_a_changed_part_is_refused(part: int) -> None:
    parts = mint_token(STAFF_PRIVATE, subject="ann", role=Role.PICKER).split(".")
    other = mint_token(STAFF_PRIVATE, subject="bob", role=Role.ADMIN).split(".")
    # The header is the same in all of ours: a changed one asks for no signature.
    changed = _segment(b'{"alg":"none","kid":"staff-1"}').decode() if part == 0 else other[part]
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(".".join(changed if index == part else own for index, own in enumerate(parts)))


def test_a_key_taken_out_of_the_settings_opens_nothing_any_more() -> None:
    _, next_public = make_key_pair("staff-2")
    with pytest.raises(UnauthenticatedError):
        TokenVerifier(next_public).verify(mint_token(STAFF_PRIVATE, subject="ann", role=Role.PICKER))


@pytest.mark.parametrize("missing", ["exp", "iat", "sub", "iss", "aud", "role"])
def test_a_token_that_leaves_a_claim_out_is_refused(missing: str) -> None:
    payload = claims()
    del payload[missing]
    with pytest.raises(UnauthenticatedError):
        VERIFIER.verify(signed(payload))


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


@pytest.mark.security(2)
def test_every_role_has_scopes_and_none_but_services_reaches_internal_routes() -> None:
    assert set(SCOPES) == set(Role)
    assert [role for role, scopes in SCOPES.items() if Scope.INTERNAL in scopes] == [Role.SERVICE]


@pytest.mark.security(4)
def test_an_api_key_carries_256_random_bits_and_is_stored_as_its_hash() -> None:
    key = make_api_key(test=True)
    assert key.startswith("dsk_test_")
    assert len(key.removeprefix("dsk_test_")) == 43
    assert key not in hash_api_key(key)
    assert make_api_key(test=False).startswith("dsk_live_")


def test_a_public_key_is_the_raw_32_bytes() -> None:
    private, public = make_key_pair("k")
    raw = base64.urlsafe_b64decode(private.partition(":")[2] + "=")
    key = Ed25519PrivateKey.from_private_bytes(raw).public_key()
    assert base64.urlsafe_b64decode(public.partition(":")[2] + "=") == key.public_bytes(Encoding.Raw, PublicFormat.Raw)
