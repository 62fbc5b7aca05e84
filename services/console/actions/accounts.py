"""Accounts: passwords set by a one-time link or changed by their owners, people let in and kept out."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.console.actions.passwords import check_strength, hash_password, is_right
from services.console.actions.sessions import count_try, hash_token, note
from services.console.errors import LinkUsedError, WrongPasswordError
from services.console.models import PasswordLink, Staff
from services.console.queries import staff as queries
from services.console.queries.staff import SignedIn
from services.console.settings import settings
from services.console.states import Outcome
from shared import clock
from shared.db import Database, Transaction
from shared.errors import ConflictError, NotFoundError

LINK_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something to an account, and from which address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Here:
    """The session somebody sits at, and its address."""

    token: str
    address: str


async def make_link(tx: Transaction, staff_id: UUID, by: Actor) -> str:
    """Give the token of a link that sets somebody's password once within LINK_LASTS; earlier ones stop working.

    Raises NotFoundError for nobody, ConflictError for who may not sign in or does so elsewhere only.
    """
    person = await _get(tx, staff_id)
    if person.disabled_at is not None:
        raise ConflictError(f"{person.login} may not sign in: let them in again first")
    if person.identity is not None:
        raise ConflictError(f"{person.login} signs in through the identity provider: the password is changed there")
    now, token = clock.real(), secrets.token_urlsafe(32)
    await queries.void_links(tx, person.id, now)
    tx.session.add(
        PasswordLink(
            token_hash=hash_token(token),
            staff_id=person.id,
            made_by=by.name,
            created_at=now,
            expires_at=now + LINK_LASTS,
        )
    )
    note(tx, person.login, by.address, Outcome.LINK_MADE, person, acted_by=by.name)
    return token


async def make_link_for(tx: Transaction, login: str, by: Actor) -> str:
    """Give a link's token for a login; raises NotFoundError and ConflictError."""
    person = await queries.find_staff(tx, login)
    if person is None:
        raise NotFoundError(f"nobody signs in as {login}")
    return await make_link(tx, person.id, by)


def address_of_link(token: str) -> str:
    """Give the address where a link sets a password."""
    return settings().address_of(f"/password/{token}")


async def whose_link(tx: Transaction, token: str) -> Staff:
    """Give whose password a link sets; raises LinkUsedError."""
    return (await _use(tx, token))[1]


async def set_by_link(database: Database, token: str, password: str, address: str) -> str:
    """Set a password by a link and end the person's sessions; gives the login.

    Raises LinkUsedError and WeakPasswordError.
    """
    async with database.transaction("password link") as tx:
        person = await whose_link(tx, token)
    check_strength(password, person.login, person.name)
    # Hashing takes its time: outside the transaction, so that no row is held meanwhile.
    hashed = await hash_password(password)
    async with database.transaction("password link") as tx:
        link, person = await _use(tx, token)
        link.used_at = clock.real()
        await _replace(tx, person, hashed, address)
    return person.login


async def change(database: Database, who: SignedIn, old: str, new: str, here: Here) -> None:
    """Change one's own password; other sessions end.

    Raises WrongPasswordError, LockedOutError, WeakPasswordError, and ConflictError for who has no password here.
    """
    async with database.transaction("change password") as tx:
        stored = (await _get(tx, who.id)).password_hash
        if stored is None:
            raise ConflictError("you sign in through the identity provider: the password is changed there")
        await count_try(tx, who, here.address, settings())
    if not await is_right(old, stored):
        raise WrongPasswordError("this is not your present password")
    check_strength(new, who.login, who.name)
    hashed = await hash_password(new)
    async with database.transaction("change password") as tx:
        await _replace(tx, await _get(tx, who.id), hashed, here.address, but=hash_token(here.token))


async def disable(tx: Transaction, staff_id: UUID, by: Actor, own: UUID) -> str:
    """Let somebody in no more and end their sessions; gives the login. Raises ConflictError for oneself."""
    person = await _get(tx, staff_id)
    if person.id == own:
        raise ConflictError("you cannot keep yourself out: another administrator does")
    now = clock.real()
    if person.disabled_at is None:
        person.disabled_at = now
        note(tx, person.login, by.address, Outcome.DISABLED, person, acted_by=by.name)
    await queries.void_links(tx, person.id, now)
    await queries.end_sessions(tx, person.id)
    return person.login


async def enable(tx: Transaction, staff_id: UUID, by: Actor) -> str:
    """Let somebody in again; gives the login."""
    person = await _get(tx, staff_id)
    if person.disabled_at is not None:
        person.disabled_at = None
        note(tx, person.login, by.address, Outcome.ENABLED, person, acted_by=by.name)
    return person.login


async def _use(tx: Transaction, token: str) -> tuple[PasswordLink, Staff]:
    link = await queries.lock_link(tx, hash_token(token))
    person = await queries.get_staff_by_id(tx, link.staff_id) if link is not None else None
    is_open = link is not None and link.used_at is None and link.expires_at > clock.real()
    if link is None or person is None or person.disabled_at is not None or not is_open:
        raise LinkUsedError("this link was used, is too old, or was replaced by a newer one; ask for another")
    return link, person


async def _replace(tx: Transaction, person: Staff, hashed: str, address: str, *, but: str = "") -> None:
    person.password_hash = hashed
    await queries.void_links(tx, person.id, clock.real())
    await queries.end_sessions(tx, person.id, but=but)
    note(tx, person.login, address, Outcome.PASSWORD_SET, person)


async def _get(tx: Transaction, staff_id: UUID) -> Staff:
    person = await queries.get_staff_by_id(tx, staff_id)
    if person is None:
        raise NotFoundError("nobody has this account")
    return person
