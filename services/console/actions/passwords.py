"""Passwords: argon2id, a few at a time, equally long for a login that exists and one that does not."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.console.errors import WeakPasswordError

_hasher = PasswordHasher()
# Each takes 64 MB while it runs.
_turns = asyncio.Semaphore(4)
LEAST_LETTERS = 12
_LEAST_KINDS = 5
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def make_password() -> str:
    """Make a password that can be read out: four groups of five, without look-alikes."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def check_strength(password: str, login: str, name: str) -> None:
    """Raise WeakPasswordError for a password that is short, of few letters, or made of the person's own name.

    Length over rules of composition: NIST SP 800-63B, 5.1.1.2.
    """
    lowered = password.casefold()
    if len(password) < LEAST_LETTERS:
        raise WeakPasswordError(f"new password: at least {LEAST_LETTERS} letters; four words that you choose do well")
    if len(set(lowered)) < _LEAST_KINDS:
        raise WeakPasswordError("new password: it repeats the same few letters")
    rest = lowered
    for own in sorted({login.casefold(), *name.casefold().split()}, key=len, reverse=True):
        rest = rest.replace(own, "")
    if len(rest) < LEAST_LETTERS // 2:
        raise WeakPasswordError("new password: it is little more than your name")


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
