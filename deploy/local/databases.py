"""Databases and roles: per service one database, a role that uses it, a role that owns its tables."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from deploy.local import names
from deploy.local.errors import StackError

ADMIN_URL = "DATABASES_ADMIN_URL"
READONLY_PASSWORD = "DATABASES_READONLY_PASSWORD"  # noqa: S105 - a name, not a secret

_LIMITS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "30s",
}
# Whoever looks may ask for long, but not for ever: a snapshot keeps vacuum from its work. `doorstep check` takes more.
_READONLY_LIMITS = {
    "statement_timeout": "1min",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "1min",
    "transaction_timeout": "5min",
}
# 1 database, 2 the service's role, 3 the owner's, 4 the read-only one.
_FUTURE = "ALTER DEFAULT PRIVILEGES FOR ROLE %3$I"
_GRANTS = (
    "REVOKE ALL ON DATABASE %1$I FROM PUBLIC",
    "GRANT CONNECT ON DATABASE %1$I TO %2$I, %4$I",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO %2$I, %4$I",
    f"{_FUTURE} GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO %2$I",
    f"{_FUTURE} GRANT USAGE, SELECT ON SEQUENCES TO %2$I",
    f"{_FUTURE} GRANT SELECT ON TABLES TO %4$I",
    f"{_FUTURE} GRANT SELECT ON SEQUENCES TO %4$I",
)


@dataclass(frozen=True)
class Login:
    """A role with its password."""

    role: str
    password: str


@dataclass(frozen=True)
class Plan:
    """What one service needs of the server."""

    database: str
    service: Login
    owner: Login


def dsn(login: Login, address: str, database: str) -> str:
    """Give the connection of a role; `address` is host:port."""
    return f"postgresql://{login.role}:{login.password}@{address}/{database}"


def plan_from_environment(service: str, environment: Mapping[str, str]) -> Plan:
    """Read a plan from the two connections of a service; raises StackError when one is missing or odd."""
    used, database = _read_url(names.database_url(service), environment)
    owner, owner_database = _read_url(names.migrations_database_url(service), environment)
    if owner_database != database:
        both = f"{names.database_url(service)} and {names.migrations_database_url(service)}"
        raise StackError(f"{both} name different databases")
    return Plan(database=database, service=used, owner=owner)


async def prepare(admin_dsn: str, plans: Sequence[Plan], readonly: Login) -> None:
    """Create or bring up to date all roles and databases; may be run at every start."""
    admin = await asyncpg.connect(admin_dsn, timeout=10)
    try:
        await _ensure_role(admin, readonly, _READONLY_LIMITS)
        for plan in plans:
            await _ensure_role(admin, plan.owner)
            await _ensure_role(admin, plan.service, _LIMITS)
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", plan.database):
                await _execute(admin, "CREATE DATABASE %1$I OWNER %2$I", plan.database, plan.owner.role)
    finally:
        await admin.close()
    for plan in plans:
        await _grant(_with_database(admin_dsn, plan.database), plan, readonly)


async def _ensure_role(
    connection: asyncpg.Connection, login: Login, limits: Mapping[str, str] = MappingProxyType({})
) -> None:
    exists = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", login.role)
    verb = "ALTER" if exists else "CREATE"
    await _execute(connection, f"{verb} ROLE %1$I LOGIN PASSWORD %2$L", login.role, login.password)
    for setting, value in limits.items():
        await _execute(connection, f"ALTER ROLE %1$I SET {setting} = '{value}'", login.role)


async def _grant(database_dsn: str, plan: Plan, readonly: Login) -> None:
    values = (plan.database, plan.service.role, plan.owner.role, readonly.role)
    connection = await asyncpg.connect(database_dsn, timeout=10)
    try:
        for template in _GRANTS:
            await _execute(connection, template, *values)
    finally:
        await connection.close()


async def _execute(connection: asyncpg.Connection, template: str, *values: str) -> None:
    """Run a command that takes no parameters; the server itself quotes the values into it."""
    places = ", ".join(f"${index + 2}::text" for index in range(len(values)))
    statement = await connection.fetchval(f"SELECT format($1, {places})", template, *values)
    await connection.execute(statement)


def _read_url(name: str, environment: Mapping[str, str]) -> tuple[Login, str]:
    text = environment.get(name, "")
    parts = urlsplit(text)
    database = parts.path.removeprefix("/")
    if not parts.username or not parts.password or not database:
        raise StackError(f"{name} must be postgresql://role:password@host:port/database")
    return Login(unquote(parts.username), unquote(parts.password)), database


def _with_database(dsn_text: str, database: str) -> str:
    return urlunsplit(urlsplit(dsn_text)._replace(path=f"/{database}"))


async def _prepare_from_environment() -> None:
    missing = [name for name in (ADMIN_URL, READONLY_PASSWORD) if not os.environ.get(name)]
    if missing:
        raise StackError(f"{' and '.join(missing)} must be set")
    plans = [plan_from_environment(service, os.environ) for service in names.DATABASES]
    readonly = Login(names.READONLY_ROLE, os.environ[READONLY_PASSWORD])
    await prepare(os.environ[ADMIN_URL], plans, readonly)
    sys.stdout.write(f"prepared: {', '.join(plan.database for plan in plans)}\n")


if __name__ == "__main__":
    try:
        asyncio.run(_prepare_from_environment())
    except StackError as error:
        sys.exit(str(error))
