"""Alembic for one service: `python -m services.<name> migrate` brings its database to the newest revision."""

import asyncio
import io
from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from shared import db

_LOCK_MILLISECONDS = 500
_TRIES = 60
_PAUSE_SECONDS = 0.5


def upgrade(migrations: Path, url: str, revision: str = "head") -> None:
    """Upgrade the database at `url` (a role with DDL) by the scripts in `migrations`."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    command.upgrade(config, revision)


def sql_of(migrations: Path, after: str) -> str:
    """Give what the migrations after a revision (`base` is all) would run, without a database."""
    said = io.StringIO()
    config = Config(output_buffer=said)
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, f"{after}:head" if after != "base" else "head", sql=True)
    return said.getvalue()


def index_beside_work(name: str, on: str) -> None:
    """Create an index of a table in use without holding up its writers; the last thing a migration does.

    It commits what the migration did before, which must bear to be done again; what a try left half built is dropped.
    """
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")  # it waits for every transaction that is older, and nobody waits for it
        op.execute(f"drop index concurrently if exists {name}")
        op.execute(f"create index concurrently {name} on {on}")
        op.execute(f"set lock_timeout = '{_LOCK_MILLISECONDS}ms'")


def run_env() -> None:
    """Be the body of a service's `migrations/env.py`."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    asyncio.run(_run_online(str(context.config.attributes["url"])))


async def _run_online(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=pool.NullPool)
    try:
        for attempt in range(1, _TRIES + 1):
            try:
                async with engine.connect() as connection:
                    await connection.run_sync(_run)
            except DBAPIError as error:
                if not db.is_transient(error) or attempt == _TRIES:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
    finally:
        await engine.dispose()


def _run(connection: Connection) -> None:
    # Two migrators of one database wait for each other; the session holds the lock, for each migration commits.
    connection.exec_driver_sql("select pg_advisory_lock(7302)")
    # Whoever comes while a migration waits for a table waits behind it, so it gives up soon, and comes again.
    connection.exec_driver_sql(f"set lock_timeout = '{_LOCK_MILLISECONDS}ms'")
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
