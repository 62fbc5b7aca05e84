"""EdDSA signatures of tokens, apart from `auth`: a worker that signs nothing does without these libraries."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.types import Options

from shared import clock

CLOCKS_APART = timedelta(minutes=20)
"""How far apart the clocks of two of our machines may be, each ten minutes wrong: so much later a token still opens."""
TIMES_ARE_OURS: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
"""What has PyJWT leave a token's times to `check_times`."""
_ALGORITHM = "EdDSA"


def make_pair() -> tuple[bytes, bytes]:
    """Make a raw private key and its public key, 32 bytes each."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes_raw(), key.public_key().public_bytes_raw()


def sign(claims: dict[str, Any], private: bytes, key_id: str) -> str:
    """Sign claims as a JSON web token that names its key."""
    key = Ed25519PrivateKey.from_private_bytes(private)
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": key_id})


def read(
    token: str, public: Mapping[str, bytes], *, audience: str, issuer: str | None, require: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Give key and claims of a token; raises ValueError unless one of these keys signed it and it has not expired."""
    try:
        key_id = str(jwt.get_unverified_header(token).get("kid", ""))
        key = _public(public[key_id])
        options: Options = {**TIMES_ARE_OURS, "require": [*require]}
        claims = jwt.decode(token, key, algorithms=[_ALGORITHM], audience=audience, issuer=issuer, options=options)
        check_times(claims, CLOCKS_APART)
    except (jwt.PyJWTError, KeyError) as error:
        raise ValueError("no token of ours, or an expired one") from error
    return key_id, claims


def check_times(claims: Mapping[str, object], leeway: timedelta) -> None:
    """Hold a token's times to the clock of this process; raises PyJWT's InvalidTokenError."""
    now = clock.real()
    latest, earliest = (now + leeway).timestamp(), (now - leeway).timestamp()
    times = {name: claims[name] for name in ("iat", "nbf", "exp") if name in claims}
    for name, at in times.items():
        if not isinstance(at, int | float) or not (at > earliest if name == "exp" else at <= latest):
            raise jwt.InvalidTokenError(f"{name} is not within {leeway} of this clock")


@cache
def _public(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)
