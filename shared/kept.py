"""A direct connection for small questions that are asked often."""

import asyncio
import contextlib

import asyncpg

from shared import db

_QUESTION_SECONDS = 5.0


class KeptConnection:
    """A direct connection for small questions asked often: no pool, no transaction, each planned once.

    It is opened at the first question, and again when it was lost.
    """

    def __init__(self, url: str, application: str) -> None:
        self._url = url
        self._application = application
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """Ask; raises what is_away tells when the database is not there."""
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await db.connect(self._url, application=self._application)
            try:
                return await self._connection.fetch(sql, *args, timeout=_QUESTION_SECONDS)
            except BaseException:
                # It may be in the middle of an answer that nobody waits for any more.
                self._connection.terminate()
                self._connection = None
                raise

    async def close(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*db.AWAY, asyncpg.PostgresError):
                await connection.close(timeout=2)
