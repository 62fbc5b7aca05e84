"""A database of a test's own, in the shape that the migrations give it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import asyncpg

from deploy.local.stack import LocalStack
from shared import migrate


@asynccontextmanager
async def own_database(stack: LocalStack, service: str) -> AsyncIterator[str]:
    """Make an empty database of a service's newest shape, give its URL, and drop it.

    The migrations are run once on each server, as a deployment would run them; all others are copies of what they made.
    """
    name = _new_name(service)
    admin = await asyncpg.connect(stack.site.admin_dsn)
    try:
        template = await _migrated_once(admin, stack, service)
        await admin.execute(f"create database {name} template {template}")
        yield _url(stack, name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


async def _migrated_once(admin: "asyncpg.Connection[asyncpg.Record]", stack: LocalStack, service: str) -> str:
    template = f"{service}_as_migrated"
    if not await admin.fetchval("select exists (select from pg_database where datname = $1)", template):
        # Not there by its name before it is whole.
        name = _new_name(service)
        await admin.execute(f"create database {name}")
        migrations = Path(str(import_module(f"services.{service}").__path__[0])) / "migrations"
        await asyncio.to_thread(migrate.upgrade, migrations, _url(stack, name))
        await admin.execute(f"alter database {name} rename to {template}")
    return template


def _new_name(service: str) -> str:
    return f"{service}_{secrets.token_hex(6)}"


def _url(stack: LocalStack, name: str) -> str:
    return f"{stack.site.admin_dsn.rsplit('/', 1)[0]}/{name}"
