"""Passwords: argon2id, a few at a time, equally long for a login that exists and one that does not."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
# Each takes 64 MB while it runs.
_turns = asyncio.Semaphore(4)
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def make_password() -> str:
    """Make a password that can be read out: four groups of five, without look-alikes."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


async def hash_password(password: str) -> str:
    """Give what may be stored of a password."""
    async with _turns:
        return await asyncio.to_thread(_hasher.hash, password)


async def is_right(password: str, stored: str | None) -> bool:
    """Compare a password with what is stored; nothing stored takes as long and is wrong."""
    async with _turns:
        return await asyncio.to_thread(_verify, stored or _NOBODY, password) and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
