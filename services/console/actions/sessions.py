"""Signing in and out; a session is a random token in a cookie, of which only the hash is kept."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from services.console.actions.passwords import is_right
from services.console.actions.staff import new_staff
from services.console.errors import LockedOutError, ProviderRefusedError, WrongPasswordError
from services.console.identity import Identity
from services.console.models import Session, SignIn, Staff
from services.console.queries import staff as queries
from services.console.queries.staff import SignedIn
from services.console.settings import ConsoleSettings
from services.console.states import Outcome
from shared import clock
from shared.db import Database, Transaction
from shared.errors import ForbiddenError
from shared.ids import new_id

_TOUCH_EVERY = timedelta(minutes=1)
_MOST_LOGIN = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tries to sign in, and from where."""

    login: str
    password: str
    address: str


def hash_token(token: str) -> str:
    """Give what is kept of a session's token."""
    return sha256(token.encode()).hexdigest()


async def sign_in(database: Database, attempt: Attempt, settings: ConsoleSettings) -> str:
    """Give the token of a new session; raises WrongPasswordError or LockedOutError; each attempt is kept."""
    login = attempt.login.strip()[:_MOST_LOGIN].lower()
    async with database.transaction("sign in") as tx:
        locked = await _is_locked(tx, login, attempt.address, settings)
        person = await queries.find_staff(tx, login)
        note(tx, login, attempt.address, Outcome.LOCKED if locked else Outcome.TRIED, person)
    if locked:
        raise _locked_out(settings)
    stored = person.password_hash if person is not None and person.disabled_at is None else None
    if not await is_right(attempt.password, stored) or person is None:
        raise WrongPasswordError("this name and password do not belong together")
    token = secrets.token_urlsafe(32)
    async with database.transaction("sign in") as tx:
        await queries.drop_expired_sessions(tx, clock.real())
        note(tx, login, attempt.address, Outcome.SIGNED_IN, person)
        open_session(tx, token, person, settings)
    return token


async def sign_in_by_provider(database: Database, who: Identity, address: str, settings: ConsoleSettings) -> str:
    """Give the token of a session for whom the provider vouches, known here or new; their roles are as it says now.

    Raises ProviderRefusedError for who has no role, is kept out, or bears the name of somebody with a password.
    """
    async with database.transaction("sign in") as tx:
        person = await queries.find_by_identity(tx, who.key)
        problem = await _why_not(tx, who, person)
        if problem:
            note(tx, who.login, address, Outcome.PROVIDER_REFUSED, person)
    if problem:
        raise ProviderRefusedError(problem)
    token = secrets.token_urlsafe(32)
    async with database.transaction("sign in") as tx:
        person = await queries.find_by_identity(tx, who.key)
        if person is None:
            person = new_staff(who.login, who.name, [])
            person.identity = who.key
            tx.session.add(person)
        person.name, person.roles = who.name, [str(role) for role in who.roles]
        await tx.session.flush()
        await queries.drop_expired_sessions(tx, clock.real())
        note(tx, person.login, address, Outcome.SIGNED_IN_BY_PROVIDER, person)
        open_session(tx, token, person, settings)
    return token


async def _why_not(tx: Transaction, who: Identity, person: Staff | None) -> str:
    if person is not None and person.disabled_at is not None:
        return "an administrator of the console keeps this account out"
    if not who.roles:
        return f"you signed in as {who.login}, and have none of the roles that open the console"
    if person is None and await queries.find_staff(tx, who.login) is not None:
        # Whoever names accounts at the provider must not become somebody by choosing their name.
        return f"the name {who.login} is taken here by somebody with a password; ask an administrator"
    return ""


async def count_try(tx: Transaction, who: SignedIn, address: str, settings: ConsoleSettings) -> None:
    """Keep that somebody who is signed in tries a password; raises LockedOutError after too many wrong ones."""
    if await _is_locked(tx, who.login.lower(), address, settings):
        raise _locked_out(settings)
    note(tx, who.login, address, Outcome.TRIED, await queries.get_staff_by_id(tx, who.id))


def _locked_out(settings: ConsoleSettings) -> LockedOutError:
    minutes = settings.attempts_minutes
    return LockedOutError(
        f"too many wrong passwords; try again in {minutes:g} minutes",
        headers={"Retry-After": str(int(minutes * 60))},
    )


async def _is_locked(tx: Transaction, login: str, address: str, settings: ConsoleSettings) -> bool:
    since = clock.real() - timedelta(minutes=settings.attempts_minutes)
    failed = await queries.count_failures(tx, login, address, since)
    return failed.by_login >= settings.attempts_per_login or failed.by_address >= settings.attempts_per_address


def open_session(tx: Transaction, token: str, person: Staff, settings: ConsoleSettings) -> None:
    """Keep a new session, in the first of the person's roles."""
    now = clock.real()
    ends = now + timedelta(hours=settings.session_hours)
    role = person.roles[0]
    queries.add_session(
        tx,
        Session(
            token_hash=hash_token(token), staff_id=person.id, role=role, created_at=now, seen_at=now, expires_at=ends
        ),
    )


def note(
    tx: Transaction, login: str, address: str, outcome: Outcome, person: Staff | None, *, acted_by: str = ""
) -> None:
    """Keep an attempt to sign in, or what was done to an account by somebody else."""
    entry = SignIn(
        id=new_id(),
        at=clock.real(),
        login=login.lower(),
        address=address,
        outcome=outcome.value,
        staff_id=person.id if person is not None else None,
        acted_by=acted_by,
    )
    queries.add_sign_in(tx, entry)


async def recognise(tx: Transaction, token: str, settings: ConsoleSettings) -> SignedIn | None:
    """Give who a token belongs to, while its session lives."""
    now = clock.real()
    found = await queries.find_signed_in(tx, hash_token(token), now, timedelta(minutes=settings.session_idle_minutes))
    if found is not None and now - found.seen_at > _TOUCH_EVERY:
        await queries.touch_session(tx, hash_token(token), now)
    return found


async def sign_out(tx: Transaction, token: str, who: SignedIn, address: str) -> None:
    """End a session."""
    await queries.end_session(tx, hash_token(token))
    note(tx, who.login, address, Outcome.SIGNED_OUT, await queries.get_staff_by_id(tx, who.id))


async def change_role(tx: Transaction, token: str, who: SignedIn, role: str, address: str) -> None:
    """Act in another of one's own roles; raises ForbiddenError for somebody else's."""
    if role not in who.roles:
        raise ForbiddenError("this is not one of your roles")
    await queries.set_role(tx, hash_token(token), role)
    note(tx, who.login, address, Outcome.ROLE_CHANGED, await queries.get_staff_by_id(tx, who.id))
