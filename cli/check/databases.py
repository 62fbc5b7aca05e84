"""Read-only access to all databases of the suite at once, each in one repeatable snapshot."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from shared import db

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

Row = asyncpg.Record
PAGE = 10_000
# A look ends by itself, and with it the snapshots that keep vacuum from its work, whatever becomes of who looks.
LIMITS = {
    "statement_timeout": "10min",
    "transaction_timeout": "30min",
    "idle_in_transaction_session_timeout": "0",  # one snapshot waits while another is read
}


@dataclass(frozen=True, slots=True)
class Databases:
    """A connection to each service's database."""

    connections: "Mapping[str, Connection]"
    dsns: Mapping[str, str]

    async def rows(self, service: str, sql: str, *values: object) -> list[Row]:
        """Read rows of one service."""
        return list(await self.connections[service].fetch(sql, *values))

    async def pages(self, service: str, sql: str, *values: object) -> AsyncIterator[list[Row]]:
        """Read many rows of one service, so many at a time that they never fill the memory."""
        cursor = await self.connections[service].cursor(sql, *values)
        while page := await cursor.fetch(PAGE):
            yield page

    async def totals(self, service: str, sql: str) -> dict[str, int]:
        """Read (id, count) rows into a mapping by the id's text."""
        return {str(row[0]): int(row[1]) for row in await self.rows(service, sql)}

    async def rows_now(self, service: str, sql: str, *values: object) -> list[Row]:
        """Read rows as they are at this moment, outside the snapshot."""
        connection = await db.connect(self.dsns[service], application="doorstep check", patience_seconds=None)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()


@asynccontextmanager
async def connect(dsns: Mapping[str, str]) -> AsyncIterator[Databases]:
    """Open read-only snapshots, one just after the other; what happens in between is told by the streams' positions."""
    async with AsyncExitStack() as stack:
        opened: dict[str, Connection] = {}
        for service in ("care", "shipping", "inventory", "orders"):
            connection = await db.connect(dsns[service], application="doorstep check", patience_seconds=None)
            stack.push_async_callback(connection.close)
            for setting, value in LIMITS.items():
                await connection.execute(f"set {setting} = '{value}'")
            await connection.execute("begin isolation level repeatable read read only")
            opened[service] = connection
        yield Databases(opened, dsns)
