"""Staff, sessions and attempts to sign in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from sqlmodel import col, func, select

from services.console.models import PasswordLink, Session, SignIn, Staff
from services.console.states import Outcome
from shared.db import Transaction

_SIGNED_IN = """
select s.id, s.login, s.name, s.roles, s.locations, s.single_keys, s.queue, n.role, n.seen_at
from session n join staff s on s.id = n.staff_id
where n.token_hash = $1 and n.expires_at > $2 and n.seen_at > $3 and s.disabled_at is null and n.role = any(s.roles)
"""
# A try that was right has its sign-in beside it; who remembers in time, or sets a new password, starts afresh.
_FAILURES = """
select count(*) filter (where outcome = 'tried' and login = $1 and at > coalesce((select max(at) from sign_in
    where login = $1 and outcome in ('signed_in', 'password_set') and at > $3), $3)) as by_login,
  count(*) filter (where outcome = 'tried' and address = $2)
    - count(*) filter (where outcome = 'signed_in' and address = $2) as by_address
from sign_in where at > $3 and (login = $1 or address = $2)
"""

_USUAL = ["tried", "signed_in", "signed_out", "role_changed", "signed_in_by_provider"]
_SIGN_INS = """
select i.id, i.at, coalesce(nullif(i.acted_by, ''), i.login) as actor, i.outcome as act,
  case when i.acted_by = '' then i.address else i.login end as subject, '' as reason
from sign_in i where ($5 or i.outcome <> all($6::text[]))
  and ($1::text is null or position(lower($1) in lower(coalesce(nullif(i.acted_by, ''), i.login))) > 0)
  and ($2::timestamptz is null or i.at >= $2) and ($3::timestamptz is null or i.at < $3)
  and ($4::uuid is null or i.id < $4)
  and not (i.outcome = 'tried' and exists (select from sign_in s where s.outcome = 'signed_in' and s.login = i.login
    and s.address = i.address and s.at between i.at and i.at + interval '1 minute'))
order by i.id desc limit $7
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session belongs to, in which role, and when it was last used."""

    id: UUID
    login: str
    name: str
    roles: list[str]
    locations: list[str]
    single_keys: bool
    queue: str
    role: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong passwords within the window."""

    by_login: int
    by_address: int


async def find_staff(tx: Transaction, login: str) -> Staff | None:
    """Find somebody by login, in whatever case."""
    found = await tx.session.exec(select(Staff).where(func.lower(col(Staff.login)) == login.lower()))
    return found.one_or_none()


async def find_by_identity(tx: Transaction, identity: str) -> Staff | None:
    """Find somebody by who they are at the identity provider; two sign-ins of one person wait for each other."""
    await tx.execute("select pg_advisory_xact_lock(hashtext($1))", f"identity {identity}")
    found = await tx.session.exec(select(Staff).where(col(Staff.identity) == identity))
    return found.one_or_none()


async def lock_link(tx: Transaction, token_hash: str) -> PasswordLink | None:
    """Find a link to set a password, and keep it from being used twice at once."""
    return await tx.session.get(PasswordLink, token_hash, with_for_update=True)


async def void_links(tx: Transaction, staff_id: UUID, now: datetime) -> None:
    """Let no link made so far set this person's password."""
    await tx.execute(
        "update password_link set expires_at = $2 where staff_id = $1 and used_at is null and expires_at > $2",
        staff_id,
        now,
    )


async def end_sessions(tx: Transaction, staff_id: UUID, *, but: str = "") -> None:
    """End the sessions of somebody, all but one."""
    await tx.execute("delete from session where staff_id = $1 and token_hash <> $2", staff_id, but)


async def get_staff_by_id(tx: Transaction, staff_id: UUID) -> Staff | None:
    """Find somebody by id."""
    return await tx.session.get(Staff, staff_id)


async def find_signed_in(tx: Transaction, token_hash: str, now: datetime, idle: timedelta) -> SignedIn | None:
    """Find whose live session this is."""
    row = await tx.row(_SIGNED_IN, token_hash, now, now - idle)
    return SignedIn(**dict(row)) if row is not None else None


async def touch_session(tx: Transaction, token_hash: str, now: datetime) -> None:
    """Note that a session is in use."""
    await tx.execute("update session set seen_at = $2 where token_hash = $1", token_hash, now)


