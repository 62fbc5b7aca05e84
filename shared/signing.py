"""EdDSA signatures of tokens, apart from `auth`: a worker that signs nothing does without these libraries."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

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
        options: Any = {"require": [*require]}
        claims = jwt.decode(token, key, algorithms=[_ALGORITHM], audience=audience, issuer=issuer, options=options)
    except (jwt.PyJWTError, KeyError) as error:
        raise ValueError("no token of ours, or an expired one") from error
    return key_id, claims


@cache
def _public(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)
