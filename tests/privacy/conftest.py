"""A fresh database of every service and of the console, migrated as a deployment would."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest_asyncio

from deploy.local.stack import LocalStack
from shared import migrate

SERVICES = ("orders", "inventory", "shipping", "care", "console")
_ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def own_database(stack: LocalStack, service: str) -> AsyncIterator[str]:
    """Make an empty database of a service's newest shape, and drop it."""
    name = f"{service}_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(stack.site.admin_dsn)
    url = f"{stack.site.admin_dsn.rsplit('/', 1)[0]}/{name}"
    try:
        await admin.execute(f"create database {name}")
        migrations = Path(str(import_module(f"services.{service}").__path__[0])) / "migrations"
        await asyncio.to_thread(migrate.upgrade, migrations, url)
        yield url
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest_asyncio.fixture(scope="session")
async def databases(stack: LocalStack) -> AsyncIterator[Mapping[str, str]]:
    """The URLs of five databases of this area's own."""
    async with AsyncExitStack() as opened:
        yield {name: await opened.enter_async_context(own_database(stack, name)) for name in SERVICES}