async def set_role(tx: Transaction, token_hash: str, role: str) -> None:
    """Let a session act in another role."""
    await tx.execute("update session set role = $2 where token_hash = $1", token_hash, role)


async def set_single_keys(tx: Transaction, staff_id: UUID, *, act: bool) -> None:
    """Let single keys act for somebody, or not."""
    await tx.execute("update staff set single_keys = $2 where id = $1", staff_id, act)


async def set_queue(tx: Transaction, staff_id: UUID, address: str) -> None:
    """Keep where the queue shows the cases somebody looked at last."""
    await tx.execute("update staff set queue = $2 where id = $1", staff_id, address)


async def end_session(tx: Transaction, token_hash: str) -> None:
    """End a session."""
    await tx.execute("delete from session where token_hash = $1", token_hash)


async def drop_expired_sessions(tx: Transaction, now: datetime) -> int:
    """Delete sessions whose time is over."""
    return await tx.execute("delete from session where expires_at <= $1", now)


async def count_failures(tx: Transaction, login: str, address: str, since: datetime) -> Failures:
    """Count wrong passwords of a login (since it last got in) and of an address; others of this login wait."""
    await tx.execute("select pg_advisory_xact_lock(hashtext($1))", login)
    row = await tx.row(_FAILURES, login, address, since)
    return Failures(**dict(row)) if row is not None else Failures(0, 0)


def add_session(tx: Transaction, session: Session) -> None:
    """Keep a new session."""
    tx.session.add(session)


def add_sign_in(tx: Transaction, entry: SignIn) -> None:
    """Write to the sign-in audit."""
    entry.outcome = Outcome(entry.outcome).value
    tx.session.add(entry)


async def list_names(tx: Transaction, roles: list[str]) -> list[tuple[str, str, list[str]]]:
    """List who has any of these roles: (login, name, roles)."""
    rows = await tx.fetch(
        "select login, name, roles from staff where disabled_at is null and roles && $1::text[] "
        "order by name, login limit 500",
        roles,
    )
    return [(row["login"], row["name"], row["roles"]) for row in rows]


@dataclass(frozen=True, slots=True)
class SignInsWanted:
    """Which rows of the sign-in audit to list; none of a field means all. See shared.audit.Wanted."""

    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None
    with_sign_ins: bool = False
    """Also that somebody signed in, out or changed their role; else only what was refused or done to an account."""


async def list_sign_ins(tx: Transaction, wanted: SignInsWanted, *, limit: int) -> list[asyncpg.Record]:
    """List what happened at the door of the console, newest first; a try that went well is told by its sign-in."""
    return await tx.fetch(
        _SIGN_INS, wanted.actor, wanted.since, wanted.until, wanted.before, wanted.with_sign_ins, _USUAL, limit
    )


async def list_pickers(tx: Transaction, location: str, roles: list[str]) -> list[tuple[str, str]]:
    """List who may pick at a location: (login, name); who has no locations works anywhere."""
    rows = await tx.fetch(
        "select login, name from staff where disabled_at is null and roles && $2::text[] "
        "and (locations = '{}' or $1 = any(locations)) order by name, login limit 500",
        location,
        roles,
    )
    return [(row["login"], row["name"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in, as an administrator sees them."""

    id: UUID
    login: str
    name: str
    roles: list[str]
    locations: list[str]
    disabled_at: datetime | None
    has_password: bool
    by_provider: bool
    signed_in_at: datetime | None
    link_until: datetime | None


_ACCOUNTS = """
select s.id, s.login, s.name, s.roles, s.locations, s.disabled_at, s.password_hash is not null as has_password,
  s.identity is not null as by_provider,
  (select max(i.at) from sign_in i where i.login = lower(s.login)
    and i.outcome in ('signed_in', 'signed_in_by_provider')) as signed_in_at,
  (select max(l.expires_at) from password_link l where l.staff_id = s.id and l.used_at is null and l.expires_at > $1)
    as link_until
from staff s order by s.disabled_at is not null, lower(s.name), s.login limit 1000
"""


async def list_accounts(tx: Transaction, now: datetime) -> list[Account]:
    """List who may sign in, and who no longer may, by name."""
    return [Account(**dict(row)) for row in await tx.fetch(_ACCOUNTS, now)]
