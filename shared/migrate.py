"""Alembic for one service: `python -m services.<name> migrate` brings its database to the newest revision."""

import asyncio
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine


def upgrade(migrations: Path, url: str, revision: str = "head") -> None:
    """Upgrade the database at `url` (a role with DDL) by the scripts in `migrations`."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    command.upgrade(config, revision)


def run_env() -> None:
    """Be the body of a service's `migrations/env.py`."""
    asyncio.run(_run_online(str(context.config.attributes["url"])))


async def _run_online(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


def _run(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        # Two migrators of one database wait for each other.
        connection.exec_driver_sql("select pg_advisory_xact_lock(7302)")
        context.run_migrations()
