"""Who may sign in: added by an operator's command, or for the local stack from its own file."""

import json
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from services.console.actions.passwords import hash_password, make_password
from services.console.models import Staff
from services.console.queries.staff import find_staff
from shared import clock, db
from shared.auth import Role
from shared.db import Database, Transaction
from shared.errors import ConfigurationError, ConflictError
from shared.ids import new_id


def new_staff(
    login: str, name: str, roles: Sequence[str], locations: Sequence[str] = (), password_hash: str | None = None
) -> Staff:
    """Make somebody who may sign in; without a password by a link or through the identity provider."""
    return Staff(
        id=new_id(),
        login=login,
        name=name,
        password_hash=password_hash,
        roles=list(roles),
        locations=list(locations),
        created_at=clock.real(),
    )


async def add_without_password(
    tx: Transaction, login: str, name: str, roles: Sequence[Role], locations: Sequence[str]
) -> Staff:
    """Let somebody in who sets a first password by a link; raises ConflictError when the login is taken."""
    return await _add(tx, new_staff(login, name, [str(role) for role in roles], locations))


async def add_staff(tx: Transaction, login: str, name: str, roles: Sequence[Role], locations: Sequence[str]) -> str:
    """Let somebody sign in; gives the first password; raises ConflictError when the login is taken."""
    password = make_password()
    hashed = await hash_password(password)
    await _add(tx, new_staff(login, name, [str(role) for role in roles], locations, hashed))
    return password


async def _add(tx: Transaction, person: Staff) -> Staff:
    if await find_staff(tx, person.login) is not None:
        raise ConflictError(f"{person.login} can sign in already")
    return await _keep(tx, person)


async def seed_local_staff(database: Database, path: Path | None, environment: str) -> None:
    """Make the local stack's sign-ins; raises ConfigurationError anywhere else."""
    if path is None:
        return
    if environment != "local":
        raise ConfigurationError("CONSOLE_LOCAL_STAFF makes known sign-ins: it is for the local stack only")
    people = _read(path)
    for entry in people:
        # Hashing takes its time on a busy machine: one transaction each, so that none outlives its limit.
        async with database.transaction("local stack") as tx:
            if await find_staff(tx, entry["login"]) is None:
                hashed = await hash_password(entry["password"])
                await _keep(tx, new_staff(entry["login"], entry["name"], [entry["role"]], password_hash=hashed))


def _read(path: Path) -> list[dict[str, str]]:
    return list(json.loads(path.read_text(encoding="utf-8")))


async def _keep(tx: Transaction, person: Staff) -> Staff:
    tx.session.add(person)
    try:
        await tx.session.flush()
    except Exception as error:
        if isinstance(db.root_cause(error), asyncpg.UniqueViolationError):  # somebody else added them a moment ago
            raise ConflictError(f"{person.login} can sign in already") from error
        raise
    return person
